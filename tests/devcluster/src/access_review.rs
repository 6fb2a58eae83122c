//! `SelfSubjectAccessReview`: what the caller may do.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::live::Live;
use crate::reply::{Reply, bad_request};
use crate::world::Permission;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    resource_attributes: Option<ResourceAttributes>,
    non_resource_attributes: Option<NonResourceAttributes>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct ResourceAttributes {
    verb: String,
    group: String,
    resource: String,
    subresource: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct NonResourceAttributes {
    verb: String,
    path: String,
}

/// Answers `POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews`.
pub(crate) fn access_review(live: &Live, caller: &Caller, body: &[u8]) -> Reply {
    let Ok(Value::Object(mut request)) = serde_json::from_slice(body) else {
        return bad_request("the object provided is unrecognized (must be of type SelfSubjectAccessReview)");
    };
    let spec = request.remove("spec").unwrap_or_default();
    let Ok(asked) = serde_json::from_value::<Spec>(spec.clone()) else {
        return bad_request("the spec of a SelfSubjectAccessReview is malformed");
    };
    let permission = asked.permission();
    let status = if permission.is_some_and(|permission| caller.may(live, permission)) {
        let reason = format!(
            "RBAC: allowed by ClusterRoleBinding \"psat-reviewer\" of ClusterRole \"psat-reviewer\" to User {:?}",
            caller.name
        );
        json!({"allowed": true, "reason": reason})
    } else {
        json!({"allowed": false})
    };
    Reply::created(&json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": spec,
        "status": status,
    }))
}

impl Spec {
    /// The right that is asked about, if it is one that exists here.
    fn permission(&self) -> Option<Permission> {
        if let Some(ResourceAttributes { verb, group, resource, subresource }) = &self.resource_attributes {
            return match (verb.as_str(), group.as_str(), resource.as_str(), subresource.as_str()) {
                ("create", "authentication.k8s.io", "tokenreviews", "") => Some(Permission::TokenReviews),
                ("get", "", "pods", "") => Some(Permission::Pods),
                ("get", "", "nodes", "") => Some(Permission::Nodes),
                _ => None,
            };
        }
        let NonResourceAttributes { verb, path } = self.non_resource_attributes.as_ref()?;
        (verb == "get" && path == "/openid/v1/jwks").then_some(Permission::Jwks)
    }
}
