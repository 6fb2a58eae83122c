//! How many connections are made, and when they are replaced.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;

use super::super::api::{Call, CallErrorKind, ClusterApi};
use super::super::limits::{H1_CONNECTIONS, H1_IDLE};
use super::super::{Cluster, StatusClass};
use super::world::{
    Authority, Folder, Plan, Server, answering, cluster, node_after, patient, session, words,
};

async fn ask_at_once(cluster: &Arc<Cluster>, count: usize) {
    let asked = (0..count).map(|_| {
        let cluster = Arc::clone(cluster);
        tokio::spawn(async move { patient(&cluster).node("n1").await })
    });
    for outcome in join_all(asked).await {
        outcome.unwrap().map_err(|error| words(&error)).unwrap();
    }
}

/// Lets this time pass in a moment, in steps between which sockets have their turn.
async fn pass(time: Duration) {
    tokio::time::pause();
    for _ in 0..time.as_secs() {
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..20 {
            std::thread::sleep(Duration::from_micros(100));
            tokio::task::yield_now().await;
        }
    }
    tokio::time::resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_requests_share_at_most_four_connections() {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_millis(50)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    ask_at_once(&cluster, 300).await;
    assert!((2..=4).contains(&server.accepted()), "{}", server.accepted());
    ask_at_once(&cluster, 1000).await;
    assert!(server.accepted() <= 4, "{}", server.accepted());
    assert_eq!(cluster.counters().connections_opened(), server.accepted() as u64);
    assert_eq!(cluster.counters().calls(Call::Node, StatusClass::Success), 1300);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_attempt_runs_for_all_and_its_failure_is_everyones() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = Folder::new();
    let server = format!("server: https://{}", listener.local_addr().unwrap());
    let cluster = cluster(&folder.kubeconfig(&[server, "insecure-skip-tls-verify: true".into()], &[]));
    let attempts = tokio::spawn(async move {
        let mut attempts = 0;
        while let Ok(Ok((tcp, _))) = tokio::time::timeout(Duration::from_secs(1), listener.accept()).await {
            attempts += 1;
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(tcp);
        }
        attempts
    });
    let asked = (0..300).map(|_| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move { patient(&cluster).node("n1").await.unwrap_err() })
    });
    for outcome in join_all(asked).await {
        let error = outcome.unwrap();
        assert_eq!(error.kind, CallErrorKind::Unreachable, "{}", words(&error));
    }
    // Some calls are tried twice more, and share those attempts too.
    let attempts = attempts.await.unwrap();
    assert!((1..=3).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_attempt() {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan::new(&authority, node_after(Duration::ZERO))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    {
        let first = patient(&cluster);
        let mut call = std::pin::pin!(first.node("n1"));
        while server.accepted() == 0 {
            let _ = tokio::time::timeout(Duration::from_millis(1), &mut call).await;
        }
    }
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(server.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_http_2_gets_connections_that_are_used_again() {
    let authority = Authority::new();
    let folder = Folder::new();
    let mut plan = Plan::new(&authority, node_after(Duration::from_millis(20)));
    plan.alpn = &[];
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    ask_at_once(&cluster, 40).await;
    let opened = server.accepted();
    assert!(opened <= 40, "{opened}");
    for _ in 0..20 {
        patient(&cluster).node("n1").await.unwrap();
    }
    assert_eq!(server.accepted(), opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn steady_load_over_http_1_makes_no_more_connections_than_calls_at_a_time() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let mut plan = Plan::new(&authority, node_after(Duration::from_millis(2)));
    plan.alpn = &["http/1.1"];
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let asked = (0..64).map(|_| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move {
            for _ in 0..16 {
                patient(&cluster).node("n1").await.unwrap();
            }
        })
    });
    join_all(asked).await.into_iter().for_each(|outcome| outcome.unwrap());
    assert!(server.accepted() <= 64 + 16, "{}", server.accepted());
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_connections_are_bounded_and_those_beyond_need_are_closed() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let mut plan = Plan::new(&authority, node_after(Duration::from_millis(500)));
    plan.alpn = &["http/1.1"];
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    ask_at_once(&cluster, 400).await;
    assert!(server.accepted() <= H1_CONNECTIONS, "{}", server.accepted());
    assert!(server.open() > H1_IDLE, "{}", server.open());
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if server.open() <= H1_IDLE {
            break;
        }
    }
    assert_eq!(server.open(), H1_IDLE);
}

#[tokio::test]
async fn refusals_leave_http_1_connections_usable() {
    let authority = Authority::new();
    let folder = Folder::new();
    let mut plan = Plan::new(&authority, answering(|_| (500, "later".to_owned())));
    plan.alpn = &["http/1.1"];
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    for _ in 0..5 {
        assert_eq!(patient(&cluster).node("n1").await.unwrap_err().kind, CallErrorKind::Status);
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn an_http_1_connection_that_comes_too_late_for_its_caller_serves_the_next() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let plan = Plan { alpn: &["http/1.1"], ..Plan::new(&authority, node_after(Duration::ZERO)) };
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    drop(patient(&cluster).look().await.unwrap().transport.lease().await.unwrap());
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    for alpn in [&["h2"][..], &["http/1.1"][..]] {
        let authority = Authority::new();
        let folder = Folder::new();
        let make = || Plan { alpn, ..Plan::new(&authority, node_after(Duration::ZERO)) };
        let server = Server::start(make()).await;
        let cluster = cluster(&folder.lead_to(&server, &authority));
        patient(&cluster).node("n1").await.unwrap();
        let address = server.address;
        drop(server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let _server = Server::start_at(address, make()).await;
        patient(&cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_is_going_away_finishes_its_streams_and_gets_no_more() {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_millis(300)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let under_way = tokio::spawn({
        let cluster = Arc::clone(&cluster);
        async move { patient(&cluster).node("n1").await }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.retire_connections();
    tokio::time::sleep(Duration::from_millis(50)).await;
    patient(&cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
    under_way.await.unwrap().map_err(|error| words(&error)).unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_found_out_and_replaced() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, node_after(Duration::ZERO))).await;
    folder.write("ca.crt", &authority.pem);
    let path = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = format!("server: https://{}", path.local_addr().unwrap());
    let cluster = cluster(&folder.kubeconfig(&[line, "certificate-authority: ca.crt".into()], &[]));
    let swallow = tokio::sync::watch::Sender::new(false);
    let (swallowing, target) = (swallow.subscribe(), server.address);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = path.accept().await {
            let mut swallowing = swallowing.clone();
            swallowing.mark_unchanged();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(target).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = swallowing.changed() => std::future::pending().await,
                }
            });
        }
    });
    patient(&cluster).node("n1").await.unwrap();
    swallow.send_replace(true);
    pass(Duration::from_secs(22)).await;
    session(&cluster, Duration::from_secs(2)).node("n1").await.map_err(|error| words(&error)).unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    for alpn in [&["h2"][..], &["http/1.1"][..]] {
        let authority = Authority::new();
        let folder = Folder::new();
        let server = Server::start(Plan { alpn, ..Plan::new(&authority, node_after(Duration::ZERO)) }).await;
        let cluster = cluster(&folder.lead_to(&server, &authority));
        patient(&cluster).node("n1").await.unwrap();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        pass(Duration::from_secs(56)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert!(left < tasks, "{left} of {tasks}");
        patient(&cluster).node("n1").await.unwrap();
        assert_eq!(server.accepted(), 2);
    }
}
