//! Whether a question is put again after a try that failed, and when. All calls are safe to repeat.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::budget::RetryBudget;
use super::limits::{
    BACKOFF, LONGEST_RETRY_AFTER, PAUSE_SHARE, RETRIES_OF_A_CALL, UNPROCESSED_RETRIES_OF_A_CALL,
};

/// What the same question might meet next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chance {
    /// The same answer.
    None,
    /// A connection whose server looks at it: this one's did not.
    Unprocessed,
    /// Better luck, but not before the server wants to be asked again.
    Later(Duration),
    /// A server that takes other credentials, if there are any.
    OtherCredentials,
}

/// Why a failure stands, or how long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    TryAfter(Duration),
    GiveUp,
    /// It would have been tried again if the cluster had not had so many retries already.
    OutOfBudget,
}

/// The retries of one call.
#[derive(Debug, Default)]
pub(super) struct Retries {
    counted: u8,
    unprocessed: u8,
}

impl Retries {
    /// What to do after a failure, with so much left of the attestation's time.
    pub(super) fn next(&mut self, chance: Chance, left: Duration, budget: &RetryBudget) -> Next {
        let asked_for = match chance {
            Chance::Later(asked_for) => asked_for,
            Chance::Unprocessed => return self.next_unprocessed(left),
            Chance::None | Chance::OtherCredentials => return Next::GiveUp,
        };
        if self.counted == RETRIES_OF_A_CALL || asked_for > LONGEST_RETRY_AFTER {
            return Next::GiveUp;
        }
        let pause = asked_for + backoff(self.counted);
        if pause > left / PAUSE_SHARE {
            return Next::GiveUp;
        }
        if !budget.take_retry() {
            return Next::OutOfBudget;
        }
        self.counted += 1;
        Next::TryAfter(pause)
    }

    /// A server that restarts or rebalances costs no budget: it has not done any work. The first time is chance.
    fn next_unprocessed(&mut self, left: Duration) -> Next {
        let pause = self.unprocessed.checked_sub(1).map_or(Duration::ZERO, backoff);
        if self.unprocessed == UNPROCESSED_RETRIES_OF_A_CALL || pause > left / PAUSE_SHARE {
            return Next::GiveUp;
        }
        self.unprocessed += 1;
        Next::TryAfter(pause)
    }
}

/// Between half and all of the step's time, so that those who failed together do not come back together.
fn backoff(step: u8) -> Duration {
    let most = BACKOFF * 4u32.pow(step.into());
    let random = RandomState::new().build_hasher().finish() >> 32;
    let random = u32::try_from(random).unwrap_or(u32::MAX);
    most / 2 + (most / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const LATER: Chance = Chance::Later(Duration::ZERO);

    fn pause(next: Next) -> Duration {
        match next {
            Next::TryAfter(pause) => pause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_retries_are_made_each_after_a_longer_pause() {
        let (budget, mut retries) = (RetryBudget::default(), Retries::default());
        let first = pause(retries.next(LATER, LONG, &budget));
        let second = pause(retries.next(LATER, LONG, &budget));
        assert!((BACKOFF / 2..=BACKOFF).contains(&first), "{first:?}");
        assert!((BACKOFF * 2..=BACKOFF * 4).contains(&second), "{second:?}");
        assert_eq!(retries.next(LATER, LONG, &budget), Next::GiveUp);
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::HashSet<_> = (0..100).map(|_| backoff(0)).collect();
        assert!(pauses.len() > 90, "{}", pauses.len());
    }

    #[test]
    fn what_the_server_asks_for_is_the_least() {
        let (budget, second) = (RetryBudget::default(), Duration::from_secs(1));
        let next = |asked_for, left| Retries::default().next(Chance::Later(asked_for), left, &budget);
        let made = pause(next(second, LONG));
        assert!((second..=second + BACKOFF).contains(&made), "{made:?}");
        assert_eq!(next(second + Duration::from_millis(1), LONG), Next::GiveUp);
        assert_eq!(next(Duration::from_secs(u64::MAX), LONG), Next::GiveUp);
        // Of what is left, a quarter at most is waited.
        assert_eq!(next(second, Duration::from_secs(4)), Next::GiveUp);
        assert_eq!(next(Duration::ZERO, BACKOFF), Next::GiveUp);
        assert_eq!(next(Duration::ZERO, Duration::ZERO), Next::GiveUp);
    }

    #[test]
    fn what_was_not_processed_is_put_three_times_more_beside_the_two() {
        let (budget, mut retries) = (RetryBudget::default(), Retries::default());
        while budget.take_retry() {}
        assert_eq!(pause(retries.next(Chance::Unprocessed, LONG, &budget)), Duration::ZERO);
        assert!(pause(retries.next(Chance::Unprocessed, LONG, &budget)) >= BACKOFF / 2);
        assert!(pause(retries.next(Chance::Unprocessed, LONG, &budget)) >= BACKOFF * 2);
        assert_eq!(retries.next(Chance::Unprocessed, LONG, &budget), Next::GiveUp);
    }

    #[test]
    fn what_would_end_the_same_is_not_tried_again() {
        let budget = RetryBudget::default();
        for chance in [Chance::None, Chance::OtherCredentials] {
            assert_eq!(Retries::default().next(chance, LONG, &budget), Next::GiveUp);
        }
    }

    #[test]
    fn a_spent_budget_ends_retries() {
        let budget = RetryBudget::default();
        while budget.take_retry() {}
        assert_eq!(Retries::default().next(LATER, LONG, &budget), Next::OutOfBudget);
    }
}
