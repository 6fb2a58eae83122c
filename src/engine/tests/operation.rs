//! Exactly one answer for each accepted operation, and the barrier of shutdown.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::engine::events::Events;
use crate::engine::operation::{Completion, Operations, Sink, Stop};
use crate::engine::{Answer, plain};
use crate::outcome::Reason;

fn promised(operations: &Arc<Operations>) -> (Completion, mpsc::Receiver<Answer>) {
    let (caller, answer) = mpsc::sync_channel(1);
    let operation = operations.accept().expect("the attestor is open");
    (operation.promise(Sink::Caller(caller)), answer)
}

fn code(answer: &mpsc::Receiver<Answer>) -> i32 {
    answer.try_recv().expect("the answer is there").code
}

#[test]
fn a_dropped_promise_is_kept_as_a_panic() {
    let events = Arc::<Events>::default();
    let operations = Arc::new(Operations::new(Arc::clone(&events), Arc::default()));
    let (completion, answer) = promised(&operations);
    drop(completion);
    assert_eq!(code(&answer), 13);
    assert_eq!(events.panics(), 1);
    assert!(operations.wait_until_done(Duration::ZERO));
}

#[test]
fn a_promise_that_goes_down_with_the_attestor_is_kept_as_shutting_down() {
    let operations: Arc<Operations> = Arc::default();
    let (completion, answer) = promised(&operations);
    operations.close();
    drop(completion);
    assert_eq!(code(&answer), 14);
}

#[test]
fn cancelling_stops_one_operation_and_leaves_unknown_ones_alone() {
    let operations: Arc<Operations> = Arc::default();
    let (completion, answer) = promised(&operations);
    let mut stopped = completion.stoppable();
    let (other, _other_answer) = promised(&operations);
    let mut other_stopped = other.stoppable();
    operations.cancel(completion.id()).expect("the attestor is open");
    operations.cancel(completion.id()).expect("a second time does nothing");
    operations.cancel(999).expect("an unknown one does nothing");
    assert_eq!(stopped.try_recv(), Ok(Stop::Canceled));
    assert!(other_stopped.try_recv().is_err());
    completion.complete(plain(Reason::Canceled, "canceled"));
    assert_eq!(code(&answer), 1);
}

#[test]
fn closing_stops_what_runs_and_what_begins_to_run() {
    let operations: Arc<Operations> = Arc::default();
    let (running, _answer) = promised(&operations);
    let (late, _late_answer) = promised(&operations);
    let mut stopped = running.stoppable();
    operations.close();
    assert_eq!(stopped.try_recv(), Ok(Stop::ShuttingDown));
    assert_eq!(late.stoppable().try_recv(), Ok(Stop::ShuttingDown));
    assert!(operations.accept().is_err());
    assert!(operations.cancel(running.id()).is_err());
}

#[test]
fn the_barrier_waits_for_the_last_delivery() {
    let operations: Arc<Operations> = Arc::default();
    let (completion, answer) = promised(&operations);
    operations.close();
    assert!(!operations.wait_until_done(Duration::from_millis(1)), "one is outstanding");
    let delivering = std::thread::spawn(move || completion.complete(plain(Reason::ShuttingDown, "closing")));
    assert!(operations.wait_until_done(Duration::from_mins(1)));
    assert_eq!(code(&answer), 14, "it was delivered before the barrier opened");
    delivering.join().expect("the delivering thread ends");
}

#[test]
fn ids_are_never_used_again() {
    let operations: Arc<Operations> = Arc::default();
    let ids: Vec<u64> = (0..100).map(|_| promised(&operations).0.id()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
}
