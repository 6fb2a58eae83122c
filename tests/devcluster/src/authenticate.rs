//! Judging a service-account token as kube-apiserver 1.37 does, with its words.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::live::{Facts, Live};
use crate::mint::{ISSUER, algorithm_named, service_account_uid};

/// Clocks may differ by this much: go-jose's default.
const LEEWAY: i64 = 60;

/// Whom a token stands for.
#[derive(Debug, PartialEq)]
pub(crate) struct ServiceAccountUser {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) token_id: Option<String>,
    pub(crate) pod: Option<Reference>,
    pub(crate) node: Option<Reference>,
    /// The audiences asked for that the token has.
    pub(crate) audiences: Vec<String>,
}

impl ServiceAccountUser {
    pub(crate) fn username(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

/// Why a token is refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Not one of this issuer's tokens at all.
    NotOurs,
    /// In kube-apiserver's words.
    Because(String),
}

impl Refusal {
    /// `status.error` of a token review.
    pub(crate) fn review_error(&self) -> String {
        match self {
            Refusal::NotOurs => "invalid bearer token".to_owned(),
            Refusal::Because(why) => format!("[invalid bearer token, {why}]"),
        }
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Because(why.into()))
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audience,
    exp: Option<f64>,
    iat: Option<f64>,
    nbf: Option<f64>,
    #[serde(default)]
    iss: String,
    jti: Option<String>,
    #[serde(default, rename = "kubernetes.io")]
    kubernetes: KubernetesClaims,
}

#[derive(Default, Deserialize)]
struct KubernetesClaims {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    serviceaccount: Reference,
    pod: Option<Reference>,
    node: Option<Reference>,
}

/// An object that a token names.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Reference {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) uid: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Audience {
        Audience::Many(Vec::new())
    }
}

/// Judges a token for these audiences: signature, audience, times, and whether what it is bound to still exists.
pub(crate) fn authenticate(
    live: &Live,
    token: &str,
    wanted: &[String],
) -> Result<ServiceAccountUser, Refusal> {
    let claims = verified_claims(live, token)?;
    let audiences = common_audiences(&live.world.api_audiences, claims.aud, wanted)?;
    let now = live.world.now();
    check_times(now, [claims.nbf, claims.exp, claims.iat])?;

    let KubernetesClaims { namespace, serviceaccount, pod, node } = claims.kubernetes;
    check_service_account(live, &namespace, &serviceaccount)?;
    if let Some(pod) = &pod {
        check_bound(now, "pod", pod, live.pod(&namespace, &pod.name).map(|pod| &pod.facts))?;
    } else if let Some(node) = &node {
        check_bound(now, "node", node, live.node(&node.name).map(|node| &node.facts))?;
    }
    Ok(ServiceAccountUser {
        namespace,
        name: serviceaccount.name,
        uid: serviceaccount.uid,
        token_id: claims.jti,
        pod,
        node,
        audiences,
    })
}

fn verified_claims(live: &Live, token: &str) -> Result<Claims, Refusal> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::NotOurs);
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::NotOurs);
    let signed = &token[..header.len() + 1 + payload.len()];
    let header: Header = parse(&decode(header)?)?;
    let claims: Claims = parse(&decode(payload)?)?;
    let signature = decode(signature)?;
    if claims.iss != ISSUER || header.alg == "none" {
        return Err(Refusal::NotOurs);
    }

    let algorithm = algorithm_named(&header.alg);
    let mut failure = "invalid signature, no keys found";
    for (kid, key) in live.keys.signing.known(&live.world.signing_keys) {
        if !header.kid.is_empty() && header.kid != kid {
            continue;
        }
        if algorithm != Some(key.algorithm()) {
            failure = "go-jose/go-jose: unknown/unsupported algorithm";
        } else if key.verifies(signed.as_bytes(), &signature) {
            return Ok(claims);
        } else {
            failure = "go-jose/go-jose: error in cryptographic primitive";
        }
    }
    refused(failure)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(json).map_err(|_| Refusal::NotOurs)
}

fn common_audiences(
    of_api: &[String],
    of_token: Audience,
    wanted: &[String],
) -> Result<Vec<String>, Refusal> {
    let has = match of_token {
        Audience::One(one) => vec![one],
        Audience::Many(many) if many.is_empty() => of_api.to_vec(),
        Audience::Many(many) => many,
    };
    let common: Vec<String> = has.iter().filter(|audience| wanted.contains(audience)).cloned().collect();
    if common.is_empty() && !of_api.is_empty() {
        let (has, wanted) = (go_list(&has), go_list(wanted));
        return refused(format!("token audiences {has} is invalid for the target audiences {wanted}"));
    }
    Ok(common)
}

/// Strings as Go's `%q` prints a slice of them.
fn go_list(strings: &[String]) -> String {
    let mut list = String::from("[");
    for (index, string) in strings.iter().enumerate() {
        let separator = if index == 0 { "" } else { " " };
        write!(list, "{separator}{string:?}").expect("writing to a string does not fail");
    }
    list + "]"
}

fn check_times(now: i64, [not_before, expiry, issued]: [Option<f64>; 3]) -> Result<(), Refusal> {
    #[expect(clippy::cast_possible_truncation, reason = "go-jose drops fractions too, and `as` saturates")]
    let seconds = |time: f64| time as i64;
    if not_before.is_some_and(|time| now + LEEWAY < seconds(time)) {
        return refused("service account token is not valid yet");
    }
    if expiry.is_some_and(|time| now - LEEWAY > seconds(time)) {
        return refused("service account token has expired");
    }
    if issued.is_some_and(|time| now + LEEWAY < seconds(time)) {
        return refused("service account token is issued in the future");
    }
    Ok(())
}

fn check_service_account(live: &Live, namespace: &str, account: &Reference) -> Result<(), Refusal> {
    if !live.has_service_account(namespace, &account.name) {
        return refused(format!("serviceaccounts {:?} not found", account.name));
    }
    let uid = service_account_uid(namespace, &account.name);
    if uid != account.uid {
        return refused(format!("service account UID ({uid}) does not match claim ({})", account.uid));
    }
    Ok(())
}

/// Whether the object that a token is bound to is still the same one, and not deleted for longer than the leeway.
fn check_bound(now: i64, kind: &str, bound: &Reference, found: Option<&Facts>) -> Result<(), Refusal> {
    const GONE: &str = "service account token has been invalidated";
    let Some(found) = found else {
        return refused(GONE);
    };
    if found.uid != bound.uid {
        return refused(format!(
            "{kind} UID ({}) does not match service account {kind} ref claim ({})",
            found.uid, bound.uid
        ));
    }
    if found.deleted_at.is_some_and(|time| time < now - LEEWAY) {
        return refused(GONE);
    }
    Ok(())
}
