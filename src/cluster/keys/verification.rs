//! What can be said of a token's signature.

use std::fmt;

/// What the keys of a cluster say of a token's signature. None of it makes a token acceptable.
#[derive(Debug)]
pub enum Verification {
    /// The signature is right under a key of the cluster.
    Verified(SignedClaims),
    /// No key of those that the token names has made the signature.
    Wrong,
    /// It cannot be told: TokenReview decides.
    Unverified(Unverified),
}

/// A token's claims as they were signed: JSON, unless whoever holds the key signed something else. Shown by no formatter.
pub struct SignedClaims(pub(super) Vec<u8>);

/// A token of which the keys at hand say nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Unverified {
    /// Why not.
    pub why: Why,
    /// The key that it names, which TokenReview can vouch for. The agent's word: for no text.
    pub kid: Option<String>,
}

/// Why a signature could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its header is not one that means the same to every reader.
    Form,
    /// Its header has `crit` or `b64`.
    Demands,
    /// No key of the set has its `kid`.
    UnknownKid,
    /// No key that it names is of its `alg`.
    OtherAlgorithm,
    /// Among the keys that it names is one that cannot be used here.
    UnusableKey,
    /// It fits more keys than are tried.
    TooManyKeys,
    /// Its signature is wrong under keys that were read a while ago and may have been replaced since.
    OldKeys,
}

impl SignedClaims {
    /// Claims that a test vouches for.
    #[cfg(test)]
    pub fn vouched(claims: impl Into<Vec<u8>>) -> Self {
        Self(claims.into())
    }

    /// The bytes that were signed, decoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SignedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedClaims([hidden])")
    }
}

impl Why {
    /// Whether a newer key set could tell more.
    pub(super) fn may_be_outdated(self) -> bool {
        matches!(self, Self::UnknownKid | Self::OtherAlgorithm | Self::OldKeys)
    }

    /// In words, for operators.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Form => "its header can be read in more than one way",
            Self::Demands => "its header has crit or b64, which no Kubernetes token has",
            Self::UnknownKid => {
                "it names a key that the cluster did not publish when its keys were last read"
            }
            Self::OtherAlgorithm => "it names a key of another algorithm",
            Self::UnusableKey => "it names a key of a kind that is not used here",
            Self::TooManyKeys => "it fits too many keys",
            Self::OldKeys => "it is wrong under the key that it names, which was read more than 10 s ago",
        }
    }
}
