//! The lanes of one cluster: a flood of tokens that nobody knows must not keep genuine agents from their slots.
//!
//! A token whose signature cannot be judged, although the cluster's keys are known, waits in a lane of its own. It may still
//! be genuine: keys are replaced, and external signers publish late. So a key that TokenReview vouched for by accepting a
//! token leaves that lane.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::slots::{Lane, Slots};

/// Keys that are remembered to have signed an accepted token. A cluster signs with one at a time.
const VOUCHED_KEYS: usize = 16;

/// For so long since it was last accepted.
const VOUCHED_FOR: Duration = Duration::from_hours(1);

/// A longer `kid` is not remembered: Kubernetes' own have 43 characters.
const LONGEST_KID: usize = 256;

/// The part of the limits that unknown tokens have beside the others, and its least number of slots.
const UNKNOWN_PART: usize = 4;
const UNKNOWN_SLOTS_AT_LEAST: usize = 4;

const UNKNOWN: Lane = Lane {
    memory_part: UNKNOWN_PART,
    number: "for tokens that cannot be judged: a quarter of max_in_flight, 4 at least",
    no_slot: "no slot for tokens that cannot be judged came free in half of the attestation's time (a quarter of max_in_flight)",
    queue_full: "the queue for tokens that cannot be judged is full (a quarter of max_queued)",
    memory_used: "a quarter of the memory for waiting attestations is used, and tokens that cannot be judged may use no more \
                  (engine.max_queued_bytes)",
};

/// The slots of one cluster.
#[derive(Debug)]
pub struct Lanes {
    /// Of all tokens but those below.
    pub ordinary: Arc<Slots>,
    /// Of tokens whose key is unknown.
    pub unknown: Arc<Slots>,
    vouched: Mutex<Vec<Vouched>>,
}

#[derive(Debug)]
struct Vouched {
    kid: String,
    last: Instant,
}

impl Lanes {
    /// `max_in_flight` slots and room for `max_queued` to wait; for unknown tokens a quarter of each on top, and 4 slots at
    /// least.
    #[must_use]
    pub fn new(max_in_flight: usize, max_queued: usize) -> Self {
        let unknown_slots = (max_in_flight / UNKNOWN_PART).max(UNKNOWN_SLOTS_AT_LEAST);
        Self {
            ordinary: Arc::new(Slots::new(max_in_flight, max_queued)),
            unknown: Arc::new(Slots::new(unknown_slots, max_queued / UNKNOWN_PART).in_lane(&UNKNOWN)),
            vouched: Mutex::default(),
        }
    }

    /// The lane of a token that could not be judged and names this key.
    #[must_use]
    pub fn of_unknown(&self, kid: Option<&str>, now: Instant) -> &Arc<Slots> {
        let vouched = self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_vouched = vouched.iter().any(|one| Some(one.kid.as_str()) == kid && one.is_recent(now));
        if is_vouched { &self.ordinary } else { &self.unknown }
    }

    /// TokenReview accepted a token that names this key.
    pub fn vouch(&self, kid: &str, now: Instant) {
        if kid.len() > LONGEST_KID {
            return;
        }
        let mut vouched = self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        vouched.retain(|one| one.kid != kid && one.is_recent(now));
        if vouched.len() == VOUCHED_KEYS {
            // The longest not seen stands first.
            vouched.remove(0);
        }
        vouched.push(Vouched { kid: kid.to_owned(), last: now });
    }
}

impl Vouched {
    fn is_recent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < VOUCHED_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::slots::{QueuedBytes, Request};

    fn is_unknown(lanes: &Lanes, kid: Option<&str>, now: Instant) -> bool {
        Arc::ptr_eq(lanes.of_unknown(kid, now), &lanes.unknown)
    }

    #[tokio::test]
    async fn unknown_tokens_take_no_slot_of_the_others() {
        let lanes = Lanes::new(2, 8);
        let memory = Arc::new(QueuedBytes::new(1 << 20));
        let unknown: Vec<_> = (0..7).map(|_| lanes.unknown.request(10, &memory)).collect();
        let granted = |request: &Result<Request, _>| matches!(request, Ok(Request::Granted(_)));
        assert_eq!(unknown.iter().filter(|request| granted(request)).count(), 4, "four at least");
        assert_eq!(unknown.iter().filter(|request| request.is_ok()).count(), 6, "and a quarter of the queue");
        let ordinary: Vec<_> = (0..2).map(|_| lanes.ordinary.request(10, &memory)).collect();
        assert!(ordinary.iter().all(granted), "the others find all their slots free");
    }

