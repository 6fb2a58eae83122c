//! Keys at work, read from memory: who waits, who does not, and what becomes of a reading.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::{Instant, advance, sleep};

use super::super::life::{Change, FIRST_WAIT, Failure, KeyState, Reading};
use super::super::ring::{Ring, Source};
use super::super::set::KeySet;
use super::super::verification::{Unverified, Verification, Why};
use super::signer::{Signer, jws};

/// A cluster whose answer and whose time for it can be set.
struct Memory {
    keys: Mutex<Vec<Value>>,
    delay: Mutex<Duration>,
    panics: Mutex<bool>,
    credential: AtomicU32,
    readings: AtomicU32,
    told: Mutex<Vec<String>>,
}

#[derive(Clone)]
struct Handed(Arc<Memory>);

impl Source for Handed {
    type Identity = u32;

    fn current(&self) -> Option<u32> {
        Some(self.0.credential.load(SeqCst))
    }

    async fn read(&self) -> Reading<u32> {
        self.0.readings.fetch_add(1, SeqCst);
        let with = self.current();
        let delay = *self.0.delay.lock().unwrap();
        sleep(delay).await;
        assert!(!*self.0.panics.lock().unwrap(), "as the test wants it");
        let body = json!({"keys": *self.0.keys.lock().unwrap()}).to_string();
        let outcome = KeySet::parse(body.as_bytes())
            .map(|set| (set, None))
            .map_err(|why| Failure { denied: false, cause: why.to_owned() });
        Reading { with, outcome }
    }

    fn changed(&self, change: &Change) {
        self.0.told.lock().unwrap().push(match change {
            Change::Keys(number) => format!("{number} keys"),
            Change::Unreadable(_) => "unreadable".to_owned(),
        });
    }

    fn ended_without_result(&self) {
        self.0.told.lock().unwrap().push("ended".to_owned());
    }
}

/// A ring that reads these keys after `delay`.
fn ring(keys: Vec<Value>, delay: Duration) -> (Arc<Ring<Handed>>, Arc<Memory>) {
    let memory = Arc::new(Memory {
        keys: Mutex::new(keys),
        delay: Mutex::new(delay),
        panics: Mutex::new(false),
        credential: AtomicU32::new(1),
        readings: AtomicU32::new(0),
        told: Mutex::default(),
    });
    (Arc::new(Ring::new(Handed(Arc::clone(&memory)))), memory)
}

fn verify(ring: &Arc<Ring<Handed>>, token: &str) -> Option<Verification> {
    ring.verify(jws(token), &Handle::current())
}

fn why(verification: Option<Verification>) -> Why {
    match verification {
        Some(Verification::Unverified(Unverified { why, .. })) => why,
        other => panic!("{other:?}"),
    }
}

fn is_verified(verification: Option<&Verification>) -> bool {
    matches!(verification, Some(Verification::Verified(_)))
}

