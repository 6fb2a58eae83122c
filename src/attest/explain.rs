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
use super::remedy::{self, Facts};
use super::review::{self, Binding, NodeExtra};
use super::trail::{Check, Trail};
use super::{AgentAttributes, Candidate, Findings, Standing, claimed_node, identity, objects};
use crate::cluster::api::{
    Advice, Advisor, CallError, CallErrorKind, ClusterApi, Node, Pod, TokenReviewStatus, is_path_segment,
};
use crate::config::{ClusterConfig, Lookup, TrustDomain};
use crate::quote::{quoted, quoted_list};

/// Tells that `candidate` has passed rows 1 to 8.
pub fn admitted(trail: &mut Trail, payload: &[u8], candidate: &Candidate) {
    trail.pass_up_to(Check::PayloadSize);
    trail.pass(Check::PayloadSize, Some(format!("{} bytes; 64 KiB is the most", payload.len())));
    trail.pass_up_to(Check::ClusterNamed);
    trail.pass(Check::ClusterNamed, Some(quoted(&candidate.cluster.name)));
    trail.pass_up_to(Check::Signature);
}

/// Rows 11 to 26 of `candidate`, which has a slot; `judged` is what row 9 and its claims told. The verdict is that of
/// [`attest`](super::attest); the steps are in `findings.trail`.
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
    walk.trail().pass(Check::Slot, Some(format!("one of {} (max_in_flight)", cluster.max_in_flight)));
    let attributes = walk.all(trust_domain, claims.as_deref()).await;
    match (walk.first, attributes) {
        (Some(refusal), _) => Err(refusal),
        (None, Some(attributes)) => Ok(attributes),
        // Without a failed check there is an agent ID.
        (None, None) => Err(Refusal::InternalPanic),
    }
}

/// A walk through the checks.
struct Walk<'a, A> {
    /// What is known beforehand.
    facts: Facts<'a>,
    cluster: &'a ClusterConfig,
    api: &'a A,
    findings: &'a mut Findings,
    /// What the token is bound to, once that is known.
    binding: Option<Binding>,
    /// The node that was asked for.
    node: Option<String>,
    /// Why the attestation fails.
    first: Option<Refusal>,
}