    #[tokio::test]
    async fn a_slot_and_its_absence_are_told_by_the_lane() {
        let (lanes, memory) = (Lanes::new(16, 0), Arc::new(QueuedBytes::new(1 << 20)));
        for (lane, number, limits) in [
            (&lanes.ordinary, 16, ["max_in_flight", "max_queued"]),
            (&lanes.unknown, 4, ["a quarter of max_in_flight, 4 at least", "a quarter of max_queued"]),
        ] {
            let held: Vec<_> = (0..number).map(|_| lane.request(1, &memory)).collect();
            let Ok(Request::Granted(slot)) = &held[0] else { panic!("a slot is free") };
            let words = slot.words();
            assert!(words.starts_with(&format!("one of {number} (")) && words.contains(limits[0]), "{words}");
            let why = lane.request(1, &memory).err().expect("no slot is left");
            assert!(why.ends_with(&format!("({})", limits[1])), "{why}");
        }
    }

    #[tokio::test]
    async fn unknown_tokens_leave_the_others_their_memory() {
        let lanes = Lanes::new(1, 400);
        let memory = Arc::new(QueuedBytes::new(1000));
        let unknown: Vec<_> = (0..40).map(|_| lanes.unknown.request(50, &memory)).collect();
        assert_eq!(
            unknown.iter().filter(|request| request.is_ok()).count(),
            4 + 5,
            "four slots, a quarter of 1000 bytes"
        );
        let ordinary: Vec<_> = (0..40).map(|_| lanes.ordinary.request(50, &memory)).collect();
        assert_eq!(
            ordinary.iter().filter(|request| request.is_ok()).count(),
            1 + 15,
            "the others have the rest"
        );
    }

    #[test]
    fn the_unknown_lane_is_a_quarter() {
        for (slots, expected) in [(1, 4), (16, 4), (64, 16), (100, 25)] {
            let lanes = Lanes::new(slots, 0);
            let memory = Arc::new(QueuedBytes::new(1 << 20));
            let held: Vec<_> = (0..200).filter_map(|_| lanes.unknown.request(1, &memory).ok()).collect();
            assert_eq!(held.len(), expected, "of {slots}, none of which may wait");
        }
    }

    #[test]
    fn an_accepted_key_leaves_the_lane_for_an_hour() {
        let (lanes, begin) = (Lanes::new(64, 64), Instant::now());
        assert!(is_unknown(&lanes, Some("new"), begin));
        lanes.vouch("new", begin);
        assert!(!is_unknown(&lanes, Some("new"), begin));
        assert!(is_unknown(&lanes, Some("newer"), begin) && is_unknown(&lanes, None, begin));

        let almost = begin + VOUCHED_FOR - Duration::from_secs(1);
        assert!(!is_unknown(&lanes, Some("new"), almost));
        assert!(is_unknown(&lanes, Some("new"), begin + VOUCHED_FOR));
        lanes.vouch("new", almost);
        assert!(!is_unknown(&lanes, Some("new"), begin + VOUCHED_FOR), "each acceptance counts anew");
    }

    #[test]
    fn sixteen_keys_are_remembered_and_the_longest_not_seen_gives_way() {
        let (lanes, begin) = (Lanes::new(64, 64), Instant::now());
        for number in 0..16 {
            lanes.vouch(&format!("key-{number}"), begin + Duration::from_secs(number));
        }
        let now = begin + Duration::from_secs(20);
        lanes.vouch("key-0", now);
        lanes.vouch("another", now);
        assert!(!is_unknown(&lanes, Some("key-0"), now), "it was just seen");
        assert!(is_unknown(&lanes, Some("key-1"), now), "it gave way");
        assert!(!is_unknown(&lanes, Some("key-2"), now) && !is_unknown(&lanes, Some("another"), now));
        lanes.vouch(&"k".repeat(LONGEST_KID + 1), now);
        assert!(is_unknown(&lanes, Some(&"k".repeat(LONGEST_KID + 1)), now), "that is no key of Kubernetes");
    }
}
