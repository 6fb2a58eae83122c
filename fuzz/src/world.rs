//! The cluster that most targets work with: its configuration, its agent, and the agent's token.

use psat_attestor::config::{Config, check};
use serde_json::{Value, json};

use crate::sign::Signer;

/// The UID of the agent's pod, as in the conformance cases.
pub const POD_UID: &str = "b4e1f5f8-7d52-4f5e-9e8a-2f3c1d0a9b11";

/// The UID of its node.
pub const NODE_UID: &str = "0d6c9a52-3f0e-4b7c-8a61-5e2d7f4c1a90";

/// One trust domain with the cluster `demo`, whose settings are these.
#[must_use]
pub fn config(error_style: &str, mut demo: Value) -> Config {
    demo["service_account_allow_list"] = json!(["spire:spire-agent", "team-*:agent-?"]);
    let document =
        json!({"trust_domain": "example.org", "error_style": error_style, "clusters": {"demo": demo}});
    check(document.to_string().as_bytes()).config.expect("the configuration is valid")
}

/// A key set, and the agent's token, which one of its keys has signed.
#[must_use]
pub fn signed() -> (Value, String) {
    let signer = Signer::new("ES256", Some("a"));
    let bound = json!({
        "namespace": "spire",
        "serviceaccount": {"name": "spire-agent", "uid": "account-uid-1"},
        "pod": {"name": "agent-1", "uid": POD_UID},
        "node": {"name": "node-1", "uid": NODE_UID},
    });
    let subject = "system:serviceaccount:spire:spire-agent";
    let claims = json!({"sub": subject, "aud": ["spire-server"], "kubernetes.io": bound});
    let token = signer.token(br#"{"alg":"ES256","kid":"a"}"#, claims.to_string().as_bytes());
    (json!({"keys": [signer.jwk()]}), token)
}
