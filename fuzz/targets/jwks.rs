//! The answer of `/openid/v1/jwks`: a set with at least one key that can be used, the same when it is written out and read
//! again, and no key of which has signed what nobody signed.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::sign::encode;
use libfuzzer_sys::fuzz_target;
use psat_attestor::fuzzing::{Keys, Verification};
use serde_json::Value;

/// Tokens without a kid, of each algorithm, whose signatures are of the right length and nobody's.
static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let signed = [("RS256", 256), ("ES256", 64), ("ES384", 96), ("ES512", 132)];
    let token = |(alg, bytes)| {
        let header = encode(format!(r#"{{"alg":"{alg}"}}"#));
        format!("{header}.e30.{}", encode(vec![1; bytes]))
    };
    signed.into_iter().map(token).collect()
});

fuzz_target!(|body: &[u8]| {
    let keys = match Keys::parse(body) {
        Ok(keys) => keys,
        Err(words) => {
            assert!(words.starts_with("the "), "{words}");
            return;
        }
    };
    for token in TOKENS.iter() {
        assert!(!matches!(keys.verify(token), Verification::Verified(_)), "{token}");
    }
    assert!((1..=100).contains(&keys.usable()));
    // What is passed over may be no JSON to a strict reader.
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return };
    let published = document["keys"].as_array().expect("the keys are a list");
    assert!(keys.usable() <= published.iter().filter(|jwk| may_sign(jwk)).count());
    assert_eq!(Keys::parse(document.to_string().as_bytes()), Ok(keys));
});

/// Whether a JWK has what a signing key of a cluster cannot do without.
fn may_sign(jwk: &Value) -> bool {
    let bytes = |name: &str| jwk[name].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let has = |name: &str, length| bytes(name).is_some_and(|bytes| bytes.len() == length);
    let coordinate = match jwk["crv"].as_str() {
        Some("P-256") => 32,
        Some("P-384") => 48,
        _ => 66,
    };
    let is_key = match jwk["kty"].as_str() {
        Some("RSA") => bytes("n").is_some_and(|n| n.len() >= 256) && bytes("e").is_some(),
        Some("EC") => has("x", coordinate) && has("y", coordinate),
        _ => false,
    };
    is_key && jwk["use"].as_str().is_none_or(|usage| usage == "sig")
}
