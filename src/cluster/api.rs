//! What an attestation asks of a cluster, and what it can get for an answer.
//!
//! [`ClusterApi`] is the whole seam between deciding (`attest`) and talking (the rest of this room): three questions,
//! slim answers, one error type. Tests answer it from memory.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

pub use super::extras::{Extra, Extras};
use super::nulls;
use super::secret::Secrets;
use crate::outcome::Reason;

/// Stands for text from the API server in which a credential was found.
pub const WITHHELD: &str = "[withheld: it repeats a credential]";

/// A service-account token. Its text is wiped when dropped and shown by no formatter.
#[derive(Clone)]
pub struct Token(Arc<SecretString>);

impl Token {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Arc::new(SecretString::from(text)))
    }

    /// The text, for the request that carries it and for checks of its form.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether the token, or a part of it that gives it away, stands in `text`. No signature of a JWS is shorter than 64
    /// bytes: what is shorter than 16 is a word, and gives nothing away.
    #[must_use]
    pub fn stands_in(&self, text: &str) -> bool {
        Secrets::plainly([self.expose()]).stand_in(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([hidden])")
    }
}

/// `status` of a TokenReview. What the server left out is empty.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct TokenReviewStatus {
    /// Whether the token is genuine and valid now.
    #[serde(deserialize_with = "nulls::value")]
    pub authenticated: bool,
    /// Whose token it is.
    #[serde(deserialize_with = "nulls::value")]
    pub user: UserInfo,
    /// The audiences that both the token and the server know.
    #[serde(deserialize_with = "nulls::list")]
    pub audiences: Vec<String>,
    /// Why the token could not be reviewed.
    #[serde(deserialize_with = "nulls::value")]
    pub error: String,
}

impl TokenReviewStatus {
    /// Replaces every text that `is_unsafe` by [`WITHHELD`], where it is there to be read and binds the token to nothing.
    /// The server and what stands between may echo a credential.
    pub fn withhold(&mut self, is_unsafe: impl Fn(&str) -> bool) {
        let UserInfo { username, extra, .. } = &mut self.user;
        let id = if let Extra::One(id) = &mut extra.credential_id { Some(id) } else { None };
        let texts = [&mut self.error, username].into_iter().chain(&mut self.audiences).chain(id);
        for text in texts.filter(|text| is_unsafe(text.as_str())) {
            WITHHELD.clone_into(text);
        }
    }
}

/// `status.user` of a TokenReview.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct UserInfo {
    /// `system:serviceaccount:<namespace>:<name>` for a service account.
    #[serde(deserialize_with = "nulls::value")]
    pub username: String,
    /// The groups that the user is in.
    #[serde(deserialize_with = "nulls::list")]
    pub groups: Vec<String>,
    /// Further facts.
    #[serde(deserialize_with = "nulls::value")]
    pub extra: Extras,
}

/// The parts of a Pod that an attestation reads. What the server left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.uid`
    pub uid: String,
    /// Of `metadata.labels`, those whose keys are allowed.
    pub labels: BTreeMap<String, String>,
    /// `spec.serviceAccountName`
    pub service_account_name: String,
    /// `spec.nodeName`
    pub node_name: String,
    /// `status.phase`
    pub phase: String,
    /// `status.hostIP`
    pub host_ip: String,
}

/// The parts of a Node that an attestation reads. What the server left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `metadata.uid`
    pub uid: String,
    /// Of `metadata.labels`, those whose keys are allowed.
    pub labels: BTreeMap<String, String>,
}

/// The three questions of an attestation, put to one API server on behalf of one agent's token.
///
/// The implementation bounds every call by the attestation's deadline and by the time for one try; dropping a
/// returned future cancels the call. Names are checked with [`is_path_segment`] before they get here.
pub trait ClusterApi: Sync {
    /// `POST /apis/authentication.k8s.io/v1/tokenreviews`. No audience is sent if `audiences` is empty.
    fn review_token(
        &self,
        audiences: &[String],
    ) -> impl Future<Output = Result<TokenReviewStatus, CallError>> + Send;

    /// `GET /api/v1/namespaces/<namespace>/pods/<name>`
    fn pod(&self, namespace: &str, name: &str) -> impl Future<Output = Result<Pod, CallError>> + Send;

