//! Row 9, and what a token's own claims decide: all that can be told before anybody is asked.
//!
//! Nothing here accepts a token. Claims whose signature is right may refuse it, and tell what to ask for.

use super::claims::Claims;
use super::refusal::Refusal;
use super::{Candidate, Check, Facts, Signer, Trail, remedy};
use crate::cluster::keys::{KeyState, Verification};
use crate::config::VerifySignature;
use crate::quote::quoted;

/// What is known of a token before anybody is asked.
#[derive(Debug)]
pub enum Standing {
    /// `verify_signature` is off.
    NotJudged,
    /// The cluster's signing keys are not known.
    KeysUnknown,
    /// They are known, but the token is none that they, or this library, can judge.
    Unknown {
        /// Why not.
        why: &'static str,
        /// The key that it names: the agent's word.
        kid: Option<String>,
    },
    /// The cluster has signed it, and so its claims are authentic.
    Authentic(Box<Claims>),
}

impl Candidate {
    /// Whether the cluster's keys are to be asked about the token.
    #[must_use]
    pub fn is_to_be_verified(&self) -> bool {
        self.cluster.verify_signature == VerifySignature::Auto
    }

    /// Judges by row 9, and by the claims if they are authentic: what TokenReview could only refuse too is refused.
    ///
    /// `verification` is what the cluster's keys say, if they are known; `now` the cluster's time in seconds since the epoch,
    /// if that is known.
    pub fn judge_signature(
        &self,
        verification: Option<Verification>,
        now: Option<i64>,
    ) -> Result<Standing, Refusal> {
        let signed = match verification {
            None if self.is_to_be_verified() => return Ok(Standing::KeysUnknown),
            None => return Ok(Standing::NotJudged),
            Some(Verification::Wrong) => return Err(Refusal::SignatureInvalid),
            Some(Verification::Unverified(unverified)) => {
                return Ok(Standing::Unknown { why: unverified.why.words(), kid: unverified.kid });
            }
            Some(Verification::Verified(signed)) => signed,
        };
        match Claims::read(signed.as_bytes()) {
            Ok((claims, audiences)) => {
                claims.judge(&audiences, &self.cluster, now).map_err(Refusal::ByClaims)?;
                Ok(Standing::Authentic(Box::new(claims)))
            }
            // Its key is known, and need not be vouched for.
            Err(why) => Ok(Standing::Unknown { why, kid: None }),
        }
    }
}

/// Shows what became of row 9 and of the claims. A refusal does not end the walk.
pub fn shown(trail: &mut Trail, judged: Result<&Standing, &Refusal>, keys: &KeyState, facts: &Facts<'_>) {
    const NOT_AUTHENTIC: &str = "not looked at: its signature is not known to be right";
    let signer = match facts.signed_by {
        Signer::Unknown => String::new(),
        Signer::Cluster(name) => format!("; a signing key of cluster {} made it", quoted(name)),
        Signer::NotAmong(clusters) => format!(
            "; {clusters} other clusters have a key of that name, none of which made it; no more were looked at"
        ),
    };
    let decides = |why: &str| format!("{why}: TokenReview decides{signer}");
    match judged {
        Err(refusal) => {
            let detail = format!("{}{signer}", refusal.detail());
            let remedy = remedy::remedy(refusal, facts);
            if refusal.check() == Some(Check::Claims) {
                trail.pass(Check::Signature, Some(known(keys)));
                trail.fail(Check::Claims, refusal, detail, remedy);
            } else {
                trail.fail(Check::Signature, refusal, detail, remedy);
                trail.skip(Check::Claims, NOT_AUTHENTIC);
            }
        }
        Ok(Standing::Authentic(_)) => {
            trail.pass(Check::Signature, Some(known(keys)));
            trail.pass(Check::Claims, None);
        }
        Ok(standing) => {
            let why = match (standing, keys) {
                (Standing::NotJudged, _) => "verify_signature is off".to_owned(),
                (Standing::Unknown { why, .. }, _) => (*why).to_owned(),
                (_, KeyState::Unreadable { cause }) => {
                    format!("the cluster's signing keys cannot be read: {cause}")
                }
                _ => "the cluster's signing keys are not known yet".to_owned(),
            };
            trail.skip(Check::Signature, &decides(&why));
            trail.skip(Check::Claims, NOT_AUTHENTIC);
        }
    }
}

fn known(keys: &KeyState) -> String {
    match keys {
        KeyState::Known { keys, .. } => format!("right under a signing key of the cluster ({keys} known)"),
        _ => "right under a signing key of the cluster".to_owned(),
    }
}
