//! Threads for what blocks and cannot be cancelled: file reads and name look-ups.
//!
//! Each gets a thread of its own, and each cluster has at most one of a kind. tokio's pool is not used: where the system
//! has no thread left it panics but keeps the work, or lets it wait behind work that hangs.

use std::io;
use std::thread::Builder;

/// Runs `work` on a thread of its own. If none can be started, `work` is dropped.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Started from a thread of the runtime, whose signal mask it inherits.
    Builder::new().name(name.to_owned()).spawn(work).map(drop)
}
