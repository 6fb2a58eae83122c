//! A key set without the rest of the room. Not in shipped builds.

use super::Verification;
use super::set::KeySet;

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
        self.0.verify(token, true)
    }
}
