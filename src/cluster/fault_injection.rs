//! A panic where tests ask for one. Not in shipped builds.

use std::sync::atomic::{AtomicBool, Ordering};

static PANIC_IN_NEXT_ATTEMPT: AtomicBool = AtomicBool::new(false);

/// Makes the next connection attempt of the process panic.
pub(crate) fn panic_in_next_attempt() {
    PANIC_IN_NEXT_ATTEMPT.store(true, Ordering::Relaxed);
}

pub(super) fn panic_if_asked() {
    assert!(!PANIC_IN_NEXT_ATTEMPT.swap(false, Ordering::Relaxed), "injected fault");
}
