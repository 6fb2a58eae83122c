//! One API server: credentials, connection, the calls. Decides nothing about identity.

use std::sync::Arc;

use tokio::time::Instant;

use crate::config::ClusterConfig;

pub mod api;
mod counters;
mod session;

pub use counters::{ClusterCounters, StatusClass};
pub use session::{CallRecord, Session};

/// One configured cluster: an API server's address and a credential. Costs nothing while nobody asks it.
pub struct Cluster {
    counters: Arc<ClusterCounters>,
}

impl Cluster {
    /// Takes the settings over. Neither files nor the network are touched before the first call.
    #[must_use]
    pub fn new(_config: &ClusterConfig) -> Self {
        Self {
            counters: Arc::default(),
        }
    }

    /// Access for one attestation that has to end at `deadline`.
    #[must_use]
    pub fn session(self: &Arc<Self>, deadline: Instant) -> Session {
        Session::new(Arc::clone(self), deadline)
    }

    /// What this cluster has cost so far.
    #[must_use]
    pub fn counters(&self) -> &ClusterCounters {
        &self.counters
    }
}
