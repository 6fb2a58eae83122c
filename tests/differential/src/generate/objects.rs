//! The pod and the node.

use serde_json::{Value, json};

use super::accepted::uid;
use super::{Deviation, any};

pub(super) const ALL: &[Deviation] = &[
    ("pod is gone", 5, |case, _| {
        case.status();
        case.pod_mut()["metadata"]["name"] = json!("elsewhere");
    }),
    ("pod has another UID", 6, |case, rng| {
        case.status();
        let uid = if rng.u8(..4) == 0 { String::new() } else { uid(rng) };
        case.pod_mut()["metadata"]["uid"] = json!(uid);
    }),
    ("both UIDs of the pod are odd", 5, |case, rng| {
        let long = "u".repeat(2000);
        let uid = any(rng, ["a b", "a/b", "..", "é", "%41", "A-z_0.9", "a\"b", &long]);
        case.pod_mut()["metadata"]["uid"] = json!(uid);
        case.set_extra("pod-uid", json!([uid]));
        if rng.u8(..3) > 0 {
            case.set("use_pod_uid_for_agent_id", json!(true));
        }
    }),
    ("pod runs as another account", 6, |case, rng| {
        case.pod_mut()["spec"]["serviceAccountName"] = any(rng, [json!("other"), json!(""), Value::Null]);
    }),
    ("pod has ended", 6, |case, rng| {
        case.pod_mut()["status"]["phase"] = json!(any(rng, ["Succeeded", "Failed", "failed"]));
    }),
    ("pod has no node", 6, |case, rng| {
        if rng.bool() {
            case.status();
        }
        case.pod_mut()["spec"]["nodeName"] = any(rng, [json!(""), Value::Null]);
    }),
    ("pod is on another node", 6, |case, rng| {
        if rng.bool() {
            case.status();
        }
        let name = any(rng, ["node-2", "a/b", "..", "a b", "%", "é"]);
        if rng.bool() {
            let mut node = case.node_mut().clone();
            node["metadata"]["name"] = json!(name);
            case.world.nodes.push(node);
        }
        case.pod_mut()["spec"]["nodeName"] = json!(name);
    }),
    ("address", 3, |case, rng| {
        case.pod_mut()["status"]["hostIP"] = any(rng, [json!(""), json!("x:y"), Value::Null]);
    }),
    ("node is gone", 5, |case, rng| {
        if rng.bool() {
            case.status();
        }
        case.node_mut()["metadata"]["name"] = json!("elsewhere");
    }),
    ("node has another UID", 8, |case, rng| {
        case.status();
        let (long, uid) = ("u".repeat(2000), uid(rng));
        let uid = any(rng, ["", "a b", "a/b", ".", "é", "%41", "A-z_0.9", &uid, &uid, &uid, &long]);
        case.node_mut()["metadata"]["uid"] = json!(uid);
    }),
    ("node has no UID", 4, |case, _| {
        case.node_mut()["metadata"]["uid"] = Value::Null;
    }),
    ("labels", 4, |case, rng| {
        let labels = any(
            rng,
            [
                json!({"app": null}),
                json!({"app": 1}),
                json!({"app": {"a": "b"}}),
                json!([]),
                json!("x"),
                json!({"": "", "app": "a\nb", "*": "é", "APP": "x", "ap": "y", "application": "z"}),
            ],
        );
        let object = if rng.bool() { case.pod_mut() } else { case.node_mut() };
        object["metadata"]["labels"] = labels;
    }),
    ("a field is of another type", 6, |case, rng| {
        let odd = any(rng, [json!(1), json!(["x"]), json!({"a": 1}), json!(true)]);
        match rng.u8(..6) {
            0 => case.pod_mut()["spec"]["nodeName"] = odd,
            1 => case.pod_mut()["spec"]["serviceAccountName"] = odd,
            2 => case.pod_mut()["status"]["hostIP"] = odd,
            3 => case.pod_mut()["status"]["phase"] = odd,
            4 => case.node_mut()["metadata"]["uid"] = odd,
            _ => case.pod_mut()["spec"]["containers"] = odd,
        }
    }),
];
