//! A small Kubernetes API server for development and tests, over real TLS.
//!
//! It plays the endpoints that attestation uses (TokenReview, pods, nodes, signing keys,
//! `SelfSubjectAccessReview`, version) the way kube-apiserver 1.37 answers them, mints service-account tokens,
//! writes kubeconfigs, and can be told to misbehave. It stores nothing and admits no writes: what it knows is one
//! [`World`], a value that can be replaced at any moment.
//!
//! ```no_run
//! # async fn example() {
//! use devcluster::{DevCluster, TokenRequest, World};
//!
//! let cluster = DevCluster::start(World::default()).await;
//! let kubeconfig = cluster.kubeconfig();
//! let token = cluster.mint(&TokenRequest::default());
//! # }
//! ```
//!
//! How a request travels: `listen` (socket, TLS) → `api` (routes) → `caller` (who asks) → `permission` (may they) →
//! `review` and `objects` (what is true in the world) → `script` (whether the world wants another answer) →
//! `fault` (how the answer breaks on its way out).

#![forbid(unsafe_code)]

mod answer;
mod cluster;
mod counters;
mod keys;
mod token;
mod world;

pub use answer::{Answer, Answers, Call, Fault};
pub use cluster::DevCluster;
pub use counters::Counters;
pub use keys::Keys;
pub use token::{Algorithm, SignatureState, TokenRequest};
pub use world::{Credential, DEFAULT_NODE_UID, DEFAULT_POD_UID, ListenerMode, Permission, Reviewer, World};
