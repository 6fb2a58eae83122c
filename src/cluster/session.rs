//! The calls of one attestation.

use std::error::Error;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::Cluster;
use super::api::{Call, CallError, ClusterApi, Node, Pod, Token, TokenReviewStatus};
use super::credentials::Access;
use super::error::{Fault, Phase};
use super::limits::UNSENT_TRIES;
use super::request::Question;
use super::secret::Secret;
use super::transport::Lease;
use super::{answer, body};

/// One attestation's access to a cluster: all its calls use the same credentials and end at the same deadline.
pub struct Session {
    pub(super) cluster: Arc<Cluster>,
    pub(super) deadline: Instant,
    /// The agent's token, which no text that leaves here may hold.
    pub(super) token: Token,
    /// Looked at once, when the first call is made.
    access: OnceCell<Result<Arc<Access>, Fault>>,
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
        Self { cluster, deadline, token, access: OnceCell::new(), calls: Mutex::default() }
    }

    /// The calls that have ended so far, in the order in which they ended; failed and cancelled ones too.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a question, within the attestation's time and the time for one try.
    async fn ask<T>(
        &self,
        call: Call,
        question: Result<Question, Fault>,
        read: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, CallError> {
        let question = question.map_err(|fault| error(call, String::new(), fault))?;
        let one_try = Instant::now().checked_add(self.cluster.call_timeout);
        let until = one_try.map_or(self.deadline, |one_try| one_try.min(self.deadline));
        if until <= Instant::now() {
            return Err(error(call, String::new(), Fault::TimeRanOut(Phase::Credentials)));
        }
        let progress = Progress::new(self, call);
        let outcome = timeout_at(until, self.try_once(&question, until, &progress, read))
            .await
            .unwrap_or_else(|_| Err(Fault::TimeRanOut(progress.phase())));
        outcome.map_err(|fault| error(call, self.attempted(&question), fault))
    }

    /// One try. Retries are to be made around it.
    async fn try_once<T>(
        &self,
        question: &Question,
        until: Instant,
        progress: &Progress<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let access = self.look().await?;
        let (lease, response) = exchange(question, &access, progress).await?;

        let status = response.status();
        progress.answered(status.as_u16());
        if !status.is_success() {
            let credential = access.secrets();
            let secrets: Vec<&str> = credential.chain([self.token.expose()]).collect();
            // Its body may take half of what is left, so that the status is told in time.
            let time = until.saturating_duration_since(Instant::now()) / 2;
            let body = response.into_body();
            let refusal = body::refusal(status, question.is_get(), body, &secrets, time);
            let (fault, read_to_end) = refusal.await;
            if read_to_end {
                lease.finished();
            }
            return Err(fault);
        }
        let answer = body::collect(response.into_body()).await?;
        lease.finished();
        read(&answer)
    }

    /// The credentials of all calls: looked at once, when the first is made.
    pub(super) async fn look(&self) -> Result<Arc<Access>, Fault> {
        self.access.get_or_init(|| self.cluster.credentials.fresh()).await.clone()
    }

    /// Whether the agent's token or the cluster's own credential, or a part that gives it away, stands in `text`.
    #[must_use]
    pub fn holds_secret(&self, text: &str) -> bool {
        let access = self.access.get().and_then(|access| access.as_ref().ok());
        let mut own = access.into_iter().flat_map(|access| access.secrets());
        self.token.stands_in(text) || own.any(|secret| Secret::plainly(secret).stands_in(text))
    }

    /// What a call attempted, for its error. Without credentials there is no URL.
    fn attempted(&self, question: &Question) -> String {
        match self.access.get() {
            Some(Ok(access)) => question.attempted(&access.server),
            _ => String::new(),
        }
    }
}

/// Sends the question over a connection of the cluster. One that turns out to be closed before anything was sent, or that
/// the server says goodbye on before it looked at the request, is replaced: servers close idle connections, and restart.
async fn exchange(
    question: &Question,
    access: &Access,
    progress: &Progress<'_>,
) -> Result<(Lease, Response<Incoming>), Fault> {
    let mut unsent = 0;
    loop {
        progress.enter(Phase::Connection);
        let mut lease = access.transport.lease().await?;
        let request = question.request(access, lease.is_h2())?;
        progress.enter(Phase::Answer);
        match lease.send(request).await {
            Ok(response) => return Ok((lease, response)),
            Err(mut failed) => {
                unsent += 1;
                let not_processed = failed.take_message().is_some() || refused_unprocessed(failed.error());
                if !not_processed || unsent == UNSENT_TRIES {
                    return Err(failed.into_error().into());
                }
                progress.attempts.store(unsent + 1, Relaxed);
            }
        }
    }
}

/// Whether the server told that it has not processed the request: RFC 9113, sections 6.8 and 8.7.
fn refused_unprocessed(error: &hyper::Error) -> bool {
    let Some(error) = error.source().and_then(|source| source.downcast_ref::<h2::Error>()) else {
        return false;
    };
    let told = |is_such: bool, reason| is_such && error.reason() == Some(reason);
    error.is_remote()
        && (told(error.is_go_away(), h2::Reason::NO_ERROR)
            || told(error.is_reset(), h2::Reason::REFUSED_STREAM))
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
    /// 0 until an answer begins.
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
        status.withhold(|text| self.holds_secret(text));
        Ok(status)
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<Pod, CallError> {
        let question = Question::pod(namespace, name);
        self.ask(Call::Pod, question, |body| answer::pod(body, namespace, name)).await
    }

    async fn node(&self, name: &str) -> Result<Node, CallError> {
        self.ask(Call::Node, Question::node(name), |body| answer::node(body, name)).await
    }
}
