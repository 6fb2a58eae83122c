//! What stands round every exported function: no panic crosses into C, and none prints.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// How many exported functions this thread is inside of.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Runs `body`; `None` if it panicked.
pub(super) fn guarded<T>(body: impl FnOnce() -> T) -> Option<T> {
    silence_own_panics();
    let _inside = Inside::enter();
    catch_unwind(AssertUnwindSafe(body)).ok()
}

struct Inside;

impl Inside {
    fn enter() -> Self {
        INSIDE.set(INSIDE.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(INSIDE.get() - 1);
    }
}

/// Keeps panics of this library off the host's stderr: their text could hold what a caller sent.
///
/// Panics elsewhere (in a Rust host that links this crate) are reported as before. Once per process, without a lock
/// that could be held at a fork.
fn silence_own_panics() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if BEGUN.load(Ordering::Relaxed) || BEGUN.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = take_hook();
    set_hook(Box::new(move |panic| {
        let own_thread = std::thread::current().name().is_some_and(|name| name.starts_with("psat-"));
        if !own_thread && INSIDE.get() == 0 {
            previous(panic);
        }
    }));
}