    /// `GET /api/v1/nodes/<name>`, its metadata alone.
    fn node(&self, name: &str) -> impl Future<Output = Result<Node, CallError>> + Send;
}

/// What is behind a failed call, for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The true cause first, then what was attempted. Holds no credential.
    pub cause: String,
    /// What to do, as a [`Step`](crate::step::Step) says it.
    pub remedy: String,
}

/// Finds out what is behind a failed call. May read files and make calls of its own, within the attestation's time.
pub trait Advisor: Sync {
    /// Advice on `error`, which a call of this session ended with.
    fn advise(&self, error: &CallError) -> impl Future<Output = Advice> + Send;
}

/// Why a call has no answer to judge.
#[derive(Debug, thiserror::Error)]
#[error("{call} {attempted}")]
pub struct CallError {
    /// What a caller can do about it.
    pub kind: CallErrorKind,
    /// Which call it was.
    pub call: Call,
    /// What was attempted and how it ended, for the operator. Holds no credential and none of the server's text that
    /// could echo one.
    pub attempted: String,
    /// The cause beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The calls of an attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// The TokenReview.
    TokenReview,
    /// Reading the pod.
    Pod,
    /// Reading the node.
    Node,
}

impl Call {
    /// All calls, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::TokenReview, Self::Pod, Self::Node];

    /// The word in `diagnostics.api_calls` and in statistics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TokenReview => "token_review",
            Self::Pod => "pod",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What kind of failure a call met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// 404 to a `GET`: there is no such object.
    NotFound,
    /// The kubeconfig or the in-cluster files are unreadable or invalid.
    CredentialsUnavailable,
    /// Connect, TLS, reset, or an answer cut short.
    Unreachable,
    /// 401
    Unauthenticated,
    /// 403
    Forbidden,
    /// 429
    Throttled,
    /// Any other status but success; redirects are not followed.
    Status,
    /// A complete answer that is not the object asked for, or too large.
    BadResponse,
    /// The attestation's time or the time for the try ran out.
    DeadlineExceeded,
    /// A fault inside this library.
    Panicked,
}

impl CallErrorKind {
    /// The reason that an attestation ends with, unless the object that is missing has a row of its own.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::NotFound | Self::Status => Reason::ApiError,
            Self::CredentialsUnavailable => Reason::CredentialsUnavailable,
            Self::Unreachable => Reason::ApiUnreachable,
            Self::Unauthenticated => Reason::ApiUnauthenticated,
            Self::Forbidden => Reason::ApiForbidden,
            Self::Throttled => Reason::ApiThrottled,
            Self::BadResponse => Reason::ApiBadResponse,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Panicked => Reason::InternalPanic,
        }
    }
}

/// Whether `name` can stand as one segment of a URL path: not empty, no dot segment, no `/` and no `%`.
///
/// The rule is Kubernetes' own for names in paths (`IsValidPathSegmentName`).
#[must_use]
pub fn is_path_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '%'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_by_no_formatter() {
        let token = Token::new("marker-token".to_owned());
        assert!(!format!("{token:?} {:#?}", Some(&token)).contains("marker"));
    }

    #[test]
    fn a_word_is_no_token() {
        assert!(!Token::new("token".to_owned()).stands_in("no-such-token"));
        assert!(
            Token::new("aaaaaaaa.bbbbbbbb.cccccccc".to_owned()).stands_in("x aaaaaaaa.bbbbbbbb.cccccccc")
        );
    }

    #[test]
    fn every_text_of_a_review_that_repeats_a_credential_is_withheld() {
        let mut status = TokenReviewStatus {
            error: "bad: MARKER".into(),
            audiences: vec!["a".into(), "MARKER".into()],
            ..TokenReviewStatus::default()
        };
        status.user.username = "MARKER".into();
        status.user.extra.credential_id = Extra::One("MARKER".into());
        status.withhold(|text| text.contains("MARKER"));
        assert!(!format!("{status:?}").contains("MARKER"));
        assert_eq!((status.error.as_str(), status.audiences[0].as_str()), (WITHHELD, "a"));
    }

    #[test]
    fn path_segments_follow_kubernetes_rule() {
        for good in ["a", "node-1", "a.b", "...", "node:1"] {
            assert!(is_path_segment(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a%2fb", "%"] {
            assert!(!is_path_segment(bad), "{bad}");
        }
    }
}
