//! The C ABI: pointers become slices, answers become documents. Decides nothing.
//!
//! Every exported function is three moves: borrow the arguments, call one safe method, answer. The guard round it and
//! the answer are written once, in `guard` and `answer`. cbindgen expands no macros, so each function is written out.
#![allow(unsafe_code, reason = "the one room where pointers from C are turned into references")]
#![allow(clippy::missing_safety_doc, reason = "the documentation is the header's, in C's words")]

mod answer;
mod attestor;
mod check;
pub mod constants;
mod guard;
mod handle;
mod process;
mod queue;
mod version;

pub use attestor::*;
pub use check::*;
pub use queue::*;
pub use version::*;
