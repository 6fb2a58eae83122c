//! Checks take turns, and end in time.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

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

    let turns = checkups.iter().filter(|checkup| outcomes(checkup) == "pppsfssss").count();
    let waited: Vec<_> = checkups.iter().filter(|checkup| outcomes(checkup) == "fssssssss").collect();
    assert_eq!((turns, waited.len()), (4, 4), "{checkups:#?}");
    expect_failure(waited[0], "credentials", Reason::DeadlineExceeded, "before its turn came", "Repeat it");
    let late = checkups.iter().find(|checkup| outcomes(checkup) == "pppsfssss").unwrap();
    expect_failure(late, "token_review", Reason::DeadlineExceeded, "time ran out", "call_timeout_ms");
}

#[tokio::test]
async fn no_time_at_all_is_not_taken_for_a_turn_that_did_not_come() {
    let checkup = world::cluster(&Folder::new().path("nowhere")).check(&config(""), Instant::now()).await;
    assert_eq!(outcomes(&checkup), "fssssssss");
    expect_failure(&checkup, "credentials", Reason::DeadlineExceeded, "no time was left", "`timeout_ms`");
}

/// A sound server that never answers on paths that end in one of these.
fn hanging_at(paths: &'static [&'static str]) -> Handler {
    Arc::new(move |request: Request<Bytes>| {
        let hangs = paths.iter().any(|path| request.uri().path().ends_with(path));
        let (status, body) = sound(request.uri().path());
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Response::builder().status(status).body(Full::from(body)).unwrap()
        })
    })
}

#[tokio::test]
async fn what_attestation_does_not_ask_may_hang_without_making_a_cluster_unusable() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let handler = hanging_at(&["/version", "/selfsubjectreviews", "/selfsubjectaccessreviews", "/jwks"]);
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = world::cluster(&folder.lead_to(&server, &authority));
    let checkup = cluster.check(&config(""), Instant::now() + Duration::from_secs(2)).await;
    assert_eq!(outcomes(&checkup), "pppspwwss", "{checkup:#?}");
    assert!(checkup.usable());
    let nodes = step(&checkup, "nodes");
    assert!(nodes.detail.ends_with("time ran out before it was asked"), "{nodes:?}");
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
