//! Row 25 and the answer itself: agent ID and selectors.

use std::collections::BTreeMap;

use serde::Serialize;

use super::refusal::Refusal;
use super::review::Binding;
use crate::cluster::api::{Node, Pod};
use crate::config::{ClusterConfig, TrustDomain, spiffe};

/// The selectors that no label makes.
const FIXED_SELECTORS: usize = 8;

/// The answer to an accepted attestation. Field names are SPIRE's `AgentAttributes`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AgentAttributes {
    /// The agent ID.
    pub spiffe_id: String,
    /// The selectors, without the `k8s_psat:` that SPIRE puts in front; always in the same order.
    pub selector_values: Vec<String>,
    /// Always true: the same agent may attest again.
    pub can_reattest: bool,
}

/// Pod and node as the API server has them: both absent where TokenReview's extras speak alone.
pub struct Objects<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// Its node.
    pub node: &'a Node,
}

/// Makes agent ID and selectors.
pub fn describe(
    trust_domain: &TrustDomain,
    cluster: &ClusterConfig,
    binding: &Binding,
    node_name: &str,
    node_uid: &str,
    objects: Option<&Objects<'_>>,
) -> Result<AgentAttributes, Refusal> {
    Ok(AgentAttributes {
        spiffe_id: agent_id(trust_domain, cluster, &binding.pod_uid, node_uid)?,
        selector_values: selectors(cluster, binding, node_name, node_uid, objects),
        can_reattest: true,
    })
}

fn agent_id(
    trust_domain: &TrustDomain,
    cluster: &ClusterConfig,
    pod_uid: &str,
    node_uid: &str,
) -> Result<String, Refusal> {
    let (kind, uid) = if cluster.use_pod_uid_for_agent_id { ("pod/", pod_uid) } else { ("", node_uid) };
    if !spiffe::is_path_segment(uid) {
        return Err(Refusal::IdInvalid { why: "the UID is not one valid SPIFFE path segment" });
    }
    let trust_domain = trust_domain.as_str();
    let id = ["spiffe://", trust_domain, "/spire/agent/k8s_psat/", &cluster.name, "/", kind, uid].concat();
    if id.len() > spiffe::MAX_ID_BYTES {
        return Err(Refusal::IdInvalid { why: "the agent ID is longer than 2048 bytes" });
    }
    Ok(id)
}

fn selectors(
    cluster: &ClusterConfig,
    binding: &Binding,
    node_name: &str,
    node_uid: &str,
    objects: Option<&Objects<'_>>,
) -> Vec<String> {
    let mut values = Vec::with_capacity(
        FIXED_SELECTORS + cluster.allowed_node_label_keys.len() + cluster.allowed_pod_label_keys.len(),
    );
    values.extend([
        ["cluster:", &cluster.name].concat(),
        ["agent_ns:", &binding.namespace].concat(),
        ["agent_sa:", &binding.service_account].concat(),
        ["agent_pod_name:", &binding.pod_name].concat(),
        ["agent_pod_uid:", &binding.pod_uid].concat(),
    ]);
    // Kept even when empty, as upstream does; only claims alone know no address.
    values.extend(objects.map(|o| ["agent_node_ip:", &o.pod.host_ip].concat()));
    values.push(["agent_node_name:", node_name].concat());
    values.push(["agent_node_uid:", node_uid].concat());
    if let Some(Objects { pod, node }) = objects {
        values.extend(label_selectors("agent_node_label", &cluster.allowed_node_label_keys, &node.labels));
        values.extend(label_selectors("agent_pod_label", &cluster.allowed_pod_label_keys, &pod.labels));
    }
    values
}

/// The allowed labels that are there. The keys come sorted, so the selectors do.
fn label_selectors<'a>(
    kind: &'a str,
    allowed: &'a [String],
    labels: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = String> + 'a {
    allowed.iter().filter_map(move |key| {
        let value = labels.get(key)?;
        Some([kind, ":", key, ":", value].concat())
    })
}
