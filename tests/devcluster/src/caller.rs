//! Who sends a request, and what they may do.

use std::borrow::Cow;

use http::{HeaderValue, StatusCode};
use rustls_pki_types::CertificateDer;
use serde_json::json;

use crate::authenticate::authenticate;
use crate::keys::{Keys, REVIEWER};
use crate::live::Live;
use crate::reply::{Reply, failure};
use crate::world::Permission;

/// What a connection's client certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// No certificate.
    Nothing,
    /// The reviewer's.
    Reviewer,
    /// Any other.
    Unknown,
}

impl Presented {
    pub(crate) fn of(chain: Option<&[CertificateDer<'_>]>, keys: &Keys) -> Presented {
        match chain.and_then(<[_]>::first) {
            None => Presented::Nothing,
            Some(certificate) if *certificate == keys.reviewer.certificate => Presented::Reviewer,
            Some(_) => Presented::Unknown,
        }
    }
}

/// Who sends a request.
#[derive(Debug, PartialEq)]
pub(crate) struct Caller {
    pub(crate) name: Cow<'static, str>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Has the permissions of the world's reviewer.
    Reviewer,
    /// Any other service account: may read the signing keys, by the default binding of
    /// `system:service-account-issuer-discovery`.
    ServiceAccount,
    Anonymous,
}

impl Caller {
    /// Recognizes the caller of a request; `None` is a credential that is not valid, 401.
    pub(crate) fn of(
        live: &Live,
        presented: Presented,
        authorization: Option<&HeaderValue>,
    ) -> Option<Caller> {
        if presented == Presented::Reviewer {
            return Some(Caller { name: Cow::Borrowed(REVIEWER), standing: Standing::Reviewer });
        }
        match authorization.and_then(bearer) {
            Some(token) => Caller::of_token(live, token),
            None if presented == Presented::Unknown => None,
            None => Some(Caller { name: Cow::Borrowed("system:anonymous"), standing: Standing::Anonymous }),
        }
    }

    fn of_token(live: &Live, token: &str) -> Option<Caller> {
        let reviewer = &live.world.reviewer;
        if token == reviewer.token {
            return Some(Caller { name: Cow::Borrowed(REVIEWER), standing: Standing::Reviewer });
        }
        let user = authenticate(live, token, &live.world.api_audiences).ok()?;
        let is_reviewer = reviewer.service_account == format!("{}:{}", user.namespace, user.name);
        let standing = if is_reviewer { Standing::Reviewer } else { Standing::ServiceAccount };
        Some(Caller { name: Cow::Owned(user.username()), standing })
    }

    /// Whether the caller has a right.
    pub(crate) fn may(&self, live: &Live, permission: Permission) -> bool {
        match self.standing {
            Standing::Reviewer => live.world.reviewer.permissions.contains(&permission),
            Standing::ServiceAccount => permission == Permission::Jwks,
            Standing::Anonymous => false,
        }
    }

    /// Whether the caller has given a valid credential.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.standing != Standing::Anonymous
    }

    /// 403 for an action on a resource. `group` is the empty text for pods and nodes.
    pub(crate) fn forbidden(
        &self,
        verb: &str,
        [group, resource]: [&str; 2],
        [namespace, name]: [&str; 2],
    ) -> Reply {
        let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let object = if name.is_empty() { qualified } else { format!("{qualified} {name:?}") };
        let scope = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {namespace:?}")
        };
        let message = format!(
            "{object} is forbidden: User {:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}",
            self.name
        );
        let mut details = json!({"kind": resource});
        for (key, value) in [("group", group), ("name", name)] {
            if !value.is_empty() {
                details[key] = value.into();
            }
        }
        failure(StatusCode::FORBIDDEN, "Forbidden", &message, Some(details))
    }

    /// 403 for an action on a path.
    pub(crate) fn forbidden_path(&self, verb: &str, path: &str) -> Reply {
        let message = format!("forbidden: User {:?} cannot {verb} path {path:?}", self.name);
        failure(StatusCode::FORBIDDEN, "Forbidden", &message, Some(json!({})))
    }
}

fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.trim().split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
