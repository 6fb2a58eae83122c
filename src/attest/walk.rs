//! The walk of an explanation through the rows: each is judged and shown, and a failure ends nothing that does not build on it.

use super::refusal::Refusal;
use super::remedy::{self, Facts};
use super::review::{self, Binding};
use super::trail::{Check, Trail};
use super::words::listed;
use super::{AgentAttributes, Findings, claimed_node, identity, objects};
use crate::cluster::api::{
    Advice, Advisor, CallError, CallErrorKind, ClusterApi, Node, Pod, TokenReviewStatus, UserInfo,
};
use crate::config::{ClusterConfig, TrustDomain};
use crate::quote::{quoted, quoted_list};

/// A walk through the checks.
pub(super) struct Walk<'a, A> {
    /// What is known beforehand.
    pub(super) facts: Facts<'a>,
    pub(super) cluster: &'a ClusterConfig,
    pub(super) api: &'a A,
    pub(super) findings: &'a mut Findings,
    /// What the token is bound to, once that is known.
    pub(super) binding: Option<Binding>,
    /// The node that was asked for.
    pub(super) node: Option<String>,
    /// Why the attestation fails.
    pub(super) first: Option<Refusal>,
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

    pub(super) fn trail(&mut self) -> &mut Trail {
        self.findings.trail.get_or_insert_default()
    }

    fn facts(&self) -> Facts<'_> {
        Facts { binding: self.binding.as_ref(), node: self.node.as_deref(), ..self.facts }
    }

    /// Rows 11 and 12.
    pub(super) async fn review(&mut self) -> Option<TokenReviewStatus> {
        let mut answer = self.api.review_token(&self.cluster.audience).await.map_err(Refusal::Call);
        if let Ok(status) = &mut answer {
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
    pub(super) async fn binding(&mut self, status: TokenReviewStatus) -> Option<Binding> {
        let wanted = match self.cluster.audience.as_slice() {
            [] => "the API server's own audience is wanted (audience is [])".to_owned(),
            wanted => format!(
                "TokenReview validated {}, wanted is one of {}",
                listed(&status.audiences),
                listed(wanted)
            ),
        };
        let judged = review::audience(self.cluster, &status);
        self.judge(Check::Audience, judged, None, |()| Some(wanted)).await;

        let UserInfo { username, groups, extra } = status.user;
        let judged = review::service_account(&username, &groups);
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

        let seen =
            |pod: &review::BoundPod| Some(format!("pod {} with UID {}", quoted(&pod.name), quoted(&pod.uid)));
        let judged = review::bound_pod(extra.pod_name, extra.pod_uid);
        let pod = self.judge(Check::PodBound, judged, None, seen).await;
        let Some((account, pod)) = account.zip(pod) else {
            self.trail().skip_the_rest("which pod it is is not known");
            return None;
        };
        let binding = Binding::new(&account, pod, extra.node_name, extra.node_uid);
        self.binding = Some(binding.clone());
        Some(binding)
    }

    /// `lookup: claims`: TokenReview's extras speak for pod and node.
    pub(super) async fn by_claims(
        &mut self,
        trust_domain: &TrustDomain,
        binding: &Binding,
    ) -> Option<AgentAttributes> {
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
    pub(super) async fn pod(
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
    pub(super) async fn node(&mut self, name: &str, asked: Option<Result<Node, CallError>>) -> Option<Node> {
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
    pub(super) async fn agent_id(
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
    pub(super) async fn bound_node(&mut self, binding: &Binding, node: &Node) {
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
