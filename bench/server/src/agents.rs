//! The agents of the cluster `demo`: a `DaemonSet`, one pod on each node.
//!
//! Pods and nodes are as large as those of a real cluster, since reading them is a part of what is measured: a pod of some
//! 7 KB, a node of some 6 KB.

use devcluster::World;
use serde_json::Value;

const POD: &str = include_str!("pod.json");
const NODE: &str = include_str!("node.json");

pub(crate) fn pod_name(agent: usize) -> String {
    format!("spire-agent-{agent:05}")
}

/// A cluster with this many agents.
pub(crate) fn world(agents: usize) -> World {
    world_with(0..agents)
}

/// The same cluster, as much as a token of one agent tells of it.
pub(crate) fn world_of(agent: usize) -> World {
    world_with(agent..=agent)
}

fn world_with(agents: impl Iterator<Item = usize> + Clone) -> World {
    World {
        pods: agents.clone().map(|agent| object(POD, &pod_name(agent), 'b', agent)).collect(),
        nodes: agents.map(|agent| object(NODE, &node_name(agent), 'a', agent)).collect(),
        ..World::default()
    }
}

fn node_name(agent: usize) -> String {
    format!("worker-{agent:05}")
}

fn object(template: &str, name: &str, kind: char, agent: usize) -> Value {
    let address = format!("10.{}.{}.{}", agent >> 16 & 0xff, agent >> 8 & 0xff, agent & 0xff);
    let text = template
        .replace("<name>", name)
        .replace("<node>", &node_name(agent))
        .replace("<uid>", &format!("{kind}e1f5f80-7d52-4f5e-9e8a-{agent:012x}"))
        .replace("<address>", &address);
    serde_json::from_str(&text).expect("the templates are JSON")
}
