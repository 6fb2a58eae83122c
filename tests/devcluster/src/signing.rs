//! The keys that sign service-account tokens, and what is published of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, ParsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::cluster_key::{ClusterKey, KEYS_PER_ALGORITHM};
use crate::token::Algorithm;

/// One signing key per algorithm, and others that are made when they are asked for.
pub struct SigningKeys {
    keys: Vec<SigningKey>,
    others: [[OnceLock<SigningKey>; KEYS_PER_ALGORITHM - 1]; Algorithm::ALL.len()],
}

impl SigningKeys {
    /// Makes new keys. The RSA key takes most of the time: 0.1 s and more.
    #[must_use]
    pub fn generate() -> SigningKeys {
        SigningKeys { keys: Algorithm::ALL.map(SigningKey::generate).into(), others: Default::default() }
    }

    /// The private keys of number 0, PKCS #8 in base64, by algorithm: for a file that only its owner reads.
    #[must_use]
    pub fn export(&self) -> BTreeMap<Algorithm, String> {
        self.keys.iter().map(|key| (key.algorithm, STANDARD.encode(key.private_der()))).collect()
    }

    /// Reads what [`SigningKeys::export`] has written.
    ///
    /// # Errors
    /// A sentence about the first key that cannot be used.
    pub fn import(exported: &BTreeMap<Algorithm, String>) -> Result<SigningKeys, String> {
        let keys = exported.iter().map(|(algorithm, text)| SigningKey::import(*algorithm, text));
        Ok(SigningKeys { keys: keys.collect::<Result<_, _>>()?, others: Default::default() })
    }

    /// Whether there is a key for this algorithm; only an import can lack one.
    #[must_use]
    pub fn has(&self, algorithm: Algorithm) -> bool {
        self.of(algorithm, 0).is_some()
    }

    /// The key of this number; all but number 0 are made here and now, once.
    pub(crate) fn of(&self, algorithm: Algorithm, number: usize) -> Option<&SigningKey> {
        let Some(other) = number.checked_sub(1) else {
            return self.keys.iter().find(|key| key.algorithm == algorithm);
        };
        let others = &self.others[algorithm as usize];
        others.get(other).map(|key| key.get_or_init(|| SigningKey::generate(algorithm)))
    }

    /// The keys of a cluster, with the kid that each is known under there.
    pub(crate) fn known<'a>(
        &'a self,
        keys: &'a [ClusterKey],
    ) -> impl Iterator<Item = (&'a str, &'a SigningKey)> {
        keys.iter().filter_map(|key| {
            let signing = self.of(key.alg, key.number)?;
            Some((key.kid.as_deref().unwrap_or(&signing.kid), signing))
        })
    }

    /// The document of `/openid/v1/jwks`.
    pub(crate) fn key_set(&self, keys: &[ClusterKey]) -> Value {
        let published: Vec<ClusterKey> = keys.iter().filter(|key| key.published).cloned().collect();
        let entries = self.known(&published).map(|(kid, key)| {
            let mut jwk = key.public_jwk.clone();
            if !kid.is_empty() {
                jwk["kid"] = kid.into();
            }
            jwk
        });
        json!({"keys": entries.collect::<Vec<_>>()})
    }
}

pub(crate) struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    pair: Pair,
    public: ParsedPublicKey,
    public_jwk: Value,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

impl SigningKey {
    fn generate(algorithm: Algorithm) -> SigningKey {
        let pair = match curve(algorithm) {
            None => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Some(curve) => EcdsaKeyPair::generate(curve).map(Pair::Ecdsa),
        };
        SigningKey::new(algorithm, pair.expect("key generation fails only without memory or entropy"))
    }

    fn import(algorithm: Algorithm, text: &str) -> Result<SigningKey, String> {
        let refused = |why: &dyn std::fmt::Display| format!("the {} key: {why}", algorithm.name());
        let der = STANDARD.decode(text).map_err(|error| refused(&error))?;
        let pair = match curve(algorithm) {
            None => RsaKeyPair::from_pkcs8(&der).map(Pair::Rsa),
            Some(curve) => EcdsaKeyPair::from_pkcs8(curve, &der).map(Pair::Ecdsa),
        };
        Ok(SigningKey::new(algorithm, pair.map_err(|error| refused(&error))?))
    }

