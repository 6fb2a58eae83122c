//! What the fuzz targets reach beside the API. Not in shipped builds.

pub use crate::attest::{
    AgentAttributes, Candidate, Facts, Findings, Refusal, Standing, Trail, admit, admitted, attest, explain,
    shown,
};
pub use crate::cluster::api;
pub use crate::cluster::fuzzing::{Loaded, load_kubeconfig, node, pod, token_review};
pub use crate::cluster::keys::fuzzing::Keys;
pub use crate::cluster::keys::{KeyState, Verification};
pub use crate::step::Step;
