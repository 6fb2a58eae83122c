//! What a token says of itself, once its signature has shown that the cluster wrote it.
//!
//! Such claims are authentic, and not more: the token may be revoked, its pod gone. They refuse what TokenReview could only
//! refuse too, and tell what to ask for. They never say yes.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::words::listed;
use crate::cluster::api::is_path_segment;
use crate::config::ClusterConfig;
use crate::outcome::Reason;
use crate::quote::quoted;
use crate::text::Text;

/// Past `exp`, by the cluster's own clock. The API server allows for less, and so cannot disagree.
const LONG_EXPIRED_SECONDS: i64 = 5 * 60;

/// The claims of a token that this cluster's key has signed.
#[derive(Debug, PartialEq)]
pub struct Claims {
    /// Namespace of the service account and of the pod.
    pub namespace: String,
    /// The service account's name.
    pub service_account: String,
    /// The pod that the token is bound to.
    pub pod: Option<PodClaim>,
    /// The name of the node that the token is bound to.
    pub node: Option<String>,
    /// Seconds since the epoch.
    expires: Option<i64>,
}

/// The pod that a token is bound to. Both members are there, and the name fits a URL path segment.
#[derive(Debug, PartialEq)]
pub struct PodClaim {
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: String,
}

/// Why a token is refused by its own claims.
#[derive(Debug, PartialEq)]
pub enum ClaimsFault {
    /// It expired long ago.
    Expired {
        /// How long ago.
        seconds: i64,
    },
    /// It is for none of the wanted audiences.
    OtherAudience {
        /// The audiences wanted.
        wanted: Vec<String>,
        /// Those of the token.
        got: Vec<String>,
    },
    /// Its service account is not on the allow list.
    NotAllowed {
        /// `namespace:name`
        account: String,
    },
    /// It is bound to no pod.
    NoPod,
}

impl Claims {
    /// Reads signed claims. Those that are not what Kubernetes writes are of no use: the error says why not.
    pub fn read(signed: &[u8]) -> Result<(Self, Audiences<'_>), &'static str> {
        if signed.trim_ascii_start().first() != Some(&b'{') {
            return Err("its claims are no JSON object");
        }
        let Document { sub, aud, exp, kubernetes } = serde_json::from_slice(signed)
            .map_err(|_| "its claims are not those of a service account's token of Kubernetes")?;
        let Bound { namespace, service_account: Named { name: service_account, .. }, pod, node } = kubernetes;
        let names = [namespace.as_ref(), service_account.as_ref()];
        if names.iter().any(|name| !is_path_segment(name) || name.contains(':')) {
            return Err("its claims name no possible service account");
        }
        let account = sub.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
        // Neither name has a colon.
        if account != Some((&namespace, &service_account)) {
            return Err("its sub contradicts its kubernetes.io claims");
        }
        let pod = pod.map(PodClaim::of).transpose()?;
        // A node that cannot be asked for is as good as none: the pod names it.
        let node = node.map(|node| node.name.into_owned()).filter(|name| is_path_segment(name));
        let claims = Self {
            namespace: namespace.into_owned(),
            service_account: service_account.into_owned(),
            pod,
            node,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the API server drops fractions too; `as` saturates"
            )]
            expires: exp.map(|exp| exp as i64),
        };
        Ok((claims, aud))
    }

    /// Refuses what TokenReview could only refuse too. `now` is the cluster's time in seconds since the epoch, if it is known.
    pub fn judge(
        &self,
        Audiences(got): &Audiences<'_>,
        cluster: &ClusterConfig,
        now: Option<i64>,
    ) -> Result<(), ClaimsFault> {
        if let (Some(now), Some(expires)) = (now, self.expires) {
            let seconds = now.saturating_sub(expires);
            if seconds > LONG_EXPIRED_SECONDS {
                return Err(ClaimsFault::Expired { seconds });
            }
        }
        let wanted = &cluster.audience;
        let is_wanted = |Text(audience): &Text<'_>| wanted.iter().any(|one| one == audience);
        // A token without audiences is for the API server's own, which are not known here.
        if !wanted.is_empty() && !got.is_empty() && !got.iter().any(is_wanted) {
            let got = got.iter().map(|Text(audience)| audience.to_string()).collect();
            return Err(ClaimsFault::OtherAudience { wanted: wanted.clone(), got });
        }
        if !cluster.service_account_allow_list.allows(&self.namespace, &self.service_account) {
            let account = format!("{}:{}", self.namespace, self.service_account);
            return Err(ClaimsFault::NotAllowed { account });
        }
        if self.pod.is_none() {
            return Err(ClaimsFault::NoPod);
        }
        Ok(())
    }
}

impl PodClaim {
    fn of(named: Named<'_>) -> Result<Self, &'static str> {
        match named.uid {
            Some(Text(uid)) if !uid.is_empty() && is_path_segment(&named.name) => {
                Ok(Self { name: named.name.into_owned(), uid: uid.into_owned() })
            }
            _ => Err("its claims name no possible pod"),
        }
    }
}

impl ClaimsFault {
    /// The reason that TokenReview's answer would have had.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Expired { .. } => Reason::TokenExpired,
            Self::OtherAudience { .. } => Reason::AudienceMismatch,
            Self::NotAllowed { .. } => Reason::ServiceAccountNotAllowed,
            Self::NoPod => Reason::TokenNotPodBound,
        }
    }

    /// What was seen, for the operator.
    pub fn detail(&self) -> String {
        let seen = match self {
            Self::Expired { seconds } => {
                format!("it expired {seconds} s ago by the API server's clock")
            }
            Self::OtherAudience { wanted, got } => {
                format!("it is for {}, wanted is one of {}", listed(got), listed(wanted))
            }
            Self::NotAllowed { account } => {
                format!("{} matches no entry of service_account_allow_list", quoted(account))
            }
            Self::NoPod => "it is bound to no pod".to_owned(),
        };
        format!("by the token's own claims, whose signature is right, {seen}")
    }
}

/// The members that matter of what Kubernetes signs. A key that stands twice, or has another type, makes it useless.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow, default)]
    aud: Audiences<'a>,
    exp: Option<f64>,
    #[serde(borrow, rename = "kubernetes.io")]
    kubernetes: Bound<'a>,
}

#[derive(Deserialize)]
struct Bound<'a> {
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow, rename = "serviceaccount")]
    service_account: Named<'a>,
    #[serde(borrow)]
    pod: Option<Named<'a>>,
    #[serde(borrow)]
    node: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
}

/// `aud` (RFC 7519, section 4.1.3): a text or a list of texts. A token may have thousands, and once they are judged nobody
/// needs them.
#[derive(Debug, Default)]
pub struct Audiences<'a>(Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Audiences<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudiencesVisitor)
    }
}

struct AudiencesVisitor;

impl<'de> Visitor<'de> for AudiencesVisitor {
    type Value = Audiences<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, audience: &str) -> Result<Audiences<'de>, E> {
        Ok(Audiences(vec![Text(audience.to_owned().into())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Audiences<'de>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Audiences)
    }
}

#[cfg(test)]
mod tests;