    fn new(algorithm: Algorithm, pair: Pair) -> SigningKey {
        let (public_bytes, public_der) = match &pair {
            Pair::Rsa(pair) => (pair.public_key().as_ref(), pair.public_key().as_der()),
            Pair::Ecdsa(pair) => (pair.public_key().as_ref(), pair.public_key().as_der()),
        };
        let public_der = public_der.expect("a public key that was just made can be encoded");
        // As kube-apiserver derives it: the hash of the public key's PKIX form.
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, public_der.as_ref()));
        let mut public_jwk = match algorithm {
            Algorithm::Rs256 => rsa_jwk(public_bytes),
            Algorithm::Es256 => ec_jwk("P-256", public_bytes),
            Algorithm::Es384 => ec_jwk("P-384", public_bytes),
            Algorithm::Es512 => ec_jwk("P-521", public_bytes),
        };
        public_jwk["use"] = "sig".into();
        public_jwk["alg"] = algorithm.name().into();
        let public = ParsedPublicKey::new(verification(algorithm), public_bytes)
            .expect("a public key that was just made can be parsed");
        SigningKey { algorithm, kid, pair, public, public_jwk }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs in the form of JWS: PKCS #1 v1.5, or the two numbers of ECDSA side by side.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect("signing fails only without memory");
                signature
            }
            Pair::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), message)
                .expect("signing fails only without memory or entropy")
                .as_ref()
                .to_vec(),
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }

    fn private_der(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.as_der().map(|der| der.as_ref().to_vec()),
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
        }
        .expect("a key that was made here can be encoded")
    }
}

fn curve(algorithm: Algorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        Algorithm::Rs256 => None,
        Algorithm::Es256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => Some(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
    }
}

fn verification(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
    }
}

/// `point` is an uncompressed one: the byte 4, then both coordinates.
fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let coordinates = &point[1..];
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}

/// `der` is an `RSAPublicKey`: a sequence of the modulus and the exponent.
fn rsa_jwk(der: &[u8]) -> Value {
    let (_, numbers) = der_value(der);
    let (rest, modulus) = der_value(numbers);
    let (_, exponent) = der_value(rest);
    let unsigned = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes.strip_prefix(&[0]).unwrap_or(bytes));
    json!({"kty": "RSA", "n": unsigned(modulus), "e": unsigned(exponent)})
}

/// Takes the first DER element apart: what follows it, and its content.
fn der_value(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match usize::from(der[1]) {
        short @ ..0x80 => (short, 2),
        long => {
            let width = long - 0x80;
            let length = der[2..2 + width].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, 2 + width)
        }
    };
    (&der[start + length..], &der[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_keys_come_back_the_same() {
        let keys = SigningKeys::generate();
        let again = SigningKeys::import(&keys.export()).expect("what was exported can be imported");
        let all = Algorithm::ALL.map(ClusterKey::from);
        assert_eq!(keys.key_set(&all), again.key_set(&all));
        let signature = again.of(Algorithm::Es512, 0).expect("a P-521 key").sign(b"message");
        assert!(keys.of(Algorithm::Es512, 0).expect("a P-521 key").verifies(b"message", &signature));
    }

    #[test]
    fn an_rsa_key_is_published_with_its_whole_modulus() {
        let keys = SigningKeys::generate();
        let set = keys.key_set(&[Algorithm::Rs256.into()]);
        let modulus = URL_SAFE_NO_PAD.decode(set["keys"][0]["n"].as_str().expect("n")).expect("base64url");
        assert_eq!(modulus.len(), 256, "a modulus of 2048 bits without a sign byte");
        assert_eq!(set["keys"][0]["e"], "AQAB");
    }
}
