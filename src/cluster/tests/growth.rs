//! Further connections, while those that are there are busy.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::super::Cluster;
use super::super::api::{CallErrorKind, ClusterApi};
use super::super::limits::H2_CONNECTIONS;
use super::world::{Authority, Folder, Plan, Server, cluster, node_behind, patient, session, until, words};

/// Asks for the node so many times at once.
fn ask(cluster: &Arc<Cluster>, count: usize) -> tokio::task::JoinSet<()> {
    let asked = std::iter::repeat_n(Arc::clone(cluster), count);
    let call = async |cluster| patient(&cluster).node("n1").await.map(drop).map_err(|error| words(&error));
    asked.map(|cluster| async move { call(cluster).await.unwrap() }).collect()
}

const STREAMS: u32 = 10;

/// A server of HTTP/2 that takes few streams on a connection, and answers while the gate is open.
async fn few_streams() -> (watch::Sender<bool>, Server, Arc<Cluster>, Folder) {
    let (authority, folder, gate) = (Authority::new(), Folder::new(), watch::Sender::new(true));
    let plan = Plan { streams: STREAMS, ..Plan::new(&authority, node_behind(&gate)) };
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    (gate, server, cluster, folder)
}

/// A server of HTTP/1.1 that keeps its one connection busy until the gate opens, and turns others away.
async fn busy() -> (watch::Sender<bool>, Server, Arc<Cluster>, Folder) {
    let (authority, folder, gate) = (Authority::new(), Folder::new(), watch::Sender::new(false));
    let plan = Plan { alpn: &["http/1.1"], ..Plan::new(&authority, node_behind(&gate)) };
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    (gate, server, cluster, folder)
}

#[tokio::test]
async fn whoever_waits_gets_a_connection_soon_after_one_can_be_had_again() {
    let (gate, server, cluster, _folder) = busy().await;
    let first = ask(&cluster, 1);
    assert!(until(|| server.under_way() == 1).await);
    server.turn_away(true);
    let second = ask(&cluster, 1);
    assert!(until(|| server.accepted() == 2).await);
    server.turn_away(false);
    assert!(until(|| server.under_way() == 2).await, "{} connections", server.accepted());
    gate.send_replace(true);
    first.join_all().await;
    second.join_all().await;
}

#[tokio::test]
async fn whoever_waits_in_vain_is_told_what_was_in_the_way() {
    let (_gate, server, cluster, _folder) = busy().await;
    let _first = ask(&cluster, 1);
    assert!(until(|| server.under_way() == 1).await);
    server.turn_away(true);
    let waiting = tokio::spawn(async move { session(&cluster, Duration::from_secs(7)).node("n1").await });
    // Another attempt: the one before has failed.
    assert!(until(|| server.accepted() == 3).await);
    tokio::time::pause();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable, "{}", words(&error));
    assert!(words(&error).contains("connecting to https://127.0.0.1"), "{}", words(&error));
}

#[tokio::test]
async fn a_server_of_few_streams_gets_as_many_connections_as_there_may_be() {
    let (gate, server, cluster, _folder) = few_streams().await;
    // What it takes is known from the second request at the latest.
    for _ in 0..2 {
        ask(&cluster, 1).join_all().await;
    }
    gate.send_replace(false);
    let all = H2_CONNECTIONS * STREAMS as usize;
    let asked = ask(&cluster, 3 * all);
    assert!(until(|| server.under_way() == all).await, "{} of {all} streams", server.under_way());
    gate.send_replace(true);
    asked.join_all().await;
    assert_eq!(server.accepted(), H2_CONNECTIONS);
    assert_eq!(cluster.counters().retries(), 0, "no stream was refused");
}

#[tokio::test]
async fn a_crowd_is_answered_although_its_first_streams_are_refused() {
    let (_gate, server, cluster, _folder) = few_streams().await;
    ask(&cluster, 300).join_all().await;
    assert!(server.accepted() <= H2_CONNECTIONS, "{}", server.accepted());
}
