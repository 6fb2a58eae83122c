//! The completion queue: what is done waits here until the host takes it.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use super::document::{Answer, Document};
use super::sync::{Condvar, Instant, Mutex, MutexGuard};

/// Events that wait in one queue: the newest are kept.
const MAX_EVENTS: usize = 1024;

/// One finished operation.
#[derive(Debug)]
pub struct Completed {
    /// The tag that came with the submission.
    pub tag: u64,
    /// The operation's ID.
    pub operation: u64,
    /// How it ended.
    pub answer: Answer,
}

/// Something that a queue hands out.
#[derive(Debug)]
pub enum Delivery {
    /// An operation has ended.
    Completed(Completed),
    /// A log record.
    Event(Document),
}

/// What a call of [`Queue::next`] came back with.
#[derive(Debug)]
pub enum Next {
    /// At least one delivery, operations before events.
    Deliveries(Vec<Delivery>),
    /// The time is over, or somebody woke the queue.
    Nothing,
    /// The queue is closed, nothing waits and nothing is outstanding.
    Closed,
}

/// What became of a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// It waits.
    Kept,
    /// It waits, and the oldest one that did is dropped.
    InPlaceOfTheOldest,
    /// The queue is closed.
    Refused,
}

/// The queue is closed: it takes no new submissions.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed;

/// A queue that any number of attestors fill and any number of threads empty.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Each delivery wakes one thread that waits, which takes at least one, or sleeps on only if none is left; what
    /// closes the queue, or comes to a closed one, wakes all.
    ready: Condvar,
    signal: OnceLock<signal::Signal>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Completed>,
    events: VecDeque<Document>,
    /// Accepted operations whose completion has not come yet.
    outstanding: usize,
    woken: bool,
    closed: bool,
    /// The host has freed its handle: what comes now is dropped.
    abandoned: bool,
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.events.is_empty()
    }

    fn readable(&self) -> bool {
        !self.is_empty() || self.woken || self.closed
    }

    fn exhausted(&self) -> bool {
        self.closed && self.is_empty() && self.outstanding == 0
    }

    fn take(&mut self, capacity: usize) -> Vec<Delivery> {
        let completed = self.waiting.drain(..capacity.min(self.waiting.len())).map(Delivery::Completed);
        let mut taken: Vec<_> = completed.collect();
        let room = capacity - taken.len();
        taken.extend(self.events.drain(..room.min(self.events.len())).map(Delivery::Event));
        taken
    }
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves room for one completion.
    ///
    /// # Errors
    /// The queue is closed; nothing was reserved.
    pub(crate) fn expect_one(&self) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        state.outstanding += 1;
        Ok(())
    }

    /// Fills a reserved place.
    pub(crate) fn push(&self, completed: Completed) {
        let mut state = self.lock();
        state.outstanding -= 1;
        if state.abandoned {
            drop(state);
            drop(completed);
            return;
        }
        state.waiting.push_back(completed);
        self.update_signal(&state);
        if state.closed {
            self.ready.notify_all();
        } else {
            self.ready.notify_one();
        }
    }

    /// Takes up to `capacity` deliveries, waiting up to `timeout` for the first; `None` waits for ever.
    pub fn next(&self, capacity: usize, timeout: Option<Duration>) -> Next {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            if !state.is_empty() {
                let taken = state.take(capacity);
                state.woken = false;
                self.update_signal(&state);
                return Next::Deliveries(taken);
            }
            if state.exhausted() {
                return Next::Closed;
            }
            if state.woken {
                state.woken = false;
                self.update_signal(&state);
                return Next::Nothing;
            }
            state = match deadline {
                None => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Nothing;
                    }
                    self.ready.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Adds a log record, if need be in place of the oldest one.
    pub(crate) fn publish(&self, event: Document) -> Published {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return Published::Refused;
        }
        let oldest = if state.events.len() == MAX_EVENTS { state.events.pop_front() } else { None };
        state.events.push_back(event);
        self.update_signal(&state);
        self.ready.notify_one();
        drop(state);
        if oldest.is_none() { Published::Kept } else { Published::InPlaceOfTheOldest }
    }

    /// Whether new submissions are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Ends the current [`next`](Self::next), or the following one.
    pub fn wake(&self) {
        let mut state = self.lock();
        state.woken = true;
        self.update_signal(&state);
        self.ready.notify_one();
    }

    /// Refuses new submissions and events. Accepted operations still complete here.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.update_signal(&state);
        self.ready.notify_all();
    }

    /// Closes, drops what waits, and drops what still comes.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.abandoned = true;
        let waiting = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.events));
        self.ready.notify_all();
        drop(state);
        drop(waiting);
    }

    /// A descriptor that is readable whenever [`next`](Self::next) would not wait; `None` where the platform has none or
    /// the process has none left. For polling alone: do not read it.
    ///
    /// Made at the first call, so that hosts which do not poll pay nothing.
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        let state = self.lock();
        if self.signal.get().is_none() {
            // Made under the lock; where the process has no descriptor left, the next call tries again.
            let _ = self.signal.set(signal::Signal::new()?);
        }
        self.update_signal(&state);
        self.signal.get().map(signal::Signal::as_fd)
    }

    fn update_signal(&self, state: &State) {
        if let Some(signal) = self.signal.get() {
            signal.set(state.readable());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An eventfd whose counter is 1 while the queue is readable and 0 otherwise.
#[cfg(target_os = "linux")]
mod signal {
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::sys::eventfd::{EfdFlags, EventFd};

    use crate::engine::sync::atomic::{AtomicBool, Ordering};

    #[derive(Debug)]
    pub(super) struct Signal {
        event: EventFd,
        raised: AtomicBool,
    }

    impl Signal {
        pub(super) fn new() -> Option<Self> {
            let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
            let event = EventFd::from_value_and_flags(0, flags).ok()?;
            Some(Self { event, raised: AtomicBool::new(false) })
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.event.as_fd()
        }

        /// Called under the queue's lock, so the flag and the counter cannot part.
        pub(super) fn set(&self, readable: bool) {
            if self.raised.swap(readable, Ordering::Relaxed) == readable {
                return;
            }
            // Neither can fail but with EAGAIN: a host that reads or writes the descriptor loses wake-ups alone.
            let _ = if readable { self.event.write(1).map(drop) } else { self.event.read().map(drop) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod signal {
    #[derive(Debug)]
    pub(super) enum Signal {}

    impl Signal {
        pub(super) fn new() -> Option<Self> {
            None
        }

        pub(super) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            match *self {}
        }

        pub(super) fn set(&self, _readable: bool) {
            match *self {}
        }
    }
}
