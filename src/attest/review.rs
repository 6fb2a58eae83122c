//! Rows 11 to 16: what TokenReview said of the token.

use super::refusal::{PodFact, Refusal, UsernameFault};
use crate::cluster::api::{Extra, TokenReviewStatus, UserInfo, WITHHELD, is_path_segment};
use crate::config::ClusterConfig;
use crate::outcome::Reason;

/// What an accepted token is bound to, in TokenReview's words.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The service account's namespace.
    pub namespace: String,
    /// The service account's name.
    pub service_account: String,
    /// The pod that the token is bound to.
    pub pod_name: String,
    /// That pod's UID.
    pub pod_uid: String,
    /// The node that the token is bound to. Absent before Kubernetes 1.30.
    pub node_name: Extra,
    /// That node's UID. May be absent beside a name.
    pub node_uid: Extra,
}

impl Extra {
    /// Whether this extra is there and says something else than `value`.
    #[must_use]
    pub fn contradicts(&self, value: &str) -> bool {
        match self {
            Self::Absent | Self::Count(0) => false,
            Self::One(extra) => extra != value,
            Self::Count(_) => true,
        }
    }
}

/// The ID under which the API server's audit log knows the token, taken out of the answer.
pub fn credential_id(status: &mut TokenReviewStatus) -> Option<String> {
    match std::mem::take(&mut status.user.extra.credential_id) {
        Extra::One(id) if id != WITHHELD => Some(id),
        _ => None,
    }
}

/// Judges TokenReview's answer by rows 11 to 16.
pub fn judge(cluster: &ClusterConfig, status: TokenReviewStatus) -> Result<Binding, Refusal> {
    no_error(&status)?;
    authenticated(&status)?;
    audience(cluster, &status)?;
    let UserInfo { username, groups, extra } = status.user;
    let account = service_account(&username, &groups)?;
    allowed(cluster, &account)?;
    let pod = bound_pod(extra.pod_name, extra.pod_uid)?;
    Ok(Binding::new(&account, pod, extra.node_name, extra.node_uid))
}

/// Whose token it is.
#[derive(Clone, Copy, Debug)]
pub struct Account<'s> {
    pub namespace: &'s str,
    pub name: &'s str,
}

/// Which pod a token is bound to.
#[derive(Debug)]
pub struct BoundPod {
    pub name: String,
    pub uid: String,
}

impl Binding {
    /// Gathers what rows 14 and 16 found, and the node's extras.
    pub fn new(account: &Account<'_>, pod: BoundPod, node_name: Extra, node_uid: Extra) -> Self {
        Self {
            namespace: account.namespace.to_owned(),
            service_account: account.name.to_owned(),
            pod_name: pod.name,
            pod_uid: pod.uid,
            node_name,
            node_uid,
        }
    }
}

/// Row 11.
pub fn no_error(status: &TokenReviewStatus) -> Result<(), Refusal> {
    if status.error.is_empty() {
        Ok(())
    } else {
        Err(Refusal::TokenError { reason: reason_of(&status.error), error: status.error.clone() })
    }
}

/// Row 12.
pub fn authenticated(status: &TokenReviewStatus) -> Result<(), Refusal> {
    if status.authenticated { Ok(()) } else { Err(Refusal::NotAuthenticated) }
}

/// Row 13.
pub fn audience(cluster: &ClusterConfig, status: &TokenReviewStatus) -> Result<(), Refusal> {
    let wanted = &cluster.audience;
    if wanted.is_empty() || wanted.iter().any(|audience| status.audiences.contains(audience)) {
        Ok(())
    } else {
        Err(Refusal::AudienceNotValidated { wanted: wanted.clone(), got: status.audiences.clone() })
    }
}

/// Row 15.
pub fn allowed(cluster: &ClusterConfig, account: &Account<'_>) -> Result<(), Refusal> {
    if cluster.service_account_allow_list.allows(account.namespace, account.name) {
        Ok(())
    } else {
        Err(Refusal::ServiceAccountNotAllowed { account: format!("{}:{}", account.namespace, account.name) })
    }
}

/// Row 16.
pub fn bound_pod(name: Extra, uid: Extra) -> Result<BoundPod, Refusal> {
    let name = single(name, PodFact::Name)?;
    if !is_path_segment(&name) {
        return Err(Refusal::PodNameUnfit { pod: name });
    }
    Ok(BoundPod { name, uid: single(uid, PodFact::Uid)? })
}

/// Row 11: the reason that `status.error` tells. Its texts are no API, so anything unknown is a plain rejection.
fn reason_of(error: &str) -> Reason {
    let error = error.to_ascii_lowercase();
    let says_one_of = |phrases: &[&str]| phrases.iter().any(|phrase| error.contains(phrase));
    if says_one_of(&["audience"]) {
        Reason::AudienceMismatch
    } else if says_one_of(&["token has expired", "token is expired", "token expired"]) {
        Reason::TokenExpired
    } else {
        Reason::TokenRejected
    }
}

/// Row 14.
pub fn service_account<'s>(username: &'s str, groups: &[String]) -> Result<Account<'s>, Refusal> {
    let refuse = |fault| Err(Refusal::NotAServiceAccount { fault });
    if username.is_empty() {
        return refuse(UsernameFault::Empty);
    }
    let mut parts = username.split(':');
    let mut part = || parts.next();
    let (Some(system), Some(kind), Some(namespace), Some(name), None) =
        (part(), part(), part(), part(), part())
    else {
        return refuse(UsernameFault::Format { username: username.to_owned() });
    };
    if namespace.is_empty() {
        return refuse(UsernameFault::NoNamespace);
    }
    if name.is_empty() {
        return refuse(UsernameFault::NoName);
    }
    if (system, kind) != ("system", "serviceaccount")
        || !is_path_segment(namespace)
        || !is_path_segment(name)
        || !in_group(groups, "system:serviceaccounts", None)
        || !in_group(groups, "system:serviceaccounts:", Some(namespace))
    {
        return refuse(UsernameFault::NotAnAccount);
    }
    Ok(Account { namespace, name })
}

fn in_group(groups: &[String], prefix: &str, namespace: Option<&str>) -> bool {
    groups.iter().any(|group| group.strip_prefix(prefix) == Some(namespace.unwrap_or("")))
}

/// Row 16: the one value of a pod extra.
fn single(extra: Extra, fact: PodFact) -> Result<String, Refusal> {
    match extra {
        Extra::Absent => Err(Refusal::PodFactMissing { fact }),
        Extra::One(value) if value.is_empty() => Err(Refusal::PodFactEmpty { fact }),
        Extra::One(value) => Ok(value),
        Extra::Count(count) => Err(Refusal::PodFactCount { fact, count }),
    }
}
