//! SPIRE's `k8s_psat` node attestation, server side.

#![deny(unsafe_code)]

pub mod cluster;
pub mod config;
pub mod outcome;
