//! Cases that both sides accept: what is different from one to the other makes no difference.

use devcluster::{Algorithm, TokenRequest, World};
use fastrand::Rng;
use serde_json::{Value, json};

use super::any;
use crate::case::{Case, Config, KUBECONFIG, Names, Payload, TOKEN_VALUE};

/// More than any case needs that does not wait on purpose.
const PLENTY_MS: u64 = 30_000;

/// A case that both sides accept.
pub(super) fn accepted(rng: &mut Rng) -> Case {
    let names = Names {
        cluster: any(rng, ["demo", "prod/eu", "a.b-c_d", "0"]),
        namespace: any(rng, ["spire", "kube-system", "n"]),
        account: any(rng, ["spire-agent", "agent.v1"]),
        pod: any(rng, ["agent-1", "spire-agent-x7k2p"]),
        node: any(rng, ["node-1", "ip-10-0-0-7.eu.internal"]),
    };
    let mut world = World::default();
    world.service_accounts.push(format!("{}:{}", names.namespace, names.account));
    world.pods = vec![pod(rng, &names), pod(rng, &Names { pod: "another", ..names.clone() })];
    world.nodes = vec![node(rng, names.node)];
    let audience: Vec<String> = if rng.u8(..4) == 0 {
        vec!["other".into(), "spire-server".into()]
    } else {
        vec!["spire-server".into()]
    };
    let token = TokenRequest {
        namespace: names.namespace.into(),
        service_account: names.account.into(),
        pod: Some(names.pod.into()),
        node: rng.u8(..5) > 0,
        audience,
        alg: *any(rng, [&Algorithm::Es256, &Algorithm::Es256, &Algorithm::Es384, &Algorithm::Rs256]),
        ..TokenRequest::default()
    };
    let mut case = Case {
        config: Some(Config::Json(config(rng, &names))),
        payload: payload(rng, names.cluster),
        token,
        world,
        status: None,
        passing_failure: false,
        timeout_ms: PLENTY_MS,
        names,
        deviations: Vec::new(),
    };
    if rng.bool() {
        case.status();
    } else if rng.u8(..3) == 0 {
        case.set("verify_signature", json!("auto"));
    }
    case
}

fn config(rng: &mut Rng, names: &Names) -> Value {
    let account = format!("{}:{}", names.namespace, names.account);
    let lists = [
        json!([account]),
        json!(["default:default", account]),
        json!([account, account, "other:agent"]),
        json!([account, "no-colon", ":", "", "a:b:c", " spire:spire-agent", "Spire:Agent"]),
    ];
    let mut cluster = json!({"kube_config_file": KUBECONFIG});
    cluster["service_account_allow_list"] = any(rng, lists);
    let keys = [
        json!([]),
        json!(["app"]),
        json!(["region", "app", "app", ""]),
        json!(["zone", "example.org/x", "n"]),
    ];
    for key in ["allowed_node_label_keys", "allowed_pod_label_keys"] {
        if rng.bool() {
            cluster[key] = any(rng, &keys).clone();
        }
    }
    if rng.u8(..3) == 0 {
        let audiences = [
            json!(["spire-server"]),
            json!(["a", "spire-server"]),
            json!(["spire-server", "spire-server", ""]),
        ];
        cluster["audience"] = any(rng, audiences);
    }
    if rng.u8(..3) == 0 {
        cluster["use_pod_uid_for_agent_id"] = json!(rng.bool());
    }
    // Keys that SPIRE does not know, and drops.
    if rng.bool() {
        cluster["lookup"] = json!(any(rng, ["auto", "sequential"]));
    }
    let mut clusters = json!({(names.cluster): cluster});
    if rng.u8(..3) == 0 {
        clusters["beside"] =
            json!({"service_account_allow_list": ["a:b"], "kube_config_file": "/nonexistent"});
    }
    json!({
        "trust_domain": any(rng, ["example.org", "td", "a_b-c.9", "spiffe://example.org", "spiffe://example.org/a/b"]),
        "error_style": "upstream",
        "engine": {"worker_threads": 1},
        "clusters": clusters,
    })
}

pub(super) fn payload(rng: &mut Rng, cluster: &str) -> Payload {
    let (cluster, token) = (&*json!(cluster).to_string(), TOKEN_VALUE);
    match rng.u8(..5) {
        0 => Payload::object(&[("token", token), ("cluster", cluster)]),
        1 => Payload::object(&[("more", "[{},1e999]"), ("cluster", cluster), ("", "\"\""), ("token", token)]),
        2 => Payload::of(format!(" {{\n\t\"clu\\u0073ter\" : {cluster} ,\r\n \"token\":{token}}}\n")),
        _ => Payload::object(&[("cluster", cluster), ("token", token)]),
    }
}

fn pod(rng: &mut Rng, names: &Names) -> Value {
    let mut pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "namespace": names.namespace, "name": names.pod, "uid": uid(rng), "labels": labels(rng),
            "creationTimestamp": "2026-01-05T08:00:00Z",
        },
        "spec": {"serviceAccountName": names.account, "nodeName": names.node, "containers": []},
        "status": {"phase": any(rng, ["Running", "Running", "Pending", "Unknown", ""])},
    });
    if rng.u8(..5) > 0 {
        pod["status"]["hostIP"] = json!(any(rng, ["10.0.0.1", "fd00::1"]));
    }
    if rng.u8(..10) == 0 {
        pod["metadata"]["deletionTimestamp"] = json!("2126-01-05T08:00:00Z");
    }
    pod
}

fn node(rng: &mut Rng, name: &str) -> Value {
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "uid": uid(rng), "labels": labels(rng)},
        "spec": {},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    })
}

fn labels(rng: &mut Rng) -> Value {
    let choices = [
        Value::Null,
        json!({}),
        json!({"app": "spire-agent", "region": "eu-1"}),
        json!({"app": "", "region": "a:b", "zone": "é", "example.org/x": "y", "n": "1"}),
    ];
    any(rng, choices)
}

pub(super) fn uid(rng: &mut Rng) -> String {
    let (a, b, c) = (rng.u32(..), rng.u16(..), rng.u64(..) >> 16);
    format!("{a:08x}-{b:04x}-4000-8000-{c:012x}")
}
