//! The tokio runtime inside an attestor: its threads are called `psat-…` and leave the host's signals alone.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use tokio::runtime::{Builder, Runtime};

/// Threads that drive the network, unless configured: an attestation costs some 0.1 ms of CPU, so that two threads carry
/// thousands a second, and more only add wake-ups.
const MOST_WORKER_THREADS: usize = 2;

/// A runtime starts in well below a millisecond; on a machine that is out of breath, in seconds.
const START_TIME: Duration = Duration::from_secs(10);

/// How many worker threads `configured` means on this machine.
pub(crate) fn worker_threads(configured: Option<usize>) -> usize {
    configured.unwrap_or_else(|| {
        thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_WORKER_THREADS))
    })
}

/// Starts a runtime.
pub(crate) fn start(worker_threads: usize) -> io::Result<Runtime> {
    let _blocked = BlockedSignals::of_this_thread();
    probe(worker_threads + 1)?;
    // tokio panics where it gets some of its threads and not all, and then waits for those that it got. Should the probe
    // have been overtaken, a thread of its own is lost to that, and not the caller's.
    let (built, runtime) = mpsc::sync_channel(1);
    thread::Builder::new().name("psat-start".to_owned()).spawn(move || {
        // Nobody waits any more if it took too long: then the runtime is dropped here.
        let _ = built.send(build(worker_threads));
    })?;
    runtime.recv_timeout(START_TIME).unwrap_or_else(|_| Err(io::ErrorKind::WouldBlock.into()))
}

fn build(worker_threads: usize) -> io::Result<Runtime> {
    let (begun, workers) = mpsc::channel();
    let runtime = Builder::new_multi_thread()
        .worker_threads(worker_threads)
        .thread_name("psat-runtime")
        .on_thread_start(move || {
            seed_this_thread();
            // Nobody waits any more once all have begun.
            let _ = begun.send(());
        })
        .enable_io()
        .enable_time()
        .build()?;
    for _ in 0..worker_threads {
        workers.recv_timeout(START_TIME).map_err(|_| io::ErrorKind::WouldBlock)?;
    }
    Ok(runtime)
}

/// Has this thread draw its first random number now. aws-lc aborts the process if a thread draws its first one, such as
/// for a TLS connection, while the process runs through `exit()`; one that has drawn before just stands still then.
fn seed_this_thread() {
    // What fails here fails again where it matters, and is told there.
    let _ = aws_lc_rs::rand::fill(&mut [0]);
}

/// Finds out whether so many threads can be had at once.
fn probe(threads: usize) -> io::Result<()> {
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Arc::new(std::sync::Mutex::new(released));
    let mut probes = Vec::with_capacity(threads);
    let mut outcome = Ok(());
    for _ in 0..threads {
        let released = std::sync::Arc::clone(&released);
        let wait = move || {
            // Ends when the other side is dropped, whoever holds the lock.
            let _ = released.lock().map(|released| released.recv());
        };
        match thread::Builder::new().name("psat-probe".to_owned()).spawn(wait) {
            Ok(probe) => probes.push(probe),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    drop(release);
    for probe in probes {
        // It cannot panic.
        let _ = probe.join();
    }
    outcome
}

/// Blocks this thread's asynchronous signals while it lives, as threads inherit the mask of the one that starts them.
struct BlockedSignals {
    before: Option<SigSet>,
}

impl BlockedSignals {
    fn of_this_thread() -> Self {
        Self { before: asynchronous_signals().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok() }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // It can fail for a bad argument alone, and this mask came from the kernel.
        let _ = self.before.map(|mask| mask.thread_set_mask());
    }
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
