//! Slots: how many attestations of one cluster may make calls at once, and how many may wait for that.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::coop::unconstrained;
use tokio::time::Instant;

use super::sync::atomic::{AtomicUsize, Ordering};

/// One cluster's slots and its queue, first come, first served.
#[derive(Debug)]
pub struct Slots {
    // tokio's semaphore is fair: a freed permit goes to the longest waiter, never to a newcomer.
    free: Arc<Semaphore>,
    gauges: Gauges,
    max_in_flight: usize,
    max_queued: usize,
    lane: &'static Lane,
}

/// What sets slots apart from others of the cluster.
#[derive(Debug)]
pub struct Lane {
    /// What waits here finds room only while less than this part of the memory is used, by whomever.
    pub memory_part: usize,
    /// Where their number comes from.
    pub number: &'static str,
    /// What is said when none comes free in time.
    pub no_slot: &'static str,
    /// What is said when no more may wait.
    pub queue_full: &'static str,
    /// What is said when that part of the memory is used.
    pub memory_used: &'static str,
}

const ORDINARY: Lane = Lane {
    memory_part: 1,
    number: "max_in_flight",
    no_slot: "no slot came free in half of the attestation's time (max_in_flight)",
    queue_full: "the cluster's queue is full (max_queued)",
    memory_used: "the memory for waiting attestations is used up (engine.max_queued_bytes)",
};

/// Numbers for statistics.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Attestations that hold a slot.
    pub in_flight: AtomicUsize,
    /// The most that ever held one at once.
    pub peak: AtomicUsize,
    /// Attestations that wait for a slot.
    pub queued: AtomicUsize,
}

/// A slot, given back when dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Which one it is, for operators.
    #[must_use]
    pub fn words(&self) -> String {
        format!("one of {} ({})", self.slots.max_in_flight, self.slots.lane.number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.gauges.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Memory that waiting attestations hold, over all clusters.
#[derive(Debug)]
pub struct QueuedBytes {
    used: AtomicUsize,
    limit: AtomicUsize,
}

impl QueuedBytes {
    /// At most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { used: AtomicUsize::new(0), limit: AtomicUsize::new(limit) }
    }

    /// Sets another limit. What waits already goes on waiting.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Bytes held now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Slots {
    /// `max_in_flight` slots and room for `max_queued` to wait.
    #[must_use]
    pub fn new(max_in_flight: usize, max_queued: usize) -> Self {
        let free = Arc::new(Semaphore::new(max_in_flight.min(Semaphore::MAX_PERMITS)));
        Self { free, gauges: Gauges::default(), max_in_flight, max_queued, lane: &ORDINARY }
    }

    /// The same in a lane of their own.
    #[must_use]
    pub fn in_lane(self, lane: &'static Lane) -> Self {
        Self { lane, ..self }
    }

    /// Numbers for statistics.
    #[must_use]
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Asks for a slot for an attestation that holds `bytes` while it waits.
    ///
    /// The place in the queue is taken here and now: what asks first is served first.
    ///
    /// # Errors
    /// A limit is met; the text says which.
    pub fn request(
        self: &Arc<Self>,
        bytes: usize,
        memory: &Arc<QueuedBytes>,
    ) -> Result<Request, &'static str> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Request::Granted(self.slot(permit)));
        }
        let reserved = Reserved::take(self).ok_or(self.lane.queue_full)?;
        let memory = Held::take(memory, bytes, self.lane.memory_part).ok_or(self.lane.memory_used)?;
        // The first poll enters the semaphore's queue; whoever waits for the place brings the waker that counts. Without
        // tokio's budget, or a host's busy task could be kept from entering.
        let mut permit: PendingPermit = Box::pin(unconstrained(Arc::clone(&self.free).acquire_owned()));
        if let Poll::Ready(Ok(permit)) = permit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Ok(Request::Granted(self.slot(permit)));
        }
        Ok(Request::Queued(Place { permit, reserved, _memory: memory }))
    }

    fn slot(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Slot {
        let now = self.gauges.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.gauges.peak.fetch_max(now, Ordering::Relaxed);
        Slot { slots: Arc::clone(self), _permit: permit }
    }
}

/// What became of a request for a slot.
pub enum Request {
    /// A slot was free.
    Granted(Slot),
    /// All are taken: wait here.
    Queued(Place),
}

impl Request {
    /// Waits for the slot, at most until `latest`.
    ///
    /// # Errors
    /// None came free in time.
    pub async fn granted(self, latest: Instant) -> Result<Slot, &'static str> {
        match self {
            Self::Granted(slot) => Ok(slot),
            Self::Queued(place) => place.wait(latest).await,
        }
    }
}

type PendingPermit = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// A place in a cluster's queue, given up when dropped.
pub struct Place {
    permit: PendingPermit,
    reserved: Reserved,
    _memory: Held,
}

impl Place {
    /// Waits for a slot, at most until `latest`.
    ///
    /// # Errors
    /// None came free in time.
    pub async fn wait(self, latest: Instant) -> Result<Slot, &'static str> {
        let Reserved(slots) = &self.reserved;
        match tokio::time::timeout_at(latest, self.permit).await {
            Ok(Ok(permit)) => Ok(slots.slot(permit)),
            // The semaphore is never closed, so only the time can be over.
            Ok(Err(_)) | Err(_) => Err(slots.lane.no_slot),
        }
    }
}

#[derive(Debug)]
struct Reserved(Arc<Slots>);

impl Reserved {
    fn take(slots: &Arc<Slots>) -> Option<Self> {
        add_below(&slots.gauges.queued, 1, slots.max_queued).then(|| Self(Arc::clone(slots)))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.gauges.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Held {
    memory: Arc<QueuedBytes>,
    bytes: usize,
}

impl Held {
    fn take(memory: &Arc<QueuedBytes>, bytes: usize, part: usize) -> Option<Self> {
        let limit = memory.limit.load(Ordering::Relaxed) / part;
        add_below(&memory.used, bytes, limit).then(|| Self { memory: Arc::clone(memory), bytes })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Adds `amount` unless the sum would exceed `limit`.
fn add_below(value: &AtomicUsize, amount: usize, limit: usize) -> bool {
    value
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            now.checked_add(amount).filter(|sum| *sum <= limit)
        })
        .is_ok()
}
