//! Calls that are cancelled in masses, which servers may take for an attack.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::Cluster;
use super::super::api::ClusterApi;
use super::super::limits::{H2_CONNECTIONS, STREAMS_PER_CONNECTION};
use super::world::{Authority, Folder, Plan, Server, cluster, node_after, patient, words};

/// Puts this many calls at once and drops them after a while.
async fn ask_and_leave(cluster: &Arc<Cluster>, count: usize, after: Duration) {
    let sessions: Vec<_> = (0..count).map(|_| patient(cluster)).collect();
    let calls = join_all(sessions.iter().map(|session| session.node("n1")));
    let _ = tokio::time::timeout(after, calls).await;
}

/// Waits for it, for as long as the slowest machine takes.
async fn until(holds: impl Fn() -> bool) -> bool {
    for _ in 0..500 {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_stay_are_answered() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_millis(20)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let stay = (0..20).map(|_| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move {
            for _ in 0..30 {
                patient(&cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
            }
        })
    });
    let leave = (0..60).map(|wave| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(wave * 10)).await;
            ask_and_leave(&cluster, 200, Duration::from_millis(wave % 7)).await;
        })
    });
    let all: Vec<_> = stay.chain(leave).collect();
    join_all(all).await.into_iter().for_each(|outcome| outcome.unwrap());
    // Its end for too many resets would show as further connections.
    assert!(server.accepted() <= H2_CONNECTIONS, "{}", server.accepted());
    assert_eq!(cluster.counters().retries(), 0);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_reset_after_a_moment() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_mins(1)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    // More than there are streams, and no answer in sight.
    let leaving = tokio::spawn(async move { ask_and_leave(&cluster, 400, Duration::from_mins(1)).await });
    let all = H2_CONNECTIONS * STREAMS_PER_CONNECTION;
    assert!(until(|| server.under_way() == all).await, "{} of {all} streams", server.under_way());
    leaving.abort();
    let _ = leaving.await;
    assert!(until(|| server.under_way() == 0).await, "{} are left", server.under_way());
}
