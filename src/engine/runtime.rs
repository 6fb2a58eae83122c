//! The tokio runtime inside an attestor: its threads are called `psat-…` and leave the host's signals alone.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use tokio::runtime::{Builder, Runtime};

/// Threads that drive the network, unless configured: an attestation costs some 0.2 ms of CPU, so that two threads
/// carry thousands a second, and more only add wake-ups.
const MOST_WORKER_THREADS: usize = 2;

/// Threads for file reads and look-ups that may hang, one for each of a cluster's at most.
const MAX_BLOCKING_THREADS: usize = 512;

/// How many worker threads `configured` means on this machine.
pub(crate) fn worker_threads(configured: Option<usize>) -> usize {
    configured.unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_WORKER_THREADS))
    })
}

/// Starts a runtime.
pub(crate) fn start(worker_threads: usize) -> std::io::Result<Runtime> {
    // Threads inherit the mask of the one that starts them: block first, so that no signal finds a thread unprepared.
    let host_mask = asynchronous_signals().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
    let runtime = Builder::new_multi_thread()
        .worker_threads(worker_threads)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_name("psat-runtime")
        .enable_io()
        .enable_time()
        .build();
    if let Some(mask) = host_mask {
        // It can fail for a bad argument alone, and this mask came from the kernel.
        let _ = mask.thread_set_mask();
    }
    runtime
}

/// Every signal but those that a thread causes itself: a host's crash handler must still see them.
fn asynchronous_signals() -> SigSet {
    let mut signals = SigSet::all();
    for own in [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGTRAP,
        Signal::SIGSYS,
        Signal::SIGABRT,
    ] {
        signals.remove(own);
    }
    signals
}
