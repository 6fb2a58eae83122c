//! Where tests take place: a server that can be told what to answer, and a kubeconfig that leads to it.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::api::{CallError, Token};
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::super::{Cluster, Observer, Session};

mod certificates;
mod frames;
mod server;

pub(super) use certificates::{Authority, Pair};
pub(super) use frames::h2_server;
pub(super) use server::{
    Handler, NODE, Peer, Plan, Server, answering, node_after, node_behind, server_config,
};

/// A folder with a kubeconfig in it.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a kubeconfig with these lines in its cluster and its user.
    pub(super) fn kubeconfig(&self, cluster: &[String], user: &[String]) -> PathBuf {
        self.write("kubeconfig", &kubeconfig(cluster, user))
    }

    /// Writes `ca.crt`, and a kubeconfig for that server with the token `t0`.
    pub(super) fn lead_to(&self, server: &Server, authority: &Authority) -> PathBuf {
        self.write("ca.crt", &authority.pem);
        self.kubeconfig(
            &[format!("server: https://{}", server.address), "certificate-authority: ca.crt".into()],
            &["token: t0".into()],
        )
    }
}

pub(super) fn kubeconfig(cluster: &[String], user: &[String]) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n");
    text.push_str("- name: c\n  context: {cluster: k, user: u}\nclusters:\n- name: k\n  cluster:\n");
    for line in cluster {
        writeln!(text, "    {line}").unwrap();
    }
    text.push_str("users:\n- name: u\n  user:\n");
    for line in user {
        writeln!(text, "    {line}").unwrap();
    }
    text
}

pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(8);

pub(super) fn cluster(kubeconfig: &Path) -> Arc<Cluster> {
    cluster_of(Source::Kubeconfig(kubeconfig.to_owned()), Environment::fixed(&[]))
}

pub(super) fn cluster_of(source: Source, environment: Environment) -> Arc<Cluster> {
    Arc::new(Cluster::with("demo".to_owned(), CALL_TIMEOUT, source, environment, Observer::new(|_| ())))
}

/// An attestation that has this much time.
pub(super) fn session(cluster: &Arc<Cluster>, time: Duration) -> Session {
    session_of(cluster, "a-token", time)
}

/// An attestation of this token.
pub(super) fn session_of(cluster: &Arc<Cluster>, token: &str, time: Duration) -> Session {
    cluster.session(Instant::now() + time, Token::new(token.to_owned()))
}

/// An attestation with time enough.
pub(super) fn patient(cluster: &Arc<Cluster>) -> Session {
    session(cluster, Duration::from_secs(20))
}

/// Waits for it, for as long as the slowest machine takes.
pub(super) async fn until(holds: impl Fn() -> bool) -> bool {
    for _ in 0..500 {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// The error and its causes, as an operator reads them.
pub(super) fn words(error: &CallError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        write!(text, ": {cause}").unwrap();
        next = cause.source();
    }
    text
}
