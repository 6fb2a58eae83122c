//! Telling a forked child from the process that made a handle.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A process, as a handle remembers it.
///
/// The ID alone would not do: in a PID namespace of its own, a child can have its parent's. The count alone would not
/// either: a child made with a bare `clone` runs no fork handlers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    id: u32,
    forks: u64,
}

/// Forks between the process in which the library was first used and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

impl Process {
    /// The process that this is.
    pub(super) fn this() -> Self {
        watch_forks();
        Self { id: process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }
}

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(unix)]
fn watch_forks() {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if WATCHING.load(Ordering::Relaxed) || WATCHING.swap(true, Ordering::Relaxed) {
        return;
    }
    // SAFETY: the handler touches one atomic, which is allowed after a fork, and stays mapped: the library is linked with
    // `nodelete`. If memory is short it is not registered, and the process ID has to do.
    unsafe { libc::pthread_atfork(None, None, Some(count_fork)) };
}

#[cfg(not(unix))]
fn watch_forks() {}
