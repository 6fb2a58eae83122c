//! What a plugin is told of the cluster: the variable `KUBERNETES_EXEC_INFO`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kube::config::Cluster;
use serde_json::{Value, json};

/// The extension of a kubeconfig's cluster that is handed to plugins as it is.
const CONFIG: &str = "client.authentication.k8s.io/exec";

/// The cluster as the kubeconfig has it.
pub(in super::super) struct ClusterInfo<'a> {
    pub(in super::super) cluster: &'a Cluster,
    /// The CA certificates, wherever they come from.
    pub(in super::super) authority: Option<&'a [u8]>,
}

impl ClusterInfo<'_> {
    /// The document for a plugin that speaks this version.
    pub(super) fn document(&self, version: &str, with_cluster: bool) -> String {
        let mut document =
            json!({"kind": "ExecCredential", "apiVersion": version, "spec": {"interactive": false}});
        if with_cluster {
            document["spec"]["cluster"] = self.cluster();
        }
        document.to_string()
    }

    /// The same fields as in a kubeconfig, but for the CA certificates, which are always inline.
    fn cluster(&self) -> Value {
        let cluster = self.cluster;
        let mut told = json!({"server": server(cluster.server.as_deref().unwrap_or_default())});
        let mut tell = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                told[key] = value;
            }
        };
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).map(Value::from);
        let flag = |flag: Option<bool>| flag.filter(|flag| *flag).map(Value::from);
        tell("tls-server-name", text(&cluster.tls_server_name));
        tell("insecure-skip-tls-verify", flag(cluster.insecure_skip_tls_verify));
        tell("certificate-authority-data", self.authority.map(|pem| BASE64_STANDARD.encode(pem).into()));
        tell("proxy-url", text(&cluster.proxy_url));
        tell("disable-compression", flag(cluster.disable_compression));
        let mut extensions = cluster.extensions.iter().flatten();
        let config = extensions.find(|one| one.name == CONFIG).map(|one| one.extension.clone());
        tell("config", Some(config.unwrap_or_default()));
        told
    }
}

/// As client-go tells it: a URL with a path loses query and fragment.
fn server(text: &str) -> &str {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let behind_scheme = text.find("://").map_or(end, |at| at + 3).min(end);
    let has_path = text[behind_scheme..end].find('/').is_some_and(|at| behind_scheme + at + 1 < end);
    if has_path { &text[..end] } else { text }
}
