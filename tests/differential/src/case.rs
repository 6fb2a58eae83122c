//! One generated case: a configuration, what an agent sends, and the state of the cluster.

use devcluster::{Answer, TokenRequest, World};
use serde_json::{Map, Value, json};

/// In a payload or a review, where the token goes.
pub(crate) const TOKEN: &str = "${token}";
/// The same as a value in JSON.
pub(crate) const TOKEN_VALUE: &str = "\"${token}\"";
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
    /// What may pass does: it fails first, and is well when it is asked for again.
    pub(crate) passing_failure: bool,
    pub(crate) timeout_ms: u64,
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
    pub(crate) fn object(members: &[(&str, &str)]) -> Self {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        Self::of(format!("{{{}}}", members.join(",")))
    }
}

impl Case {
    /// The name of the cluster as a value in JSON.
    pub(crate) fn cluster_value(&self) -> String {
        json!(self.names.cluster).to_string()
    }

    /// The settings of the cluster that the agent names.
    pub(crate) fn cluster(&mut self) -> Option<&mut Value> {
        match &mut self.config {
            Some(Config::Json(config)) => config.get_mut("clusters")?.get_mut(self.names.cluster),
            _ => None,
        }
    }

    pub(crate) fn setting(&self, key: &str) -> &Value {
        match &self.config {
            Some(Config::Json(config)) => &config["clusters"][self.names.cluster][key],
            _ => &Value::Null,
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
            if script.is_empty() {
                script.extend(answer);
            } else if self.passing_failure && script.iter().all(may_pass) {
                script.push(answer.unwrap_or_default());
            }
        }
        world
    }
}

/// Whether it is a failure that this library asks about again.
pub(crate) fn may_pass(answer: &Answer) -> bool {
    matches!(answer.status, Some(429 | 503 | 504))
}

/// The status with [`TOKEN`] filled in, where the API server's words repeat it.
fn with_token(status: &Value, token: &str) -> Value {
    let mut status = status.clone();
    if let Some(Value::String(error)) = status.get_mut("error") {
        *error = error.replace(TOKEN, token);
    }
    status
}
