//! One entry of a key set: whether it is a signing key of a cluster, and whether it can be used here.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// The signature algorithms that Kubernetes issues tokens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    Es384,
    Es512,
}

/// A public key that is ready to verify with.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    public: ParsedPublicKey,
}

/// A signing key of a set. One that cannot be used here may still have signed a token.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kid: Option<String>,
    pub(super) key: Option<Key>,
}

/// The members of a JWK that matter here (RFC 7517, section 4; RFC 7518, section 6).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Entry {
    /// Reads one member of `keys`. `None` if it is no signing key at all.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        let usage = jwk.get("use").and_then(Value::as_str);
        if usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let kid = jwk.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty()).map(str::to_owned);
        let key = Jwk::deserialize(jwk).ok().and_then(|jwk| jwk.key());
        Some(Self { kid, key })
    }
}

impl Jwk {
    fn key(&self) -> Option<Key> {
        if self.key_ops.as_ref().is_some_and(|uses| !uses.iter().any(|usage| usage == "verify")) {
            return None;
        }
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Algorithm::Rs256,
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("EC", Some("P-384")) => Algorithm::Es384,
            ("EC", Some("P-521")) => Algorithm::Es512,
            _ => return None,
        };
        if self.alg.as_deref().is_some_and(|alg| alg != algorithm.name()) {
            return None;
        }
        let public = if algorithm == Algorithm::Rs256 { self.rsa() } else { self.point(algorithm) };
        Some(Key { algorithm, public: public? })
    }

    /// RSA from 2048 bits, the least that is thought safe, to 8192, the most that the verifier takes; a public exponent of
    /// 32 bits at most, as Go has it: the time for one verification grows with both.
    fn rsa(&self) -> Option<ParsedPublicKey> {
        let (n, e) = (number(self.n.as_deref()?)?, number(self.e.as_deref()?)?);
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        let exponent = e.iter().try_fold(0u32, |all, byte| Some(all.checked_mul(256)? | u32::from(*byte)))?;
        let fits = (2048..=8192).contains(&bits) && n.last()? % 2 == 1 && exponent >= 3 && exponent % 2 == 1;
        let components = RsaPublicKeyComponents { n, e };
        fits.then(|| components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok())?
    }

    /// A point on the curve, both coordinates in full length.
    fn point(&self, algorithm: Algorithm) -> Option<ParsedPublicKey> {
        let (x, y) = (octets(self.x.as_deref()?)?, octets(self.y.as_deref()?)?);
        let length = algorithm.coordinate_bytes();
        if x.len() != length || y.len() != length {
            return None;
        }
        ParsedPublicKey::new(algorithm.verification(), [&[4], x.as_slice(), &y].concat()).ok()
    }
}

impl Key {
    /// Whether `signature`, in the form of JWS, is this key's under `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

/// The same key, however its JWK was written.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.public.as_ref() == other.public.as_ref()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid && self.key == other.key
    }
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::Es384, Self::Es512];

    /// The algorithm that is called so in JOSE headers (RFC 7518, section 3.1).
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &ECDSA_P521_SHA512_FIXED,
        }
    }

    /// Of a point's coordinate; RSA has none.
    fn coordinate_bytes(self) -> usize {
        match self {
            Self::Rs256 => 0,
            Self::Es256 => 32,
            Self::Es384 => 48,
            Self::Es512 => 66,
        }
    }
}

fn octets(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A number in its least octets. Some writers put a sign byte in front.
fn number(text: &str) -> Option<Vec<u8>> {
    let octets = octets(text)?;
    let start = octets.iter().position(|byte| *byte != 0)?;
    Some(octets[start..].to_vec())
}
