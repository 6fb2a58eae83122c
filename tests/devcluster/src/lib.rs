//! A small Kubernetes API server for development and tests, over real TLS.
//!
//! It plays the endpoints that attestation uses (`TokenReview`, pods, nodes, signing keys,
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
//! How a request travels: `listen` (the port) → `connection` (TLS, HTTP) → `exchange` → `api` (routes) → `caller`
//! (who asks, what they may) → `review`, `authenticate` and `live` (what is true in the world) → `script` (what the
//! world wants answered instead) → `fault` (how the answer breaks on its way out).

#![forbid(unsafe_code)]

mod accept;
mod access_review;
mod answer;
mod api;
mod authenticate;
mod caller;
mod client_certificate;
mod cluster;
mod cluster_key;
mod connection;
mod counters;
mod exchange;
mod fault;
mod keys;
mod kubeconfig;
mod listen;
mod live;
mod mint;
mod patch;
mod protobuf;
mod reply;
mod review;
mod script;
mod shared;
mod signing;
mod token;
mod world;

pub use answer::{Answer, Answers, Call, Fault};
pub use cluster::DevCluster;
pub use cluster_key::{ClusterKey, KEYS_PER_ALGORITHM};
pub use counters::Counters;
pub use keys::Keys;
pub use kubeconfig::write_private;
pub use signing::SigningKeys;
pub use token::{Algorithm, SignatureState, TokenRequest};
pub use world::{Credential, DEFAULT_NODE_UID, DEFAULT_POD_UID, ListenerMode, Permission, Reviewer, World};
