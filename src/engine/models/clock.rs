//! A clock that stands still until a model moves it, as the order of events must depend on nothing else.

use std::time::Duration;

use loom::sync::atomic::{AtomicU64, Ordering};

loom::lazy_static! {
    static ref NOW: AtomicU64 = AtomicU64::new(0);
}

/// In place of `std::time::Instant`.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Instant(Duration);

impl Instant {
    pub(in crate::engine) fn now() -> Self {
        Self(Duration::from_millis(NOW.load(Ordering::SeqCst)))
    }

    pub(in crate::engine) fn checked_add(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self)
    }

    pub(in crate::engine) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

/// Lets so much time pass. A thread that waits on a `Condvar` of loom's is not woken by that, but sees it once it wakes.
pub(super) fn pass(milliseconds: u64) {
    NOW.fetch_add(milliseconds, Ordering::SeqCst);
}
