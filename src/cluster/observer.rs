//! What a cluster tells of itself while it works, for logs.

use std::fmt;
use std::sync::Arc;

use super::api::Call;
use super::counters::ClusterCounters;
use super::error::Fault;
use super::keys::Clock;
use crate::outcome::cause_chain;

/// Something that happened to a cluster's connections, credentials or keys.
#[derive(Debug)]
pub enum ClusterEvent<'a> {
    /// A connection was made.
    ConnectionOpened {
        /// Scheme, host and port.
        origin: &'a str,
        /// `HTTP/2` or `HTTP/1.1`.
        protocol: &'static str,
    },
    /// An attempt to connect failed, for all that waited for it.
    ConnectionFailed {
        /// Scheme, host and port.
        origin: &'a str,
        /// The whole cause chain.
        cause: String,
    },
    /// Changed files were taken over.
    CredentialsReloaded,
    /// Other signing keys than before are known; so many can be used.
    KeysRead(usize),
    /// The signing keys cannot be read any more, or not at all; the cause.
    KeysUnreadable(&'a str),
    /// A task that several attestations share ended by a panic.
    TaskPanicked(&'static str),
}

/// Is told of every event, on whichever thread it happens; must not wait.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&ClusterEvent<'_>) + Send + Sync>);

impl Observer {
    /// Calls `told` for each event.
    pub fn new(told: impl Fn(&ClusterEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }
}

/// Counts what happens to a cluster and tells of it.
pub(super) struct Telemetry {
    pub(super) counters: ClusterCounters,
    /// By the answers of this cluster.
    pub(super) clock: Clock,
    observer: Observer,
}

impl Telemetry {
    pub(super) fn new(observer: Observer) -> Self {
        Self { counters: ClusterCounters::default(), clock: Clock::default(), observer }
    }

    pub(super) fn call_ended(&self, call: Call, status: Option<u16>, attempts: u32) {
        self.counters.count_call(call, status);
        self.counters.count_retries(attempts - 1);
    }

    pub(super) fn retry_refused(&self) {
        self.counters.count_refused_retry();
    }

    pub(super) fn probe_ended(&self, status: Option<u16>) {
        self.counters.count_probe(status);
    }

    pub(super) fn connection_opened(&self, origin: &str, is_h1: bool) {
        self.counters.count_connection();
        let protocol = if is_h1 { "HTTP/1.1" } else { "HTTP/2" };
        (self.observer.0)(&ClusterEvent::ConnectionOpened { origin, protocol });
    }

    pub(super) fn connection_failed(&self, origin: &str, fault: &Fault) {
        let cause = cause_chain(fault);
        (self.observer.0)(&ClusterEvent::ConnectionFailed { origin, cause });
    }

    pub(super) fn tell(&self, event: &ClusterEvent<'_>) {
        (self.observer.0)(event);
    }

    /// To be called where a task ends without a result, on its thread.
    pub(super) fn task_ended(&self, task: &'static str) {
        if std::thread::panicking() {
            (self.observer.0)(&ClusterEvent::TaskPanicked(task));
        }
    }

    pub(super) fn credentials_reloaded(&self) {
        self.counters.count_reload();
        (self.observer.0)(&ClusterEvent::CredentialsReloaded);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
