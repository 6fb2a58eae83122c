//! Making tokens with the claims of kube-apiserver 1.37.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::patch::merge;
use crate::signing::SigningKeys;
use crate::token::{Algorithm, SignatureState, TokenRequest};
use crate::world::World;

/// The issuer of all tokens.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc";

/// A lifetime of exactly this many seconds for the API's own audience is stretched to a year, with a warning date:
/// kube-apiserver's allowance for clients that never re-read their token.
const WARN_ONLY_LIFETIME: i64 = 3607;
const YEAR: i64 = 365 * 24 * 3600;

impl SigningKeys {
    /// A token as this world's API server would issue it, changed as the request asks.
    ///
    /// # Panics
    /// When there is no such key: its number is too high, or it is missing in an import.
    #[must_use]
    pub fn mint(&self, world: &World, request: &TokenRequest) -> String {
        if let Some(raw) = &request.raw {
            return raw.clone();
        }
        let key = self.of(request.alg, request.key).expect("there is a key of this algorithm and number");
        let mut header = json!({"alg": request.alg.name()});
        let known = world.signing_keys.iter().find(|key| (key.alg, key.number) == (request.alg, request.key));
        let kid = known.and_then(|key| key.kid.as_deref()).unwrap_or(key.kid());
        if !kid.is_empty() {
            header["kid"] = kid.into();
        }
        let mut claims = claims(world, request);
        apply(&mut header, request.header.as_ref());
        apply(&mut claims, request.claims.as_ref());

        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = match request.signature {
            SignatureState::Empty => Vec::new(),
            SignatureState::Valid | SignatureState::Broken => key.sign(token.as_bytes()),
        };
        if request.signature == SignatureState::Broken {
            // Not the first byte: an RSA signature above the modulus would be refused for its size.
            let middle = signature.len() / 2;
            signature[middle] ^= 0x55;
        }
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        token
    }
}

fn apply(target: &mut Value, patch: Option<&Value>) {
    if let Some(patch) = patch {
        merge(target, patch);
    }
}

fn claims(world: &World, request: &TokenRequest) -> Value {
    let now = world.now();
    let stretched = request.expires_in == WARN_ONLY_LIFETIME
        && !request.audience.is_empty()
        && request.audience.iter().all(|audience| world.api_audiences.contains(audience));
    let lifetime = if stretched { YEAR } else { request.expires_in };
    // A token that has expired was issued an hour before it did.
    let issued = now.min(now + lifetime - 3600 * i64::from(lifetime < 0));

    let mut kubernetes = json!({
        "namespace": request.namespace,
        "serviceaccount": {
            "name": request.service_account,
            "uid": service_account_uid(&request.namespace, &request.service_account),
        },
    });
    if let Some(name) = &request.pod {
        kubernetes["pod"] = pod_reference(world, &request.namespace, name);
        if let Some(node) = node_reference(world, &request.namespace, name).filter(|_| request.node) {
            kubernetes["node"] = node;
        }
    }
    if stretched {
        kubernetes["warnafter"] = (now + WARN_ONLY_LIFETIME).into();
    }
    json!({
        "aud": request.audience,
        "exp": now + lifetime,
        "iat": issued,
        "iss": ISSUER,
        "jti": random_uuid(),
        "kubernetes.io": kubernetes,
        "nbf": issued,
        "sub": format!("system:serviceaccount:{}:{}", request.namespace, request.service_account),
    })
}

fn pod_reference(world: &World, namespace: &str, name: &str) -> Value {
    let uid = match world.pod(namespace, name) {
        Some(pod) => pod["metadata"]["uid"].clone(),
        None => derived_uuid(&["pod", namespace, name]).into(),
    };
    json!({"name": name, "uid": uid})
}

/// The node of a scheduled pod; without a UID when there is no such node, as kube-apiserver does it.
fn node_reference(world: &World, namespace: &str, pod: &str) -> Option<Value> {
    let name = world.pod(namespace, pod)?["spec"]["nodeName"].as_str().filter(|name| !name.is_empty())?;
    Some(match world.node(name) {
        Some(node) => json!({"name": name, "uid": node["metadata"]["uid"]}),
        None => json!({"name": name}),
    })
}

/// The UID of a service account: always the same for the same names.
pub(crate) fn service_account_uid(namespace: &str, name: &str) -> String {
    derived_uuid(&["serviceaccount", namespace, name])
}

pub(crate) fn now_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

/// A bearer token that no server knows.
pub(crate) fn unknown_token() -> String {
    format!("unknown-{}", random_uuid())
}

fn derived_uuid(parts: &[&str]) -> String {
    let hash = digest::digest(&digest::SHA256, parts.join("/").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid_text(bytes, 8)
}

fn random_uuid() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    uuid_text(bytes, 4)
}

fn uuid_text(bytes: [u8; 16], version: u128) -> String {
    let bits = u128::from_be_bytes(bytes) & !(0xf << 76 | 0b11 << 62) | version << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// What an algorithm is called in a header, if it is one of Kubernetes'.
pub(crate) fn algorithm_named(name: &str) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_uuid_is_stable_and_well_formed() {
        let uid = service_account_uid("spire", "spire-agent");
        assert_eq!(uid, service_account_uid("spire", "spire-agent"));
        assert_eq!(uid.len(), 36);
        assert_eq!((uid.as_bytes()[14], uid.as_bytes()[23]), (b'8', b'-'), "{uid}");
        assert!(matches!(uid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uid}");
    }

    #[test]
    fn a_token_for_the_api_itself_lives_a_year_and_warns() {
        let world = World::default();
        let request = TokenRequest {
            audience: world.api_audiences.clone(),
            expires_in: WARN_ONLY_LIFETIME,
            ..TokenRequest::default()
        };
        let claims = claims(&world, &request);
        let (exp, iat) = (claims["exp"].as_i64().expect("exp"), claims["iat"].as_i64().expect("iat"));
        assert_eq!(exp - iat, YEAR);
        assert_eq!(claims["kubernetes.io"]["warnafter"], iat + WARN_ONLY_LIFETIME);
    }
}
