//! What a dev cluster knows and how it behaves: one value, readable from JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::Answers;
use crate::cluster_key::{ClusterKey, KEYS_PER_ALGORITHM};
use crate::mint::now_seconds;
use crate::token::Algorithm;

/// UID of the default world's pod `spire/agent-1`.
pub const DEFAULT_POD_UID: &str = "b4e1f5f8-7d52-4f5e-9e8a-2f3c1d0a9b11";
/// UID of the default world's node `node-1`.
pub const DEFAULT_NODE_UID: &str = "0d6c9a52-3f0e-4b7c-8a61-5e2d7f4c1a90";

/// Everything that a dev cluster knows, and how it behaves. Fields absent from JSON are those of
/// [`World::default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Pods, as whole API objects; `metadata.namespace` and `metadata.name` are what they are found by.
    pub pods: Vec<Value>,
    /// Nodes, as whole API objects.
    pub nodes: Vec<Value>,
    /// Service accounts that exist, `namespace:name`. Their UIDs are derived from these names.
    pub service_accounts: Vec<String>,
    /// Audiences that a review without audiences means, and that callers' tokens need.
    pub api_audiences: Vec<String>,
    /// The signing keys that the server accepts, and publishes unless told otherwise. Tokens of others carry an unknown
    /// key.
    pub signing_keys: Vec<ClusterKey>,
    /// Seconds by which the server's clock is ahead of this machine's: in its `Date` headers, in the tokens that it issues,
    /// and where it judges their times.
    pub clock_ahead_s: i64,
    /// Who the kubeconfig speaks for, and what it may do.
    pub reviewer: Reviewer,
    /// Answers other than the true ones.
    pub answers: Answers,
    /// Milliseconds that every answer waits.
    pub latency_ms: u64,
    /// How connections are received.
    pub listener: ListenerMode,
}

/// Who the kubeconfig speaks for, and what it may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reviewer {
    /// What the reviewer may do. All that is missing is answered with 403.
    pub permissions: Vec<Permission>,
    /// How the kubeconfig authenticates.
    pub credential: Credential,
    /// The static bearer token of `token` and `token_file`. With another one, the earlier kubeconfig gets 401.
    pub token: String,
    /// The service account of the credential `service_account`, `namespace:name`; it has the same permissions.
    pub service_account: String,
}

/// A right that the reviewer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// create `tokenreviews`
    TokenReviews,
    /// get `pods`
    Pods,
    /// get `nodes`
    Nodes,
    /// get `/openid/v1/jwks`
    Jwks,
}

/// How a kubeconfig authenticates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// Files `client.crt` and `client.key` beside the kubeconfig.
    #[default]
    ClientCertificate,
    /// The same certificate inside the kubeconfig.
    InlineCertificate,
    /// The reviewer's token inside the kubeconfig.
    Token,
    /// A file `reviewer.token` beside the kubeconfig.
    TokenFile,
    /// A file `reviewer.token` with a genuine token of the reviewer's service account, as in-cluster.
    ServiceAccount,
    /// A certificate of another authority: 401.
    UnknownCertificate,
    /// A token that the server does not know: 401.
    UnknownToken,
    /// No credential at all: the caller is `system:anonymous`, and gets 403.
    None,
}

/// How connections are received. A change closes the connections that are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenerMode {
    /// ALPN h2 and http/1.1.
    #[default]
    Normal,
    /// Connection refused; the port stays reserved.
    Refuse,
    /// The kernel completes the TCP handshake, and nobody accepts.
    HangAccept,
    /// The TCP connection is accepted, and TLS never answers.
    HangTls,
    /// The TCP connection is accepted, and reset at once.
    ResetAccept,
    /// The TCP connection is reset in answer to the first bytes of TLS.
    ResetTls,
    /// ALPN http/1.1 alone.
    Http1Only,
}

impl Default for World {
    fn default() -> World {
        World {
            pods: vec![default_pod()],
            nodes: vec![default_node()],
            service_accounts: ["spire:spire-agent", "spire:spire-server", "default:default"]
                .map(String::from)
                .to_vec(),
            api_audiences: vec!["https://kubernetes.default.svc".to_owned()],
            signing_keys: Algorithm::ALL.map(ClusterKey::from).to_vec(),
            clock_ahead_s: 0,
            reviewer: Reviewer::default(),
            answers: Answers::default(),
            latency_ms: 0,
            listener: ListenerMode::default(),
        }
    }
}

