//! A cluster's key set, and what it says of a token.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::header::Header;
use super::jws::Jws;
use super::key::Entry;
use super::verification::{SignedClaims, Unverified, Verification, Why};

/// Of one set. A cluster publishes one to three keys, and some more while they are being replaced.
const MAX_KEYS: usize = 100;

/// Keys that one token is tried with: each costs up to 0.3 ms, and whoever sends the token need not be known.
const MAX_TRIES: usize = 8;

/// The signing keys of a cluster.
#[derive(Debug, PartialEq)]
pub(crate) struct KeySet {
    entries: Vec<Entry>,
}

impl KeySet {
    /// Reads the answer of `/openid/v1/jwks`. Entries that are no signing keys are passed over; the set must have at least
    /// one that can be used, or nothing could ever be told by it.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("the answer is no JSON object");
        }
        let document: Document =
            serde_json::from_slice(body).map_err(|_| "the answer is not a JSON object with a list `keys`")?;
        if document.keys.len() > MAX_KEYS {
            return Err("the key set has more than 100 keys");
        }
        let set = Self { entries: document.keys.iter().filter_map(Entry::read).collect() };
        if set.usable() == 0 { Err("the key set has no key that can be used") } else { Ok(set) }
    }

    /// How many keys can be used.
    pub(super) fn usable(&self) -> usize {
        self.entries.iter().filter(|entry| entry.key.is_some()).count()
    }

    /// What these keys say of a token. `settled` tells whether they are so new that what they deny is denied.
    pub(super) fn verify(&self, jws: Jws<'_>, settled: bool) -> Verification {
        let unverified = |why, kid| Verification::Unverified(Unverified { why, kid });
        let Some(header) = Header::parse(jws.header()) else {
            return unverified(Why::Form, None);
        };
        match self.judge(&header, &jws) {
            Ok(true) => Verification::Verified(SignedClaims(jws.into_payload())),
            Ok(false) if settled => Verification::Wrong,
            // Nothing to vouch for: the key of this name is known, so that every forger may name it, and what is read anew
            // will tell.
            Ok(false) => unverified(Why::OldKeys, None),
            Err(why) => unverified(why, header.kid.map(Cow::into_owned)),
        }
    }

    /// Whether one of the keys that the token names has signed it; `None` if it names none of these.
    pub(super) fn has_signed(&self, jws: &Jws<'_>) -> Option<bool> {
        // Without a kid it may be any key: none is named.
        let header = Header::parse(jws.header()).filter(|header| header.kid.is_some())?;
        match self.judge(&header, jws) {
            Err(Why::UnknownKid) => None,
            judged => Some(judged == Ok(true)),
        }
    }

    /// Whether one of the keys that the token may mean has signed it.
    fn judge(&self, header: &Header<'_>, jws: &Jws<'_>) -> Result<bool, Why> {
        let kid = header.kid.as_deref();
        if header.demands {
            return Err(Why::Demands);
        }
        // Without a kid it may be any key.
        let named = || self.entries.iter().filter(|entry| kid.is_none() || entry.kid.as_deref() == kid);
        if named().next().is_none() {
            return Err(Why::UnknownKid);
        }
        let algorithm = header.algorithm.ok_or(Why::OtherAlgorithm)?;
        let usable = || named().filter_map(|entry| entry.key.as_ref());
        let fitting = || usable().filter(|key| key.algorithm == algorithm);
        if fitting().count() > MAX_TRIES {
            return Err(Why::TooManyKeys);
        }
        if fitting().any(|key| key.verifies(jws.signed(), jws.signature())) {
            return Ok(true);
        }
        if named().any(|entry| entry.key.is_none()) {
            return Err(Why::UnusableKey);
        }
        if fitting().next().is_none() { Err(Why::OtherAlgorithm) } else { Ok(false) }
    }
}
