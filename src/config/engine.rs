//! The `engine` object: settings of the machinery.

use std::time::Duration;

use super::EngineConfig;
use super::limits;
use super::notes::Findings;
use super::read::{Field, Keys, Object};

const KEYS: Keys = Keys { upstream: &[], ours: &["worker_threads", "attest_timeout_ms", "max_queued_bytes"] };

/// Reads it; what is absent or wrong has its default.
pub(super) fn read(field: Option<&Field<'_>>, findings: &mut Findings) -> EngineConfig {
    let object = field.and_then(|field| Object::open(field, &KEYS, findings));
    let mut number = |key, bounds| object.as_ref()?.get(key)?.number(bounds, findings);

    let worker_threads = number("worker_threads", &limits::WORKER_THREADS_BOUNDS);
    let attest_timeout_ms = number("attest_timeout_ms", &limits::TIMEOUT_MS_BOUNDS);
    let max_queued_bytes = number("max_queued_bytes", &limits::MAX_QUEUED_BYTES_BOUNDS);

    EngineConfig {
        worker_threads: worker_threads.map(limits::in_memory),
        attest_timeout: Duration::from_millis(attest_timeout_ms.unwrap_or(limits::ATTEST_TIMEOUT_MS)),
        max_queued_bytes: limits::in_memory(max_queued_bytes.unwrap_or(limits::MAX_QUEUED_BYTES)),
    }
}
