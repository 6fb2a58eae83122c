//! Who the API server takes the credential for, and what that user is granted.

use serde::Deserialize;
use serde_json::json;

use super::super::credentials::Source;
use super::super::error::Fault;
use super::super::nulls;
use super::super::request::Question;
use super::super::session::Session;
use super::cause::{Insight, NO_CREDENTIAL, server_setting};
use super::manifest;
use super::own::Own;
use crate::step::with_block;

/// Whom the server takes everybody for who shows no credential, or none that it looks at.
pub(super) const NOBODY: &str = "system:anonymous";

impl Fault {
    /// The user that kube-apiserver names where it forbids something, as in `… is forbidden: User "jane" cannot …`. Whoever
    /// may not ask as another is not the one who asks.
    pub(super) fn refused_user(&self) -> Option<&str> {
        let Self::Refused { text, .. } = self else { return None };
        let (user, what) = text.split_once("User \"")?.1.split_once("\" cannot ")?;
        let plain = !user.is_empty() && !user.contains(['"', '\\']) && !what.starts_with("impersonate");
        plain.then_some(user)
    }
}

impl Session {
    /// Who the server takes this credential for. Every user may ask that by default, from Kubernetes 1.28 on; who may not
    /// is named in the refusal.
    pub(super) async fn whoami(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            user_info: User,
        }
        #[derive(Deserialize)]
        struct User {
            #[serde(default, deserialize_with = "nulls::value")]
            username: String,
        }
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let question = Question::review("/apis/authentication.k8s.io/v1/selfsubjectreviews", &body);
        match self.probe(&question, self.a_moment()).await.ok()?.answer {
            Ok(answer) => {
                let review: Review = serde_json::from_slice(&answer).ok()?;
                self.shown(&review.status.user_info.username)
            }
            Err(fault) => fault.refused_user().map(str::to_owned),
        }
    }

    /// How `user` is granted all that attestation asks for.
    pub(super) async fn grant(&self, user: Option<&str>) -> String {
        const SENTENCE: &str = "Grant the permissions that attestation needs, with `kubectl apply -f -`";
        let manifest = manifest::reviewer(user, self.cluster.claims_only);
        self.unless_nobody(user, with_block(SENTENCE, &manifest)).await
    }

    /// How `user` is granted the reading of the signing keys.
    pub(super) async fn grant_keys(&self, user: Option<&str>) -> String {
        const SENTENCE: &str = "Let the keys be read, with `kubectl apply -f -`";
        self.unless_nobody(user, with_block(SENTENCE, &manifest::key_reader(user))).await
    }

    /// The remedy, if `user` is somebody.
    pub(super) async fn unless_nobody(&self, user: Option<&str>, remedy: String) -> String {
        let source = self.cluster.credentials.source();
        match self.look().await {
            Ok(access) => {
                nobody(user, &Own::of(&access, source), source).map_or(remedy, |insight| insight.remedy)
            }
            Err(_) => remedy,
        }
    }
}

/// What is behind it if the server takes the credential for nobody's. Nobody is ever to be told to let anybody in.
pub(super) fn nobody(user: Option<&str>, own: &Own, source: &Source) -> Option<Insight> {
    let without = own.proofs.is_empty();
    match user {
        Some(NOBODY) | None if without => Some(Insight::new("no credential is configured", NO_CREDENTIAL)),
        Some(NOBODY) => Some(Insight::new(
            format!(
                "the API server takes it for a request without a credential, though it came with {}",
                own.describe()
            ),
            format!(
                "The credential got lost on the way, or is of a kind that the server does not look at. Let {} lead to the \
                 API server itself: what ends TLS before it drops client certificates, and perhaps tokens.",
                server_setting(source)
            ),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::api::CallErrorKind;
    use super::super::super::retry::Chance;
    use super::*;

    #[test]
    fn the_user_stands_in_a_refusal() {
        let user = |text: &str| {
            let (kind, chance) = (CallErrorKind::Forbidden, Chance::None);
            Fault::Refused { kind, text: text.into(), chance }.refused_user().map(str::to_owned)
        };
        let refusal = r#"answered 403: x is forbidden: User "system:anonymous" cannot create resource "x""#;
        assert_eq!(user(refusal).as_deref(), Some(NOBODY));
        for other in [
            "answered 403",
            r#"answered 403: User "" cannot get"#,
            r#"answered 403: User "a\"b" cannot get"#,
            r#"answered 403: User "cut he"#,
            r#"answered 403: users "b" is forbidden: User "a" cannot impersonate resource "users""#,
        ] {
            assert_eq!(user(other), None, "{other}");
        }
    }
}
