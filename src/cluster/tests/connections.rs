//! How many connections are made, and how calls end when a server does not play along.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::super::api::{CallErrorKind, ClusterApi};
use super::super::{Cluster, StatusClass, api::Call};
use super::world::{
    Authority, Folder, NODE, Plan, Server, answering, cluster, node_after, patient, session, words,
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

/// A server that does with every connection what it is told, over plain http unless that is TLS itself.
async fn raw<F>(
    scheme: &str,
    act: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
) -> (Folder, Arc<Cluster>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("server: {scheme}://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(act(tcp));
        }
    });
    let folder = Folder::new();
    let cluster = cluster(&folder.kubeconfig(&[server, "certificate-authority-data: ''".into()], &[]));
    (folder, cluster)
}

async fn read_head(tcp: &mut tokio::net::TcpStream) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(tcp.read_u8().await.unwrap());
    }
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
    assert_eq!(attempts.await.unwrap(), 1);
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

#[tokio::test]
async fn a_cancelled_call_is_recorded() {
    let (_folder, cluster) = raw("http", |tcp| async move {
        let _kept = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    let session = patient(&cluster);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), session.node("n1"))
            .await
            .is_err()
    );
    let calls = session.calls();
    assert_eq!((calls.len(), calls[0].status, calls[0].attempts), (1, None, 1));
    assert!(calls[0].elapsed >= Duration::from_millis(150));
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

#[tokio::test]
async fn refusals_leave_http_1_connections_usable() {
    let authority = Authority::new();
    let folder = Folder::new();
    let mut plan = Plan::new(&authority, answering(|_| (503, "later".to_owned())));
    plan.alpn = &["http/1.1"];
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    for _ in 0..5 {
        assert_eq!(
            patient(&cluster).node("n1").await.unwrap_err().kind,
            CallErrorKind::Status
        );
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    for alpn in [&["h2"][..], &["http/1.1"][..]] {
        let authority = Authority::new();
        let folder = Folder::new();
        let make = || Plan {
            alpn,
            ..Plan::new(&authority, node_after(Duration::ZERO))
        };
        let server = Server::start(make()).await;
        let cluster = cluster(&folder.lead_to(&server, &authority));
        patient(&cluster).node("n1").await.unwrap();
        let address = server.address;
        drop(server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let _server = Server::start_at(address, make()).await;
        patient(&cluster)
            .node("n1")
            .await
            .map_err(|error| words(&error))
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed() {
    for alpn in [&["h2"][..], &["http/1.1"][..]] {
        let authority = Authority::new();
        let folder = Folder::new();
        let server = Server::start(Plan {
            alpn,
            ..Plan::new(&authority, node_after(Duration::ZERO))
        })
        .await;
        let cluster = cluster(&folder.lead_to(&server, &authority));
        tokio::time::resume();
        patient(&cluster).node("n1").await.unwrap();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        tokio::time::pause();
        for _ in 0..56 {
            tokio::time::advance(Duration::from_secs(1)).await;
            // Lets sockets and pings have their turn.
            for _ in 0..20 {
                std::thread::sleep(Duration::from_micros(100));
                tokio::task::yield_now().await;
            }
        }
        tokio::time::resume();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert!(left < tasks, "{left} of {tasks}");
        patient(&cluster).node("n1").await.unwrap();
        assert_eq!(server.accepted(), 2);
        tokio::time::pause();
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_deadline_and_no_more() {
    let ask = async |cluster: Arc<Cluster>, phase: &str| {
        let began = Instant::now();
        let error = session(&cluster, Duration::from_millis(300))
            .node("n1")
            .await
            .unwrap_err();
        assert_eq!(error.kind, CallErrorKind::DeadlineExceeded, "{}", words(&error));
        assert!(words(&error).contains(phase), "{}", words(&error));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    };
    let (_a, in_tls) = raw("https", |tcp| async move {
        let _kept = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    // Without a CA the system's roots are asked for, which a machine may lack.
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        let error = session(&in_tls, Duration::from_secs(5))
            .node("n1")
            .await
            .unwrap_err();
        assert!(
            words(&error).contains("no usable root certificates"),
            "{}",
            words(&error)
        );
    } else {
        ask(in_tls, "waiting for a connection").await;
    }
    let (_b, before_head) = raw("http", |tcp| async move {
        let _kept = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    ask(before_head, "waiting for the answer").await;
    let (_c, in_body) = raw("http", |mut tcp| async move {
        read_head(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    ask(in_body, "reading the answer").await;
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_unreachable() {
    let half = &NODE[..40];
    for head in ["Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"] {
        let body = if head.starts_with('T') {
            format!("28\r\n{half}\r\n")
        } else {
            half.to_owned()
        };
        let answer: &'static str = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}").leak();
        let (_folder, cluster) = raw("http", move |mut tcp| async move {
            read_head(&mut tcp).await;
            tcp.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unreachable, "{}", words(&error));
        assert!(
            words(&error).contains("before the answer was complete"),
            "{}",
            words(&error)
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_unreachable() {
    let (_folder, cluster) = raw("http", |mut tcp| async move {
        read_head(&mut tcp).await;
        tcp.write_all(b"marker marker marker\r\n\r\n").await.unwrap();
    })
    .await;
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    assert!(!format!("{error:?}{}", words(&error)).contains("marker"));
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_not_asked_for_ever() {
    let (_folder, cluster) = raw("http", |tcp| async move { drop(tcp) }).await;
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable, "{}", words(&error));
}

#[tokio::test]
async fn a_deadline_that_has_passed_makes_no_call() {
    let folder = Folder::new();
    let cluster = cluster(&folder.path("nothing"));
    let error = session(&cluster, Duration::ZERO).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::DeadlineExceeded);
}
