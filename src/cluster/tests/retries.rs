//! Which failures are tried again, how often, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures_util::future::join_all;
use http::Response;
use http::header::RETRY_AFTER;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::super::api::{CallErrorKind, ClusterApi};
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::super::{Cluster, Observer};
use super::world::{Authority, Folder, Handler, NODE, Plan, Server, cluster, patient, session, words};

/// A handler that answers so for so many times, and afterwards with the node.
fn first(times: usize, status: u16, retry_after: Option<&'static str>) -> Handler {
    let asked = AtomicUsize::new(0);
    Arc::new(move |_| {
        let mut answer = Response::builder();
        let known = asked.fetch_add(1, SeqCst) >= times;
        if !known {
            answer = answer.status(status);
            if let Some(value) = retry_after {
                answer = answer.header(RETRY_AFTER, value);
            }
        }
        let body = Full::from(if known { NODE } else { "not now" });
        Box::pin(async move { answer.body(body).unwrap() })
    })
}

/// Server, cluster, and what must live as long.
async fn world(handler: Handler) -> (Server, Arc<Cluster>, Folder) {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    (server, cluster, folder)
}

#[tokio::test]
async fn what_passes_is_tried_twice_more() {
    for status in [429, 503, 504] {
        let (server, cluster, _folder) = world(first(2, status, None)).await;
        let session = patient(&cluster);
        session.node("n1").await.map_err(|error| words(&error)).unwrap();
        let calls = session.calls();
        assert_eq!((calls.len(), calls[0].status, calls[0].attempts), (1, Some(200), 3), "{status}");
        assert_eq!((server.asked(), cluster.counters().retries()), (3, 2));

        let (server, cluster, _folder) = world(first(3, status, None)).await;
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert!(words(&error).ends_with(&format!("answered {status}")), "{}", words(&error));
        assert_eq!(server.asked(), 3);
    }
}

#[tokio::test]
async fn what_stays_is_asked_once() {
    for status in [301, 400, 401, 403, 404, 409, 500, 501, 502] {
        let (server, cluster, _folder) = world(first(1, status, None)).await;
        let session = patient(&cluster);
        session.node("n1").await.unwrap_err();
        assert_eq!((server.asked(), session.calls()[0].attempts), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_second_gets_it() {
    let (_server, cluster, _folder) = world(first(1, 429, Some("1"))).await;
    let began = Instant::now();
    patient(&cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_would_take_too_long_is_told_at_once() {
    // More than a second, or more than a quarter of what is left.
    for (asked_for, time) in [("2", 20), ("Wed, 21 Oct 2099 07:28:00 GMT", 20), ("1", 3)] {
        let (server, cluster, _folder) = world(first(1, 429, Some(asked_for))).await;
        let error = session(&cluster, Duration::from_secs(time)).node("n1").await.unwrap_err();
        assert_eq!((error.kind, server.asked()), (CallErrorKind::Throttled, 1), "{asked_for}");
        assert_eq!(cluster.counters().retries_refused(), 0);
    }
}

#[tokio::test]
async fn a_server_that_is_down_gets_a_fifth_more_and_ten() {
    let (server, cluster, _folder) = world(first(usize::MAX, 503, None)).await;
    let asked = (0..100).map(|_| async { patient(&cluster).node("n1").await.unwrap_err().kind });
    assert!(join_all(asked).await.into_iter().all(|kind| kind == CallErrorKind::Status));
    assert_eq!(server.asked(), 100 + 100 / 5 + 10);
    let counters = cluster.counters();
    assert_eq!(counters.retries(), 30);
    assert!(counters.retries_refused() >= 70, "{}", counters.retries_refused());
}

/// A server without TLS that breaks the first connections as it is told, and then answers each with the node.
async fn breaking<F>(
    times: usize,
    act: impl Fn(tokio::net::TcpStream) -> F + Copy + Send + Sync + 'static,
) -> (Folder, Arc<Cluster>, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("server: http://{}", listener.local_addr().unwrap());
    let accepted = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let breaks = count.fetch_add(1, SeqCst) < times;
            tokio::spawn(async move {
                if breaks {
                    return act(tcp).await;
                }
                read_head(&mut tcp).await;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", NODE.len());
                tcp.write_all(format!("{head}{NODE}").as_bytes()).await.unwrap();
            });
        }
    });
    let folder = Folder::new();
    let cluster = cluster(&folder.kubeconfig(&[server], &[]));
    (folder, cluster, accepted)
}

async fn read_head(tcp: &mut tokio::net::TcpStream) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(tcp.read_u8().await.unwrap());
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let (_a, closed, _) = breaking(2, |mut tcp| async move { read_head(&mut tcp).await }).await;
    let (_b, at_once, _) = breaking(2, |tcp| async move { drop(tcp) }).await;
    let (_c, cut_short, _) = breaking(2, |mut tcp| async move {
        read_head(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{").await.unwrap();
    })
    .await;
    for cluster in [closed, at_once, cut_short] {
        let session = patient(&cluster);
        session.node("n1").await.map_err(|error| words(&error)).unwrap();
        assert!((2..=3).contains(&session.calls()[0].attempts), "{:?}", session.calls());
    }
}

#[tokio::test]
async fn what_is_no_http_is_not_tried_again() {
    let (_folder, cluster, accepted) = breaking(1, |mut tcp| async move {
        read_head(&mut tcp).await;
        tcp.write_all(b"not at all\r\n\r\n").await.unwrap();
    })
    .await;
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert_eq!((error.kind, accepted.load(SeqCst)), (CallErrorKind::Unreachable, 1), "{}", words(&error));
}

#[tokio::test]
async fn tls_that_fails_is_not_tried_again() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, first(0, 200, None))).await;
    let cluster = cluster(&folder.lead_to(&server, &Authority::new()));
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert!(words(&error).contains("invalid peer certificate"), "{}", words(&error));
    assert_eq!((server.accepted(), cluster.credentials.looks_begun()), (1, 2));
}

#[tokio::test]
async fn the_last_reason_stands_when_time_is_too_short_for_another_try() {
    let (server, cluster, _folder) = world(first(usize::MAX, 503, None)).await;
    let error = session(&cluster, Duration::from_millis(700)).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Status, "{}", words(&error));
    assert!(server.asked() <= 2, "{}", server.asked());
}

#[tokio::test]
async fn each_try_has_the_time_for_a_call() {
    let asked = AtomicUsize::new(0);
    let handler: Handler = Arc::new(move |_| {
        let known = asked.fetch_add(1, SeqCst) > 0;
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let answer = Response::builder().status(if known { 200 } else { 503 });
            answer.body(Full::from(NODE)).unwrap()
        })
    });
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    let source = Source::Kubeconfig(folder.lead_to(&server, &authority));
    let (call_timeout, observer) = (Duration::from_millis(1200), Observer::new(|_| ()));
    let cluster = Cluster::with("demo".to_owned(), call_timeout, source, Environment::fixed(&[]), observer);
    let began = Instant::now();
    patient(&Arc::new(cluster)).node("n1").await.map_err(|error| words(&error)).unwrap();
    assert!(began.elapsed() > call_timeout, "{:?}", began.elapsed());
}
