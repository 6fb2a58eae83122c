//! What a world may ask for in place of the true answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::ListenerMode;

/// The calls that a world can script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `POST /apis/authentication.k8s.io/v1/tokenreviews`
    TokenReview,
    /// `GET /api/v1/namespaces/{namespace}/pods/{name}`
    Pod,
    /// `GET /api/v1/nodes/{name}`
    Node,
    /// `GET /openid/v1/jwks`
    Jwks,
    /// `POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews`
    AccessReview,
}

/// The scripted answers of each call, played in order; the last one repeats. An empty list is the true answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// For token reviews.
    pub token_review: Vec<Answer>,
    /// For pods.
    pub pod: Vec<Answer>,
    /// For nodes.
    pub node: Vec<Answer>,
    /// For the signing keys.
    pub jwks: Vec<Answer>,
    /// For `SelfSubjectAccessReview`.
    pub access_review: Vec<Answer>,
}

impl Answers {
    /// The script of one call.
    #[must_use]
    pub fn of(&self, call: Call) -> &[Answer] {
        match call {
            Call::TokenReview => &self.token_review,
            Call::Pod => &self.pod,
            Call::Node => &self.node,
            Call::Jwks => &self.jwks,
            Call::AccessReview => &self.access_review,
        }
    }
}

/// One scripted answer: the true answer with these things changed. `Answer::default()` changes nothing.
///
/// The true answer is worked out first, authentication and permissions included; then `status`, the body (`text`
/// before `body` before `patch`), `headers` and at last `fault` are applied to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// Milliseconds to wait before anything is sent, on top of the world's latency.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// A JSON merge patch (RFC 7386) over the body of the true answer, or of the failure that `status` makes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// Another HTTP status. From 400 on, and without a body of its own, the answer becomes the one that
    /// kube-apiserver gives with that status. 200 to 599.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A literal JSON body. (`null` is absent: use `text` for a body of `null`.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// A literal body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content type; `text/plain; charset=utf-8` for a `text` that names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Headers that are added, or that replace those of the true answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How the answer breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// How connections are received from this answer on, until the next world. The answer's own connection says goodbye
    /// before the answer, so that the client's next request needs another one; others live on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_after: Option<ListenerMode>,
}

/// How an answer breaks on its way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request is read and nothing is ever sent; the connection stays healthy.
    HangBeforeHeaders,
    /// Headers and half of the body, then silence.
    HangInBody,
    /// h2: `RST_STREAM`. HTTP/1.1: the TCP connection is reset. Nothing of the answer is sent.
    ResetBeforeHeaders,
    /// As above, after headers and half of the body.
    ResetInBody,
    /// The body ends orderly at half of its Content-Length.
    TruncatedBody,
    /// The TCP connection is closed without a TLS alert, a GOAWAY or an answer; on h2 that ends all its streams.
    CloseBeforeHeaders,
    /// Bytes that are no HTTP, then the connection is closed; on h2 that ends all its streams.
    Garbage,
    /// The answer's body padded with JSON white space to 10 MB.
    BigBody,
    /// The body at one byte per 100 ms.
    SlowDrip,
    /// The answer, and the connection is shut down gracefully: h2 GOAWAY, HTTP/1.1 `connection: close`.
    Goaway,
    /// h2 only: a GOAWAY which says that no stream was processed, then the connection is closed; the request may be
    /// repeated safely. HTTP/1.1 has no such thing: it is `close_before_headers` there.
    GoawayUnprocessed,
    /// Nothing is read or sent on this connection any more, pings included, and it stays open. Others work.
    BlackHole,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
