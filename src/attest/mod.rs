//! What is true: the checks of an attestation, one after the other, in the order of the table.
//!
//! | rows | where |
//! |---|---|
//! | 1 | the engine, which has the configuration |
//! | 2 to 7 | [`admit`] |
//! | 8 | [`Candidate::check_form`] |
//! | 9, and refusals by authentic claims | [`Candidate::judge_signature`], before a slot is asked for, as all above |
//! | 10 | the engine's slots |
//! | 11 to 16 | `review` |
//! | 17 to 24, 26 | `objects` |
//! | 25 | `identity` |
//!
//! [`mod@explain`] walks through the same rows, shows each, and does not stop at a failure; `trail` names them, `remedy` says
//! what to do.
//!
//! This room only decides. It asks the cluster through [`ClusterApi`] and knows neither runtime nor clock nor HTTP.
//! The result is the same for every lookup, whatever the order in which answers arrive; `gather` sees to that.

mod claims;
mod explain;
mod gather;
mod identity;
mod jws;
mod objects;
mod payload;
mod refusal;
mod remedy;
mod review;
mod standing;
#[cfg(test)]
mod tests;
mod trail;
mod walk;
mod words;

pub use explain::{admitted, explain};
pub use identity::AgentAttributes;
pub use payload::{Candidate, JsonFault, admit};
pub use refusal::Refusal;
pub use remedy::{Facts, Signer};
pub use standing::{Standing, shown};
pub use trail::{Check, Trail};

use crate::cluster::api::{ClusterApi, Extra};
use crate::config::{ClusterConfig, TrustDomain};
use gather::Gathered;
use identity::Objects;
use review::Binding;

/// What was learnt on the way, whether the attestation succeeds or not. For `diagnostics`.
#[derive(Debug, Default)]
pub struct Findings {
    /// How the facts were gathered, once that is decided.
    pub lookup: Option<&'static str>,
    /// The ID under which the API server's audit log knows the token.
    pub credential_id: Option<String>,
    /// Whether TokenReview accepted the token, and nothing of rows 11 to 16 spoke against it.
    pub reviewed: bool,
    /// What does not refuse the agent but should be known, each beginning with a stable upper-case word.
    pub warnings: Vec<String>,
    /// Every check and what became of it, where that is to be explained.
    pub trail: Option<Trail>,
}

/// Attests `candidate`: rows 11 to 26. `standing` is what rows 9 and before told of it.
pub async fn attest(
    trust_domain: &TrustDomain,
    candidate: &Candidate,
    standing: &Standing,
    api: &impl ClusterApi,
    findings: &mut Findings,
) -> Result<AgentAttributes, Refusal> {
    let cluster = &candidate.cluster;
    let Gathered { binding, objects } = gather::gather(cluster, standing, api, findings).await?;
    let Some((pod, node)) = objects else {
        return from_claims(trust_domain, cluster, &binding);
    };
    let node_uid = objects::node_uid(&node)?;
    let objects = Objects { pod: &pod, node: &node };
    let attributes =
        identity::describe(trust_domain, cluster, &binding, &pod.node_name, node_uid, Some(&objects))?;
    objects::judge_bound_node(cluster, &binding, node_uid, &mut findings.warnings)?;
    Ok(attributes)
}

/// `lookup: claims`: TokenReview's extras speak for pod and node, so rows 17 to 24 and 26 are not checked.
fn from_claims(
    trust_domain: &TrustDomain,
    cluster: &ClusterConfig,
    binding: &Binding,
) -> Result<AgentAttributes, Refusal> {
    let (node_name, node_uid) = claimed_node(binding)?;
    identity::describe(trust_domain, cluster, binding, node_name, node_uid, None)
}

/// Name and UID of the node that the token is bound to.
fn claimed_node(binding: &Binding) -> Result<(&str, &str), Refusal> {
    Ok((claimed(&binding.node_name, "node-name")?, claimed(&binding.node_uid, "node-uid")?))
}

fn claimed<'b>(extra: &'b Extra, name: &'static str) -> Result<&'b str, Refusal> {
    match extra {
        Extra::One(value) if !value.is_empty() => Ok(value),
        _ => Err(Refusal::ClaimsMissing { extra: name }),
    }
}
