//! One API server: credentials, connection, the calls. Decides nothing about identity.

pub mod api;
