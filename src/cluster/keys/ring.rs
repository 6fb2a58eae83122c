//! A cluster's keys at work: at most one reading at a time, which is nobody's and outlives whoever began it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::jws::Jws;
use super::life::{Change, Failure, KeyState, Life, Reading};
use super::verification::Verification;

/// Where keys are read from.
pub(crate) trait Source: Send + Sync + 'static {
    /// Tells the credentials apart that a reading is made with.
    type Identity: PartialEq + Send;

    /// The credentials in force, if any were looked at yet.
    fn current(&self) -> Option<Self::Identity>;

    /// Reads the keys. Bounds its own time.
    fn read(&self) -> impl Future<Output = Reading<Self::Identity>> + Send;

    /// Is told what a reading changed.
    fn changed(&self, change: &Change);

    /// Is told that a reading ended by a panic, or together with the runtime.
    fn ended_without_result(&self);
}

/// The signing keys of one cluster.
pub(crate) struct Ring<S: Source> {
    source: S,
    life: Mutex<Life<S::Identity>>,
    ended: Notify,
}

impl<S: Source> Ring<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source, life: Mutex::default(), ended: Notify::new() }
    }

    /// What the keys at hand say of a token; `None` if there are none. Never waits, reads no file: a reading that is due, or
    /// that this token asks for, is begun on `runtime`.
    pub(crate) fn verify(self: &Arc<Self>, jws: Jws<'_>, runtime: &Handle) -> Option<Verification> {
        let now = Instant::now();
        let current = self.source.current();
        let (loaded, due) = {
            let mut life = self.life();
            (life.keys(current.as_ref()).map(Arc::clone), life.begin_if_due(now))
        };
        if due {
            self.begin(runtime);
        }
        let loaded = loaded?;
        let verification = loaded.set.verify(jws, loaded.settled(now));
        if let Verification::Unverified(unverified) = &verification
            && unverified.why.may_be_outdated()
            && self.life().begin_if_asked(now)
        {
            self.begin(runtime);
        }
        Some(verification)
    }

    /// Whether a key at hand has signed this token; `None` if the token names none of them. Never waits, begins nothing.
    pub(crate) fn has_signed(&self, jws: &Jws<'_>) -> Option<bool> {
        let current = self.source.current();
        let loaded = self.life().keys(current.as_ref()).map(Arc::clone);
        loaded?.set.has_signed(jws)
    }

    /// Waits for the first keys of this cluster, for the short time that an attestation may wait for them, until `latest` at
    /// most.
    pub(crate) async fn first(&self, latest: Instant) {
        self.first_until(|attestations_wait_until| attestations_wait_until.min(latest)).await;
    }

    /// The same for who has come to see what the keys say: until `latest`.
    pub(crate) async fn first_patiently(&self, latest: Instant) {
        self.first_until(|_| latest).await;
    }

    async fn first_until(&self, until: impl Fn(Instant) -> Instant) {
        // Registered before the look, so that no end in between is missed.
        let mut ended = pin!(self.ended.notified());
        ended.as_mut().enable();
        let wait_until = self.life().wait_until();
        if let Some(wait_until) = wait_until {
            // Whether the keys came is seen by who asks next.
            let _ = timeout_at(until(wait_until), ended).await;
        }
    }

    /// How it stands with the keys, for operators.
    pub(crate) fn state(&self) -> KeyState {
        self.life().state(Instant::now())
    }

    fn life(&self) -> MutexGuard<'_, Life<S::Identity>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a reading, which counts as begun already. Not to be called with `life` locked.
    fn begin(self: &Arc<Self>, runtime: &Handle) {
        let under_way = UnderWay { ring: Arc::clone(self), reading: None };
        runtime.spawn(async move {
            let mut under_way = under_way;
            under_way.reading = Some(under_way.ring.source.read().await);
        });
    }
}

/// A reading; its end is told however it ends.
struct UnderWay<S: Source> {
    ring: Arc<Ring<S>>,
    reading: Option<Reading<S::Identity>>,
}

impl<S: Source> Drop for UnderWay<S> {
    fn drop(&mut self) {
        let source = &self.ring.source;
        let reading = self.reading.take().unwrap_or_else(|| {
            source.ended_without_result();
            let cause = "the reading of the signing keys ended without a result".to_owned();
            Reading { with: source.current(), outcome: Err(Failure { denied: false, cause }) }
        });
        let change = self.ring.life().ended(reading, Instant::now());
        self.ring.ended.notify_waiters();
        if let Some(change) = change {
            source.changed(&change);
        }
    }
}
