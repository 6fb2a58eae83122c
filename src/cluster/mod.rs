//! One API server: credentials, connection, the calls. Decides nothing about identity.
//!
//! ```text
//! Session ── one attestation: deadline, tries, records ── request, answer, body, retry, budget
//!    │
//! Credentials ── a look at the files before each attestation ── kubeconfig, in_cluster, exec, files, settings
//!    │
//! Transport ── leases on shared connections ── lease, pool, connection, route, resolver, tls
//!
//! SigningKeys ── what they say of a token, and how they are kept up to date ── keys, inquiry
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::{ClusterConfig, Lookup};

mod answer;
pub mod api;
mod blocking;
mod body;
mod budget;
mod check;
mod connection;
mod counters;
mod credentials;
mod environment;
mod error;
mod exec;
mod extras;
#[cfg(feature = "fault-injection")]
pub(crate) mod fault_injection;
mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod headers;
mod impersonation;
mod in_cluster;
mod inquiry;
pub mod keys;
mod kubeconfig;
mod lease;
mod limits;
mod no_proxy;
mod nulls;
mod observer;
mod pool;
mod proxy;
mod request;
mod resolver;
mod retry;
mod route;
pub(crate) mod secret;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

pub use check::Checkup;
pub use counters::{ClusterCounters, StatusClass};
pub use observer::{ClusterEvent, Observer};
pub use session::{CallRecord, Session};

use api::Token;
use budget::RetryBudget;
use credentials::{Credentials, Source};
use environment::Environment;
use keys::{Endpoint, SigningKeys};
use observer::Telemetry;

/// One configured cluster: an API server's address and a credential. Costs nothing while nobody asks it.
pub struct Cluster {
    name: String,
    call_timeout: Duration,
    credentials: Arc<Credentials>,
    keys: Arc<SigningKeys>,
    telemetry: Arc<Telemetry>,
    retry_budget: RetryBudget,
    /// `lookup` claims: pods and nodes are not read.
    claims_only: bool,
    /// The labels that are wanted, by key.
    pod_labels: Vec<String>,
    node_labels: Vec<String>,
    /// Turns for the calls of attestations.
    calls: Arc<Semaphore>,
    /// Turns for [`check`](Self::check).
    checks: Semaphore,
}

impl Cluster {
    /// Takes the settings over. Neither files nor the network are touched before the first call. `observer` is told what
    /// happens to connections and credentials.
    #[must_use]
    pub fn new(config: &ClusterConfig, observer: Observer) -> Self {
        let source = match &config.kube_config_file {
            Some(path) => Source::Kubeconfig(path.clone()),
            None => Source::InCluster(in_cluster::SERVICE_ACCOUNT.into()),
        };
        let claims_only = config.lookup == Lookup::Claims;
        let environment = Environment::of_process();
        Self {
            claims_only,
            calls: Arc::new(Semaphore::new(limits::calls_under_way(config.max_in_flight))),
            pod_labels: config.allowed_pod_label_keys.clone(),
            node_labels: config.allowed_node_label_keys.clone(),
            ..Self::with(config.name.clone(), config.call_timeout, source, environment, observer)
        }
    }

    fn with(
        name: String,
        call_timeout: Duration,
        source: Source,
        environment: Environment,
        observer: Observer,
    ) -> Self {
        let telemetry = Arc::new(Telemetry::new(observer));
        let credentials = Arc::new(Credentials::new(source, environment, Arc::clone(&telemetry)));
        let endpoint = Endpoint::new(Arc::clone(&credentials), Arc::clone(&telemetry), call_timeout);
        let keys = Arc::new(SigningKeys::new(endpoint));
        let claims_only = false;
        Self {
            name,
            call_timeout,
            credentials,
            keys,
            telemetry,
            retry_budget: RetryBudget::default(),
            claims_only,
            pod_labels: Vec::new(),
            node_labels: Vec::new(),
            calls: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            checks: Semaphore::new(limits::CHECKS),
        }
    }

    /// Access for one attestation of `token` that has to end at `deadline`. Its calls are to be made on a tokio runtime.
    #[must_use]
    pub fn session(self: &Arc<Self>, deadline: Instant, token: Token) -> Session {
        Session::new(Arc::clone(self), deadline, token)
    }

    /// Waits until another call of an attestation may be under way.
    async fn turn(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.calls).acquire_owned().await.expect("it is never closed")
    }

    /// The keys that sign this cluster's tokens.
    #[must_use]
    pub fn keys(&self) -> &Arc<SigningKeys> {
        &self.keys
    }

    /// The cluster's time in seconds since the epoch, once an answer told it.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        self.telemetry.clock.now()
    }

    /// What this cluster has cost so far.
    #[must_use]
    pub fn counters(&self) -> &ClusterCounters {
        &self.telemetry.counters
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("name", &self.name).finish_non_exhaustive()
    }
}