impl<A: ClusterApi + Advisor> Walk<'_, A> {
    /// Notes what became of `check`. If it failed there is nothing to go on with.
    async fn judge<T>(
        &mut self,
        check: Check,
        outcome: Result<T, Refusal>,
        wanted: Option<&str>,
        seen: impl FnOnce(&T) -> Option<String>,
    ) -> Option<T> {
        match outcome {
            Ok(found) => {
                self.trail().pass(check, seen(&found));
                Some(found)
            }
            Err(refusal) => {
                self.fail(check, refusal, wanted).await;
                None
            }
        }
    }

    async fn fail(&mut self, check: Check, refusal: Refusal, wanted: Option<&str>) {
        let (detail, remedy) = match &refusal {
            Refusal::Call(error) if error.kind != CallErrorKind::NotFound => {
                let Advice { cause, remedy } = self.api.advise(error).await;
                (cause, remedy)
            }
            refusal => {
                let detail = refusal.detail();
                let detail = wanted.map(|wanted| format!("{detail}; wanted is {wanted}")).unwrap_or(detail);
                (detail, remedy::remedy(refusal, &self.facts()))
            }
        };
        self.trail().fail(check, &refusal, detail, remedy);
        self.first.get_or_insert(refusal);
    }

    fn trail(&mut self) -> &mut Trail {
        self.findings.trail.get_or_insert_default()
    }

    fn facts(&self) -> Facts<'_> {
        Facts { binding: self.binding.as_ref(), node: self.node.as_deref(), ..self.facts }
    }

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
        self.binding(&status).await
    }

    /// Rows 11 and 12.
    async fn review(&mut self) -> Option<TokenReviewStatus> {
        let answer = self.api.review_token(&self.cluster.audience).await.map_err(Refusal::Call);
        if let Ok(status) = &answer {
            self.findings.credential_id = review::credential_id(status);
        }
        let judged = answer.and_then(|status| review::no_error(&status).map(|()| status));
        let seen =
            self.findings.credential_id.as_ref().map(|id| format!("TokenReview knows it as {}", quoted(id)));
        let status = self.judge(Check::TokenReview, judged, None, |_| seen).await;
        let authenticated = match status {
            Some(status) => {
                let judged = review::authenticated(&status);
                self.judge(Check::TokenAuthenticated, judged, None, |()| None).await.map(|()| status)
            }
            None => None,
        };
        if authenticated.is_none() {
            self.trail().skip_the_rest("TokenReview vouches for nothing that the token says");
        }
        authenticated
    }

    /// Rows 13 to 16.
    async fn binding(&mut self, status: &TokenReviewStatus) -> Option<Binding> {
        let wanted = match self.cluster.audience.as_slice() {
            [] => "the API server's own audience is wanted (audience is [])".to_owned(),
            wanted => format!(
                "TokenReview validated {}, wanted is one of {}",
                quoted_list(&status.audiences),
                quoted_list(wanted)
            ),
        };
        let judged = review::audience(self.cluster, status);
        self.judge(Check::Audience, judged, None, |()| Some(wanted)).await;

        let judged = review::service_account(&status.user);
        let seen =
            |account: &review::Account<'_>| Some(quoted(&format!("{}:{}", account.namespace, account.name)));
        let account = self.judge(Check::ServiceAccount, judged, None, seen).await;
        if let Some(account) = &account {
            let entries = quoted_list(&self.cluster.service_account_allow_list.entries());
            let judged = review::allowed(self.cluster, account);
            let seen = format!("it is on the allow list {entries}");
            self.judge(Check::ServiceAccountAllowed, judged, Some(&entries), |()| Some(seen)).await;
        } else {
            self.trail().skip(Check::ServiceAccountAllowed, "whose token it is is not known");
        }

        let seen = |pod: &review::BoundPod<'_>| {
            Some(format!("pod {} with UID {}", quoted(pod.name), quoted(pod.uid)))
        };
        let pod = self.judge(Check::PodBound, review::bound_pod(&status.user), None, seen).await;
        let Some((account, pod)) = account.zip(pod) else {
            self.trail().skip_the_rest("which pod it is is not known");
            return None;
        };
        let binding = Binding::new(status, &account, &pod);
        self.binding = Some(binding.clone());
        Some(binding)
    }

    /// `lookup: claims`: TokenReview's extras speak for pod and node.
    async fn by_claims(&mut self, trust_domain: &TrustDomain, binding: &Binding) -> Option<AgentAttributes> {
        const NOT_READ: &str = "with lookup \"claims\" neither pod nor node is read";
        self.trail().skip_up_to(Check::NodeClaim, NOT_READ);
        let seen = |(name, _): &(&str, &str)| Some(format!("the token is bound to node {}", quoted(name)));
        let node = self.judge(Check::NodeClaim, claimed_node(binding), Some("exactly one"), seen).await;
        self.trail().skip_up_to(Check::AgentId, NOT_READ);
        let (node_name, node_uid) = node?;
        let judged = identity::describe(trust_domain, self.cluster, binding, node_name, node_uid, None);
        let seen = |attributes: &AgentAttributes| Some(attributes.spiffe_id.clone());
        let attributes = self.judge(Check::AgentId, judged, None, seen).await;
        self.trail().skip(Check::BoundNode, NOT_READ);
        attributes
    }

    /// Rows 17 to 22: the pod, if it is the one that the token is bound to, and the name of the node to look at.
    ///
    /// `first` is the pod if it was asked for already, `claimed` the node that the token is bound to.
    async fn pod(
        &mut self,
        binding: &Binding,
        first: Option<Result<Pod, CallError>>,
        claimed: Option<String>,
    ) -> (Option<Pod>, Option<String>) {
        let judged = objects::pod(self.api, binding, first).await;
        let Some(pod) = self.judge(Check::PodFound, judged, None, |_| None).await else {
            self.trail().skip_up_to(Check::NodeFound, "there is no pod to look at");
            return (None, claimed);
        };
        let judged = objects::pod_uid(binding, &pod);
        if self.judge(Check::PodUid, judged, Some(&quoted(&binding.pod_uid)), |()| None).await.is_none() {
            self.trail().skip_up_to(Check::NodeFound, "the pod of that name is another one");
            return (None, claimed);
        }
        let judged = objects::pod_service_account(binding, &pod);
        let wanted = quoted(&binding.service_account);
        self.judge(Check::PodServiceAccount, judged, Some(&wanted), |()| Some(wanted.clone())).await;
        let phase = format!("its phase is {}", quoted(&pod.phase));
        self.judge(Check::PodPhase, objects::pod_phase(binding, &pod), None, |()| Some(phase)).await;
        let judged = objects::pod_scheduled(binding, &pod);
        let node = format!("node {}", quoted(&pod.node_name));
        if self.judge(Check::PodScheduled, judged, None, |()| Some(node)).await.is_none() {
            self.trail().skip(Check::NodeClaim, "the pod is on no node");
            return (Some(pod), claimed);
        }
        let wanted = claimed.as_deref().map(quoted);
        let judged = objects::node_claim(binding, &pod);
        let fits = self.judge(Check::NodeClaim, judged, wanted.as_deref(), |()| None).await;
        let node_name = if fits.is_some() { Some(pod.node_name.clone()) } else { claimed };
        (Some(pod), node_name)
    }

    /// Rows 23 and 24. Only the node that the token is bound to is asked for beforehand, and then no other is looked at.
    async fn node(&mut self, name: &str, asked: Option<Result<Node, CallError>>) -> Option<Node> {
        let answer = match asked {
            Some(answer) => answer,
            None => self.api.node(name).await,
        };
        let judged = answer.map_err(Refusal::Call);
        let seen = |_: &Node| Some(format!("node {}", quoted(name)));
        self.node = Some(name.to_owned());
        let node = self.judge(Check::NodeFound, judged, None, seen).await;
        let judged = node.as_ref().map(|node| objects::node_uid(node).map(str::to_owned));
        let uid = match judged {
            Some(judged) => self.judge(Check::NodeUid, judged, None, |uid| Some(quoted(uid))).await,
            None => None,
        };
        if uid.is_none() {
            self.trail().skip_the_rest("the node's UID is not known");
            return None;
        }
        node
    }

    /// Row 25. Without the pod there is no answer to give, but an ID to look at.
    async fn agent_id(
        &mut self,
        trust_domain: &TrustDomain,
        binding: &Binding,
        node_name: &str,
        pod: Option<&Pod>,
        node: &Node,
    ) -> Option<AgentAttributes> {
        let objects = pod.map(|pod| identity::Objects { pod, node });
        let judged =
            identity::describe(trust_domain, self.cluster, binding, node_name, &node.uid, objects.as_ref());
        let refused = self.first.is_some();
        let seen = |attributes: &AgentAttributes| {
            let would = if refused { "it would be " } else { "" };
            Some(format!("{would}{}", attributes.spiffe_id))
        };
        self.judge(Check::AgentId, judged, None, seen).await
    }

    /// Row 26.
    async fn bound_node(&mut self, binding: &Binding, node: &Node) {
        let mut warnings = Vec::new();
        let judged = objects::judge_bound_node(self.cluster, binding, &node.uid, &mut warnings);
        if let Some(warning) = warnings.pop() {
            self.trail().warn(Check::BoundNode, &warning, remedy::renew_pod(binding));
            // A refused agent is told no warnings.
            if self.first.is_none() {
                self.findings.warnings.push(warning);
            }
            return;
        }
        self.judge(Check::BoundNode, judged, None, |()| None).await;
    }
}

/// The node that the token is bound to, if a URL can hold it.
fn bound_node_name(binding: &Binding) -> Option<String> {
    match &binding.node_name {
        NodeExtra::One(name) if is_path_segment(name) => Some(name.clone()),
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
