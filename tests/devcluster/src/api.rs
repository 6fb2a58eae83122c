//! From a request to the true answer: routes, callers, permissions, objects.

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::accept::{Form, accepts, object_form};
use crate::access_review::access_review;
use crate::answer::Call;
use crate::caller::{Caller, Presented};
use crate::live::{Live, Object};
use crate::protobuf;
use crate::reply::{Reply, bad_request, failure, generic_failure, object_not_found, render, unauthorized};
use crate::review::token_review;
use crate::world::Permission;

const KEY_SET_TYPE: &str = "application/jwk-set+json";

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    TokenReviews,
    AccessReviews,
    SelfReviews,
    Pod { namespace: &'a str, name: &'a str },
    Node { name: &'a str },
    KeySet,
    Version,
    Other,
}

impl<'a> Target<'a> {
    pub(crate) fn of(path: &'a str) -> Target<'a> {
        match path {
            "/apis/authentication.k8s.io/v1/tokenreviews" => return Target::TokenReviews,
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => return Target::AccessReviews,
            "/apis/authentication.k8s.io/v1/selfsubjectreviews" => return Target::SelfReviews,
            "/openid/v1/jwks" => return Target::KeySet,
            "/version" => return Target::Version,
            _ => {}
        }
        let Some(rest) = path.strip_prefix("/api/v1/") else {
            return Target::Other;
        };
        let mut segments = rest.split('/');
        let names: [Option<&str>; 5] = std::array::from_fn(|_| segments.next());
        match names {
            [Some("nodes"), Some(name), None, ..] if !name.is_empty() => Target::Node { name },
            [Some("namespaces"), Some(namespace), Some("pods"), Some(name), None] if !name.is_empty() => {
                Target::Pod { namespace, name }
            }
            _ => Target::Other,
        }
    }

    /// The call that this is, if it is one that can be scripted.
    pub(crate) fn call(self) -> Option<Call> {
        match self {
            Target::TokenReviews => Some(Call::TokenReview),
            Target::AccessReviews => Some(Call::AccessReview),
            Target::Pod { .. } => Some(Call::Pod),
            Target::Node { .. } => Some(Call::Node),
            Target::KeySet => Some(Call::Jwks),
            Target::SelfReviews | Target::Version | Target::Other => None,
        }
    }

    fn method(self) -> Option<Method> {
        match self {
            Target::TokenReviews | Target::AccessReviews | Target::SelfReviews => Some(Method::POST),
            Target::Pod { .. } | Target::Node { .. } | Target::KeySet | Target::Version => Some(Method::GET),
            Target::Other => None,
        }
    }
}

/// The true answer of this world.
pub(crate) fn answer(
    live: &Live,
    presented: Presented,
    head: &Parts,
    target: Target<'_>,
    body: &Bytes,
) -> Reply {
    let Some(caller) = Caller::of(live, presented, head.headers.get(AUTHORIZATION)) else {
        return unauthorized();
    };
    let refusal = forbidden(live, &caller, target, head.uri.path());
    if let Some(refusal) = refusal.or_else(|| unfit_request(target, head)) {
        return refusal;
    }
    match target {
        Target::TokenReviews if has_type(head, protobuf::MEDIA_TYPE) => match protobuf::token_review(body) {
            Some(review) => token_review(live, &render(&review)),
            None => bad_request("the object provided is unrecognized (must be of type TokenReview)"),
        },
        Target::TokenReviews => token_review(live, body),
        Target::AccessReviews => access_review(live, &caller, body),
        Target::SelfReviews => self_review(&caller),
        Target::Pod { namespace, name } => object("pods", name, live.pod(namespace, name), head),
        Target::Node { name } => object("nodes", name, live.node(name), head),
        Target::KeySet => key_set(live, head),
        Target::Version => version(),
        Target::Other => generic_failure(StatusCode::NOT_FOUND),
    }
}

/// 403, in the words of RBAC.
fn forbidden(live: &Live, caller: &Caller, target: Target<'_>, path: &str) -> Option<Reply> {
    let may = match target {
        Target::TokenReviews => caller.may(live, Permission::TokenReviews),
        Target::Pod { .. } => caller.may(live, Permission::Pods),
        Target::Node { .. } => caller.may(live, Permission::Nodes),
        Target::KeySet => caller.may(live, Permission::Jwks),
        Target::AccessReviews | Target::SelfReviews | Target::Other => caller.is_authenticated(),
        Target::Version => true,
    };
    if may {
        return None;
    }
    Some(match target {
        Target::TokenReviews => {
            caller.forbidden("create", ["authentication.k8s.io", "tokenreviews"], ["", ""])
        }
        Target::AccessReviews => {
            caller.forbidden("create", ["authorization.k8s.io", "selfsubjectaccessreviews"], ["", ""])
        }
        Target::SelfReviews => {
            caller.forbidden("create", ["authentication.k8s.io", "selfsubjectreviews"], ["", ""])
        }
        Target::Pod { namespace, name } => caller.forbidden("get", ["", "pods"], [namespace, name]),
        Target::Node { name } => caller.forbidden("get", ["", "nodes"], ["", name]),
        Target::KeySet | Target::Version | Target::Other => caller.forbidden_path("get", path),
    })
}

/// 405 and 415.
fn unfit_request(target: Target<'_>, head: &Parts) -> Option<Reply> {
    let method = target.method()?;
    if method != head.method {
        let allow = HeaderValue::from_str(method.as_str()).ok()?;
        return Some(generic_failure(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, allow));
    }
    let is_protobuf = target == Target::TokenReviews && has_type(head, protobuf::MEDIA_TYPE);
    if method != Method::POST || is_protobuf || is_json(head) {
        return None;
    }
    Some(failure(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, \
         application/vnd.kubernetes.protobuf",
        Some(json!({})),
    ))
}

fn object(kind: &str, name: &str, found: Option<&Object>, head: &Parts) -> Reply {
    let Some(object) = found else {
        return object_not_found(kind, name);
    };
    match object_form(&head.headers) {
        Some(Form::Whole) => Reply::object(object.body.clone()),
        Some(Form::Metadata) => Reply::object(object.metadata_body.clone()),
        None => not_acceptable("only the following media types are accepted: application/json"),
    }
}

fn key_set(live: &Live, head: &Parts) -> Reply {
    if !accepts(&head.headers, KEY_SET_TYPE) {
        return not_acceptable("406: Not Acceptable\n\nAvailable representations: application/jwk-set+json");
    }
    Reply::new(StatusCode::OK, HeaderValue::from_static(KEY_SET_TYPE), live.key_set.clone())
        .with(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))
}

