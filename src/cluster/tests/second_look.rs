//! Credentials that a server does not take are looked at again, once.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use http::header::AUTHORIZATION;

use super::super::api::{CallErrorKind, ClusterApi};
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::super::{Cluster, ClusterEvent, Observer};
use super::world::{
    Authority, CALL_TIMEOUT, Folder, NODE, Plan, Server, answering, cluster, kubeconfig, node_after, patient,
    words,
};

/// A kubeconfig for this server with this token.
fn with_token(server: &str, token: &str) -> String {
    kubeconfig(
        &[format!("server: https://{server}"), "certificate-authority: ca.crt".into()],
        &[format!("token: {token}")],
    )
}

const OLD: &str = "marker-of-the-old-credential";
const NEW: &str = "marker-of-the-new-credential";

#[tokio::test]
async fn a_token_that_was_replaced_meanwhile_is_used_by_the_same_attestation() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let path = folder.path("kubeconfig");
    // Replaces the token while it answers that it does not take the old one.
    let handler = answering(move |request| {
        if request.headers()[AUTHORIZATION] == format!("Bearer {NEW}") {
            return (200, NODE.to_owned());
        }
        let server = request.uri().authority().unwrap().as_str();
        fs::write(&path, with_token(server, NEW)).unwrap();
        (401, String::new())
    });
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    folder.write("kubeconfig", &with_token(&server.address.to_string(), OLD));
    let session = patient(&cluster);
    session.node("n1").await.map_err(|error| words(&error)).unwrap();
    session.node("n1").await.unwrap();
    let attempts: Vec<_> = session.calls().iter().map(|call| call.attempts).collect();
    assert_eq!((attempts, server.asked(), cluster.credentials.looks_begun()), (vec![2, 1], 3, 2));
    // Neither of them may be shown.
    assert!(session.holds_secret(OLD) && session.holds_secret(NEW));
}

#[tokio::test]
async fn credentials_that_are_the_same_are_not_tried_again() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, answering(|_| (401, String::new())))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let session = patient(&cluster);
    for _ in 0..2 {
        let error = session.node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unauthenticated);
    }
    assert_eq!((server.asked(), cluster.credentials.looks_begun()), (2, 2));
}

#[tokio::test]
async fn new_credentials_that_are_not_taken_either_are_the_end() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (path, asked) = (folder.path("kubeconfig"), AtomicUsize::new(0));
    let handler = answering(move |request| {
        let server = request.uri().authority().unwrap().as_str();
        let token = format!("t{}", asked.fetch_add(1, SeqCst) + 1);
        fs::write(&path, with_token(server, &token)).unwrap();
        (401, String::new())
    });
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    assert_eq!(patient(&cluster).node("n1").await.unwrap_err().kind, CallErrorKind::Unauthenticated);
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_look_that_fails_leaves_the_refusal() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let path = folder.path("kubeconfig");
    let handler = answering(move |_| {
        fs::write(&path, "nonsense").unwrap();
        (401, String::new())
    });
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    assert_eq!(patient(&cluster).node("n1").await.unwrap_err().kind, CallErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_ca_that_was_replaced_meanwhile_is_used_by_the_same_attestation() {
    let (old, new, folder) = (Authority::new(), Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&new, node_after(Duration::ZERO))).await;
    let path = folder.lead_to(&server, &old);
    let (ca, pem) = (folder.path("ca.crt"), new.pem.clone());
    let replace = Observer::new(move |event| {
        if let ClusterEvent::ConnectionFailed { .. } = event {
            fs::write(&ca, &pem).unwrap();
        }
    });
    let cluster = Arc::new(Cluster::with(
        "demo".to_owned(),
        CALL_TIMEOUT,
        Source::Kubeconfig(path),
        Environment::fixed(&[]),
        replace,
    ));
    let session = patient(&cluster);
    session.node("n1").await.map_err(|error| words(&error)).unwrap();
    assert_eq!((session.calls()[0].attempts, server.accepted()), (2, 2));
}
