//! What the threads of hosts and of the engine meet at: std's, but loom's in the models, which try every order in which
//! the threads can get there.

#[cfg(not(all(test, feature = "model")))]
pub(super) use std::{
    sync::atomic,
    sync::{Condvar, Mutex, MutexGuard},
    time::Instant,
};

#[cfg(all(test, feature = "model"))]
pub(super) use {
    super::models::clock::Instant,
    loom::{
        sync::atomic,
        sync::{Condvar, Mutex, MutexGuard},
    },
};
