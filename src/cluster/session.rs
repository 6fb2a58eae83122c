//! The calls of one attestation.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout_at};

use super::Cluster;
use super::api::{Call, CallError, ClusterApi, Node, Pod, Token, TokenReviewStatus};
use super::credentials::Access;
use super::error::{Fault, Phase};
use super::request::Question;
use super::retry::{Chance, Next, Retries};
use super::secret::Secrets;
use super::{answer, body};

/// One attestation's access to a cluster: all its calls use the same credentials and end at the same deadline.
/// A server that does not take the credentials has them looked at again, once.
pub struct Session {
    pub(super) cluster: Arc<Cluster>,
    pub(super) deadline: Instant,
    /// The agent's token, which no text that leaves here may hold.
    pub(super) token: Token,
    /// Looked at once, when the first call is made.
    access: OnceCell<Result<Arc<Access>, Fault>>,
    /// The second look, and what it brought if that was anything else.
    renewed: OnceCell<Option<Arc<Access>>>,
    calls: Mutex<Vec<CallRecord>>,
}

/// One call that a session made, for `diagnostics.api_calls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Which call it was.
    pub call: Call,
    /// The status of the answer, if one began.
    pub status: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took, credentials and connection included.
    pub elapsed: Duration,
}

impl Session {
    pub(super) fn new(cluster: Arc<Cluster>, deadline: Instant, token: Token) -> Self {
        let (access, renewed) = (OnceCell::new(), OnceCell::new());
        Self { cluster, deadline, token, access, renewed, calls: Mutex::default() }
    }

