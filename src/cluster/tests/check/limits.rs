//! Checks take turns, and end in time.

use super::*;

#[tokio::test]
async fn some_run_at_a_time_and_whoever_gets_no_turn_is_told() {
    let dev = DevCluster::start(World { latency_ms: 60_000, ..World::default() }).await;
    let folder = Folder::new();
    let cluster = world::cluster(&dev.write_kubeconfig(&folder.path("")).unwrap());
    let config = config("");
    let until = Instant::now() + Duration::from_millis(800);
    let checks: Vec<_> = (0..8).map(|_| cluster.check(&config, until)).collect();
    let checkups = futures_util::future::join_all(checks).await;

    let turns = checkups.iter().filter(|checkup| outcomes(checkup) == "pppfsssss").count();
    let waited: Vec<_> = checkups.iter().filter(|checkup| outcomes(checkup) == "fssssssss").collect();
    assert_eq!((turns, waited.len()), (4, 4), "{checkups:#?}");
    expect_failure(waited[0], "credentials", Reason::DeadlineExceeded, "before its turn came", "Repeat it");
    let late = checkups.iter().find(|checkup| outcomes(checkup) == "pppfsssss").unwrap();
    expect_failure(late, "api_version", Reason::DeadlineExceeded, "time ran out", "call_timeout_ms");
}

#[tokio::test]
async fn a_turn_is_given_back() {
    let dev = DevCluster::start(World::default()).await;
    let folder = Folder::new();
    let cluster = world::cluster(&dev.write_kubeconfig(&folder.path("")).unwrap());
    for _ in 0..6 {
        assert!(examine(&cluster, &config("")).await.usable());
    }
    let config = config("");
    let checks: Vec<_> = (0..12).map(|_| examine(&cluster, &config)).collect();
    let checkups = futures_util::future::join_all(checks).await;
    assert!(checkups.iter().all(Checkup::usable), "{checkups:#?}");
}

#[tokio::test]
async fn probes_are_counted_apart_from_calls() {
    use super::super::super::StatusClass;
    use super::super::super::api::Call;

    let dev = DevCluster::start(World::default()).await;
    let folder = Folder::new();
    let cluster = world::cluster(&dev.write_kubeconfig(&folder.path("")).unwrap());
    examine(&cluster, &config("")).await;
    assert_eq!(cluster.counters().calls(Call::TokenReview, StatusClass::Success), 1);
    assert_eq!(cluster.counters().calls(Call::Pod, StatusClass::Success), 0);
    // Version, self review, two access reviews, keys.
    assert_eq!(cluster.counters().probes(StatusClass::Success), 5);
}
