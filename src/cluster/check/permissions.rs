//! The steps `token_review`, `pods` and `nodes`: what the credential may ask.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use super::super::api::{Advisor, CallErrorKind, ClusterApi};
use super::super::error::Fault;
use super::super::nulls;
use super::super::request::Question;
use super::Examination;
use crate::config::Lookup;
use crate::outcome::Reason;
use crate::quote::quoted_list;
use crate::step::Step;

/// Namespaces that are asked for one by one. Whoever has more grants the permission for all.
const NAMESPACES: usize = 16;

/// What came of asking for a permission.
enum Permission {
    Granted,
    Denied,
    /// The question was not answered.
    Unknown(Fault),
}

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
                    audiences => format!("for the audience {}", quoted_list(audiences)),
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

    pub(super) async fn pods(&mut self) {
        const CHECK: &str = "pods";
        if self.skipped_with_claims(CHECK) {
            return;
        }
        let everywhere = self.may_get("pods", "").await;
        let namespaces = self.config.service_account_allow_list.namespaces();
        let step = match (everywhere, namespaces) {
            (Permission::Granted, _) => Step::pass(CHECK, self.may("get pods in all namespaces")),
            (Permission::Unknown(fault), _) => unknown(CHECK, &fault),
            (Permission::Denied, None) => self.denied(CHECK, "get pods in all namespaces"),
            (Permission::Denied, Some(namespaces)) => self.pods_in(&namespaces).await,
        };
        self.add(step);
    }

    async fn pods_in(&mut self, namespaces: &BTreeSet<&str>) -> Step {
        const CHECK: &str = "pods";
        let mut denied = Vec::new();
        for namespace in namespaces.iter().take(NAMESPACES) {
            match self.may_get("pods", namespace).await {
                Permission::Granted => {}
                Permission::Denied => denied.push((*namespace).to_owned()),
                Permission::Unknown(fault) => return unknown(CHECK, &fault),
            }
        }
        if !denied.is_empty() {
            return self.denied(CHECK, &format!("get pods in {}", quoted_list(&denied)));
        }
        let asked: Vec<String> = namespaces.iter().take(NAMESPACES).map(|one| (*one).to_owned()).collect();
        let rest = namespaces.len() - asked.len();
        let rest = if rest == 0 { String::new() } else { format!("; {rest} more were not asked for") };
        Step::pass(CHECK, self.may(&format!("get pods in {}{rest}", quoted_list(&asked))))
    }

    pub(super) async fn nodes(&mut self) {
        const CHECK: &str = "nodes";
        if self.skipped_with_claims(CHECK) {
            return;
        }
        let step = match self.may_get("nodes", "").await {
            Permission::Granted => Step::pass(CHECK, self.may("get nodes")),
            Permission::Denied => self.denied(CHECK, "get nodes"),
            Permission::Unknown(fault) => unknown(CHECK, &fault),
        };
        self.add(step);
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
    async fn may_get(&mut self, resource: &str, namespace: &str) -> Permission {
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
        let answer = self.ask(&Question::review(path, &body)).await;
        let review = answer.and_then(|answer| {
            serde_json::from_slice::<Review>(&answer)
                .map_err(|_| Fault::BadAnswer("the answer is no SelfSubjectAccessReview".to_owned()))
        });
        match review {
            Ok(review) if review.status.allowed => Permission::Granted,
            Ok(_) => Permission::Denied,
            Err(fault) => Permission::Unknown(fault),
        }
    }
}

/// Attestation may work all the same: it does not ask this.
fn unknown(check: &'static str, fault: &Fault) -> Step {
    Step::warn(
        check,
        format!(
            "whether {check} may be read is not known: SelfSubjectAccessReview {}",
            crate::outcome::cause_chain(fault)
        ),
        "Let the credential's user create selfsubjectaccessreviews, as the ClusterRole system:basic-user does.",
    )
}
