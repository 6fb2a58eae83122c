//! One generated case: a configuration, what an agent sends, and the state of the cluster.

use std::time::Duration;

use devcluster::{Algorithm, Answer, TokenRequest, World};
use fastrand::Rng;
use serde_json::{Map, Value, json};

/// More than any case needs that does not wait on purpose.
const PLENTY: Duration = Duration::from_secs(30);

/// In a payload or a review, where the token goes.
pub(crate) const TOKEN: &str = "${token}";
/// What the names of a user's extras begin with.
pub(crate) const EXTRA: &str = "authentication.kubernetes.io/";
/// In a configuration, where the path of the kubeconfig goes.
pub(crate) const KUBECONFIG: &str = "${kubeconfig}";

/// What both sides are asked about.
#[derive(Clone)]
pub(crate) struct Case {
    /// `None`: nobody ever configures the plugin.
    pub(crate) config: Option<Config>,
    pub(crate) payload: Payload,
    pub(crate) token: TokenRequest,
    pub(crate) world: World,
    /// `status` of every answer to a token review; `None`: the true one.
    pub(crate) status: Option<Value>,
    /// What fails first, and is well when it is asked for again.
    pub(crate) passing_failure: bool,
    pub(crate) timeout: Duration,
    pub(crate) names: Names,
    /// What was done to a case that both would have accepted.
    pub(crate) deviations: Vec<&'static str>,
}

#[derive(Clone)]
pub(crate) enum Config {
    Json(Value),
    Text(&'static str),
}

/// What an agent sends.
#[derive(Clone, Default)]
pub(crate) struct Payload {
    /// The bytes, with [`TOKEN`]; `None`: not even an empty payload.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The fact of its form that rules may name.
    pub(crate) form: Option<&'static str>,
    /// What this library takes it for, where SPIRE takes it for something else.
    pub(crate) taken_for: Option<Vec<u8>>,
}

/// Whose token it is.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) cluster: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) account: &'static str,
    pub(crate) pod: &'static str,
    pub(crate) node: &'static str,
}

