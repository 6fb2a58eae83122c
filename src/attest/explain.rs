//! One attestation with every check shown.
//!
//! The same functions judge as in [`attest`](super::attest), one after the other, so the verdict is the same; a failure does
//! not end the walk. What comes after it is judged by facts from TokenReview alone, or skipped. Calls are made together where
//! [`gather`](super::gather) makes them together, so that time runs out for both or for none.

use std::pin::pin;

use futures_util::future::maybe_done;

use super::claims::Claims;
use super::gather::beside;
use super::refusal::Refusal;
use super::remedy::Facts;
use super::review::Binding;
use super::trail::{Check, Trail};
use super::walk::Walk;
use super::{AgentAttributes, Candidate, Findings, Standing};
use crate::cluster::api::{Advisor, CallError, ClusterApi, Extra, Node, Pod, is_path_segment};
use crate::config::{Lookup, TrustDomain};
use crate::quote::quoted;

/// Tells that `candidate` has passed rows 1 to 8.
pub fn admitted(trail: &mut Trail, payload: &[u8], candidate: &Candidate) {
    trail.pass_up_to(Check::PayloadSize);
    trail.pass(Check::PayloadSize, Some(format!("{} bytes; 64 KiB is the most", payload.len())));
    trail.pass_up_to(Check::ClusterNamed);
    trail.pass(Check::ClusterNamed, Some(quoted(&candidate.cluster.name)));
    trail.pass_up_to(Check::Signature);
}

/// Rows 11 to 26 of `candidate`; `judged` is what row 9 and its claims told. The verdict is that of
/// [`attest`](super::attest); the steps are in `findings.trail`, as those before are already.
pub async fn explain(
    facts: Facts<'_>,
    trust_domain: &TrustDomain,
    candidate: &Candidate,
    judged: Result<Standing, Refusal>,
    api: &(impl ClusterApi + Advisor),
    findings: &mut Findings,
) -> Result<AgentAttributes, Refusal> {
    let cluster = &*candidate.cluster;
    let (claims, first) = match judged {
        Ok(Standing::Authentic(claims)) => (Some(claims), None),
        Ok(_) => (None, None),
        Err(refusal) => (None, Some(refusal)),
    };
    let mut walk = Walk { facts, cluster, api, findings, binding: None, node: None, first };
    let attributes = walk.all(trust_domain, claims.as_deref()).await;
    match (walk.first, attributes) {
        (Some(refusal), _) => Err(refusal),
        (None, Some(attributes)) => Ok(attributes),
        // Without a failed check there is an agent ID.
        (None, None) => Err(Refusal::InternalPanic),
    }
}
impl<A: ClusterApi + Advisor> Walk<'_, A> {
    /// Rows 11 to 26, with the calls made together that [`gather`](super::gather) makes together.
    async fn all(&mut self, trust_domain: &TrustDomain, claims: Option<&Claims>) -> Option<AgentAttributes> {
        let (api, auto) = (self.api, self.cluster.lookup == Lookup::Auto);
        let early = claims.filter(|claims| auto && claims.pod.is_some());
        let early_pod =
            early.and_then(|claims| Some((claims.namespace.clone(), claims.pod.as_ref()?.name.clone())));
        let mut asked_pod = pin!(maybe_done(ask_pod(api, early_pod)));
        let mut asked_node = pin!(maybe_done(ask_node(api, early.and_then(|claims| claims.node.clone()))));
        let binding = {
            let mut reviewed = pin!(self.reviewed());
            let mut reviewed_and_pod = pin!(beside(reviewed.as_mut(), asked_pod.as_mut()));
            beside(reviewed_and_pod.as_mut(), asked_node.as_mut()).await?
        };
        if self.cluster.lookup == Lookup::Claims {
            self.findings.lookup = Some("claims");
            return self.by_claims(trust_domain, &binding).await;
        }
        let bound_node = bound_node_name(&binding);
        self.findings.lookup = Some(if early.is_some_and(|claims| claims.agree_with(&binding)) {
            "one_round_trip"
        } else {
            let together = bound_node.clone().filter(|_| auto);
            let lookup = if together.is_some() { "two_round_trips" } else { "sequential" };
            asked_pod.set(maybe_done(ask_pod(api, None)));
            asked_node.set(maybe_done(ask_node(api, together)));
            lookup
        });
        let (pod, node_name) = {
            let mut pod = pin!(async {
                asked_pod.as_mut().await;
                let first = asked_pod.as_mut().take_output().flatten();
                self.pod(&binding, first, bound_node).await
            });
            beside(pod.as_mut(), asked_node.as_mut()).await
        };
        let Some(node_name) = node_name else {
            self.trail().skip_the_rest("which node it is is not known");
            return None;
        };
        asked_node.as_mut().await;
        let asked = asked_node.as_mut().take_output().flatten();
        let node = self.node(&node_name, asked).await?;
        let attributes = self.agent_id(trust_domain, &binding, &node_name, pod.as_ref(), &node).await;
        self.bound_node(&binding, &node).await;
        attributes
    }

    /// Rows 11 to 16.
    async fn reviewed(&mut self) -> Option<Binding> {
        let status = self.review().await?;
        self.binding(status).await
    }
}

/// The node that the token is bound to, if a URL can hold it.
fn bound_node_name(binding: &Binding) -> Option<String> {
    match &binding.node_name {
        Extra::One(name) if is_path_segment(name) => Some(name.clone()),
        _ => None,
    }
}

async fn ask_pod(
    api: &impl ClusterApi,
    namespace_and_name: Option<(String, String)>,
) -> Option<Result<Pod, CallError>> {
    let (namespace, name) = namespace_and_name?;
    Some(api.pod(&namespace, &name).await)
}

async fn ask_node(api: &impl ClusterApi, name: Option<String>) -> Option<Result<Node, CallError>> {
    Some(api.node(&name?).await)
}
