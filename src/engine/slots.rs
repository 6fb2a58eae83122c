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
    gauges: Arc<Gauges>,
    max_queued: usize,
    /// What waits here finds room only while less than this part of the memory is used, by whomever.
    memory_part: usize,
}

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
    gauges: Arc<Gauges>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.gauges.in_flight.fetch_sub(1, Ordering::Relaxed);
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
        Self { free, gauges: Arc::default(), max_queued, memory_part: 1 }
    }

    /// The same; what waits finds room only while less than this part of the memory is used.
    #[must_use]
    pub fn with_part_of_memory(self, memory_part: usize) -> Self {
        Self { memory_part, ..self }
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
        let reserved = Reserved::take(&self.gauges, self.max_queued)
            .ok_or("the cluster's queue is full (max_queued)")?;
        let memory = Held::take(memory, bytes, self.memory_part)
            .ok_or("the memory for waiting attestations is used up (engine.max_queued_bytes)")?;
        // The first poll enters the semaphore's queue; whoever waits for the place brings the waker that counts. Without
        // tokio's budget, or a host's busy task could be kept from entering.
        let mut permit: PendingPermit = Box::pin(unconstrained(Arc::clone(&self.free).acquire_owned()));
        if let Poll::Ready(Ok(permit)) = permit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Ok(Request::Granted(self.slot(permit)));
        }
        Ok(Request::Queued(Place { permit, slots: Arc::clone(self), _reserved: reserved, _memory: memory }))
    }

    fn slot(&self, permit: OwnedSemaphorePermit) -> Slot {
        let now = self.gauges.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.gauges.peak.fetch_max(now, Ordering::Relaxed);
        Slot { gauges: Arc::clone(&self.gauges), _permit: permit }
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
    slots: Arc<Slots>,
    _reserved: Reserved,
    _memory: Held,
}

impl Place {
    /// Waits for a slot, at most until `latest`.
    ///
    /// # Errors
    /// None came free in time.
    pub async fn wait(self, latest: Instant) -> Result<Slot, &'static str> {
        match tokio::time::timeout_at(latest, self.permit).await {
            Ok(Ok(permit)) => Ok(self.slots.slot(permit)),
            // The semaphore is never closed, so only the time can be over.
            Ok(Err(_)) | Err(_) => Err("no slot came free in half of the attestation's time (max_in_flight)"),
        }
    }
}

#[derive(Debug)]
struct Reserved(Arc<Gauges>);

impl Reserved {
    fn take(gauges: &Arc<Gauges>, limit: usize) -> Option<Self> {
        add_below(&gauges.queued, 1, limit).then(|| Self(Arc::clone(gauges)))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
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
