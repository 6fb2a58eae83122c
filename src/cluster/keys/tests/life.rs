//! When keys are read, and how long they count.

use std::time::Duration;

use tokio::time::Instant;

use super::super::life::{Change, FIRST_WAIT, Failure, KeyState, Life, Reading};
use super::super::set::KeySet;
use super::signer::{Signer, set};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

type Number = u32;

fn keys() -> KeySet {
    set(&[Signer::ec("ES256").jwk(Some("k"))])
}

fn read(max_age: Option<Duration>) -> Reading<Number> {
    Reading { with: Some(1), outcome: Ok((keys(), max_age)) }
}

fn failed(denied: bool) -> Reading<Number> {
    let failure = Failure { denied, cause: "why".into() };
    Reading { with: Some(1), outcome: Err(failure) }
}

/// A life whose first reading was made and ended at that time.
fn after(reading: Reading<Number>, at: Instant) -> Life<Number> {
    let mut life = Life::default();
    assert!(life.begin_if_due(at));
    life.ended(reading, at);
    life
}

#[test]
fn one_reading_runs_at_a_time() {
    let now = Instant::now();
    let mut life: Life<Number> = Life::default();
    assert_eq!(life.state(now), KeyState::NotRead);
    assert!(life.begin_if_due(now));
    assert!(!life.begin_if_due(now) && !life.begin_if_asked(now + MINUTE));
    life.ended(read(None), now + SECOND);
    assert!(!life.begin_if_due(now + SECOND), "it is fresh");
    assert_eq!(life.state(now + 3 * SECOND), KeyState::Known { keys: 1, age: 3 * SECOND });
}

#[test]
fn a_set_is_fresh_as_long_as_the_answer_says_between_one_and_five_minutes() {
    let begun = Instant::now();
    for (max_age, fresh) in [
        (None, MINUTE),
        (Some(Duration::ZERO), MINUTE),
        (Some(SECOND), MINUTE),
        (Some(2 * MINUTE), 2 * MINUTE),
        (Some(60 * MINUTE), 5 * MINUTE),
        (Some(Duration::MAX), 5 * MINUTE),
    ] {
        let mut life = after(read(max_age), begun);
        assert!(!life.begin_if_due(begun + fresh - SECOND), "{max_age:?}");
        assert!(life.begin_if_due(begun + fresh), "{max_age:?}");
        assert!(life.keys(Some(&1)).is_some(), "the last good one stays");
    }
}

#[test]
fn the_last_good_set_stays_when_it_cannot_be_read_again() {
    let begun = Instant::now();
    let mut life = after(read(None), begun);
    let mut later = begun;
    for denied in [false, true, false] {
        later += 60 * MINUTE;
        assert!(life.begin_if_due(later));
        life.ended(failed(denied), later);
        assert!(life.keys(Some(&1)).is_some());
        assert!(matches!(life.state(later), KeyState::Known { keys: 1, .. }));
    }
}

#[test]
fn other_credentials_end_what_was_read() {
    let now = Instant::now();
    let mut life = after(read(None), now);
    assert!(life.keys(Some(&1)).is_some() && !life.begin_if_due(now));
    assert!(life.keys(Some(&2)).is_none(), "another server, CA or credential");
    assert!(life.begin_if_due(now), "and the keys are read at once");
    life.ended(Reading { with: Some(1), outcome: Ok((keys(), None)) }, now);
    assert!(life.keys(Some(&2)).is_none(), "what was read with the old ones comes too late");
    assert!(life.begin_if_due(now));
    life.ended(Reading { with: Some(2), outcome: Ok((keys(), None)) }, now);
    assert!(life.keys(Some(&2)).is_some());
}

#[test]
fn other_credentials_end_a_pause() {
    let now = Instant::now();
    let mut life = after(failed(true), now);
    assert!(life.keys(Some(&1)).is_none() && !life.begin_if_due(now + SECOND / 2));
    assert!(life.keys(Some(&2)).is_none() && life.begin_if_due(now + SECOND / 2), "these may be allowed to");

    let mut life = after(Reading { with: None, ..failed(false) }, now);
    assert!(life.keys(None).is_none() && !life.begin_if_due(now), "still no credentials");
    assert!(life.keys(Some(&1)).is_none() && life.begin_if_due(now), "the kubeconfig has appeared");
}

