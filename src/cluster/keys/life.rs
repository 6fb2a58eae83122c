//! When a cluster's keys are read, how long they count, and what is waited for. Pure decisions: no task, no timer.
//!
//! Nothing happens by itself: what is due is begun when an attestation comes by, so an idle cluster costs nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::set::KeySet;

/// How long a set counts without being read anew: what the answer says, within these bounds.
const FRESH_AT_LEAST: Duration = Duration::from_mins(1);
const FRESH_AT_MOST: Duration = Duration::from_mins(5);

/// Between two readings that tokens ask for. As long a wrong signature under the keys just read is final.
const SETTLED: Duration = Duration::from_secs(10);

/// After the cluster said that the keys are not for this reader, or that there are none: RBAC changes seldom.
const DENIED_PAUSE: Duration = Duration::from_mins(10);

/// After any other failure, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// From the first reading's begin. After that nobody waits for keys any more.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(250);

/// A key set in use.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) set: KeySet,
    /// When its reading began: the keys may have changed since.
    begun: Instant,
    stale_from: Instant,
}

/// A reading that has ended. `I` tells credentials apart.
pub(crate) struct Reading<I> {
    /// With which credentials it was made. `None` if there were none to be had.
    pub(super) with: Option<I>,
    pub(super) outcome: Result<(KeySet, Option<Duration>), Failure>,
}

/// Why keys could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// 403 or 404, and nothing worse.
    pub(super) denied: bool,
    /// For operators. Holds no credential.
    pub(super) cause: String,
}

/// What a reading changed, as far as it need be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// There are other keys than before; so many can be used.
    Keys(usize),
    /// The keys cannot be read, which was not so before.
    Unreadable(Failure),
}

/// How it stands with a cluster's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// They have not been asked for, or the first answer is not there yet.
    NotRead,
    /// They are known.
    Known {
        /// How many can be used.
        keys: usize,
        /// How long ago they were read.
        age: Duration,
    },
    /// They cannot be read; TokenReview is asked about every token.
    Unreadable {
        /// Why. For operators; holds no credential.
        cause: String,
    },
}

/// The keys of one cluster over time.
#[derive(Debug)]
pub(super) struct Life<I> {
    loaded: Option<Arc<Loaded>>,
    /// What the last reading was made with. Its outcome holds for these credentials alone.
    with: Option<I>,
    running: bool,
    /// When the last reading began.
    begun: Option<Instant>,
    not_before: Option<Instant>,
    failures: u32,
    last_failure: Option<Failure>,
    /// When the first of all readings began, until it has ended.
    first: Option<Instant>,
}

impl<I> Default for Life<I> {
    fn default() -> Self {
        Self {
            loaded: None,
            with: None,
            running: false,
            begun: None,
            not_before: None,
            failures: 0,
            last_failure: None,
            first: None,
        }
    }
}

impl<I: PartialEq> Life<I> {
    /// An attestation comes by; `current` are the credentials in force, if any were looked at yet. The answer is the keys to
    /// judge by. What became of a reading with other credentials counts no more.
    pub(super) fn keys(&mut self, current: Option<&I>) -> Option<&Arc<Loaded>> {
        if self.with.as_ref() != current {
            self.forget();
        }
        self.loaded.as_ref()
    }

    fn forget(&mut self) {
        self.loaded = None;
        self.not_before = None;
        self.failures = 0;
        self.last_failure = None;
    }

    /// Whether a reading is due by itself. If so, it counts as begun.
    pub(super) fn begin_if_due(&mut self, now: Instant) -> bool {
        let due = self.loaded.as_ref().is_none_or(|loaded| now >= loaded.stale_from);
        due && self.begin(now)
    }

    /// Whether to read the keys because a token does not fit those at hand. If so, it counts as begun.
    pub(super) fn begin_if_asked(&mut self, now: Instant) -> bool {
        let settled = self.begun.is_some_and(|begun| now <= begun + SETTLED);
        !settled && self.begin(now)
    }

    fn begin(&mut self, now: Instant) -> bool {
        if self.running || self.not_before.is_some_and(|earliest| now < earliest) {
            return false;
        }
        if self.begun.is_none() {
            self.first = Some(now);
        }
        self.running = true;
        self.begun = Some(now);
        true
    }

    /// The reading that runs has ended.
    pub(super) fn ended(&mut self, reading: Reading<I>, now: Instant) -> Option<Change> {
        self.running = false;
        self.first = None;
        if self.with != reading.with {
            self.forget();
            self.with = reading.with;
        }
        match reading.outcome {
            Ok((set, max_age)) => self.read(set, max_age, now),
            Err(failure) => self.failed(failure, now),
        }
    }

    fn read(&mut self, set: KeySet, max_age: Option<Duration>, now: Instant) -> Option<Change> {
        let begun = self.begun.unwrap_or(now);
        let fresh = max_age.unwrap_or(FRESH_AT_LEAST).clamp(FRESH_AT_LEAST, FRESH_AT_MOST);
        let same = self.loaded.as_ref().is_some_and(|loaded| loaded.set == set);
        let change = (!same).then(|| Change::Keys(set.usable()));
        self.forget();
        self.loaded = Some(Arc::new(Loaded { set, begun, stale_from: begun + fresh }));
        change
    }

    fn failed(&mut self, failure: Failure, now: Instant) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        let told = self.last_failure.as_ref().is_some_and(|last| last.denied == failure.denied);
        // An API server that has just started forbids everything until it has read its roles: once is no denial.
        let pause = if failure.denied && told { DENIED_PAUSE } else { pause(self.failures) };
        self.not_before = Some(now + pause);
        self.last_failure = Some(failure.clone());
        (!told).then_some(Change::Unreadable(failure))
    }

    /// Until when the first keys may be waited for, if they may.
    pub(super) fn wait_until(&self) -> Option<Instant> {
        self.first.map(|begun| begun + FIRST_WAIT)
    }

    /// How it stands, for operators.
    pub(super) fn state(&self, now: Instant) -> KeyState {
        if let Some(loaded) = &self.loaded {
            let age = now.saturating_duration_since(loaded.begun);
            KeyState::Known { keys: loaded.set.usable(), age }
        } else if let Some(failure) = &self.last_failure {
            KeyState::Unreadable { cause: failure.cause.clone() }
        } else {
            KeyState::NotRead
        }
    }
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)
}

impl Loaded {
    /// Whether these keys are so new that what they deny is denied.
    pub(super) fn settled(&self, now: Instant) -> bool {
        now <= self.begun + SETTLED
    }
}
