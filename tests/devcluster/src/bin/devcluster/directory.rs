//! The files that a running cluster leaves for its users.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use devcluster::{Algorithm, DevCluster, Keys, SigningKeys, TokenRequest, World, write_private};
use serde_json::{Value, json};

/// A working day and more, so that a demo that was left open still works.
const TOKEN_LIFETIME: i64 = 24 * 3600;

/// The directory of one cluster, by the absolute paths of its files.
pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// A directory that is made if it is missing.
    pub(crate) fn create(root: &Path) -> Result<Directory, String> {
        let named = |error| format!("{}: {error}", root.display());
        fs::create_dir_all(root).map_err(named)?;
        Ok(Directory { root: root.canonicalize().map_err(named)? })
    }

    pub(crate) fn open(root: &Path) -> Directory {
        Directory { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    pub(crate) fn payload(&self) -> PathBuf {
        self.root.join("payload.json")
    }

    pub(crate) fn refused_payload(&self) -> PathBuf {
        self.root.join("payload-refused.json")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    /// Writes everything.
    pub(crate) fn fill(&self, cluster: &DevCluster, keys: &Keys) -> Result<(), String> {
        cluster
            .write_kubeconfig(&self.root)
            .map_err(|error| format!("{}: {error}", self.kubeconfig().display()))?;
        let token = cluster.mint(&TokenRequest { expires_in: TOKEN_LIFETIME, ..TokenRequest::default() });
        let refused = cluster.mint(&TokenRequest {
            namespace: "default".to_owned(),
            service_account: "default".to_owned(),
            pod: None,
            expires_in: TOKEN_LIFETIME,
            ..TokenRequest::default()
        });
        self.write("token", &token)?;
        self.write_json("payload.json", &payload(&token))?;
        self.write_json("payload-refused.json", &payload(&refused))?;
        self.write_json("config.json", &self.configuration())?;
        self.write_json("world.json", &json!(cluster.world()))?;
        self.write_json("signing-keys.json", &json!(keys.signing().export()))
    }

    /// Mints a token with the keys that were written.
    pub(crate) fn mint(&self, request: &TokenRequest) -> Result<String, String> {
        let world = World::from_json(&self.read("world.json")?)?;
        let exported: BTreeMap<Algorithm, String> = serde_json::from_str(&self.read("signing-keys.json")?)
            .map_err(|error| format!("signing-keys.json: {error}"))?;
        let keys = SigningKeys::import(&exported)?;
        keys.has(request.alg)
            .then(|| keys.mint(&world, request))
            .ok_or_else(|| format!("signing-keys.json has no key for {}", request.alg.name()))
    }

    fn configuration(&self) -> Value {
        json!({
            "trust_domain": "example.org",
            "clusters": {
                "demo": {
                    "service_account_allow_list": ["spire:spire-agent"],
                    "kube_config_file": self.kubeconfig(),
                    "allowed_node_label_keys": ["region"],
                    "allowed_pod_label_keys": ["app"],
                },
            },
        })
    }

    fn write_json(&self, name: &str, value: &Value) -> Result<(), String> {
        self.write(name, &format!("{value:#}\n"))
    }

    fn write(&self, name: &str, content: &str) -> Result<(), String> {
        let path = self.root.join(name);
        write_private(&path, content).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn read(&self, name: &str) -> Result<String, String> {
        let path = self.root.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn payload(token: &str) -> Value {
    json!({"cluster": "demo", "token": token})
}
