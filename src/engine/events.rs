//! Events: this library's log records, delivered to a queue of the host's as documents.

use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::document::Document;
use super::queue::{Published, Queue};
use super::report::{Attestation, micros};
use super::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use super::sync::{Mutex, MutexGuard};
use crate::attest::{AgentAttributes, Refusal};
use crate::cluster::ClusterEvent;
use crate::config::{Note, Severity};
use crate::outcome::Reason;

/// How much a record matters. A subscription takes its level and those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Level {
    /// A fault of this library, or a configuration that was refused.
    Error = 1,
    /// An agent was refused, or something should be looked at.
    Warn,
    /// The attestor's own life: configurations, credentials.
    Info,
    /// Agents that attested, connections.
    Debug,
    /// Every call to an API server.
    Trace,
}

impl Level {
    /// The level with this number, 1 to 5.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace]
            .into_iter()
            .find(|level| i32::from(*level as u8) == number)
    }
}

/// Where an attestor's events go.
#[derive(Debug, Default)]
pub(crate) struct Events {
    panics: AtomicU64,
    /// 0 = nowhere. Read without the lock, so that records which nobody wants cost next to nothing.
    level: AtomicU8,
    target: Mutex<Target>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Target {
    queue: Option<Arc<Queue>>,
    /// The attestor is shut down: nothing comes any more.
    ended: bool,
}

/// Why a subscription cannot begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoSubscription {
    /// The queue is closed.
    QueueClosed,
    /// The attestor is shut down.
    Ended,
}

#[derive(Serialize)]
struct Record<'a, F> {
    level: Level,
    unix_ms: u64,
    message: &'a str,
    fields: F,
}

#[derive(Serialize)]
struct NoFields {}

impl Events {
    /// Delivers records of `level` and below to `queue` from now on, instead of where they went before.
    pub(crate) fn subscribe(&self, queue: &Arc<Queue>, level: Level) -> Result<(), NoSubscription> {
        let mut target = self.lock();
        if target.ended {
            return Err(NoSubscription::Ended);
        }
        if queue.is_closed() {
            return Err(NoSubscription::QueueClosed);
        }
        target.queue = Some(Arc::clone(queue));
        self.level.store(level as u8, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the delivery: when this returns, no further record comes until somebody subscribes again.
    pub(crate) fn unsubscribe(&self) -> Result<(), NoSubscription> {
        let mut target = self.lock();
        self.stop(&mut target);
        if target.ended { Err(NoSubscription::Ended) } else { Ok(()) }
    }

    /// Ends the delivery for good.
    pub(crate) fn end(&self) {
        let mut target = self.lock();
        target.ended = true;
        self.stop(&mut target);
    }

    fn stop(&self, target: &mut Target) {
        self.level.store(0, Ordering::Relaxed);
        target.queue = None;
    }

    /// Panics that were caught.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Records that had to make room for later ones.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn wanted(&self, level: Level) -> bool {
        self.level.load(Ordering::Relaxed) >= level as u8
    }

    fn record(&self, level: Level, message: &str, fields: impl Serialize) {
        if !self.wanted(level) {
            return;
        }
        let mut target = self.lock();
        let Some(queue) = target.queue.as_ref().filter(|_| self.wanted(level)) else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let document = Document::of(&Record { level, unix_ms, message, fields });
        // Under the lock, so that nothing is on its way any more once `unsubscribe` has returned.
        match queue.publish(document) {
            Published::Kept => {}
            Published::InPlaceOfTheOldest => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Published::Refused => self.stop(&mut target),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === what is told ===

impl Events {
    /// An attestation has ended.
    pub(crate) fn attested(&self, attestation: &Attestation<'_>, verdict: &Result<AgentAttributes, Refusal>) {
        let (level, message) = match verdict.as_ref().err().map(Refusal::reason) {
            None if !attestation.findings.warnings.is_empty() => {
                (Level::Warn, "agent attested with warnings")
            }
            None => (Level::Debug, "agent attested"),
            Some(Reason::InternalPanic) => (Level::Error, "attestation ended by a fault of this library"),
            Some(Reason::Canceled | Reason::ShuttingDown) => (Level::Debug, "attestation stopped"),
            Some(_) => (Level::Warn, "agent refused"),
        };
        if !self.wanted(level) {
            return;
        }
        self.record(level, message, attestation.fields(verdict));
        for call in &attestation.calls {
            let fields = CallFields {
                operation: attestation.operation.to_string(),
                cluster: attestation.cluster,
                call: call.call.word(),
                status: call.status,
                attempts: call.attempts,
                elapsed_us: micros(call.elapsed),
            };
            self.record(Level::Trace, "API call", fields);
        }
    }

    /// The host has had an attestation explained.
    pub(crate) fn explained(
        &self,
        attestation: &Attestation<'_>,
        verdict: &Result<AgentAttributes, Refusal>,
    ) {
        if self.wanted(Level::Debug) {
            self.record(Level::Debug, "attestation explained", attestation.fields(verdict));
        }
    }

    /// A panic was caught. Its text is not told: it may hold anything.
    pub(crate) fn panicked(&self, place: &'static str) {
        #[derive(Serialize)]
        struct Place {
            place: &'static str,
        }
        self.panics.fetch_add(1, Ordering::Relaxed);
        self.record(Level::Error, "a fault of this library was caught", Place { place });
    }

    /// A cluster has told of itself.
    pub(crate) fn cluster(&self, cluster: &str, event: &ClusterEvent<'_>) {
        #[derive(Serialize)]
        struct Connection<'a> {
            cluster: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            origin: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            protocol: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            detail: &'a str,
        }
        let (level, message, origin, protocol, detail) = match event {
            ClusterEvent::ConnectionOpened { origin, protocol } => {
                (Level::Debug, "connected to the API server", *origin, *protocol, "")
            }
            ClusterEvent::ConnectionFailed { origin, cause } => {
                (Level::Warn, "connecting to the API server failed", *origin, "", cause.as_str())
            }
            ClusterEvent::KeysRead(keys) => {
                (Level::Info, "signing keys were read", "", "", &*format!("{keys} can be used"))
            }
            ClusterEvent::KeysUnreadable(cause) => (
                Level::Warn,
                "signing keys cannot be read, TokenReview is asked about every token first",
                "",
                "",
                *cause,
            ),
            ClusterEvent::TaskPanicked(place) => return self.panicked(place),
            ClusterEvent::CredentialsReloaded => {
                (Level::Info, "changed credentials were taken over", "", "", "")
            }
        };
        self.record(level, message, Connection { cluster, origin, protocol, detail });
    }

    /// A configuration is in force, or was refused.
    pub(crate) fn configured(&self, generation: u64, accepted: bool, notes: &[Note]) {
        #[derive(Serialize)]
        struct Generation {
            config_generation: u64,
        }
        #[derive(Serialize)]
        struct NoteFields<'a> {
            path: &'a str,
            note: &'a str,
        }
        for note in notes {
            let level = match note.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warn,
                Severity::Info => Level::Info,
            };
            self.record(level, "configuration note", NoteFields { path: &note.path, note: &note.message });
        }
        let (level, message) = if accepted {
            (Level::Info, "configuration in force")
        } else {
            (Level::Error, "configuration refused, the one before stays in force")
        };
        self.record(level, message, Generation { config_generation: generation });
    }

    /// The attestor refuses new work from now on.
    pub(crate) fn shutting_down(&self) {
        self.record(Level::Info, "shutting down", NoFields {});
    }
}

#[derive(Serialize)]
struct CallFields<'a> {
    operation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    call: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    attempts: u32,
    elapsed_us: u64,
}
