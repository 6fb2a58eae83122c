//! The room as its callers see it, against small servers in this process.

mod answers;
mod cancels;
mod check;
mod connections;
mod faults;
mod kubeconfigs;
mod retries;
mod rotation;
mod second_look;
mod secrets;
mod trust;
mod turns;
mod world;
