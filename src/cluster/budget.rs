//! How many retries a cluster gets: few enough not to keep an overloaded API server down.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::limits::{CALLS_PER_RETRY, RETRIES_AT_FIRST, RETRIES_SAVED};

/// Retries that one cluster may still make. Every call adds a part of one.
pub(super) struct RetryBudget {
    /// Counted in calls: a retry costs [`CALLS_PER_RETRY`].
    calls: AtomicU32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { calls: AtomicU32::new(RETRIES_AT_FIRST * CALLS_PER_RETRY) }
    }
}

impl RetryBudget {
    /// A call is made.
    pub(super) fn add_call(&self) {
        // Full is what it is nearly always: then nothing is written that other threads would have to wait for.
        if self.calls.load(Relaxed) < RETRIES_SAVED * CALLS_PER_RETRY {
            self.calls.fetch_add(1, Relaxed);
        }
    }

    /// Takes a retry out, if there is one left.
    pub(super) fn take_retry(&self) -> bool {
        self.calls.try_update(Relaxed, Relaxed, |calls| calls.checked_sub(CALLS_PER_RETRY)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries_left(budget: &RetryBudget) -> usize {
        (0..=RETRIES_SAVED).take_while(|_| budget.take_retry()).count()
    }

    #[test]
    fn ten_are_free_and_five_calls_earn_another() {
        let budget = RetryBudget::default();
        assert_eq!(retries_left(&budget), 10);
        (0..24).for_each(|_| budget.add_call());
        assert_eq!(retries_left(&budget), 4);
        budget.add_call();
        assert_eq!(retries_left(&budget), 1);
    }

    #[test]
    fn what_good_times_save_is_bounded() {
        let budget = RetryBudget::default();
        (0..100_000).for_each(|_| budget.add_call());
        assert_eq!(retries_left(&budget), RETRIES_SAVED as usize);
    }
}
