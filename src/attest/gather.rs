//! How the facts are gathered: in one round trip, in two, or one call after the other. The result is the same.
//!
//! TokenReview's extras feed it, never the claims; those only tell what to ask for before TokenReview has answered. Rows
//! are judged in their order, whatever the order in which answers arrive: a refusal by TokenReview ends the attestation at
//! once, a pod counts only after TokenReview has accepted, a node only after the pod is found good.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use futures_util::future::{MaybeDone, maybe_done, try_join};

use super::claims::{Claims, PodClaim};
use super::objects;
use super::refusal::Refusal;
use super::review::{self, Binding};
use super::{Findings, Standing};
use crate::cluster::api::{ClusterApi, Extra, Node, Pod, is_path_segment};
use crate::config::{ClusterConfig, Lookup};

/// What the API server says of an accepted token.
pub struct Gathered {
    /// What the token is bound to.
    pub binding: Binding,
    /// Pod and node, unless `lookup` is `claims`.
    pub objects: Option<(Pod, Node)>,
}

/// Gathers the facts and judges rows 11 to 23.
pub async fn gather(
    cluster: &ClusterConfig,
    standing: &Standing,
    api: &impl ClusterApi,
    findings: &mut Findings,
) -> Result<Gathered, Refusal> {
    if cluster.lookup == Lookup::Auto
        && let Standing::Authentic(claims) = standing
        && let Some(pod) = &claims.pod
    {
        return in_one_round_trip(cluster, claims, pod, api, findings).await;
    }
    let binding = reviewed(cluster, api, findings).await?;
    if cluster.lookup == Lookup::Claims {
        findings.lookup = Some("claims");
        return Ok(Gathered { binding, objects: None });
    }
    by_extras(cluster, binding, api, findings).await
}

/// Rows 11 to 16.
async fn reviewed(
    cluster: &ClusterConfig,
    api: &impl ClusterApi,
    findings: &mut Findings,
) -> Result<Binding, Refusal> {
    let mut status = api.review_token(&cluster.audience).await.map_err(Refusal::Call)?;
    findings.credential_id = review::credential_id(&mut status);
    let binding = review::judge(cluster, status)?;
    findings.reviewed = true;
    Ok(binding)
}

/// All calls together, for the pod and the node that the claims name.
async fn in_one_round_trip(
    cluster: &ClusterConfig,
    claims: &Claims,
    pod: &PodClaim,
    api: &impl ClusterApi,
    findings: &mut Findings,
) -> Result<Gathered, Refusal> {
    findings.lookup = Some("one_round_trip");
    let mut asked_pod = pin!(maybe_done(api.pod(&claims.namespace, &pod.name)));
    let mut asked_node = pin!(maybe_done(async {
        match &claims.node {
            Some(node) => Some(api.node(node).await),
            None => None,
        }
    }));

    let binding = {
        let mut review = pin!(reviewed(cluster, api, findings));
        let mut review_and_pod = pin!(beside(review.as_mut(), asked_pod.as_mut()));
        beside(review_and_pod.as_mut(), asked_node.as_mut()).await?
    };
    if !claims.agree_with(&binding) {
        // What is not polled any more would keep its place in the queue for a connection, and a connection that nobody uses.
        asked_pod.set(MaybeDone::Gone);
        asked_node.set(MaybeDone::Gone);
        // Boxed, as is what else is seldom done: room for it would be made for every attestation.
        return Box::pin(by_extras(cluster, binding, api, findings)).await;
    }
    let pod = {
        let mut pod = pin!(async {
            asked_pod.as_mut().await;
            let first = asked_pod.as_mut().take_output();
            objects::bound_pod(api, &binding, first).await
        });
        beside(pod.as_mut(), asked_node.as_mut()).await?
    };
    asked_node.as_mut().await;
    let node = match asked_node.as_mut().take_output().flatten() {
        Some(node) => node,
        None => Box::pin(api.node(&pod.node_name)).await,
    };
    Ok(Gathered { binding, objects: Some((pod, node.map_err(Refusal::Call)?)) })
}

/// What `main` comes to; `aside` goes on meanwhile.
pub fn beside<'f, T>(
    mut main: Pin<&'f mut (impl Future<Output = T> + Send)>,
    mut aside: Pin<&'f mut MaybeDone<impl Future<Output: Send> + Send>>,
) -> impl Future<Output = T> + Send + 'f {
    poll_fn(move |context| {
        let outcome = main.as_mut().poll(context);
        // What it comes to is kept.
        let _ = aside.as_mut().poll(context);
        outcome
    })
}

/// Pod and node after TokenReview: together if its extras name the node, else one after the other.
async fn by_extras(
    cluster: &ClusterConfig,
    binding: Binding,
    api: &impl ClusterApi,
    findings: &mut Findings,
) -> Result<Gathered, Refusal> {
    let together = match &binding.node_name {
        Extra::One(node) if cluster.lookup == Lookup::Auto && is_path_segment(node) => Some(node),
        _ => None,
    };
    let (pod, node) = if let Some(node) = together {
        findings.lookup = Some("two_round_trips");
        // A pod that is no good ends the attestation at once; what became of the node matters only after a good pod.
        let node = async { Ok(api.node(node).await) };
        try_join(objects::bound_pod(api, &binding, None), node).await?
    } else {
        findings.lookup = Some("sequential");
        let pod = objects::bound_pod(api, &binding, None).await?;
        let node = api.node(&pod.node_name).await;
        (pod, node)
    };
    Ok(Gathered { binding, objects: Some((pod, node.map_err(Refusal::Call)?)) })
}

impl Claims {
    /// Whether what was asked for by these claims is what TokenReview says to ask for.
    pub fn agree_with(&self, binding: &Binding) -> bool {
        let node = match (&self.node, &binding.node_name) {
            (Some(claimed), Extra::One(extra)) => claimed == extra,
            (None, Extra::Absent | Extra::Count(0)) => true,
            _ => false,
        };
        let Some(pod) = &self.pod else { return false };
        node && self.namespace == binding.namespace
            && self.service_account == binding.service_account
            && pod.name == binding.pod_name
            && pod.uid == binding.pod_uid
    }
}
