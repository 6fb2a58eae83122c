//! The room as its callers see it, against small servers in this process.

mod answers;
mod connections;
mod kubeconfigs;
mod rotation;
mod trust;
mod world;
