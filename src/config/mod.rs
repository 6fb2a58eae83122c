//! Configuration: JSON in, checked values or notes out.
//!
//! Everything downstream relies on the types here: a [`Config`] has passed every check, so nobody checks again.
//! This room reads no network and no file but to see whether a kubeconfig can be opened (a warning only).
//!
//! The way through: `json` makes a tree, `read` takes typed values out of it, `check` goes over the top level, and
//! `cluster`, `service_accounts`, `kubeconfig`, `engine` and `overlap` over their parts. What they find goes to
//! `notes`; numbers stand in `limits`. `null` is as good as absent everywhere but in lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::ErrorStyle;

mod allow_list;
mod check;
mod cluster;
mod engine;
mod glob;
mod json;
mod kubeconfig;
mod limits;
mod notes;
mod overlap;
mod read;
mod service_accounts;
pub mod spiffe;
#[cfg(test)]
mod tests;

pub use allow_list::AllowList;
pub use check::{Checked, check};
pub(crate) use limits::MAX_IN_FLIGHT_BOUNDS;
pub use notes::{Note, Severity, cluster_setting};
pub use spiffe::TrustDomain;

/// A checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The trust domain that agent IDs are made in; `None` in a document with `engine` alone, which makes an
    /// unconfigured attestor.
    pub trust_domain: Option<TrustDomain>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Arc<ClusterConfig>>,
    /// Which codes and words are answered.
    pub error_style: ErrorStyle,
    /// Settings of the machinery.
    pub engine: EngineConfig,
}

/// Settings of the machinery.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineConfig {
    /// Threads that drive the network, 1 to 512; `None` = chosen by the engine. Read when an attestor is made, not later.
    pub worker_threads: Option<usize>,
    /// How long an attestation may take, waiting for a slot included, unless its options say otherwise. 1 ms to 24 h,
    /// 30 s unless set.
    pub attest_timeout: Duration,
    /// Bytes of tokens that may wait for slots, over all clusters. 1 to 64 GiB, 64 MiB unless set.
    pub max_queued_bytes: usize,
}

/// One cluster's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// The key in `clusters`: one or more SPIFFE path segments joined by `/`.
    pub name: String,
    /// Which service accounts may attest.
    pub service_account_allow_list: AllowList,
    /// Wanted audiences; empty = the API server's own. `spire-server` unless set.
    pub audience: Vec<String>,
    /// `None` = in-cluster.
    pub kube_config_file: Option<PathBuf>,
    /// Node labels that become selectors, sorted, each once.
    pub allowed_node_label_keys: Vec<String>,
    /// Pod labels that become selectors, sorted, each once.
    pub allowed_pod_label_keys: Vec<String>,
    /// Agent IDs are made of the pod's UID instead of the node's.
    pub use_pod_uid_for_agent_id: bool,
    /// How the facts are gathered.
    pub lookup: Lookup,
    /// Whether tokens are judged here before the API server is asked. Unless set, `Off` with `error_style` upstream.
    pub verify_signature: VerifySignature,
    /// Refuse a token that is bound to an earlier Node object of the same name, instead of warning.
    pub require_node_uid_match: bool,
    /// Time for one try of one call, 1 ms to 24 h, 10 s unless set.
    pub call_timeout: Duration,
    /// Attestations that may make calls at the same time, 1 to 65,536, 64 unless set.
    pub max_in_flight: usize,
    /// Attestations that may wait for a slot, up to 1,048,576, 16,384 unless set; 0 = none waits.
    pub max_queued: usize,
}

/// How the facts of an attestation are gathered. The result is the same, but for `Claims`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// As few round trips as the facts at hand allow.
    #[default]
    Auto,
    /// `TokenReview`, pod and node one after the other.
    Sequential,
    /// `TokenReview` alone: its extras speak for pod and node.
    Claims,
}

/// Whether tokens are judged here before the API server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifySignature {
    /// Wherever the cluster's signing keys can be read.
    #[default]
    Auto,
    /// Never.
    Off,
}
