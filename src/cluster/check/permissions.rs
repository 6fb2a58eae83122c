//! The steps `token_review`, `pods` and `nodes`: what the credential may ask.

use serde::Deserialize;
use serde_json::json;

use super::super::api::{Advisor, CallErrorKind, ClusterApi};
use super::super::error::Fault;
use super::super::nulls;
use super::super::request::Question;
use super::Examination;
use crate::config::Lookup;
use crate::outcome::{Reason, cause_chain};
use crate::quote::quoted;
use crate::step::Step;

/// Namespaces that are asked for one by one. Whoever has more grants the permission for all.
const NAMESPACES: usize = 16;

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
                let advice = self.session.advise(&error).await;
                self.add(Step::fail(CHECK, error.kind.reason(), advice.cause, advice.remedy));
                error.kind == CallErrorKind::Forbidden
            }
        }
    }

    /// Whether pods can be read. The answer is whether there is something to go on with.
    pub(super) async fn pods(&mut self) -> bool {
        const CHECK: &str = "pods";
        if self.skipped_with_claims(CHECK) {
            return true;
        }
        let step = self.look_at_pods().await;
        self.conclude(CHECK, step).await
    }

    async fn look_at_pods(&mut self) -> Result<Step, Fault> {
        const CHECK: &str = "pods";
        if self.may_get("pods", "").await? {
            return Ok(Step::pass(CHECK, self.may("get pods in all namespaces")));
        }
        let config = self.config;
        let Some(namespaces) = config.service_account_allow_list.namespaces() else {
            return Ok(self.denied(CHECK, "get pods in all namespaces"));
        };
        let (mut granted, mut denied) = (Vec::new(), Vec::new());
        for namespace in namespaces.iter().take(NAMESPACES) {
            let may = self.may_get("pods", namespace).await?;
            (if may { &mut granted } else { &mut denied }).push((*namespace).to_owned());
        }
        if !denied.is_empty() {
            return Ok(self.denied(CHECK, &format!("get pods in {}", listed(&denied))));
        }
        let rest = namespaces.len() - granted.len();
        let rest = if rest == 0 { String::new() } else { format!("; {rest} more were not asked for") };
        Ok(Step::pass(CHECK, self.may(&format!("get pods in {}{rest}", listed(&granted)))))
    }

    /// Whether nodes can be read. The answer is whether there is something to go on with.
    pub(super) async fn nodes(&mut self) -> bool {
        const CHECK: &str = "nodes";
        if self.skipped_with_claims(CHECK) {
            return true;
        }
        let step = match self.may_get("nodes", "").await {
            Ok(true) => Ok(Step::pass(CHECK, self.may("get nodes"))),
            Ok(false) => Ok(self.denied(CHECK, "get nodes")),
            Err(fault) => Err(fault),
        };
        self.conclude(CHECK, step).await
    }

    /// Adds the step, or why there is none.
    async fn conclude(&mut self, check: &'static str, step: Result<Step, Fault>) -> bool {
        match step {
            Ok(step) => self.add(step),
            // Attestation may work all the same: it does not ask this.
            Err(fault) if matches!(fault.kind(), CallErrorKind::Forbidden | CallErrorKind::Status) => {
                self.add(Step::warn(
                    check,
                    format!(
                        "whether {check} may be read is not known: SelfSubjectAccessReview {}",
                        cause_chain(&fault)
                    ),
                    "Let the credential's user create selfsubjectaccessreviews, as the ClusterRole \
                     system:basic-user does.",
                ));
            }
            Err(fault) => {
                self.fail(check, &fault, "SelfSubjectAccessReview").await;
                return false;
            }
        }
        true
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

    fn denied(&self, check: &'static str, what: &str) -> Step {
        let detail = format!("{} may not {what}", self.who());
        Step::fail(check, Reason::ApiForbidden, detail, self.session.grant(self.checkup.user.as_deref()))
    }

    fn who(&self) -> &str {
        self.checkup.user.as_deref().unwrap_or("the credential's user")
    }

    /// Asks whether objects of this kind may be read, in all namespaces if `namespace` is empty.
    async fn may_get(&mut self, resource: &str, namespace: &str) -> Result<bool, Fault> {
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
        let answer = self.ask(&Question::review(path, &body)).await?;
        let review: Review = serde_json::from_slice(&answer)
            .map_err(|_| Fault::BadAnswer("the answer is no SelfSubjectAccessReview".to_owned()))?;
        Ok(review.status.allowed)
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}
