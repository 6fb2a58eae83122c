//! `TokenReview`: a token in, whom it stands for out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::authenticate::{Refusal, ServiceAccountUser, authenticate};
use crate::live::Live;
use crate::reply::{Reply, bad_request};

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize, Serialize)]
struct Spec<'a> {
    #[serde(borrow, default)]
    token: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    audiences: Vec<String>,
}

#[derive(Serialize)]
struct TokenReview<'a> {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    metadata: Empty,
    /// The token comes back with the answer, as from kube-apiserver.
    spec: Spec<'a>,
    status: Status,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Default, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    authenticated: bool,
    user: User,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audiences: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

#[derive(Default, Serialize)]
struct User {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    uid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra: BTreeMap<&'static str, [String; 1]>,
}

/// Answers `POST /apis/authentication.k8s.io/v1/tokenreviews`.
pub(crate) fn token_review(live: &Live, body: &[u8]) -> Reply {
    let Ok(Request { spec }) = serde_json::from_slice(body) else {
        return bad_request("the object provided is unrecognized (must be of type TokenReview)");
    };
    if spec.token.is_empty() {
        return bad_request("token is required for TokenReview in authentication");
    }
    let wanted = if spec.audiences.is_empty() { &live.world.api_audiences } else { &spec.audiences };
    let status = match bearer(&spec.token) {
        None => anonymous(wanted.clone()),
        Some(token) => judged(authenticate(live, token, wanted)),
    };
    Reply::created(&TokenReview {
        kind: "TokenReview",
        api_version: "authentication.k8s.io/v1",
        metadata: Empty {},
        spec,
        status,
    })
}

/// What kube-apiserver takes for the token when it puts the given text behind `Bearer `: the word up to the first
/// space. A text that begins with one leaves no token, and so the caller is anonymous.
fn bearer(text: &str) -> Option<&str> {
    let word = text.trim_end().split(' ').next().unwrap_or_default();
    Some(word).filter(|word| !word.is_empty())
}

fn anonymous(audiences: Vec<String>) -> Status {
    let user = User {
        username: "system:anonymous".to_owned(),
        groups: vec!["system:unauthenticated".to_owned()],
        ..User::default()
    };
    Status { authenticated: true, user, audiences, error: String::new() }
}

fn judged(verdict: Result<ServiceAccountUser, Refusal>) -> Status {
    match verdict {
        Err(refusal) => Status { error: refusal.review_error(), ..Status::default() },
        Ok(mut account) => Status {
            authenticated: true,
            audiences: std::mem::take(&mut account.audiences),
            user: user(account),
            error: String::new(),
        },
    }
}

fn user(account: ServiceAccountUser) -> User {
    let mut extra = BTreeMap::new();
    if let Some(id) = &account.token_id {
        extra.insert("authentication.kubernetes.io/credential-id", [format!("JTI={id}")]);
    }
    let username = account.username();
    if let Some(pod) = account.pod.filter(|pod| !pod.name.is_empty() && !pod.uid.is_empty()) {
        extra.insert("authentication.kubernetes.io/pod-name", [pod.name]);
        extra.insert("authentication.kubernetes.io/pod-uid", [pod.uid]);
    }
    if let Some(node) = account.node.filter(|node| !node.name.is_empty()) {
        extra.insert("authentication.kubernetes.io/node-name", [node.name]);
        if !node.uid.is_empty() {
            extra.insert("authentication.kubernetes.io/node-uid", [node.uid]);
        }
    }
    let groups = vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{}", account.namespace),
        "system:authenticated".to_owned(),
    ];
    User { username, uid: account.uid, groups, extra }
}
