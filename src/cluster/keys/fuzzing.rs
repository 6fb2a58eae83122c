//! A key set without the rest of the room. Not in shipped builds.

use super::jws::Jws;
use super::set::KeySet;
use super::verification::{Unverified, Verification, Why};

/// The keys of one answer of `/openid/v1/jwks`.
#[derive(Debug, PartialEq)]
pub struct Keys(KeySet);

impl Keys {
    /// Reads the answer's body.
    ///
    /// # Errors
    /// Why it is no key set that can be used.
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        KeySet::parse(body).map(Self)
    }

    /// How many keys can be used.
    #[must_use]
    pub fn usable(&self) -> usize {
        self.0.usable()
    }

    /// What the keys, which were read just now, say of `token`.
    #[must_use]
    pub fn verify(&self, token: &str) -> Verification {
        match Jws::decode(token) {
            Ok(jws) => self.0.verify(jws, true),
            Err(_) => Verification::Unverified(Unverified { why: Why::Form, kid: None }),
        }
    }
}
