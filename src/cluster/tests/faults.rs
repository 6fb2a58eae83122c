//! How calls end when a server does not play along.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::super::api::{CallErrorKind, ClusterApi};
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::super::{Cluster, Observer};
use super::world::{Folder, NODE, cluster, patient, session, words};

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

#[tokio::test]
async fn a_cancelled_call_is_recorded() {
    let (_folder, cluster) = raw("http", |tcp| async move {
        let _kept = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    let session = patient(&cluster);
    assert!(tokio::time::timeout(Duration::from_millis(200), session.node("n1")).await.is_err());
    let calls = session.calls();
    assert_eq!((calls.len(), calls[0].status, calls[0].attempts), (1, None, 1));
    assert!(calls[0].elapsed >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_deadline_and_no_more() {
    let ask = async |cluster: Arc<Cluster>, phase: &str| {
        let began = Instant::now();
        let error = session(&cluster, Duration::from_millis(300)).node("n1").await.unwrap_err();
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
        let error = session(&in_tls, Duration::from_secs(5)).node("n1").await.unwrap_err();
        assert!(words(&error).contains("no usable root certificates"), "{}", words(&error));
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
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    ask(in_body, "reading the answer").await;
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_unreachable() {
    let half = &NODE[..40];
    for head in ["Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"] {
        let body = if head.starts_with('T') { format!("28\r\n{half}\r\n") } else { half.to_owned() };
        let answer: &'static str = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}").leak();
        let (_folder, cluster) = raw("http", move |mut tcp| async move {
            read_head(&mut tcp).await;
            tcp.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unreachable, "{}", words(&error));
        assert!(words(&error).contains("before the answer was complete"), "{}", words(&error));
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

#[tokio::test]
async fn an_attempt_has_ten_seconds_whoever_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = Folder::new();
    let server = format!("server: https://{}", listener.local_addr().unwrap());
    let path = folder.kubeconfig(&[server, "insecure-skip-tls-verify: true".into()], &[]);
    let source = Source::Kubeconfig(path);
    let cluster = Arc::new(Cluster::with(
        "demo".to_owned(),
        Duration::from_secs(20),
        source,
        Environment::fixed(&[]),
        Observer::new(|_| ()),
    ));
    let session = session(&cluster, Duration::from_secs(30));
    // The files are read by a thread that the paused clock does not wait for.
    session.look().await.unwrap();
    tokio::time::pause();
    let began = Instant::now();
    let error = session.node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    assert!(words(&error).contains("took longer than 10 s"), "{}", words(&error));
    assert_eq!(began.elapsed().as_secs(), 10);
}
