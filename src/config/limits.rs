//! The numbers: defaults, bounds, and why they are what they are.
//!
//! Upper bounds are there to catch slips of the keyboard (seconds times a thousand twice), not to forbid: each is far
//! above what one server can use.

use std::ops::RangeInclusive;

/// What upstream asks for when `audience` is absent.
pub(super) const DEFAULT_AUDIENCE: &str = "spire-server";

/// Time for one try of one call, in milliseconds. An API server answers in a few; ten seconds is a server in trouble.
pub(super) const CALL_TIMEOUT_MS: u64 = 10_000;

/// Time for an attestation, in milliseconds: three calls, or waiting, or a second try. An agent waits for a minute.
pub(super) const ATTEST_TIMEOUT_MS: u64 = 30_000;

/// No agent waits longer than a day.
pub(super) const TIMEOUT_MS_BOUNDS: RangeInclusive<u64> = 1..=24 * 60 * 60 * 1000;

/// Attestations of one cluster that may make calls at the same time.
pub(super) const MAX_IN_FLIGHT: u64 = 64;
/// Each takes up to three streams of the API server, which limits itself to some 600 requests at a time.
pub(crate) const MAX_IN_FLIGHT_BOUNDS: RangeInclusive<u64> = 1..=65_536;

/// Attestations of one cluster that may wait: every agent of a large cluster at once.
pub(super) const MAX_QUEUED: u64 = 16_384;
/// 0 = none waits.
pub(super) const MAX_QUEUED_BOUNDS: RangeInclusive<u64> = 0..=1 << 20;

/// Bytes of waiting tokens over all clusters; a token has 1 to 2 KiB, so that two full queues fit.
pub(super) const MAX_QUEUED_BYTES: u64 = 64 << 20;
/// At most 64 GiB, less where the address space is smaller.
pub(super) const MAX_QUEUED_BYTES_BOUNDS: RangeInclusive<u64> = 1..=64 << 30;

/// Threads that drive the network. They wait far more than they compute.
pub(super) const WORKER_THREADS_BOUNDS: RangeInclusive<u64> = 1..=512;

/// A bounded number of things or bytes in memory. What the address space cannot hold is no limit at all.
pub(super) fn in_memory(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
