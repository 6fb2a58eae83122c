//! The connections to one API server.
//!
//! A request takes a [`Lease`] on a stream or a connection. Whoever finds none free waits; connections are made by tasks
//! of their own, so that a caller that gives up neither stops nor restarts them. While nothing is live, one attempt runs
//! for all, and its failure is everyone's. All decisions are in [`pool`](super::pool); here they meet the runtime.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{Driver, NewSender, Opened, Opener, RequestBody};
use super::error::Fault;
use super::limits::{FAREWELL_TIME, IDLE_TIME};
use super::observer::Telemetry;
use super::pool::{Idle, Pool, Step, Taken};

/// The connections to one API server with one TLS identity.
pub(super) struct Transport {
    opener: Opener,
    telemetry: Arc<Telemetry>,
    pool: Mutex<Pool>,
    /// A connection came, went, or has room again; or an attempt failed.
    changed: Notify,
}

/// The right to send one request.
pub(super) struct Lease {
    transport: Arc<Transport>,
    id: u64,
    sender: LeasedSender,
}

enum LeasedSender {
    H2(http2::SendRequest<RequestBody>),
    /// With whether it may be used again.
    H1(Option<http1::SendRequest<RequestBody>>, bool),
}

impl Transport {
    pub(super) fn new(opener: Opener, telemetry: Arc<Telemetry>) -> Self {
        Self { opener, telemetry, pool: Mutex::default(), changed: Notify::new() }
    }

    /// Makes connections of its own, for a look at the way there.
    pub(super) fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Waits for room on a connection. The caller bounds the time.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, Fault> {
        let failures_seen = {
            let mut pool = self.pool();
            if let Some(taken) = pool.take() {
                return Ok(self.leased(taken));
            }
            pool.waiting += 1;
            pool.failures()
        };
        let _waiting = Waiting(self);
        loop {
            // Registered before the look, so that no change in between is missed.
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let step = self.pool().step(failures_seen, Instant::now());
            match step {
                Step::Take(taken) => return Ok(self.leased(taken)),
                Step::Fail(fault) => return Err(fault),
                Step::Wait { attempts } => (0..attempts).for_each(|_| self.start_attempt()),
            }
            changed.await;
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leased(self: &Arc<Self>, taken: Taken) -> Lease {
        let (id, sender) = match taken {
            Taken::H2(id, sender) => (id, LeasedSender::H2(sender)),
            Taken::H1(id, sender) => (id, LeasedSender::H1(Some(sender), false)),
        };
        Lease { transport: Arc::clone(self), id, sender }
    }

    /// Runs one attempt, which the pool has counted already. Not to be called with the pool locked.
    fn start_attempt(self: &Arc<Self>) {
        let attempt = Attempt { transport: Arc::clone(self), outcome: None };
        tokio::spawn(async move {
            let mut attempt = attempt;
            #[cfg(feature = "fault-injection")]
            super::fault_injection::panic_if_asked();
            attempt.outcome = Some(attempt.transport.opener.clone().open().await);
        });
    }

    fn attempt_ended(self: &Arc<Self>, outcome: Result<Opened, Fault>) {
        match outcome {
            Ok(Opened { sender, driver }) => {
                let is_h1 = matches!(sender, NewSender::H1(_));
                self.telemetry.connection_opened(&self.opener.origin(), is_h1);
                let id = self.pool().opened(sender, Instant::now());
                tokio::spawn(drive(Arc::downgrade(self), id, is_h1, driver));
            }
            Err(fault) => {
                self.telemetry.connection_failed(&self.opener.origin(), &fault);
                self.pool().attempt_failed(fault, Instant::now());
            }
        }
        self.changed.notify_waiters();
    }

    fn closed(&self, id: u64, is_h1: bool) {
        self.pool().closed(id, is_h1, || Fault::ClosedAtOnce { origin: self.opener.origin() });
        self.changed.notify_waiters();
    }
}

/// Does a connection's work, and lets go of it once it has been idle for long.
async fn drive(transport: Weak<Transport>, id: u64, is_h1: bool, mut connection: Driver) {
    let mut next_look = Instant::now() + IDLE_TIME;
    loop {
        tokio::select! {
            () = &mut connection => break,
            () = sleep_until(next_look) => {
                // Without its transport nobody can use it any more, and it ends by itself.
                let idle = transport.upgrade().map_or(Idle::LetGo, |transport| {
                    transport.pool().let_go_if_idle(id, Instant::now())
                });
                match idle {
                    Idle::LookAgain(at) => next_look = at,
                    Idle::LetGo => {
                        let _ = timeout(FAREWELL_TIME, &mut connection).await;
                        break;
                    }
                }
            }
        }
    }
    drop(connection);
    if let Some(transport) = transport.upgrade() {
        transport.closed(id, is_h1);
    }
}

/// One who waits for a connection; leaving is told, however it happens.
struct Waiting<'a>(&'a Transport);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.pool().waiting -= 1;
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

impl Lease {
    /// Whether requests are to be written for HTTP/2.
    pub(super) fn is_h2(&self) -> bool {
        matches!(self.sender, LeasedSender::H2(_))
    }

    /// Sends the request. What was certainly not sent is handed back within the error.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Box<TrySendError<Request<RequestBody>>>> {
        match &mut self.sender {
            LeasedSender::H2(sender) => sender.try_send_request(request).await.map_err(Box::new),
            LeasedSender::H1(Some(sender), _) => {
                // It may still be on its way back from the answer before; a closed one shows when sending.
                let _ = sender.ready().await;
                sender.try_send_request(request).await.map_err(Box::new)
            }
            LeasedSender::H1(None, _) => unreachable!("the sender is taken out by drop alone"),
        }
    }

    /// The answer has been read to its end.
    pub(super) fn finished(mut self) {
        if let LeasedSender::H1(_, reusable) = &mut self.sender {
            *reusable = true;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let now = Instant::now();
        match &mut self.sender {
            LeasedSender::H2(_) => self.transport.pool().stream_ended(self.id, now),
            LeasedSender::H1(sender, reusable) => {
                if let Some(sender) = sender.take().filter(|sender| *reusable && !sender.is_closed()) {
                    self.transport.pool().give_back(self.id, sender, now);
                }
            }
        }
        self.transport.changed.notify_one();
    }
}
