//! The connections to one API server.
//!
//! A request takes a [`Lease`] on a stream or a connection. Whoever finds none free waits, and is served in turn;
//! connections are made by tasks of their own, so that a caller that gives up neither stops nor restarts them. While
//! nothing is live, one attempt runs for all, and its failure is everyone's. All decisions are in
//! [`pool`](super::pool); here they meet the runtime.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::StreamExt;
use http::HeaderMap;
use hyper::client::conn::http1;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::connection::{Driver, NewSender, Opened, Opener, RequestBody};
use super::error::Fault;
use super::lease::Lease;
use super::limits::FAREWELL_TIME;
use super::observer::Telemetry;
use super::pool::{Consequences, Idle, Pool, Taken};

/// The connections to one API server with one TLS identity.
pub(super) struct Transport {
    opener: Opener,
    telemetry: Arc<Telemetry>,
    pool: Mutex<Pool<Caller>>,
}

/// One who waits for a connection.
type Caller = oneshot::Sender<Result<Lease, Fault>>;

impl Transport {
    pub(super) fn new(opener: Opener, telemetry: Arc<Telemetry>) -> Self {
        Self { opener, telemetry, pool: Mutex::default() }
    }

    /// Makes connections of its own, for a look at the way there.
    pub(super) fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Waits for room on a connection. The caller bounds the time.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, Fault> {
        let mut place = {
            let mut pool = self.pool();
            if let Some(taken) = pool.take_in_turn() {
                return Ok(self.leased(taken));
            }
            let (caller, outcome) = oneshot::channel();
            Place { transport: self, ticket: pool.wait(caller), outcome }
        };
        self.change(|_, _| ());
        (&mut place.outcome).await.unwrap_or(Err(Fault::TaskEnded("the wait for a connection")))
    }

    fn pool(&self) -> MutexGuard<'_, Pool<Caller>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the pool, and does what follows from that.
    fn change<R>(self: &Arc<Self>, act: impl FnOnce(&mut Pool<Caller>, Instant) -> R) -> R {
        let (result, Consequences { outcomes, attempts }) = {
            let (mut pool, now) = (self.pool(), Instant::now());
            let result = act(&mut pool, now);
            (result, pool.consequences(now))
        };
        for (caller, outcome) in outcomes {
            // A caller that left this moment drops what it gets, and so gives it to the next.
            let _ = caller.send(outcome.map(|taken| self.leased(taken)));
        }
        for _ in 0..attempts {
            self.start_attempt();
        }
        result
    }

    fn leased(self: &Arc<Self>, taken: Taken) -> Lease {
        Lease::new(Arc::clone(self), taken)
    }

    /// Runs one attempt, which the pool has counted already.
    fn start_attempt(self: &Arc<Self>) {
        let attempt = Attempt { transport: Arc::clone(self), outcome: None };
        // A lease that outlived the runtime gets here without one. Then nobody is left who waits.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let mut attempt = attempt;
                #[cfg(feature = "fault-injection")]
                super::fault_injection::panic_if_asked();
                attempt.outcome = Some(attempt.transport.opener.clone().open().await);
            });
        }
    }

    fn attempt_ended(self: &Arc<Self>, outcome: Result<Opened, Fault>) {
        match outcome {
            Ok(Opened { sender, driver }) => {
                let is_h1 = matches!(sender, NewSender::H1(_));
                self.telemetry.connection_opened(&self.opener.origin(), is_h1);
                let id = self.change(|pool, now| pool.opened(sender, now));
                tokio::spawn(drive(Arc::downgrade(self), id, is_h1, driver));
            }
            Err(fault) => {
                self.telemetry.connection_failed(&self.opener.origin(), &fault);
                if let Some(at) = self.change(|pool, now| pool.attempt_failed(fault, now)) {
                    self.look_again(at);
                }
            }
        }
    }

    /// Sees to it that those who wait are thought of then.
    fn look_again(self: &Arc<Self>, at: Instant) {
        let transport = Arc::downgrade(self);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                sleep_until(at).await;
                if let Some(transport) = transport.upgrade() {
                    transport.change(|_, _| ());
                }
            });
        }
    }

    /// Why whoever waits since then has no connection, if one was tried in vain.
    pub(super) fn failure_since(&self, then: Instant) -> Option<Fault> {
        self.pool().failure_since(then)
    }

    /// The server takes no further stream on this connection.
    pub(super) fn retire(&self, id: u64) {
        self.pool().retire(id);
    }

    /// A stream of HTTP/2 has ended.
    pub(super) fn stream_ended(self: &Arc<Self>, id: u64) {
        self.change(|pool, now| pool.stream_ended(id, now));
    }

    /// A connection of HTTP/1.1 is free again.
    pub(super) fn give_back(self: &Arc<Self>, id: u64, sender: http1::SendRequest<RequestBody>) {
        self.change(|pool, now| pool.give_back(id, sender, now));
    }

    /// The head of a success, whose date is the cluster's.
    pub(super) fn observe_clock(&self, headers: &HeaderMap) {
        self.telemetry.clock.observe(headers);
    }

    fn closed(self: &Arc<Self>, id: u64, is_h1: bool) {
        let fault = || Fault::ClosedAtOnce { origin: self.opener.origin() };
        self.change(|pool, _| pool.closed(id, is_h1, fault));
    }

    fn let_go_if_idle(&self, id: u64, is_h1: bool) -> Idle {
        self.pool().let_go_if_idle(id, is_h1, Instant::now())
    }
}

/// Does a connection's work, and lets go of it once it has been idle for long.
async fn drive(transport: Weak<Transport>, id: u64, is_h1: bool, mut connection: Driver) {
    // Without its transport nobody can use it any more, and it ends by itself.
    let look = || transport.upgrade().map_or(Idle::LetGo, |transport| transport.let_go_if_idle(id, is_h1));
    let mut ended = false;
    while !ended && let Idle::LookAgain(at) = look() {
        match timeout_at(at, connection.next()).await {
            Ok(Some(streams)) => {
                if let Some(transport) = transport.upgrade() {
                    transport.change(|pool, _| pool.server_takes(streams));
                }
            }
            Ok(None) => ended = true,
            Err(_) => {}
        }
    }
    if !ended {
        let _ = timeout(FAREWELL_TIME, connection.as_mut().count()).await;
    }
    drop(connection);
    if let Some(transport) = transport.upgrade() {
        transport.closed(id, is_h1);
    }
}

/// The place of one who waits for a connection; leaving is told, however it happens.
struct Place<'a> {
    transport: &'a Transport,
    ticket: u64,
    outcome: oneshot::Receiver<Result<Lease, Fault>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.transport.pool().leave(self.ticket);
    }
}

/// One attempt; its end is told even if its task is dropped.
struct Attempt {
    transport: Arc<Transport>,
    outcome: Option<Result<Opened, Fault>>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let outcome = self.outcome.take();
        let outcome = outcome.unwrap_or_else(|| {
            self.transport.telemetry.task_ended("a connection attempt");
            Err(Fault::TaskEnded("the connection attempt"))
        });
        self.transport.attempt_ended(outcome);
    }
}
