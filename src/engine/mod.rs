//! When and where: the runtime, slots and queues, deadlines, cancelling, statistics. Knows no Kubernetes.

mod attestor;
mod check;
mod document;
mod events;
mod generation;
mod lanes;
#[cfg(all(test, feature = "model"))]
mod models;
mod operation;
mod options;
mod queue;
mod report;
mod runtime;
mod slots;
mod stats;
mod sync;
mod task;
#[cfg(all(test, not(feature = "model")))]
mod tests;
mod waiting;

pub use attestor::{Attestor, validate};
pub use document::{Answer, Document, documents_alive};
pub use events::Level;
pub use queue::{Closed, Completed, Delivery, Next, Queue};

pub(crate) use report::plain;
