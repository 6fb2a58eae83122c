//! What TokenReview, pod and node must say for an agent to be accepted, by a plain reading of their JSON.

use serde_json::Value;

/// What is configured.
pub struct Rules {
    /// Agent IDs are made of the pod's UID.
    pub by_pod: bool,
    /// A token of an earlier node of that name is refused.
    pub same_node: bool,
    /// TokenReview speaks for pod and node.
    pub claims_alone: bool,
}

/// The labels that become selectors, of pods and of nodes.
pub const LABELS: [&str; 2] = ["app", "zone"];

/// Agent ID and selectors in the cluster `demo`, if all is as it must be.
#[must_use]
pub fn accepted(rules: &Rules, review: &Value, pod: &Value, node: &Value) -> Option<(String, Vec<String>)> {
    let status = &review["status"];
    let user = &status["user"];
    let extra = |name: &str| texts(&user["extra"][format!("authentication.kubernetes.io/{name}")]);
    let one = |name: &str| match extra(name).as_slice() {
        [one] if !one.is_empty() => Some(one.clone()),
        _ => None,
    };
    let (namespace, account) =
        user["username"].as_str()?.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let groups = texts(&user["groups"]);
    let is_member = |group: &str| groups.iter().any(|one| one == group);
    let is_genuine = text(&status["error"]).is_empty()
        && status["authenticated"] == true
        && texts(&status["audiences"]).iter().any(|audience| audience == "spire-server")
        && is_member("system:serviceaccounts")
        && is_member(&format!("system:serviceaccounts:{namespace}"))
        && allowed(namespace, account);
    let (pod_name, pod_uid) = (one("pod-name")?, one("pod-uid")?);
    if !is_genuine || pod_name.contains(['/', '%']) || matches!(pod_name.as_str(), "." | "..") {
        return None;
    }
    let mut selectors: Vec<String> = [
        ("cluster", "demo"),
        ("agent_ns", namespace),
        ("agent_sa", account),
        ("agent_pod_name", &pod_name),
        ("agent_pod_uid", &pod_uid),
    ]
    .map(|(kind, value)| format!("{kind}:{value}"))
    .to_vec();
    let (node_name, node_uid) = if rules.claims_alone {
        (one("node-name")?, one("node-uid")?)
    } else {
        let (metadata, spec, state) = (&pod["metadata"], &pod["spec"], &pod["status"]);
        let node_name = text(&spec["nodeName"]).to_owned();
        let node_uid = text(&node["metadata"]["uid"]).to_owned();
        let said_of_node = extra("node-uid");
        let is_good = text(&metadata["uid"]) == pod_uid
            && text(&spec["serviceAccountName"]) == account
            && !matches!(text(&state["phase"]), "Succeeded" | "Failed")
            && extra("node-name").iter().all(|name| *name == node_name)
            && extra("node-name").len() < 2
            && !(rules.same_node
                && (said_of_node.len() > 1 || said_of_node.iter().any(|uid| *uid != node_uid)))
            && [&metadata["name"], &metadata["namespace"], &node["metadata"]["name"]]
                .into_iter()
                .zip([pod_name.as_str(), namespace, &node_name])
                .all(|(said, asked)| matches!(text(said), said if said.is_empty() || said == asked));
        if !is_good || node_name.is_empty() || node_uid.is_empty() {
            return None;
        }
        selectors.push(format!("agent_node_ip:{}", text(&state["hostIP"])));
        (node_name, node_uid)
    };
    selectors.extend([format!("agent_node_name:{node_name}"), format!("agent_node_uid:{node_uid}")]);
    if !rules.claims_alone {
        for (kind, object) in [("node", node), ("pod", pod)] {
            selectors.extend(labels(kind, &object["metadata"]["labels"]));
        }
    }
    let segment = if rules.by_pod { format!("pod/{pod_uid}") } else { node_uid };
    Some((format!("spiffe://example.org/spire/agent/k8s_psat/demo/{segment}"), selectors))
}

fn labels(kind: &str, labels: &Value) -> impl Iterator<Item = String> {
    LABELS.iter().filter_map(move |key| {
        let value = labels.get(key)?;
        Some(format!("agent_{kind}_label:{key}:{}", text(value)))
    })
}

/// `spire:spire-agent`, or `team-*:agent-?`.
fn allowed(namespace: &str, account: &str) -> bool {
    let last = account.strip_prefix("agent-").map(|last| last.chars().count());
    (namespace, account) == ("spire", "spire-agent") || namespace.starts_with("team-") && last == Some(1)
}

/// `null` and absence are an empty text.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|value| text(value).to_owned()).collect()
}
