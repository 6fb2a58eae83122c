//! What a cluster has cost so far, for statistics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::api::Call;

/// Counters of one cluster. Reading them never waits; they only grow.
#[derive(Debug, Default)]
pub struct ClusterCounters {
    calls: [[AtomicU64; StatusClass::ALL.len()]; Call::ALL.len()],
    probes: [AtomicU64; StatusClass::ALL.len()],
    connections_opened: AtomicU64,
    credential_reloads: AtomicU64,
    retries: AtomicU64,
    retries_refused: AtomicU64,
}

/// How a call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusClass {
    /// 2xx
    Success,
    /// 3xx; never followed.
    Redirect,
    /// 4xx
    ClientError,
    /// 5xx, and what is no status of HTTP.
    ServerError,
    /// The call ended before an answer began: no credentials, no connection, a reset, the deadline, a cancel.
    NoAnswer,
}

impl StatusClass {
    /// All classes, in the order of their declaration.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::Redirect, Self::ClientError, Self::ServerError, Self::NoAnswer];

    /// The class of a status; `None` stands for no answer.
    #[must_use]
    pub fn of(status: Option<u16>) -> Self {
        match status {
            None => Self::NoAnswer,
            Some(200..=299) => Self::Success,
            Some(300..=399) => Self::Redirect,
            Some(400..=499) => Self::ClientError,
            Some(_) => Self::ServerError,
        }
    }

    /// The word in statistics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirect => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::NoAnswer => "no_answer",
        }
    }
}

impl ClusterCounters {
    /// Calls of this kind that ended in this way.
    #[must_use]
    pub fn calls(&self, call: Call, class: StatusClass) -> u64 {
        self.calls[call as usize][class as usize].load(Relaxed)
    }

    /// Questions of a check or of an advisor that ended in this way: those beside the calls of an attestation.
    #[must_use]
    pub fn probes(&self, class: StatusClass) -> u64 {
        self.probes[class as usize].load(Relaxed)
    }

    /// Connections that were established, TLS included.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.connections_opened.load(Relaxed)
    }

    /// Times that changed files were taken over; the first reading is not one.
    #[must_use]
    pub fn credential_reloads(&self) -> u64 {
        self.credential_reloads.load(Relaxed)
    }

    /// Tries beyond the first of a call.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    /// Calls that would have been tried again, had the budget for retries not been spent.
    #[must_use]
    pub fn retries_refused(&self) -> u64 {
        self.retries_refused.load(Relaxed)
    }

    pub(super) fn count_refused_retry(&self) {
        self.retries_refused.fetch_add(1, Relaxed);
    }

    pub(super) fn count_retries(&self, retries: u32) {
        self.retries.fetch_add(u64::from(retries), Relaxed);
    }

    pub(super) fn count_call(&self, call: Call, status: Option<u16>) {
        self.calls[call as usize][StatusClass::of(status) as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count_probe(&self, status: Option<u16>) {
        self.probes[StatusClass::of(status) as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count_connection(&self) {
        self.connections_opened.fetch_add(1, Relaxed);
    }

    pub(super) fn count_reload(&self) {
        self.credential_reloads.fetch_add(1, Relaxed);
    }
}
