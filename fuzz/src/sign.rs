//! Keys that are made anew by each process, and sign whatever they are told to.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A private key.
pub struct Signer {
    /// How the key set calls it.
    pub kid: Option<&'static str>,
    /// What a header must call its algorithm.
    pub alg: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// A new key for RS256, ES256 or ES384.
    #[must_use]
    pub fn new(alg: &'static str, kid: Option<&'static str>) -> Self {
        let made = "a key is made";
        let pair = match alg {
            "RS256" => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect(made)),
            "ES384" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect(made)),
            _ => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect(made)),
        };
        Self { kid, alg, pair }
    }

    /// The public key, as a key set has it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                // DER ends with the 256 bytes of the modulus, and with the exponent 65537 as five.
                let der: &[u8] = pair.public_key().as_ref();
                let n = &der[der.len() - 261..der.len() - 5];
                json!({"kty": "RSA", "n": encode(n), "e": "AQAB"})
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if self.alg == "ES384" { "P-384" } else { "P-256" };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
        };
        jwk["use"] = "sig".into();
        jwk["kid"] = self.kid.into();
        jwk
    }

    /// The token of this header and these claims, whatever they are.
    #[must_use]
    pub fn token(&self, header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("RSA signs");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, signed.as_bytes()).expect("ECDSA signs").as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(signature))
    }
}