/// Lets what is ready run.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_until_somebody_asks_and_then_once_for_all() {
    let signer = Signer::ec("ES256");
    let (ring, memory) = ring(vec![signer.jwk(Some("k"))], Duration::from_millis(20));
    advance(Duration::from_hours(1)).await;
    assert_eq!((memory.readings.load(SeqCst), ring.state()), (0, KeyState::NotRead));

    let token = signer.token(Some("k"));
    for _ in 0..100 {
        assert!(verify(&ring, &token).is_none(), "the answer is not there yet");
    }
    let begun = Instant::now();
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(20), "as long as the answer takes");
    assert!(is_verified(verify(&ring, &token).as_ref()));
    assert_eq!(memory.readings.load(SeqCst), 1);
    assert_eq!(*memory.told.lock().unwrap(), ["1 keys"]);

    advance(Duration::from_hours(10)).await;
    assert_eq!(memory.readings.load(SeqCst), 1, "an idle cluster costs nothing");
    assert!(is_verified(verify(&ring, &token).as_ref()), "the old set serves while the new one is read");
    sleep(Duration::from_millis(30)).await;
    assert_eq!(memory.readings.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_that_do_not_come_are_waited_for_a_quarter_of_a_second_by_all_together() {
    let (ring, memory) = ring(Vec::new(), Duration::from_secs(10));
    let token = Signer::ec("ES256").token(Some("k"));
    let begun = Instant::now();
    assert!(verify(&ring, &token).is_none());
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    assert_eq!(begun.elapsed(), FIRST_WAIT);
    for _ in 0..10 {
        assert!(verify(&ring, &token).is_none());
        ring.first(Instant::now() + Duration::from_mins(1)).await;
    }
    assert_eq!(begun.elapsed(), FIRST_WAIT, "nobody waits any more");
    advance(Duration::from_secs(11)).await;
    settle().await;
    assert_eq!(*memory.told.lock().unwrap(), ["unreadable"]);
    let begun = Instant::now();
    assert!(verify(&ring, &token).is_none());
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_has_come_to_see_the_keys_waits_for_them() {
    let (ring, _) = ring(Vec::new(), Duration::from_secs(1));
    verify(&ring, "e30.e30.");
    let begun = Instant::now();
    ring.first_patiently(begun + Duration::from_millis(700)).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(700));
    ring.first_patiently(begun + Duration::from_secs(9)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kid_gets_the_keys_read_again_once_in_ten_seconds() {
    let (old, new) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let (ring, memory) = ring(vec![old.jwk(Some("old"))], Duration::ZERO);
    let token = new.token(Some("new"));
    verify(&ring, &token);
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    memory.keys.lock().unwrap().push(new.jwk(Some("new")));

    for _ in 0..100 {
        assert_eq!(why(verify(&ring, &token)), Why::UnknownKid);
        settle().await;
    }
    assert_eq!(memory.readings.load(SeqCst), 1, "the set was read a moment ago");
    advance(Duration::from_secs(11)).await;
    assert_eq!(why(verify(&ring, &token)), Why::UnknownKid, "until the new set is there TokenReview decides");
    settle().await;
    assert!(is_verified(verify(&ring, &token).as_ref()));
    assert!(is_verified(verify(&ring, &old.token(Some("old"))).as_ref()));

    let invented = Signer::ec("ES256").token(Some("invented"));
    for _ in 0..1000 {
        assert_eq!(why(verify(&ring, &invented)), Why::UnknownKid);
        sleep(Duration::from_millis(100)).await;
    }
    let readings = memory.readings.load(SeqCst) - 2;
    assert!((9..=10).contains(&readings), "{readings} in 100 s of a flood");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_signature_is_final_only_under_keys_read_just_now() {
    let (ours, theirs) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let (ring, memory) = ring(vec![ours.jwk(Some("k"))], Duration::from_millis(20));
    let forged = theirs.token(Some("k"));
    verify(&ring, &forged);
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    let is_wrong = |verification| matches!(verification, Some(Verification::Wrong));
    assert!(is_wrong(verify(&ring, &forged)));
    advance(Duration::from_secs(9)).await;
    assert!(is_wrong(verify(&ring, &forged)));
    assert_eq!(memory.readings.load(SeqCst), 1);

    advance(Duration::from_secs(2)).await;
    assert_eq!(why(verify(&ring, &forged)), Why::OldKeys);
    settle().await;
    assert_eq!(why(verify(&ring, &forged)), Why::OldKeys, "the new keys are not there yet");
    sleep(Duration::from_millis(20)).await;
    assert!(is_wrong(verify(&ring, &forged)));
    assert_eq!(memory.readings.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_replaced_under_its_kid_is_read_and_then_verifies() {
    let (before, after) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let (ring, memory) = ring(vec![before.jwk(Some("k"))], Duration::ZERO);
    let token = after.token(Some("k"));
    verify(&ring, &token);
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    *memory.keys.lock().unwrap() = vec![after.jwk(Some("k"))];
    advance(Duration::from_secs(15)).await;
    assert_eq!(why(verify(&ring, &token)), Why::OldKeys);
    settle().await;
    assert!(is_verified(verify(&ring, &token).as_ref()));
    assert_eq!(*memory.told.lock().unwrap(), ["1 keys", "1 keys"]);
}

#[tokio::test(start_paused = true)]
async fn other_credentials_drop_the_keys_at_once() {
    let signer = Signer::ec("ES256");
    let (ring, memory) = ring(vec![signer.jwk(Some("k"))], Duration::ZERO);
    let token = signer.token(Some("k"));
    verify(&ring, &token);
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    assert!(is_verified(verify(&ring, &token).as_ref()));
    memory.credential.store(2, SeqCst);
    assert!(verify(&ring, &token).is_none());
    let begun = Instant::now();
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for them a second time");
    settle().await;
    assert!(is_verified(verify(&ring, &token).as_ref()));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_reading_is_a_failure_like_any_other() {
    let signer = Signer::ec("ES256");
    let (ring, memory) = ring(vec![signer.jwk(Some("k"))], Duration::from_millis(5));
    *memory.panics.lock().unwrap() = true;
    let token = signer.token(Some("k"));
    verify(&ring, &token);
    let begun = Instant::now();
    ring.first(Instant::now() + Duration::from_mins(1)).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(5), "who waits is told");
    assert!(verify(&ring, &token).is_none());
    assert_eq!(*memory.told.lock().unwrap(), ["ended", "unreadable"]);
    assert!(matches!(ring.state(), KeyState::Unreadable { .. }));

    *memory.panics.lock().unwrap() = false;
    advance(Duration::from_secs(2)).await;
    verify(&ring, &token);
    sleep(Duration::from_millis(10)).await;
    assert!(is_verified(verify(&ring, &token).as_ref()));
}
