//! Operations: each accepted one completes exactly once, whatever happens to the work behind it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::document::Answer;
use super::events::Events;
use super::queue::{Closed, Completed, Queue};
use super::report;
use super::stats::Tally;
use super::sync::atomic::{AtomicU64, Ordering};
use super::sync::{Condvar, Instant, Mutex, MutexGuard};
use crate::outcome::Reason;

/// Where the answer of an operation goes.
pub(crate) enum Sink {
    /// To a queue, under the host's tag.
    Queue {
        /// A place in it is reserved.
        queue: Arc<Queue>,
        /// The host's tag.
        tag: u64,
    },
    /// To the thread that waits in a blocking call.
    Caller(SyncSender<Answer>),
}

/// Why an operation ends before its work does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The host cancelled it.
    Canceled,
    /// The attestor is being shut down.
    ShuttingDown,
}

/// The operations of one attestor, and the barrier that its shutdown is.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    last_id: AtomicU64,
    state: Mutex<State>,
    all_done: Condvar,
    events: Arc<Events>,
    tally: Arc<Tally>,
}

/// The IDs are numbers of this library's own, so that no secret seed is needed; without one, the models can repeat the order
/// in which a shutdown stops what runs.
type SameOrder = BuildHasherDefault<DefaultHasher>;

#[derive(Debug, Default)]
struct State {
    closing: bool,
    /// Accepted operations that have not delivered yet.
    outstanding: usize,
    /// How to stop those that are at work.
    running: HashMap<u64, oneshot::Sender<Stop>, SameOrder>,
}

/// The attestor takes no new work.
#[derive(Debug)]
pub(crate) struct Closing;

impl Operations {
    pub(crate) fn new(events: Arc<Events>, tally: Arc<Tally>) -> Self {
        Self { events, tally, ..Self::default() }
    }

    /// Accepts an operation.
    pub(crate) fn accept(self: &Arc<Self>) -> Result<Accepted, Closing> {
        let mut state = self.lock();
        if state.closing {
            return Err(Closing);
        }
        state.outstanding += 1;
        drop(state);
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Accepted { id, operations: Arc::clone(self) })
    }

    /// Stops one operation, if it is still at work.
    pub(crate) fn cancel(&self, id: u64) -> Result<(), Closing> {
        let mut state = self.lock();
        if state.closing {
            return Err(Closing);
        }
        let running = state.running.remove(&id);
        drop(state);
        // It may finish by itself meanwhile: then nobody listens any more.
        let _ = running.map(|stop| stop.send(Stop::Canceled));
        Ok(())
    }

    /// Whether new work is refused.
    pub(crate) fn closing(&self) -> bool {
        self.lock().closing
    }

    /// Refuses new work and stops what is at work.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        let running = std::mem::take(&mut state.running);
        drop(state);
        for stop in running.into_values() {
            let _ = stop.send(Stop::ShuttingDown);
        }
    }

    /// Waits until every accepted operation has delivered; false if `timeout` passes first.
    pub(crate) fn wait_until_done(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        while state.outstanding > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.all_done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An accepted operation: the barrier of shutdown waits until this is dropped.
#[derive(Debug)]
pub(crate) struct Accepted {
    id: u64,
    operations: Arc<Operations>,
}

impl Accepted {
    /// Promises `sink` one answer.
    pub(crate) fn promise(self, sink: Sink) -> Completion {
        Completion { sink: Some(sink), accepted: self }
    }

    /// Promises `queue` one completion under `tag`.
    ///
    /// # Errors
    /// The queue is closed; nothing was promised.
    pub(crate) fn promise_to(self, queue: &Arc<Queue>, tag: u64) -> Result<Completion, Closed> {
        queue.expect_one()?;
        Ok(self.promise(Sink::Queue { queue: Arc::clone(queue), tag }))
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        let mut state = self.operations.lock();
        state.outstanding -= 1;
        if state.outstanding == 0 {
            self.operations.all_done.notify_all();
        }
    }
}

/// The promise of exactly one answer. If the work panics or is dropped, the drop of this keeps the promise.
pub(crate) struct Completion {
    sink: Option<Sink>,
    accepted: Accepted,
}

impl Completion {
    pub(crate) fn id(&self) -> u64 {
        self.accepted.id
    }

    /// From here on the operation can be stopped.
    pub(crate) fn stoppable(&self) -> oneshot::Receiver<Stop> {
        let (stop, stopped) = oneshot::channel();
        let mut state = self.accepted.operations.lock();
        if state.closing {
            let _ = stop.send(Stop::ShuttingDown);
        } else {
            state.running.insert(self.accepted.id, stop);
        }
        stopped
    }

    /// Keeps the promise.
    pub(crate) fn complete(mut self, answer: Answer) {
        self.deliver(answer);
    }

    fn deliver(&mut self, answer: Answer) {
        let Some(sink) = self.sink.take() else { return };
        // Nothing here refers to the operation any more once its completion can be read.
        self.accepted.operations.lock().running.remove(&self.accepted.id);
        match sink {
            Sink::Queue { queue, tag } => queue.push(Completed { tag, operation: self.accepted.id, answer }),
            // The caller waits until it has an answer, so the channel is open and empty.
            Sink::Caller(caller) => drop(caller.send(answer)),
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if self.sink.is_none() {
            return;
        }
        let operations = Arc::clone(&self.accepted.operations);
        let reason = if operations.closing() && !std::thread::panicking() {
            Reason::ShuttingDown
        } else {
            operations.events.panicked("an operation");
            Reason::InternalPanic
        };
        operations.tally.count(reason, Duration::ZERO);
        self.deliver(report::lost(reason, self.accepted.id));
    }
}
