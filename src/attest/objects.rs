//! Rows 17 to 24 and 26: the pod and the node that the token is bound to.

use super::Findings;
use super::refusal::Refusal;
use super::review::Binding;
use crate::cluster::api::{ClusterApi, Node, Pod, is_path_segment};
use crate::config::ClusterConfig;
use crate::quote::quoted;

/// Asks for the pod and judges it by rows 17 to 22.
pub async fn bound_pod(api: &impl ClusterApi, binding: &Binding) -> Result<Pod, Refusal> {
    let pod = api.pod(&binding.namespace, &binding.pod_name).await.map_err(Refusal::Call)?;
    let pod = if pod.uid == binding.pod_uid {
        pod
    } else {
        // The pod may have been replaced since TokenReview, or the answer may be old: one fresh look decides.
        api.pod(&binding.namespace, &binding.pod_name).await.map_err(Refusal::Call)?
    };
    judge_pod(binding, &pod)?;
    Ok(pod)
}

fn judge_pod(binding: &Binding, pod: &Pod) -> Result<(), Refusal> {
    let name = || binding.pod_name.clone();
    if pod.uid != binding.pod_uid {
        return Err(Refusal::PodUidMismatch {
            pod: name(),
            bound: binding.pod_uid.clone(),
            found: pod.uid.clone(),
        });
    }
    if pod.service_account_name != binding.service_account {
        return Err(Refusal::PodServiceAccountMismatch {
            pod: name(),
            found: pod.service_account_name.clone(),
        });
    }
    if matches!(pod.phase.as_str(), "Succeeded" | "Failed") {
        return Err(Refusal::PodTerminated { pod: name(), phase: pod.phase.clone() });
    }
    if pod.node_name.is_empty() {
        return Err(Refusal::PodNotScheduled { pod: name() });
    }
    if binding.node_name.contradicts(&pod.node_name) {
        return Err(Refusal::NodeClaimMismatch { pod: name(), found: pod.node_name.clone() });
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
    findings: &mut Findings,
) -> Result<(), Refusal> {
    if !binding.node_uid.contradicts(node_uid) {
        return Ok(());
    }
    let pod = binding.pod_name.clone();
    if cluster.require_node_uid_match {
        return Err(Refusal::NodeUidMismatch { pod, found: node_uid.to_owned() });
    }
    findings.warnings.push(format!(
        "NODE_UID_STALE: the token of pod {} is bound to an earlier Node object of that name",
        quoted(&pod)
    ));
    Ok(())
}
