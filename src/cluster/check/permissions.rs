//! The steps `token_review`, `pods` and `nodes`: what the credential may ask.

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use super::super::api::{Advisor, CallErrorKind, ClusterApi};
use super::super::error::Fault;
use super::super::nulls;
use super::super::request::Question;
use super::Examination;
use super::cause::beneath;
use crate::config::Lookup;
use crate::outcome::{Reason, cause_chain};
use crate::quote::quoted;
use crate::step::Step;

/// Namespaces that are asked for one by one, and how many of them at a time. Whoever has more grants the permission for
/// all.
const NAMESPACES: usize = 128;
const NAMESPACES_AT_ONCE: usize = 8;

/// As many names as a line holds.
const NAMES_IN_A_LINE: usize = 8;

impl Examination<'_> {
    /// Whether a token can be reviewed. The answer is whether there is something to go on with.
    pub(super) async fn token_review(&mut self) -> bool {
        const CHECK: &str = "token_review";
        match self.session.review_token(&self.config.audience).await {
            Ok(status) if status.authenticated => {
                self.add(Step::fail(
                    CHECK,
                    Reason::ApiBadResponse,
                    "TokenReview accepts a token that cannot be valid",
                    "Look at who answers as API server, and at its token webhook if it has one.",
                ));
                true
            }
            Ok(_) => {
                let audiences = match self.config.audience.as_slice() {
                    [] => "without an audience".to_owned(),
                    audiences => format!("for the audience {}", listed(audiences)),
                };
                self.add(Step::pass(CHECK, format!("a token that cannot be valid is refused, {audiences}")));
                true
            }
            Err(error) => {
                let advice = match &self.broken {
                    Some((fault, attempted)) if error.kind == CallErrorKind::Unreachable => {
                        self.session.advise_on(fault, attempted).await
                    }
                    _ => self.session.advise(&error).await,
                };
                let refused = beneath(&error).and_then(Fault::refused_user).map(str::to_owned);
                self.checkup.user = self.checkup.user.take().or(refused);
                self.add(Step::fail(CHECK, error.kind.reason(), advice.cause, advice.remedy));
                error.kind == CallErrorKind::Forbidden
            }
        }
    }

    /// Whether pods can be read.
    pub(super) async fn pods(&mut self) {
        const CHECK: &str = "pods";
        if self.skipped_with_claims(CHECK) {
            return;
        }
        let step = match self.look_at_pods(CHECK).await {
            Ok(step) => step,
            Err(fault) => self.not_known(CHECK, &fault).await,
        };
        self.add(step);
    }

    async fn look_at_pods(&self, check: &'static str) -> Result<Step, Fault> {
        if self.may_get("pods", "").await? {
            return Ok(Step::pass(check, self.may("get pods in all namespaces")));
        }
        let Some(namespaces) = self.config.service_account_allow_list.namespaces() else {
            return Ok(self.denied(check, "get pods in all namespaces").await);
        };
        let asked = namespaces.iter().take(NAMESPACES).copied();
        let asks: Vec<_> = asked
            .map(|namespace| async move { (namespace, self.may_get("pods", namespace).await) })
            .collect();
        let answers: Vec<_> = stream::iter(asks).buffered(NAMESPACES_AT_ONCE).collect().await;
        let (mut granted, mut denied, mut failure) = (Vec::new(), Vec::new(), None);
        for (namespace, answer) in answers {
            match answer {
                Ok(true) => granted.push(namespace),
                Ok(false) => denied.push(namespace),
                Err(fault) => failure = Some(fault),
            }
        }
        if !denied.is_empty() {
            return Ok(self.denied(check, &format!("get pods in {}", some_of(&denied))).await);
        }
        if let Some(fault) = failure {
            return Err(fault);
        }
        let may = self.may(&format!("get pods in {}", some_of(&granted)));
        Ok(match namespaces.len() - granted.len() {
            0 => Step::pass(check, may),
            rest => Step::warn(
                check,
                format!("{may}; {rest} more namespaces of the allow list were not asked for"),
                "Let the credential's user get pods in all namespaces, or make sure of those that are left.",
            ),
        })
    }

    /// Whether nodes can be read.
    pub(super) async fn nodes(&mut self) {
        const CHECK: &str = "nodes";
        if self.skipped_with_claims(CHECK) {
            return;
        }
        let step = match self.may_get("nodes", "").await {
            Ok(true) => Step::pass(CHECK, self.may("get nodes")),
            Ok(false) => self.denied(CHECK, "get nodes").await,
            Err(fault) => self.not_known(CHECK, &fault).await,
        };
        self.add(step);
    }

    /// Why it is not known whether these may be read. Attestation may work all the same: it does not ask this.
    async fn not_known(&self, check: &'static str, fault: &Fault) -> Step {
        let remedy = if fault.kind() == CallErrorKind::Forbidden {
            let user = self.checkup.user.as_deref().or(fault.refused_user());
            let remedy = "Let the credential's user create selfsubjectaccessreviews, as the ClusterRole system:basic-user \
                          does.";
            self.session.unless_nobody(user, remedy.to_owned()).await
        } else {
            format!("Have `explain` try the token of an agent: it shows whether {check} can be read.")
        };
        let detail = format!(
            "whether {check} may be read is not known: SelfSubjectAccessReview {}",
            cause_chain(fault)
        );
        Step::warn(check, detail, remedy)
    }

    fn skipped_with_claims(&mut self, check: &'static str) -> bool {
        let skipped = self.config.lookup == Lookup::Claims;
        if skipped {
            self.add(Step::skip(check, format!("with `lookup` claims no {check} are read")));
        }
        skipped
    }

    fn may(&self, what: &str) -> String {
        format!("{} may {what}", self.who())
    }

    async fn denied(&self, check: &'static str, what: &str) -> Step {
        let detail = format!("{} may not {what}", self.who());
        Step::fail(
            check,
            Reason::ApiForbidden,
            detail,
            self.session.grant(self.checkup.user.as_deref()).await,
        )
    }

    fn who(&self) -> &str {
        self.checkup.user.as_deref().unwrap_or("the credential's user")
    }

    /// Asks whether objects of this kind may be read, in all namespaces if `namespace` is empty.
    async fn may_get(&self, resource: &str, namespace: &str) -> Result<bool, Fault> {
        #[derive(Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(Deserialize)]
        struct Status {
            #[serde(default, deserialize_with = "nulls::value")]
            allowed: bool,
        }
        let mut attributes = json!({"verb": "get", "resource": resource});
        if !namespace.is_empty() {
            attributes["namespace"] = namespace.into();
        }
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let question = Question::review(path, &body);
        let answer = self.session.probe(&question, self.session.end_of_a_try()).await?.answer?;
        let review: Review = serde_json::from_slice(&answer)
            .map_err(|_| Fault::BadAnswer("the answer is no SelfSubjectAccessReview".to_owned()))?;
        Ok(review.status.allowed)
    }
}

fn listed(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn some_of(names: &[&str]) -> String {
    match names.len().saturating_sub(NAMES_IN_A_LINE) {
        0 => listed(names),
        more => format!("{} and {more} more", listed(&names[..NAMES_IN_A_LINE])),
    }
}
