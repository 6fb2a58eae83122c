//! From a request to the true answer: routes, callers, permissions, objects.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::accept::{Form, accepts, object_form};
use crate::access_review::access_review;
use crate::answer::Call;
use crate::caller::{Caller, Presented};
use crate::live::{Live, Object};
use crate::reply::{Reply, failure, generic_failure, object_not_found, render, unauthorized};
use crate::review::token_review;
use crate::world::Permission;

const KEY_SET_TYPE: &str = "application/jwk-set+json";

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    TokenReviews,
    AccessReviews,
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
            Target::Version | Target::Other => None,
        }
    }

    fn method(self) -> Option<Method> {
        match self {
            Target::TokenReviews | Target::AccessReviews => Some(Method::POST),
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
    let method = target.method();
    if caller.is_authenticated() && method.as_ref().is_some_and(|method| *method != head.method) {
        return generic_failure(StatusCode::METHOD_NOT_ALLOWED).with(
            http::header::ALLOW,
            HeaderValue::from_static(if method == Some(Method::POST) { "POST" } else { "GET" }),
        );
    }
    match target {
        Target::TokenReviews => {
            if !caller.may(live, Permission::TokenReviews) {
                return caller.forbidden("create", ["authentication.k8s.io", "tokenreviews"], ["", ""]);
            }
            token_review(live, body)
        }
        Target::AccessReviews => {
            if !caller.is_authenticated() {
                let resource = ["authorization.k8s.io", "selfsubjectaccessreviews"];
                return caller.forbidden("create", resource, ["", ""]);
            }
            access_review(live, &caller, body)
        }
        Target::Pod { namespace, name } => {
            if !caller.may(live, Permission::Pods) {
                return caller.forbidden("get", ["", "pods"], [namespace, name]);
            }
            object("pods", name, live.pod(namespace, name), head)
        }
        Target::Node { name } => {
            if !caller.may(live, Permission::Nodes) {
                return caller.forbidden("get", ["", "nodes"], ["", name]);
            }
            object("nodes", name, live.node(name), head)
        }
        Target::KeySet => {
            if !caller.may(live, Permission::Jwks) {
                return caller.forbidden_path("get", head.uri.path());
            }
            key_set(live, head)
        }
        Target::Version => version(),
        Target::Other if caller.is_authenticated() => generic_failure(StatusCode::NOT_FOUND),
        Target::Other => caller.forbidden_path("get", head.uri.path()),
    }
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

fn not_acceptable(message: &str) -> Reply {
    failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message, Some(json!({})))
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