#[test]
fn what_is_denied_twice_is_asked_again_after_ten_minutes() {
    let begun = Instant::now();
    let mut life = after(failed(true), begun);
    let now = begun + SECOND;
    assert!(life.begin_if_due(now), "an API server that starts denies everything");
    life.ended(failed(true), now);
    assert_eq!(life.state(now), KeyState::Unreadable { cause: "why".into() });
    assert!(!life.begin_if_due(now + 10 * MINUTE - SECOND));
    assert!(!life.begin_if_asked(now + 10 * MINUTE - SECOND));
    assert!(life.begin_if_due(now + 10 * MINUTE));
}

#[test]
fn any_other_failure_is_paused_after_for_1_second_up_to_60() {
    let mut now = Instant::now();
    let mut life: Life<Number> = Life::default();
    for pause in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert!(life.begin_if_due(now));
        life.ended(failed(false), now);
        let pause = Duration::from_secs(pause);
        assert!(!life.begin_if_due(now + pause - Duration::from_millis(1)), "{pause:?}");
        now += pause;
    }
    assert!(life.begin_if_due(now));
    life.ended(read(None), now);
    now += MINUTE;
    assert!(life.begin_if_due(now));
    life.ended(failed(false), now);
    assert!(life.begin_if_due(now + SECOND), "a success ends the doubling");
}

#[test]
fn tokens_get_a_new_reading_every_ten_seconds_at_most() {
    let begun = Instant::now();
    let mut life = after(read(None), begun);
    let settled = |life: &mut Life<Number>, now| life.keys(Some(&1)).expect("keys").settled(now);
    assert!(settled(&mut life, begun + 10 * SECOND) && !life.begin_if_asked(begun + 10 * SECOND));
    let later = begun + 10 * SECOND + Duration::from_millis(1);
    assert!(!settled(&mut life, later), "what these keys deny may be right by now");
    assert!(life.begin_if_asked(later));
    assert!(!life.begin_if_asked(later), "one is enough");
    life.ended(failed(false), later);
    assert!(!life.begin_if_asked(later + 2 * SECOND));
    assert!(!settled(&mut life, later + 2 * SECOND), "until it is there TokenReview decides");
    assert!(life.begin_if_asked(later + 11 * SECOND));
    life.ended(read(None), later + 20 * SECOND);
    assert!(
        settled(&mut life, later + 21 * SECOND) && !settled(&mut life, later + 22 * SECOND),
        "from its begin"
    );
}

#[test]
fn changes_are_told_once() {
    let jwks = [Signer::ec("ES256").jwk(Some("k")), Signer::ec("ES256").jwk(Some("k"))];
    let of = |keys: &[serde_json::Value]| Ok((set(keys), None));
    let failure = |denied| Failure { denied, cause: "why".into() };
    let mut now = Instant::now();
    let mut life = Life::default();
    for (outcome, told) in [
        (of(&jwks[..1]), Some(Change::Keys(1))),
        (of(&jwks[..1]), None),
        (of(&jwks[1..]), Some(Change::Keys(1))),
        (of(&jwks), Some(Change::Keys(2))),
        (Err(failure(false)), Some(Change::Unreadable(failure(false)))),
        (Err(failure(false)), None),
        (Err(failure(true)), Some(Change::Unreadable(failure(true)))),
        (of(&jwks), None),
        (Err(failure(true)), Some(Change::Unreadable(failure(true)))),
    ] {
        assert!(life.begin_if_due(now));
        assert_eq!(life.ended(Reading { with: Some(1), outcome }, now), told);
        now += 11 * MINUTE;
    }
}

#[test]
fn only_the_first_reading_is_waited_for() {
    let begun = Instant::now();
    let mut life: Life<Number> = Life::default();
    assert_eq!(life.wait_until(), None);
    assert!(life.begin_if_due(begun));
    assert_eq!(life.wait_until(), Some(begun + FIRST_WAIT));
    assert!(life.keys(Some(&1)).is_none());
    assert_eq!(life.wait_until(), Some(begun + FIRST_WAIT), "the credentials were looked at meanwhile");
    life.ended(failed(false), begun + SECOND);
    assert_eq!(life.wait_until(), None);
    assert!(life.begin_if_due(begun + MINUTE));
    assert_eq!(life.wait_until(), None, "never again");
    assert!(life.keys(Some(&2)).is_none());
    assert_eq!(life.wait_until(), None);
}
