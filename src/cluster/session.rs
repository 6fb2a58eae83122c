//! The calls of one attestation.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Cluster;
use super::api::{Call, CallError, CallErrorKind, ClusterApi, Node, Pod, Token, TokenReviewStatus};

/// One attestation's access to a cluster: all its calls use the same credentials and end at the same deadline.
pub struct Session {
    cluster: Arc<Cluster>,
    deadline: Instant,
}

/// One call that a session made, for `diagnostics.api_calls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Which call it was.
    pub call: Call,
    /// The status of the answer, if one began.
    pub status: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took, credentials and connection included.
    pub elapsed: Duration,
}

impl Session {
    pub(super) fn new(cluster: Arc<Cluster>, deadline: Instant) -> Self {
        Self { cluster, deadline }
    }

    /// The calls that have ended so far, in the order in which they ended; failed and cancelled ones too.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        let _ = (&self.cluster, self.deadline);
        Vec::new()
    }
}

fn unfinished(call: Call) -> CallError {
    CallError {
        kind: CallErrorKind::Unreachable,
        call,
        attempted: String::new(),
        source: None,
    }
}

impl ClusterApi for Session {
    async fn review_token(&self, _: &Token, _: &[String]) -> Result<TokenReviewStatus, CallError> {
        Err(unfinished(Call::TokenReview))
    }

    async fn pod(&self, _: &str, _: &str) -> Result<Pod, CallError> {
        Err(unfinished(Call::Pod))
    }

    async fn node(&self, _: &str) -> Result<Node, CallError> {
        Err(unfinished(Call::Node))
    }
}
