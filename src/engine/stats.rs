//! Counters: what happened, keyed by reasons and configured names alone, so that no caller can make them grow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::generation::ClusterAtWork;
use super::report::micros;
use super::slots::Gauges;
use crate::cluster::StatusClass;
use crate::cluster::api::Call;
use crate::cluster::keys::KeyState;
use crate::outcome::{Reason, TABLE};

/// Upper bounds of the latency histogram, in microseconds: 0.25 ms to 30 s, where one API call is about 1 ms.
pub(crate) const LATENCY_BOUNDS_US: [u64; 16] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// How often each reason was answered.
#[derive(Debug)]
pub(crate) struct Reasons(Vec<AtomicU64>);

impl Default for Reasons {
    fn default() -> Self {
        Self(TABLE.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

impl Reasons {
    pub(crate) fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts by reason word; what never happened is left out.
    pub(crate) fn by_word(&self) -> BTreeMap<&'static str, u64> {
        TABLE
            .iter()
            .zip(&self.0)
            .map(|(row, count)| (row.word, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// Attestations by reason, and how long they took.
#[derive(Debug)]
pub(crate) struct Tally {
    reasons: Reasons,
    latency: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    latency_sum_us: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            reasons: Reasons::default(),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
            latency_sum_us: AtomicU64::new(0),
        }
    }
}

impl Tally {
    /// Counts one finished attestation.
    pub(crate) fn count(&self, reason: Reason, elapsed: Duration) {
        self.reasons.count(reason);
        let elapsed = micros(elapsed);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < elapsed);
        self.latency[bucket].fetch_add(1, Ordering::Relaxed);
        self.latency_sum_us.fetch_add(elapsed, Ordering::Relaxed);
    }

    /// Counts by reason word; what never happened is left out.
    pub(crate) fn by_reason(&self) -> BTreeMap<&'static str, u64> {
        self.reasons.by_word()
    }

    pub(crate) fn latency(&self) -> Latency {
        let counts: Vec<u64> = self.latency.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Latency {
            bounds_us: LATENCY_BOUNDS_US,
            count: counts.iter().sum(),
            sum_us: self.latency_sum_us.load(Ordering::Relaxed),
            counts,
        }
    }
}

/// A histogram: `counts[i]` took at most `bounds_us[i]`, the last one more than all bounds.
#[derive(Serialize)]
pub(crate) struct Latency {
    bounds_us: [u64; LATENCY_BOUNDS_US.len()],
    counts: Vec<u64>,
    count: u64,
    sum_us: u64,
}

/// The document of `psat_attestor_stats`.
#[derive(Serialize)]
pub(crate) struct Stats<'a> {
    pub(crate) code: i32,
    pub(crate) reason: &'static str,
    pub(crate) config_generation: u64,
    pub(crate) attestations: BTreeMap<&'static str, u64>,
    pub(crate) latency: Latency,
    pub(crate) clusters: BTreeMap<&'a str, ClusterStats>,
    pub(crate) queued_bytes: usize,
    pub(crate) panics_caught: u64,
    pub(crate) events_dropped: u64,
    pub(crate) documents_alive: u64,
}

/// One configured cluster's part of the statistics.
#[derive(Serialize)]
pub(crate) struct ClusterStats {
    in_flight: usize,
    peak_in_flight: usize,
    queued: usize,
    /// Tokens whose key is unknown.
    unknown_lane: LaneStats,
    /// Attestations that the token alone ended, without a call, by reason.
    refused_without_call: BTreeMap<&'static str, u64>,
    signing_keys: KeyStats,
    attestations: BTreeMap<&'static str, u64>,
    latency: Latency,
    /// Calls by kind and by class of status.
    api_calls: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    retries: u64,
    retries_refused: u64,
    connections_opened: u64,
    credential_reloads: u64,
}

impl ClusterStats {
    pub(crate) fn of(cluster: &ClusterAtWork) -> Self {
        let ClusterAtWork { api, lanes, tally, without_call, .. } = cluster;
        let (counters, gauges) = (api.counters(), lanes.ordinary.gauges());
        let api_calls = Call::ALL
            .into_iter()
            .map(|call| (call.word(), by_class(|class| counters.calls(call, class))))
            .chain([("probe", by_class(|class| counters.probes(class)))]);
        Self {
            in_flight: gauges.in_flight.load(Ordering::Relaxed),
            peak_in_flight: gauges.peak.load(Ordering::Relaxed),
            queued: gauges.queued.load(Ordering::Relaxed),
            unknown_lane: LaneStats::of(lanes.unknown.gauges()),
            refused_without_call: without_call.by_word(),
            signing_keys: KeyStats::of(&api.keys().state()),
            attestations: tally.by_reason(),
            latency: tally.latency(),
            api_calls: api_calls.collect(),
            retries: counters.retries(),
            retries_refused: counters.retries_refused(),
            connections_opened: counters.connections_opened(),
            credential_reloads: counters.credential_reloads(),
        }
    }
}

/// Counts by class; what never happened is left out.
fn by_class(count: impl Fn(StatusClass) -> u64) -> BTreeMap<&'static str, u64> {
    StatusClass::ALL
        .into_iter()
        .map(|class| (class.word(), count(class)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// One lane's part of the statistics.
#[derive(Serialize)]
struct LaneStats {
    in_flight: usize,
    peak_in_flight: usize,
    queued: usize,
}

impl LaneStats {
    fn of(gauges: &Gauges) -> Self {
        Self {
            in_flight: gauges.in_flight.load(Ordering::Relaxed),
            peak_in_flight: gauges.peak.load(Ordering::Relaxed),
            queued: gauges.queued.load(Ordering::Relaxed),
        }
    }
}

/// How it stands with a cluster's signing keys.
#[derive(Serialize)]
struct KeyStats {
    /// `not_read`, `known` or `unreadable`.
    state: &'static str,
    /// How many can be used.
    keys: usize,
    /// Since they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_s: Option<u64>,
}

impl KeyStats {
    fn of(state: &KeyState) -> Self {
        match state {
            KeyState::NotRead => Self { state: "not_read", keys: 0, age_s: None },
            KeyState::Known { keys, age } => Self { state: "known", keys: *keys, age_s: Some(age.as_secs()) },
            KeyState::Unreadable { .. } => Self { state: "unreadable", keys: 0, age_s: None },
        }
    }
}
