//! What a dev cluster has counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::answer::Call;
use crate::connection::Peer;

/// What a dev cluster has counted since it was started. Calls count when their request arrives, whatever the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

/// The counters while they count.
#[derive(Default)]
pub(crate) struct Tally {
    token_review: AtomicU64,
    pod: AtomicU64,
    node: AtomicU64,
    jwks: AtomicU64,
    access_review: AtomicU64,
    other: AtomicU64,
    connections: AtomicU64,
    connections_open: AtomicU64,
    streams_peak: AtomicU64,
    in_flight: AtomicU64,
    in_flight_peak: AtomicU64,
}

impl Tally {
    pub(crate) fn read(&self) -> Counters {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            token_review: value(&self.token_review),
            pod: value(&self.pod),
            node: value(&self.node),
            jwks: value(&self.jwks),
            access_review: value(&self.access_review),
            other: value(&self.other),
            connections: value(&self.connections),
            connections_open: value(&self.connections_open),
            streams_peak: value(&self.streams_peak),
            in_flight_peak: value(&self.in_flight_peak),
        }
    }

    /// Counts a connection as open until the guard is dropped.
    pub(crate) fn connection(&self) -> Busy<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Busy::new(&self.connections_open)
    }

    /// Counts a request, and as being answered until the guard is dropped.
    pub(crate) fn request<'a>(&'a self, call: Option<Call>, peer: &'a Peer) -> [Busy<'a>; 2] {
        let counter = match call {
            Some(Call::TokenReview) => &self.token_review,
            Some(Call::Pod) => &self.pod,
            Some(Call::Node) => &self.node,
            Some(Call::Jwks) => &self.jwks,
            Some(Call::AccessReview) => &self.access_review,
            None => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let in_flight = Busy::new(&self.in_flight);
        self.in_flight_peak.fetch_max(in_flight.now, Ordering::Relaxed);
        let streams = Busy::new(&peer.streams);
        self.streams_peak.fetch_max(streams.now, Ordering::Relaxed);
        [in_flight, streams]
    }
}

/// One that counts while it lives.
pub(crate) struct Busy<'a> {
    counter: &'a AtomicU64,
    /// How many there were with this one.
    now: u64,
}

impl<'a> Busy<'a> {
    fn new(counter: &'a AtomicU64) -> Busy<'a> {
        Busy { counter, now: counter.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}
