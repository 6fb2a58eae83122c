//! The dev cluster as its clients see it: every test talks to a real listener over TLS.

mod api;
mod client;
mod command;
mod misbehaviour;
mod review;
