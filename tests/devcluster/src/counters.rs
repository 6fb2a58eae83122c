//! What a dev cluster has counted.

use serde::{Deserialize, Serialize};

/// What a dev cluster has counted since it was started. Calls count when their request arrives, whatever the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Token reviews.
    pub token_review: u64,
    /// GETs of a pod.
    pub pod: u64,
    /// GETs of a node.
    pub node: u64,
    /// GETs of the signing keys.
    pub jwks: u64,
    /// `SelfSubjectAccessReview`s.
    pub access_review: u64,
    /// All other requests.
    pub other: u64,
    /// TCP connections accepted.
    pub connections: u64,
    /// TCP connections that are open now.
    pub connections_open: u64,
    /// The most requests that were being answered at the same time on one connection.
    pub streams_peak: u64,
    /// The most requests that were being answered at the same time.
    pub in_flight_peak: u64,
}

impl Counters {
    /// All calls together.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.token_review + self.pod + self.node + self.jwks + self.access_review + self.other
    }
}
