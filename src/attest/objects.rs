//! Rows 17 to 24 and 26: the pod and the node that the token is bound to.

use super::refusal::Refusal;
use super::review::Binding;
use crate::cluster::api::{CallError, ClusterApi, Node, Pod, is_path_segment};
use crate::config::ClusterConfig;
use crate::quote::quoted;

/// Asks for the pod, unless it was asked for already, and judges it by rows 17 to 22.
pub async fn bound_pod(
    api: &impl ClusterApi,
    binding: &Binding,
    asked: Option<Result<Pod, CallError>>,
) -> Result<Pod, Refusal> {
    let pod = pod(api, binding, asked).await?;
    judge_pod(binding, &pod)?;
    Ok(pod)
}

/// Asks for the pod, unless it was asked for already: row 17, and the fresh look of row 18.
pub async fn pod(
    api: &impl ClusterApi,
    binding: &Binding,
    asked: Option<Result<Pod, CallError>>,
) -> Result<Pod, Refusal> {
    let first = match asked {
        Some(answer) => answer,
        None => api.pod(&binding.namespace, &binding.pod_name).await,
    };
    let pod = first.map_err(Refusal::Call)?;
    if pod.uid == binding.pod_uid {
        return Ok(pod);
    }
    // The pod may have been replaced since TokenReview, or the answer may be old: one fresh look decides.
    Box::pin(api.pod(&binding.namespace, &binding.pod_name)).await.map_err(Refusal::Call)
}

fn judge_pod(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    pod_uid(binding, pod)?;
    pod_service_account(binding, pod)?;
    pod_phase(binding, pod)?;
    pod_scheduled(binding, pod)?;
    node_claim(binding, pod)
}

/// Row 18.
pub fn pod_uid(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    if pod.uid == binding.pod_uid {
        return Ok(());
    }
    Err(Refusal::PodUidMismatch {
        pod: binding.pod_name.clone(),
        bound: binding.pod_uid.clone(),
        found: pod.uid.clone(),
    })
}

/// Row 19.
pub fn pod_service_account(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    if pod.service_account_name == binding.service_account {
        return Ok(());
    }
    Err(Refusal::PodServiceAccountMismatch {
        pod: binding.pod_name.clone(),
        found: pod.service_account_name.clone(),
    })
}

/// Row 20.
pub fn pod_phase(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    if matches!(pod.phase.as_str(), "Succeeded" | "Failed") {
        return Err(Refusal::PodTerminated { pod: binding.pod_name.clone(), phase: pod.phase.clone() });
    }
    Ok(())
}

/// Row 21.
pub fn pod_scheduled(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    if pod.node_name.is_empty() {
        return Err(Refusal::PodNotScheduled { pod: binding.pod_name.clone() });
    }
    Ok(())
}

/// Row 22, and whether the node's name can be asked for.
pub fn node_claim(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    if binding.node_name.contradicts(&pod.node_name) {
        return Err(Refusal::NodeClaimMismatch {
            pod: binding.pod_name.clone(),
            found: pod.node_name.clone(),
        });
    }
    if !is_path_segment(&pod.node_name) {
        return Err(Refusal::NodeNameUnfit { node: pod.node_name.clone() });
    }
    Ok(())
}

/// Judges the node by row 24.
pub fn node_uid(node: &Node) -> Result<&str, Refusal> {
    if node.uid.is_empty() { Err(Refusal::NodeUidEmpty) } else { Ok(&node.uid) }
}

/// Judges by row 26 whether the token is bound to this node or to an earlier one of its name.
pub fn judge_bound_node(
    cluster: &ClusterConfig,
    binding: &Binding,
    node_uid: &str,
    warnings: &mut Vec<String>,
) -> Result<(), Refusal> {
    if !binding.node_uid.contradicts(node_uid) {
        return Ok(());
    }
    let pod = binding.pod_name.clone();
    if cluster.require_node_uid_match {
        return Err(Refusal::NodeUidMismatch { pod, found: node_uid.to_owned() });
    }
    warnings.push(format!(
        "NODE_UID_STALE: the token of pod {} is bound to an earlier Node object of that name",
        quoted(&pod)
    ));
    Ok(())
}
