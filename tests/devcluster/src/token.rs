//! Which tokens can be asked for, and how they are made.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A token to mint: by default what the kubelet projects into the pod `spire/agent-1` for the audience
/// `spire-server`. Fields absent from JSON are those of [`TokenRequest::default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRequest {
    /// The service account's namespace, and the pod's.
    pub namespace: String,
    /// The service account's name.
    pub service_account: String,
    /// The pod that the token is bound to; `null` for a token without a binding. A pod that the world does not
    /// have gets a UID derived from its name.
    pub pod: Option<String>,
    /// Whether the token of a scheduled pod names the node, as since Kubernetes 1.30. A node that the world does not
    /// have is named without a UID.
    pub node: bool,
    /// The audiences.
    pub audience: Vec<String>,
    /// Seconds from now until the token expires; negative for one that has expired.
    pub expires_in: i64,
    /// The signing algorithm.
    pub alg: Algorithm,
    /// Which of the algorithm's keys signs, from 0. One that the world does not have is named by its own kid.
    pub key: usize,
    /// A JSON merge patch over the claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
    /// A JSON merge patch over the JOSE header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Value>,
    /// What the signature is like.
    pub signature: SignatureState,
    /// This literal text in place of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Default for TokenRequest {
    fn default() -> TokenRequest {
        TokenRequest {
            namespace: "spire".to_owned(),
            service_account: "spire-agent".to_owned(),
            pod: Some("agent-1".to_owned()),
            node: true,
            audience: vec!["spire-server".to_owned()],
            expires_in: 3600,
            alg: Algorithm::Rs256,
            key: 0,
            claims: None,
            header: None,
            signature: SignatureState::Valid,
            raw: None,
        }
    }
}

/// The algorithms that Kubernetes signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// RSA 2048, PKCS #1 v1.5, SHA-256
    Rs256,
    /// P-256, SHA-256
    Es256,
    /// P-384, SHA-384
    Es384,
    /// P-521, SHA-512
    Es512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];

    /// The name in JOSE headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
        }
    }
}

/// What a minted token's signature is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureState {
    /// Right for the header and claims as they are after their patches.
    #[default]
    Valid,
    /// Of the right length and wrong.
    Broken,
    /// Absent: the token ends with a dot.
    Empty,
}
