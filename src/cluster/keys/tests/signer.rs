//! Keys that sign whatever they are told to.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::jws::Jws;
use super::super::set::KeySet;

pub(super) enum Signer {
    Rsa(RsaKeyPair),
    Ec(&'static str, &'static str, EcdsaKeyPair),
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token that has its form, taken apart.
pub(super) fn jws(token: &str) -> Jws<'_> {
    Jws::decode(token).unwrap()
}

/// What most tests sign. Nothing here looks at it.
pub(super) const CLAIMS: &str = r#"{"sub":"system:serviceaccount:spire:spire-agent"}"#;

impl Signer {
    pub(super) fn rsa(size: KeySize) -> Self {
        Self::Rsa(RsaKeyPair::generate(size).unwrap())
    }

    /// Two different keys of the least size, made once for all tests: they are slow to make.
    pub(super) fn shared_rsa() -> [&'static Self; 2] {
        static SHARED: OnceLock<[Signer; 2]> = OnceLock::new();
        SHARED.get_or_init(|| [Self::rsa(KeySize::Rsa2048), Self::rsa(KeySize::Rsa2048)]).each_ref()
    }

    pub(super) fn ec(alg: &'static str) -> Self {
        let (curve, algorithm): (_, &'static EcdsaSigningAlgorithm) = match alg {
            "ES256" => ("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            _ => ("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        };
        Self::Ec(alg, curve, EcdsaKeyPair::generate(algorithm).unwrap())
    }

    pub(super) fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(alg, _, _) => alg,
        }
    }

    /// Modulus and exponent, or coordinates, as they stand in a JWK.
    pub(super) fn numbers(&self) -> [String; 2] {
        match self {
            Self::Rsa(pair) => {
                let public: &PublicKey = pair.public_key();
                let [n, e] = rsa_numbers(public.as_ref());
                [encode(n), encode(e)]
            }
            Self::Ec(_, _, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                [encode(x), encode(y)]
            }
        }
    }

    pub(super) fn jwk(&self, kid: Option<&str>) -> Value {
        let [first, second] = self.numbers();
        let mut jwk = match self {
            Self::Rsa(_) => json!({"kty": "RSA", "n": first, "e": second}),
            Self::Ec(_, curve, _) => json!({"kty": "EC", "crv": curve, "x": first, "y": second}),
        };
        jwk["use"] = "sig".into();
        jwk["alg"] = self.alg().into();
        if let Some(kid) = kid {
            jwk["kid"] = kid.into();
        }
        jwk
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ec(_, _, pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    pub(super) fn sign(&self, signed: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(_, _, pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
        }
    }

    /// A token with this literal header.
    pub(super) fn token_with(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = encode(self.sign(&signed));
        format!("{signed}.{signature}")
    }

    pub(super) fn token(&self, kid: Option<&str>) -> String {
        let mut header = json!({"alg": self.alg()});
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        self.token_with(&header.to_string(), CLAIMS)
    }
}

/// Takes the DER of an `RSAPublicKey` apart: a sequence of two integers, all with lengths of two octets but the exponent.
fn rsa_numbers(der: &[u8]) -> [&[u8]; 2] {
    let content = |der: &[u8], at: usize| {
        let (length, start) = match usize::from(der[at + 1]) {
            short @ ..0x80 => (short, at + 2),
            0x82 => (usize::from(der[at + 2]) << 8 | usize::from(der[at + 3]), at + 4),
            _ => (usize::from(der[at + 2]), at + 3),
        };
        start..start + length
    };
    let all = content(der, 0);
    let n = content(der, all.start);
    let e = content(der, n.end);
    [der[n].strip_prefix(&[0]).unwrap_or_default(), &der[e]]
}

/// The set of these entries.
pub(super) fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}