/// Whether the body is JSON, as it also is when nothing is said about it.
fn is_json(head: &Parts) -> bool {
    !head.headers.contains_key(CONTENT_TYPE) || has_type(head, "application/json")
}

fn has_type(head: &Parts, wanted: &str) -> bool {
    let content_type =
        head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case(wanted)
}

fn not_acceptable(message: &str) -> Reply {
    failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message, Some(json!({})))
}

/// Who the caller is: every authenticated user may know that.
fn self_review(caller: &Caller) -> Reply {
    Reply::created(&json!({
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": null},
        "status": {"userInfo": {"username": caller.name, "groups": ["system:authenticated"]}},
    }))
}

fn version() -> Reply {
    Reply::object(render(&json!({
        "major": "1",
        "minor": "37",
        "gitVersion": "v1.37.2",
        "platform": "linux/amd64",
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_recognized_as_a_whole() {
        let pod = Target::Pod { namespace: "spire", name: "agent-1" };
        assert_eq!(Target::of("/api/v1/namespaces/spire/pods/agent-1"), pod);
        assert_eq!(Target::of("/api/v1/nodes/node-1"), Target::Node { name: "node-1" });
        for other in [
            "/api/v1/nodes",
            "/api/v1/nodes/",
            "/api/v1/nodes/node-1/status",
            "/api/v1/namespaces/spire/pods",
            "/api/v1/namespaces/spire/pods/agent-1/log",
            "/api/v1/namespaces/spire/secrets/token",
            "/",
        ] {
            assert_eq!(Target::of(other), Target::Other, "{other}");
        }
    }
}
