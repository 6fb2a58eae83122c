//! `/openid/v1/jwks` of the cluster's API server, read with the cluster's own credentials.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::super::api::CallErrorKind;
use super::super::credentials::{Access, Credentials};
use super::super::error::{Fault, Phase};
use super::super::headers::max_age;
use super::super::inquiry;
use super::super::limits::{KEY_SET_BYTES, KEYS_TIME};
use super::super::observer::{ClusterEvent, Telemetry};
use super::super::request::Question;
use super::life::{Change, Failure, Reading};
use super::ring::Source;
use super::set::KeySet;
use crate::outcome::cause_chain;

/// Plain JSON alone is answered with 406.
const ACCEPTED: &str = "application/jwk-set+json, application/json";

/// Where a cluster publishes its signing keys. The address is the kubeconfig's, never one out of a token.
pub struct Endpoint {
    credentials: Arc<Credentials>,
    telemetry: Arc<Telemetry>,
    /// For one reading.
    time: Duration,
}

/// The credentials that one look found: equal only to themselves. Any change of server, CA or credential makes others.
pub struct Found(Weak<Access>);

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Endpoint {
    pub(in super::super) fn new(
        credentials: Arc<Credentials>,
        telemetry: Arc<Telemetry>,
        time: Duration,
    ) -> Self {
        Self { credentials, telemetry, time: time.min(KEYS_TIME) }
    }

    async fn ask(&self, question: &Question, access: &Access, until: Instant) -> Result<Keys, Fault> {
        let mut status = None;
        let asked = inquiry::put(question, access, "", KEY_SET_BYTES, until, &mut status);
        let heard = timeout_at(until, asked).await;
        self.telemetry.probe_ended(status);
        let heard = heard.unwrap_or(Err(Fault::TimeRanOut(Phase::Answer)))?;
        let set = KeySet::parse(&heard.answer?).map_err(|why| Fault::BadAnswer(why.to_owned()))?;
        Ok((set, max_age(&heard.headers)))
    }
}

type Keys = (KeySet, Option<Duration>);

impl Source for Endpoint {
    type Identity = Found;

    fn current(&self) -> Option<Found> {
        self.credentials.current().map(|access| Found(Arc::downgrade(&access)))
    }

    async fn read(&self) -> Reading<Found> {
        // Times beyond what the clock can tell are bounded by the configuration.
        let until = Instant::now() + self.time;
        let looked = timeout_at(until, self.credentials.fresh()).await;
        let access = match looked.unwrap_or(Err(Fault::TimeRanOut(Phase::Credentials))) {
            Ok(access) => access,
            Err(fault) => return Reading { with: self.current(), outcome: Err(failure(&fault, None)) },
        };
        let question = Question::get("/openid/v1/jwks", ACCEPTED);
        let keys = self.ask(&question, &access, until).await;
        let outcome = keys.map_err(|fault| failure(&fault, Some(question.attempted(&access.server))));
        Reading { with: Some(Found(Arc::downgrade(&access))), outcome }
    }

    fn changed(&self, change: &Change) {
        self.telemetry.tell(&match change {
            Change::Keys(keys) => ClusterEvent::KeysRead(*keys),
            Change::Unreadable(failure) => ClusterEvent::KeysUnreadable(&failure.cause),
        });
    }

    fn ended_without_result(&self) {
        self.telemetry.task_ended("the reading of the signing keys");
    }
}

fn failure(fault: &Fault, attempted: Option<String>) -> Failure {
    let denied = matches!(fault.kind(), CallErrorKind::Forbidden | CallErrorKind::NotFound);
    let cause = cause_chain(fault);
    Failure { denied, cause: attempted.map_or(cause.clone(), |attempted| format!("{attempted}: {cause}")) }
}
