//! The signing keys of a cluster: what they say of a token, and how they are kept up to date.
//!
//! ```text
//! ring ── one reading at a time, which no attestation waits for ── life (when), set (what it is about)
//! set ── the keys; what they say of a token ── key, jws, header, verification
//! endpoint ── where they are read
//! clock ── the cluster's time of day
//! ```
//!
//! Nothing here accepts a token. A right signature makes its claims authentic, which tells what to ask the API server for;
//! TokenReview stays the authority.

mod clock;
mod endpoint;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod header;
mod jws;
mod key;
mod life;
mod ring;
mod set;
#[cfg(test)]
mod tests;
mod verification;

pub(crate) use clock::Clock;
pub(super) use endpoint::Endpoint;
pub use jws::Jws;
pub use life::KeyState;
use ring::Ring;
pub use verification::Verification;
#[cfg(test)]
pub use verification::{SignedClaims, Unverified, Why};

/// The signing keys of one cluster.
pub type SigningKeys = Ring<Endpoint>;
