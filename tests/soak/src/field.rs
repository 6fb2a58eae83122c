//! The dev clusters, and the files that the host reads.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use devcluster::{DevCluster, World, write_private};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kinds::{Kind, SECOND_NODE_UID, SECOND_POD_UID, kinds};

/// Two dev clusters and a folder. What is asked of the first must come out right, whatever happens to the credentials
/// for it; the second misbehaves.
pub(crate) struct Field {
    pub(crate) calm: DevCluster,
    pub(crate) stormy: DevCluster,
    folder: TempDir,
}

impl Field {
    pub(crate) async fn new() -> io::Result<Self> {
        let (calm, stormy) = (DevCluster::start(world()).await, DevCluster::start(world()).await);
        let field = Self { calm, stormy, folder: tempfile::tempdir()? };
        for (name, cluster) in [("calm", &field.calm), ("stormy", &field.stormy)] {
            std::fs::create_dir(field.path().join(name))?;
            cluster.write_kubeconfig(&field.path().join(name))?;
        }
        for number in [0, 1] {
            let name = format!("config-{number}.json");
            write_private(&field.path().join(name), &field.configuration(number).to_string())?;
        }
        let without_allow_list = json!({"trust_domain": "example.org", "clusters": {"steady": {}}});
        write_private(&field.path().join("config-refused.json"), &without_allow_list.to_string())?;
        Ok(field)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the payloads, and the table of what may become of them.
    pub(crate) fn write_kinds(&self) -> io::Result<()> {
        let mut table = String::new();
        for (number, kind) in kinds().iter().enumerate() {
            let payload = format!("payload-{number}");
            write_private(&self.path().join(&payload), &self.payload(kind))?;
            let Kind { name, weight, timeout_ms, cancelled, permitted, .. } = kind;
            let cancelled = if *cancelled { "cancelled" } else { "" };
            let permitted = permitted.each_ref().map(|outcomes| outcomes.join(",")).join("\t");
            writeln!(table, "{name}\t{weight}\t{payload}\t{timeout_ms}\t{cancelled}\t{permitted}")
                .expect("a text takes all");
        }
        write_private(&self.path().join("kinds"), &table)
    }

    fn payload(&self, kind: &Kind) -> String {
        match &kind.token {
            None => "neither JSON nor anything else".to_owned(),
            // One set of keys signs for both dev clusters.
            Some(token) => json!({"cluster": kind.cluster, "token": self.calm.mint(token)}).to_string(),
        }
    }

    /// Of two configurations that take turns, this one.
    fn configuration(&self, number: usize) -> Value {
        let cluster = |name: &str| {
            json!({
                "service_account_allow_list": ["spire:spire-agent"],
                "kube_config_file": self.path().join(name).join("kubeconfig"),
            })
        };
        let mut clusters = json!({
            "steady": cluster("calm"), "turning": cluster("calm"), "stormy": cluster("stormy"),
        });
        clusters["stormy"]["call_timeout_ms"] = json!(150);
        if number == 0 {
            clusters["passing"] = cluster("calm");
            clusters["passing"]["lookup"] = json!("claims");
        } else {
            clusters["turning"]["use_pod_uid_for_agent_id"] = json!(true);
            clusters["stormy"]["lookup"] = json!("sequential");
        }
        // As many threads on every machine.
        json!({"trust_domain": "example.org", "clusters": clusters, "engine": {"worker_threads": 2}})
    }
}

/// The default world, and a second agent on a second node.
pub(crate) fn world() -> World {
    let mut world = World::default();
    let mut pod = world.pods[0].clone();
    pod["metadata"]["name"] = json!("agent-2");
    pod["metadata"]["uid"] = json!(SECOND_POD_UID);
    pod["spec"]["nodeName"] = json!("node-2");
    world.pods.push(pod);
    let mut node = world.nodes[0].clone();
    node["metadata"]["name"] = json!("node-2");
    node["metadata"]["uid"] = json!(SECOND_NODE_UID);
    world.nodes.push(node);
    world
}
