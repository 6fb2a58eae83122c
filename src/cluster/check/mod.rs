//! Can a cluster be used, and if not, why? One look at everything that an attestation needs, for an operator.
//!
//! ```text
//! Examination ── the steps in their order ── connection, permissions, service
//!    │
//! cause ── from a failure to its cause and remedy, for explain too ── own, way, trust, manifest
//!    │
//! probe ── questions beside those of an attestation
//! ```

use std::sync::Arc;

use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::Cluster;
use super::api::Token;
use super::error::Fault;
use super::request::Question;
use super::session::Session;
use crate::config::ClusterConfig;
use crate::outcome::{Reason, cause_chain};
use crate::step::{Outcome, Step};
use user::NOBODY;

mod cause;
mod certificate;
mod connection;
mod manifest;
mod own;
mod permissions;
mod probe;
mod service;
mod trust;
mod unavailable;
mod user;
mod way;

/// The steps, in their order.
const STEPS: [&str; 9] =
    ["credentials", "reach", "tls", "api_version", "token_review", "pods", "nodes", "signing_keys", "clock"];

/// No server takes this for a token. Too short to be looked for in texts, as tokens are.
const NO_TOKEN: &str = "no-such-token";

/// What a look at a cluster has shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checkup {
    /// The API server's scheme, host and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its version, such as `v1.37.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// Who it takes the credential for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// One for each thing that was to be looked at, always in the same order.
    pub steps: Vec<Step>,
}

impl Checkup {
    /// Whether attestation can succeed.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.first_failure().is_none()
    }

    /// Where attestation fails first.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.failed())
    }
}

impl Cluster {
    /// Looks at everything that an attestation with `config` needs, until `deadline`. To be called on a tokio runtime.
    ///
    /// Takes no slot. Some run at a time; the others wait for their turn.
    pub async fn check(self: &Arc<Self>, config: &ClusterConfig, deadline: Instant) -> Checkup {
        let session = self.session(deadline, Token::new(NO_TOKEN.to_owned()));
        let mut examination =
            Examination { session, config, checkup: Checkup::default(), clock_ahead: None, broken: None };
        let begun = Instant::now();
        match timeout_at(deadline, self.checks.acquire()).await {
            _ if begun >= deadline => examination.add(Step::fail(
                STEPS[0],
                Reason::DeadlineExceeded,
                "not looked at: no time was left for it",
                "Allow more time with `timeout_ms`.",
            )),
            // A turn that comes as the time is over is none.
            Ok(_turn) if Instant::now() < deadline => examination.run().await,
            _ => examination.add(Step::fail(
                STEPS[0],
                Reason::DeadlineExceeded,
                "not looked at: time ran out before its turn came, as other checks of this cluster were running",
                "Repeat it when they are done, or allow more time with `timeout_ms`.",
            )),
        }
        examination.end()
    }
}

/// One look at a cluster.
struct Examination<'a> {
    session: Session,
    config: &'a ClusterConfig,
    checkup: Checkup,
    /// By how many seconds the server's clock is ahead, once an answer said so.
    clock_ahead: Option<i64>,
    /// How the first question ended on the way, and what it was. Later ones may only meet a connection that is closed.
    broken: Option<(Fault, String)>,
}

impl Examination<'_> {
    async fn run(&mut self) {
        let Some(access) = self.credentials().await else { return };
        self.checkup.server = Some(access.server.origin());
        if !self.reach(&access).await || !self.tls(&access).await {
            return;
        }
        self.api_version().await;
        self.checkup.user = self.session.whoami().await;
        if !self.token_review().await {
            return;
        }
        // Attestation asks nothing of what follows, so that no failure to ask ends it.
        self.pods().await;
        self.nodes().await;
        self.signing_keys().await;
        self.clock();
    }

    fn add(&mut self, step: Step) {
        self.checkup.steps.push(step);
    }

    /// Adds a failure, with what is behind it.
    async fn fail(&mut self, check: &'static str, fault: &Fault, attempted: &str) {
        let attempted = match attempted {
            "" => cause_chain(fault),
            attempted => format!("{attempted}: {}", cause_chain(fault)),
        };
        let advice = self.session.advise_on(fault, &attempted).await;
        self.add(Step::fail(check, fault.kind().reason(), advice.cause, advice.remedy));
    }

    /// Puts a question, which has time `until` then, and takes the server's time from its answer.
    async fn ask(
        &mut self,
        question: &Question,
        until: Instant,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Fault> {
        let heard = self.session.probe(question, until).await?;
        self.clock_ahead = heard.clock_ahead.or(self.clock_ahead);
        heard.answer
    }

    /// Method and URL of a question.
    async fn attempted(&self, question: &Question) -> String {
        match self.session.look().await {
            Ok(access) => question.attempted(&access.server),
            Err(_) => String::new(),
        }
    }

    /// Whether a credential is still valid is decided by the server's clock, and not by this machine's.
    fn correct_by_server(&mut self) {
        let review = self.checkup.steps.iter().find(|step| step.check == "token_review");
        let yet = match (review.map(|step| step.reason), self.checkup.user.as_deref()) {
            (Some(None), Some(NOBODY)) => "yet the API server lets whoever asks review tokens",
            (Some(Some(Reason::ApiForbidden)), Some(NOBODY) | None) => return,
            (Some(None | Some(Reason::ApiForbidden)), _) if self.clocks_differ() => {
                "yet the API server accepts it: see `clock`"
            }
            (Some(None | Some(Reason::ApiForbidden)), _) => "yet the API server accepts it",
            _ => return,
        };
        if let Some(step) = self.checkup.steps.first_mut().filter(|step| step.failed()) {
            step.outcome = Outcome::Warn;
            step.reason = None;
            step.detail = format!("{}; {yet}", step.detail);
        }
    }

    /// Says of the steps that were not come to why.
    fn end(mut self) -> Checkup {
        self.correct_by_server();
        let failed = self.checkup.steps.iter().rev().find(|step| step.failed());
        let why = format!("not looked at: `{}` failed", failed.map_or("check", |step| step.check));
        for check in &STEPS[self.checkup.steps.len()..] {
            self.add(Step::skip(check, why.as_str()));
        }
        self.checkup
    }
}
