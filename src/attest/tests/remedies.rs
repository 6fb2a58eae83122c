//! What to do about a refusal. Remedies that are shown beside a check are tested in `explained` too.

use serde_json::json;

use super::world::{World, set_extra};
use crate::attest::remedy::remedy;
use crate::attest::{Check, Facts, Refusal};
use crate::cluster::api::{Call, CallError, CallErrorKind};
use crate::config::{self, Config};
use crate::outcome::Reason;

/// A configuration with so many clusters: `c1`, `c2`, ….
fn config(clusters: usize) -> Config {
    let cluster = json!({"service_account_allow_list": ["a:b"], "use_pod_uid_for_agent_id": true});
    let clusters: serde_json::Map<_, _> =
        (1..=clusters).map(|n| (format!("c{n}"), cluster.clone())).collect();
    let document = json!({"trust_domain": "example.org", "clusters": clusters});
    config::check(document.to_string().as_bytes()).config.expect("a valid configuration")
}

#[test]
fn an_unknown_cluster_is_answered_with_those_that_are_configured() {
    let remedy_with = |clusters| {
        let (refusal, config) = (Refusal::ClusterUnknown { named: "x".into() }, config(clusters));
        remedy(&refusal, &Facts { config: Some(&config), ..Facts::default() })
    };
    assert_eq!(remedy_with(0), "Configure the cluster: the configuration has none.");
    assert!(remedy_with(1).ends_with(":\ncluster = \"c1\""), "{}", remedy_with(1));
    let eight = r#"["c1","c2","c3","c4","c5","c6","c7","c8"]"#;
    assert!(remedy_with(8).contains(&format!("{eight}, or configure")), "{}", remedy_with(8));
    assert!(remedy_with(9).contains(&format!("{eight} and more, or configure")), "{}", remedy_with(9));
}

#[test]
fn without_a_slot_more_calls_at_a_time_may_help() {
    let (refusal, config) = (Refusal::Overloaded { why: "the queue is full" }, config(1));
    let facts = Facts { cluster: config.clusters.get("c1").map(AsRef::as_ref), ..Facts::default() };
    assert!(remedy(&refusal, &facts).ends_with(":\nclusters.c1.max_in_flight = 128"));
}

#[tokio::test]
async fn a_refused_pod_or_node_gets_the_command_that_shows_or_renews_it() {
    const GET: &str = "kubectl get pod agent-1 --namespace spire";
    const GET_ALL: &str = "kubectl get pod agent-1 --namespace spire -o yaml";
    const DESCRIBE: &str = "kubectl describe pod agent-1 --namespace spire";
    const DELETE: &str = "kubectl delete pod agent-1 --namespace spire";
    let stale = World::reviewed(|status| set_extra(status, "node-uid", &["old"]));
    let missing = CallErrorKind::NotFound;
    for (world, check, command) in [
        (World { pods: vec![Err(missing)], ..World::default() }, Check::PodFound, GET),
        (World::with_pod(|pod| pod.uid = "other".into()), Check::PodUid, GET_ALL),
        (World::with_pod(|pod| pod.service_account_name = "other".into()), Check::PodServiceAccount, GET_ALL),
        (World::with_pod(|pod| pod.node_name = String::new()), Check::PodScheduled, DESCRIBE),
        (World::with_pod(|pod| pod.node_name = "other".into()), Check::NodeClaim, GET_ALL),
        (World { node: Err(missing), ..World::default() }, Check::NodeFound, "kubectl get node node-1"),
        (stale.set("require_node_uid_match", true.into()), Check::BoundNode, DELETE),
    ] {
        let remedy = world.step(check).await.remedy.expect("there is something to do");
        assert_eq!(remedy.lines().nth(1), Some(command), "{check:?}");
    }
}

#[test]
fn of_other_failed_calls_the_reason_alone_is_known() {
    let error = CallError {
        kind: CallErrorKind::Forbidden,
        call: Call::Node,
        attempted: "node".into(),
        source: None,
    };
    let facts = Facts { node: Some("node-1"), ..Facts::default() };
    assert_eq!(remedy(&Refusal::Call(error), &facts), Reason::ApiForbidden.row().remedy);
}
