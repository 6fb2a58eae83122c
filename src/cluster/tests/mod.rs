//! The room as its callers see it, against small servers in this process.

mod answers;
mod cancels;
mod check;
mod client_go;
mod connections;
mod faults;
mod growth;
mod kubeconfigs;
mod plugins;
mod proxies;
mod proxy_server;
mod refused_streams;
mod retries;
mod rotation;
mod rotation_under_load;
mod second_look;
mod secrets;
mod signing_keys;
mod trust;
mod turns;
mod world;