    /// The calls that have ended since this was last asked, in the order in which they ended; failed and cancelled ones too.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a question, within the attestation's time.
    async fn ask<T>(
        &self,
        call: Call,
        question: Result<Question, Fault>,
        read: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, CallError> {
        let question = question.map_err(|fault| error(call, String::new(), fault))?;
        if self.deadline <= Instant::now() {
            return Err(error(call, String::new(), Fault::TimeRanOut(Phase::Unasked)));
        }
        let progress = Progress::new(self, call);
        let outcome = self.persist(&question, &progress, read).await;
        outcome.map_err(|fault| error(call, self.attempted(&question), fault))
    }

    /// Puts a question until there is an answer, or a failure that stands.
    async fn persist<T>(
        &self,
        question: &Question,
        progress: &Progress<'_>,
        read: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.cluster.retry_budget.add_call();
        let mut retries = Retries::default();
        loop {
            let (begun, until) = (Instant::now(), self.end_of_a_try());
            let access = progress.in_time(until, self.look()).await?;
            let a_try = self.try_once(question, &access, until, progress, &read);
            let fault = match progress.in_time(until, a_try).await {
                Ok(answer) => return Ok(answer),
                // Whoever waited for a connection in vain is told what was in the way.
                Err(fault @ Fault::TimeRanOut(Phase::Connection)) => {
                    access.transport.failure_since(begun).unwrap_or(fault)
                }
                Err(fault) => fault,
            };
            if !self.may_try_again(fault.chance(), &mut retries, &access).await {
                return Err(fault);
            }
            progress.begin_again();
        }
    }

    /// When a try that begins now has to be over.
    pub(super) fn end_of_a_try(&self) -> Instant {
        let one_try = Instant::now().checked_add(self.cluster.call_timeout);
        one_try.map_or(self.deadline, |one_try| one_try.min(self.deadline))
    }

    async fn try_once<T>(
        &self,
        question: &Question,
        access: &Access,
        until: Instant,
        progress: &Progress<'_>,
        read: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        progress.enter(Phase::Connection);
        let turn = self.cluster.turn().await;
        let lease = access.transport.lease().await?.holding(turn);
        let request = question.request(access, lease.is_h2())?;
        progress.enter(Phase::Answer);
        let response = lease.send(request).await?;

        let status = response.status();
        progress.answered(status.as_u16());
        if !status.is_success() {
            let credential = access.secrets();
            let secrets: Vec<&str> = credential.chain([self.token.expose()]).collect();
            // Its body may take half of what is left, so that the status is told in time.
            let time = until.saturating_duration_since(Instant::now()) / 2;
            return Err(body::refusal(response, question.is_get(), &secrets, time).await);
        }
        read(&body::collect(response.into_body()).await?)
    }

    /// Waits for the moment of the next try, if there is to be one.
    async fn may_try_again(&self, chance: Chance, retries: &mut Retries, used: &Arc<Access>) -> bool {
        if chance == Chance::OtherCredentials {
            return self.has_other_credentials(used).await;
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        match retries.next(chance, left, &self.cluster.retry_budget) {
            Next::TryAfter(Duration::ZERO) => {}
            // Never longer than the attestation has time.
            Next::TryAfter(pause) => sleep(pause).await,
            Next::GiveUp => return false,
            Next::OutOfBudget => {
                self.cluster.telemetry.retry_refused();
                return false;
            }
        }
        true
    }

    /// Whether a second look finds other credentials than those that a server did not take. A look that fails or takes
    /// too long finds none, and the refusal stands.
    async fn has_other_credentials(&self, used: &Arc<Access>) -> bool {
        let look = async || self.cluster.credentials.second_look(used).await.ok().flatten();
        let renewed = timeout_at(self.deadline, self.renewed.get_or_init(look)).await;
        matches!(renewed, Ok(Some(other)) if !Arc::ptr_eq(other, used))
    }

    /// The credentials of the next try: looked at once, when the first call is made, and again if a server did not take
    /// them.
    pub(super) async fn look(&self) -> Result<Arc<Access>, Fault> {
        if let Some(Some(renewed)) = self.renewed.get() {
            return Ok(Arc::clone(renewed));
        }
        self.access.get_or_init(|| self.cluster.credentials.fresh()).await.clone()
    }

    /// All credentials that calls of this session used.
    fn used(&self) -> impl Iterator<Item = &Arc<Access>> {
        let first = self.access.get().and_then(|access| access.as_ref().ok());
        first.into_iter().chain(self.renewed.get().into_iter().flatten())
    }

    /// Whether the agent's token or the cluster's own credential, or a part that gives it away, stands in `text`.
    #[must_use]
    pub fn holds_secret(&self, text: &str) -> bool {
        Secrets::plainly(self.secrets()).stand_in(text)
    }

    /// Whether even a small part of one of them stands in `text`, which can be left out without loss.
    pub(super) fn gives_away(&self, text: &str) -> bool {
        Secrets::strictly(self.secrets()).stand_in(text)
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.used().flat_map(|access| access.secrets()).chain([self.token.expose()])
    }

    /// What a call attempted, for its error. Without credentials there is no URL.
    fn attempted(&self, question: &Question) -> String {
        self.used().last().map_or_else(String::new, |access| question.attempted(&access.server))
    }
}

fn error(call: Call, attempted: String, fault: Fault) -> CallError {
    let kind = fault.kind();
    let attempted = if attempted.is_empty() { "could not be asked".to_owned() } else { attempted };
    CallError { kind, call, attempted, source: Some(Box::new(fault)) }
}

/// How far a call has come. Its end is recorded however it ends, also when its future is dropped.
struct Progress<'a> {
    session: &'a Session,
    call: Call,
    begun: Instant,
    phase: AtomicU8,
    attempts: AtomicU32,
    /// Of the last try; 0 until its answer begins.
    status: AtomicU16,
}

impl<'a> Progress<'a> {
    fn new(session: &'a Session, call: Call) -> Self {
        Self {
            session,
            call,
            begun: Instant::now(),
            phase: AtomicU8::new(Phase::Credentials as u8),
            attempts: AtomicU32::new(1),
            status: AtomicU16::new(0),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    fn phase(&self) -> Phase {
        Phase::from_number(self.phase.load(Relaxed))
    }

    fn answered(&self, status: u16) {
        self.enter(Phase::Body);
        self.status.store(status, Relaxed);
    }

    /// Another try.
    fn begin_again(&self) {
        self.enter(Phase::Credentials);
        self.attempts.fetch_add(1, Relaxed);
        self.status.store(0, Relaxed);
    }

    /// The outcome of a part of a try, if it is there in time.
    async fn in_time<T>(
        &self,
        until: Instant,
        part: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        timeout_at(until, part).await.unwrap_or_else(|_| Err(Fault::TimeRanOut(self.phase())))
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        let status = Some(self.status.load(Relaxed)).filter(|status| *status != 0);
        let attempts = *self.attempts.get_mut();
        let record = CallRecord { call: self.call, status, attempts, elapsed: self.begun.elapsed() };
        self.session.cluster.telemetry.call_ended(self.call, status, attempts);
        self.session.calls.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

impl ClusterApi for Session {
    async fn review_token(&self, audiences: &[String]) -> Result<TokenReviewStatus, CallError> {
        let question = Question::token_review(&self.token, audiences);
        let mut status = self.ask(Call::TokenReview, question, answer::token_review).await?;
        let secrets = Secrets::plainly(self.secrets());
        status.withhold(|text| secrets.stand_in(text));
        Ok(status)
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<Pod, CallError> {
        let (question, labels) = (Question::pod(namespace, name), &self.cluster.pod_labels);
        self.ask(Call::Pod, question, |body| answer::pod(body, namespace, name, labels)).await
    }

    async fn node(&self, name: &str) -> Result<Node, CallError> {
        let (question, labels) = (Question::node(name), &self.cluster.node_labels);
        self.ask(Call::Node, question, |body| answer::node(body, name, labels)).await
    }
}
