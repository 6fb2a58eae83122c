//! The connections to one API server.
//!
//! A request takes a [`Lease`] on a stream or a connection. Whoever finds none free waits, and is served in turn;
//! connections are made by tasks of their own, so that a caller that gives up neither stops nor restarts them. While
//! nothing is live, one attempt runs for all, and its failure is everyone's. All decisions are in
//! [`pool`](super::pool); here they meet the runtime.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::body;
use super::connection::{Driver, NewSender, Opened, Opener, RequestBody};
use super::error::Fault;
use super::limits::{ABANDONED_TIME, FAREWELL_TIME};
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
        let (id, sender) = match taken {
            Taken::H2(id, sender) => (id, LeasedSender::H2(sender)),
            Taken::H1(id, sender) => (id, LeasedSender::H1(Some(sender), false)),
        };
        Lease { transport: Arc::clone(self), id, sender }
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
                self.change(|pool, now| pool.attempt_failed(&fault, now));
            }
        }
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
        ended = timeout_at(at, &mut connection).await.is_ok();
    }
    if !ended {
        let _ = timeout(FAREWELL_TIME, &mut connection).await;
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

impl Lease {
    /// Whether requests are to be written for HTTP/2.
    pub(super) fn is_h2(&self) -> bool {
        matches!(self.sender, LeasedSender::H2(_))
    }

    /// Sends the request. With the answer's head, the lease goes on until its body has been read.
    pub(super) async fn send(
        self,
        request: Request<RequestBody>,
    ) -> Result<(Self, Response<Incoming>), Fault> {
        let (lease, response) = self.exchange(request).await?;
        // What stands in front of the API server may have a clock of its own, and answers when something is wrong.
        if response.status().is_success() {
            lease.transport.telemetry.clock.observe(response.headers());
        }
        Ok((lease, response))
    }

    async fn exchange(mut self, request: Request<RequestBody>) -> Result<(Self, Response<Incoming>), Fault> {
        match &mut self.sender {
            LeasedSender::H2(sender) => {
                let answer = Box::pin(sender.try_send_request(request));
                let (lease, outcome) = UnderWay(Some((self, answer))).answer().await;
                if let Err(Fault::Unprocessed { source }) = &outcome
                    && source.ends_the_connection()
                {
                    lease.transport.pool().retire(lease.id);
                }
                Ok((lease, outcome?))
            }
            LeasedSender::H1(Some(sender), _) => {
                // It may still be on its way back from the answer before; a closed one shows when sending.
                let _ = sender.ready().await;
                let response = sender.try_send_request(request).await.map_err(without_answer)?;
                Ok((self, response))
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
        match &mut self.sender {
            LeasedSender::H2(_) => self.transport.change(|pool, now| pool.stream_ended(self.id, now)),
            LeasedSender::H1(sender, reusable) => {
                // One that is not given back is closed, and that is a change of its own.
                if let Some(sender) = sender.take().filter(|sender| *reusable && !sender.is_closed()) {
                    self.transport.change(|pool, now| pool.give_back(self.id, sender, now));
                }
            }
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = SendOutcome> + Send>>;
type SendOutcome = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// A request on a stream of HTTP/2. One whose caller leaves is not reset at once, but has a moment to end by itself:
/// servers take streams that are opened and reset in masses for an attack, and end the connection for all.
struct UnderWay(Option<(Lease, Answer)>);

impl UnderWay {
    async fn answer(mut self) -> (Lease, Result<Response<Incoming>, Fault>) {
        let there = "it is taken out below and by drop alone";
        let outcome = self.0.as_mut().expect(there).1.as_mut().await;
        let (lease, _) = self.0.take().expect(there);
        (lease, outcome.map_err(without_answer))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // Where the runtime is gone, so are its connections.
        if let Some((lease, answer)) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                let _ = timeout(ABANDONED_TIME, read_away(answer)).await;
                drop(lease);
            });
        }
    }
}

/// Reads an answer that nobody wants.
async fn read_away(answer: Answer) {
    if let Ok(response) = answer.await {
        let _ = body::collect(response.into_body()).await;
    }
}

/// What is handed back with the error was certainly not sent.
fn without_answer(mut error: TrySendError<Request<RequestBody>>) -> Fault {
    let unsent = error.take_message().is_some();
    Fault::without_answer(error.into_error(), unsent)
}