impl Payload {
    pub(crate) fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: Some(bytes.into()), ..Self::default() }
    }

    /// An object of these members; the values are JSON.
    pub(crate) fn object(members: &[(&str, &str)]) -> Vec<u8> {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

impl Case {
    /// A case that both sides accept.
    pub(crate) fn accepted(rng: &mut Rng) -> Self {
        let names = Names {
            cluster: pick(rng, &["demo", "prod/eu", "a.b-c_d", "0"]),
            namespace: pick(rng, &["spire", "kube-system", "n"]),
            account: pick(rng, &["spire-agent", "agent.v1"]),
            pod: pick(rng, &["agent-1", "spire-agent-x7k2p"]),
            node: pick(rng, &["node-1", "ip-10-0-0-7.eu.internal"]),
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
            alg: *pick(rng, &[&Algorithm::Es256, &Algorithm::Es256, &Algorithm::Es384, &Algorithm::Rs256]),
            ..TokenRequest::default()
        };
        let mut case = Self {
            config: Some(Config::Json(config(rng, &names))),
            payload: payload(rng, names.cluster),
            token,
            world,
            status: None,
            passing_failure: false,
            timeout: PLENTY,
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

    /// The settings of the cluster that the agent names.
    pub(crate) fn cluster(&mut self) -> Option<&mut Value> {
        match &mut self.config {
            Some(Config::Json(config)) => config.get_mut("clusters")?.get_mut(self.names.cluster),
            _ => None,
        }
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        if let Some(cluster) = self.cluster() {
            cluster[key] = value;
        }
    }

    pub(crate) fn pod_mut(&mut self) -> &mut Value {
        &mut self.world.pods[0]
    }

    pub(crate) fn node_mut(&mut self) -> &mut Value {
        &mut self.world.nodes[0]
    }

    /// The answer to token reviews, from now on scripted.
    pub(crate) fn status(&mut self) -> &mut Value {
        let truth = self.true_status();
        self.status.get_or_insert(truth)
    }

    /// A part of it; what stands in the way is replaced by an object.
    pub(crate) fn status_at(&mut self, path: &[&str]) -> &mut Value {
        path.iter().fold(self.status(), |value, key| {
            if !value.is_object() {
                *value = json!({});
            }
            &mut value[*key]
        })
    }

    /// One of the user's extras in it; `null` is none.
    pub(crate) fn set_extra(&mut self, name: &str, value: Value) {
        let name = format!("{EXTRA}{name}");
        match (value, self.status_at(&["user", "extra"]).as_object_mut()) {
            (Value::Null, Some(extras)) => drop(extras.remove(&name)),
            (value, _) => *self.status_at(&["user", "extra", &name]) = value,
        }
    }

    /// What a token review says of the token, if it accepts it.
    pub(crate) fn true_status(&self) -> Value {
        let token = &self.token;
        let (namespace, account) = (&token.namespace, &token.service_account);
        let mut extra = Map::new();
        let mut insert = |name: &str, value: &Value| extra.insert(format!("{EXTRA}{name}"), json!([value]));
        insert("credential-id", &json!("JTI=7c1d"));
        if let Some(pod) = token.pod.as_ref().and_then(|pod| self.world.pod(namespace, pod)) {
            insert("pod-name", &pod["metadata"]["name"]);
            insert("pod-uid", &pod["metadata"]["uid"]);
            if let Some(node) = pod["spec"]["nodeName"].as_str().filter(|_| token.node) {
                insert("node-name", &json!(node));
                if let Some(node) = self.world.node(node) {
                    insert("node-uid", &node["metadata"]["uid"]);
                }
            }
        }
        json!({
            "authenticated": true,
            "user": {
                "username": format!("system:serviceaccount:{namespace}:{account}"),
                "uid": "3c6a",
                "groups": [
                    "system:serviceaccounts",
                    format!("system:serviceaccounts:{namespace}"),
                    "system:authenticated",
                ],
                "extra": extra,
            },
            "audiences": ["spire-server"],
        })
    }

    /// The world with all that is scripted.
    pub(crate) fn scripted_world(&self, token: &str) -> World {
        let mut world = self.world.clone();
        let review = self.status.as_ref().map(|status| Answer {
            body: Some(json!({
                "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
                "spec": {}, "status": with_token(status, token),
            })),
            ..Answer::default()
        });
        let answers = &mut world.answers;
        let calls =
            [(&mut answers.token_review, review), (&mut answers.pod, None), (&mut answers.node, None)];
        for (script, answer) in calls {
            if script.is_empty() || self.passing_failure {
                script.extend(answer.or_else(|| (!script.is_empty()).then(Answer::default)));
            }
        }
        world
    }
}

/// The status with [`TOKEN`] filled in, where the API server's words repeat it.
fn with_token(status: &Value, token: &str) -> Value {
    let mut status = status.clone();
    if let Some(Value::String(error)) = status.get_mut("error") {
        *error = error.replace(TOKEN, token);
    }
    status
}

pub(crate) fn pick<'a, T: ?Sized>(rng: &mut Rng, choices: &[&'a T]) -> &'a T {
    rng.choice(choices).expect("there is a choice")
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
    cluster["service_account_allow_list"] = rng.choice(lists).expect("there is a choice");
    let keys = [
        json!([]),
        json!(["app"]),
        json!(["region", "app", "app", ""]),
        json!(["zone", "example.org/x", "n"]),
    ];
    for key in ["allowed_node_label_keys", "allowed_pod_label_keys"] {
        if rng.bool() {
            cluster[key] = rng.choice(&keys).expect("there is a choice").clone();
        }
    }
    if rng.u8(..3) == 0 {
        let audiences = [
            json!(["spire-server"]),
            json!(["a", "spire-server"]),
            json!(["spire-server", "spire-server", ""]),
        ];
        cluster["audience"] = rng.choice(audiences).expect("there is a choice");
    }
    if rng.u8(..3) == 0 {
        cluster["use_pod_uid_for_agent_id"] = json!(rng.bool());
    }
    // Keys that SPIRE does not know, and drops.
    if rng.bool() {
        cluster["lookup"] = json!(pick(rng, &["auto", "sequential"]));
    }
    let mut clusters = json!({(names.cluster): cluster});
    if rng.u8(..3) == 0 {
        clusters["beside"] =
            json!({"service_account_allow_list": ["a:b"], "kube_config_file": "/nonexistent"});
    }
    json!({
        "trust_domain": pick(rng, &["example.org", "td", "a_b-c.9", "spiffe://example.org", "spiffe://example.org/a/b"]),
        "error_style": "upstream",
        "engine": {"worker_threads": 1},
        "clusters": clusters,
    })
}

fn payload(rng: &mut Rng, cluster: &str) -> Payload {
    let (cluster, token) = (&*format!("{cluster:?}"), &*format!("\"{TOKEN}\""));
    Payload::of(match rng.u8(..5) {
        0 => Payload::object(&[("token", token), ("cluster", cluster)]),
        1 => Payload::object(&[
            ("more", "[{},1e999,null]"),
            ("cluster", cluster),
            ("", "\"\""),
            ("token", token),
        ]),
        2 => format!(" {{\n\t\"clu\\u0073ter\" : {cluster} ,\r\n \"token\":{token}}}\n").into_bytes(),
        _ => Payload::object(&[("cluster", cluster), ("token", token)]),
    })
}

fn pod(rng: &mut Rng, names: &Names) -> Value {
    let mut pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "namespace": names.namespace, "name": names.pod, "uid": uid(rng), "labels": labels(rng),
            "creationTimestamp": "2026-01-05T08:00:00Z",
        },
        "spec": {"serviceAccountName": names.account, "nodeName": names.node, "containers": []},
        "status": {"phase": pick(rng, &["Running", "Running", "Pending", "Unknown", ""])},
    });
    if rng.u8(..5) > 0 {
        pod["status"]["hostIP"] = json!(pick(rng, &["10.0.0.1", "fd00::1"]));
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
    rng.choice(choices).expect("there is a choice")
}

pub(crate) fn uid(rng: &mut Rng) -> String {
    let (a, b, c) = (rng.u32(..), rng.u16(..), rng.u64(..) >> 16);
    format!("{a:08x}-{b:04x}-4000-8000-{c:012x}")
}
