//! SPIRE's `k8s_psat` node attestation, server side.
//!
//! An agent sends `{"cluster":…,"token":…}`. [`Attestor`] has the cluster's API server review the token, reads pod and
//! node, and answers with an agent ID and selectors. Bytes in, one JSON document out, one code that says how it went: the
//! same for Rust programs, which use [`Attestor`] and [`Queue`], and for C, which sees them through
//! `include/psat_attestor.h`.
//!
//! ```text
//!    ffi        the C ABI, the only unsafe code
//!    engine     when and where: runtime, slots, queues, deadlines, cancelling, statistics
//!    attest     what is true: the checks, in the order of the table
//!    cluster    one API server: credentials, connections, calls
//!    config     JSON in, checked configuration or notes out
//!    step       one line of what explain and check tell
//!    outcome    codes, reasons and what an agent may read
//! ```
//!
//! Imports point downwards only.

#![deny(unsafe_code)]
#![cfg_attr(
    feature = "fuzzing",
    allow(clippy::missing_errors_doc, reason = "private functions become public")
)]

pub mod config;
pub mod outcome;

mod attest;
mod cluster;
mod engine;
pub mod ffi;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod quote;
mod step;
mod text;

pub use engine::{
    Answer, Attestor, Closed, Completed, Delivery, Document, Level, Next, Queue, documents_alive, validate,
};
