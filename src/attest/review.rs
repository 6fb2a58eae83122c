//! Rows 11 to 16: what TokenReview said of the token.

use super::refusal::{PodFact, Refusal, UsernameFault};
use crate::cluster::api::{CREDENTIAL_ID, TokenReviewStatus, UserInfo, WITHHELD, is_path_segment};
use crate::config::ClusterConfig;
use crate::outcome::Reason;

const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
const NODE_UID: &str = "authentication.kubernetes.io/node-uid";

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
    pub node_name: NodeExtra,
    /// That node's UID. May be absent beside a name.
    pub node_uid: NodeExtra,
}

/// An extra that Kubernetes may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeExtra {
    /// Not there, or an empty list.
    Absent,
    /// There, once.
    One(String),
    /// There more than once: it matches nothing.
    Repeated,
}

impl NodeExtra {
    fn of(user: &UserInfo, key: &str) -> Self {
        match user.extra.get(key).map(Vec::as_slice) {
            None | Some([]) => Self::Absent,
            Some([value]) => Self::One(value.clone()),
            Some(_) => Self::Repeated,
        }
    }

    /// Whether this extra is there and says something else than `value`.
    #[must_use]
    pub fn contradicts(&self, value: &str) -> bool {
        match self {
            Self::Absent => false,
            Self::One(extra) => extra != value,
            Self::Repeated => true,
        }
    }
}

/// The ID under which the API server's audit log knows the token.
pub fn credential_id(status: &TokenReviewStatus) -> Option<String> {
    status.user.extra.get(CREDENTIAL_ID)?.first().filter(|id| *id != WITHHELD).cloned()
}

/// Judges TokenReview's answer by rows 11 to 16.
pub fn judge(cluster: &ClusterConfig, status: &TokenReviewStatus) -> Result<Binding, Refusal> {
    no_error(status)?;
    authenticated(status)?;
    audience(cluster, status)?;
    let account = service_account(&status.user)?;
    allowed(cluster, &account)?;
    let pod = bound_pod(&status.user)?;
    Ok(Binding::new(status, &account, &pod))
}

/// Whose token it is.
#[derive(Clone, Copy, Debug)]
pub struct Account<'s> {
    pub namespace: &'s str,
    pub name: &'s str,
}

/// Which pod a token is bound to.
#[derive(Clone, Copy, Debug)]
pub struct BoundPod<'s> {
    pub name: &'s str,
    pub uid: &'s str,
}

impl Binding {
    /// Gathers what rows 14 and 16 found, and the node's extras.
    pub fn new(status: &TokenReviewStatus, account: &Account<'_>, pod: &BoundPod<'_>) -> Self {
        Self {
            namespace: account.namespace.to_owned(),
            service_account: account.name.to_owned(),
            pod_name: pod.name.to_owned(),
            pod_uid: pod.uid.to_owned(),
            node_name: NodeExtra::of(&status.user, NODE_NAME),
            node_uid: NodeExtra::of(&status.user, NODE_UID),
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
pub fn bound_pod(user: &UserInfo) -> Result<BoundPod<'_>, Refusal> {
    let name = single(user, POD_NAME, PodFact::Name)?;
    if !is_path_segment(name) {
        return Err(Refusal::PodNameUnfit { pod: name.to_owned() });
    }
    Ok(BoundPod { name, uid: single(user, POD_UID, PodFact::Uid)? })
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
pub fn service_account(user: &UserInfo) -> Result<Account<'_>, Refusal> {
    let refuse = |fault| Err(Refusal::NotAServiceAccount { fault });
    if user.username.is_empty() {
        return refuse(UsernameFault::Empty);
    }
    let mut parts = user.username.split(':');
    let mut part = || parts.next();
    let (Some(system), Some(kind), Some(namespace), Some(name), None) =
        (part(), part(), part(), part(), part())
    else {
        return refuse(UsernameFault::Format { username: user.username.clone() });
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
        || !in_group(user, "system:serviceaccounts", None)
        || !in_group(user, "system:serviceaccounts:", Some(namespace))
    {
        return refuse(UsernameFault::NotAnAccount);
    }
    Ok(Account { namespace, name })
}

fn in_group(user: &UserInfo, prefix: &str, namespace: Option<&str>) -> bool {
    user.groups.iter().any(|group| group.strip_prefix(prefix) == Some(namespace.unwrap_or("")))
}

/// Row 16: the one value of a pod extra.
fn single<'u>(user: &'u UserInfo, key: &str, fact: PodFact) -> Result<&'u str, Refusal> {
    match user.extra.get(key).map(Vec::as_slice) {
        None => Err(Refusal::PodFactMissing { fact }),
        Some([value]) if value.is_empty() => Err(Refusal::PodFactEmpty { fact }),
        Some([value]) => Ok(value),
        Some(values) => Err(Refusal::PodFactCount { fact, count: values.len() }),
    }
}