impl Default for Reviewer {
    fn default() -> Reviewer {
        Reviewer {
            permissions: vec![
                Permission::TokenReviews,
                Permission::Pods,
                Permission::Nodes,
                Permission::Jwks,
            ],
            credential: Credential::default(),
            token: "devcluster-reviewer".to_owned(),
            service_account: "spire:spire-server".to_owned(),
        }
    }
}

impl World {
    /// The pod of that name.
    #[must_use]
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.pods
            .iter()
            .find(|pod| pod["metadata"]["namespace"] == namespace && pod["metadata"]["name"] == name)
    }

    /// The pod of that name, to be changed.
    pub fn pod_mut(&mut self, namespace: &str, name: &str) -> Option<&mut Value> {
        self.pods
            .iter_mut()
            .find(|pod| pod["metadata"]["namespace"] == namespace && pod["metadata"]["name"] == name)
    }

    /// Reads a world from JSON and checks it.
    ///
    /// # Errors
    /// A sentence about the first thing that is wrong.
    pub fn from_json(json: &str) -> Result<World, String> {
        let world: World = serde_json::from_str(json).map_err(|error| error.to_string())?;
        world.check()?;
        Ok(world)
    }

    /// Whether this world can be served.
    ///
    /// # Errors
    /// A sentence about the first thing that cannot.
    pub fn check(&self) -> Result<(), String> {
        for (index, pod) in self.pods.iter().enumerate() {
            for key in ["namespace", "name", "uid"] {
                let value = &pod["metadata"][key];
                value.as_str().ok_or_else(|| format!("pods[{index}]: metadata.{key} is not a text"))?;
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            node["metadata"]["name"]
                .as_str()
                .ok_or_else(|| format!("nodes[{index}]: metadata.name is not a text"))?;
        }
        if let Some(index) = self.signing_keys.iter().position(|key| key.number >= KEYS_PER_ALGORITHM) {
            return Err(format!("signing_keys[{index}]: number is not below {KEYS_PER_ALGORITHM}"));
        }
        let accounts = self.service_accounts.iter().chain([&self.reviewer.service_account]);
        if let Some(account) = accounts.into_iter().find(|account| !account.contains(':')) {
            return Err(format!("service account {account:?} is not namespace:name"));
        }
        self.answers.check()
    }

    /// The time of the server's clock, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        now_seconds().saturating_add(self.clock_ahead_s)
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Value> {
        self.nodes.iter().find(|node| node["metadata"]["name"] == name)
    }

    /// The node of that name, to be changed.
    pub fn node_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.nodes.iter_mut().find(|node| node["metadata"]["name"] == name)
    }
}

fn default_pod() -> Value {
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": "agent-1",
            "namespace": "spire",
            "uid": DEFAULT_POD_UID,
            "resourceVersion": "1204",
            "generation": 1,
            "creationTimestamp": "2026-01-05T08:00:00Z",
            "labels": {"app": "spire-agent", "tier": "node"},
        },
        "spec": {
            "containers": [{
                "name": "spire-agent",
                "image": "ghcr.io/spiffe/spire-agent:1.15.3",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "IfNotPresent",
            }],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "spire-agent",
            "serviceAccount": "spire-agent",
            "nodeName": "node-1",
            "hostNetwork": true,
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "enableServiceLinks": true,
        },
        "status": {
            "phase": "Running",
            "hostIP": "10.0.0.1",
            "hostIPs": [{"ip": "10.0.0.1"}],
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}],
            "startTime": "2026-01-05T08:00:01Z",
            "qosClass": "BestEffort",
        },
    })
}

fn default_node() -> Value {
    json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": "node-1",
            "uid": DEFAULT_NODE_UID,
            "resourceVersion": "1187",
            "creationTimestamp": "2026-01-05T07:58:00Z",
            "labels": {"region": "eu-1", "zone": "eu-1a"},
        },
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.0.0.1"},
                {"type": "Hostname", "address": "node-1"},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": {
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
                "kernelVersion": "",
                "osImage": "",
                "containerRuntimeVersion": "",
                "kubeletVersion": "v1.37.2",
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    })
}
