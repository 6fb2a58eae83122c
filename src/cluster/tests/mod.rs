//! The room as its callers see it, against small servers in this process.

mod answers;
mod check;
mod connections;
mod faults;
mod kubeconfigs;
mod rotation;
mod secrets;
mod trust;
mod world;
