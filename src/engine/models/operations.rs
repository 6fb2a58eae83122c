//! Operations: each accepted one completes exactly once, however its own end, a cancel, a shutdown and the end of its
//! queue meet; and the barrier of shutdown opens when the last has delivered, not before.

use std::future::{pending, ready};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use super::{all_ended, consumer, ended, explore, explore_with};
use crate::engine::operation::{Completion, Operations, Sink, Stop};
use crate::engine::plain;
use crate::engine::queue::{Delivery, Next, Queue};
use crate::outcome::{ErrorStyle, Reason};

/// On a clock that stands still: for ever.
const PATIENCE: Duration = Duration::from_secs(1);
const POLL: Option<Duration> = Some(Duration::ZERO);

/// As the tasks of the engine do: works until the work ends or is stopped, and keeps the promise.
fn work(completion: Completion, until: impl Future<Output = ()>) {
    let stopped = completion.stoppable();
    let reason = block_on(async {
        tokio::select! {
            biased;
            stop = stopped => match stop {
                Ok(Stop::Canceled) => Reason::Canceled,
                Ok(Stop::ShuttingDown) | Err(_) => Reason::ShuttingDown,
            },
            () = until => Reason::Ok,
        }
    });
    completion.complete(plain(reason, "ended"));
}

fn accepted(operations: &Arc<Operations>, queue: &Arc<Queue>) -> Completion {
    operations.accept().expect("the attestor is open").promise_to(queue, 7).expect("the queue is open")
}

/// The codes of all that waits in a queue.
fn codes(queue: &Queue) -> Vec<i32> {
    let code = |delivery| match delivery {
        Delivery::Completed(completed) => completed.answer.code,
        Delivery::Event(_) => panic!("nobody asked for events"),
    };
    match queue.next(9, POLL) {
        Next::Deliveries(some) => some.into_iter().map(code).collect(),
        Next::Nothing | Next::Closed => vec![],
    }
}

fn code(reason: Reason) -> i32 {
    reason.code(ErrorStyle::Precise)
}

#[test]
fn an_end_a_cancel_and_a_shutdown_at_once_make_one_completion() {
    explore_with(Some(3), || {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let completion = accepted(&operations, &queue);
        let id = completion.id();
        let working = thread::spawn(move || work(completion, ready(())));
        let canceling = thread::spawn({
            let operations = Arc::clone(&operations);
            move || operations.cancel(id).is_ok()
        });
        operations.close();
        assert!(operations.wait_until_done(PATIENCE));
        let codes = codes(&queue);
        let possible = [Reason::Ok, Reason::Canceled, Reason::ShuttingDown].map(code);
        assert!(matches!(codes[..], [one] if possible.contains(&one)), "{codes:?}");
        ended(working);
        ended(canceling);
    });
}

#[test]
fn a_cancel_stops_what_would_never_end() {
    explore(|| {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let completion = accepted(&operations, &queue);
        let id = completion.id();
        let (running, has_begun) = tokio::sync::oneshot::channel();
        let working = thread::spawn(move || {
            // The task is spawned, and so the ID at work, before the host can know it.
            let stopped = completion.stoppable();
            let _ = running.send(());
            assert_eq!(block_on(stopped), Ok(Stop::Canceled));
            completion.complete(plain(Reason::Canceled, "ended"));
        });
        block_on(has_begun).expect("it begins");
        operations.cancel(id).expect("the attestor is open");
        ended(working);
        assert_eq!(codes(&queue), [code(Reason::Canceled)]);
    });
}

#[test]
fn a_shutdown_stops_what_runs_and_what_is_about_to() {
    explore_with(Some(3), || {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let working = [0, 1].map(|_| {
            let completion = accepted(&operations, &queue);
            thread::spawn(move || work(completion, pending()))
        });
        operations.close();
        assert!(operations.wait_until_done(PATIENCE));
        assert_eq!(codes(&queue), [code(Reason::ShuttingDown); 2]);
        all_ended(working);
    });
}

#[test]
fn a_submission_during_a_shutdown_is_refused_or_delivered_before_the_barrier_opens() {
    explore_with(Some(3), || {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let submitting = [0, 1].map(|_| {
            let (operations, queue) = (Arc::clone(&operations), Arc::clone(&queue));
            thread::spawn(move || {
                let Ok(operation) = operations.accept() else { return false };
                work(operation.promise_to(&queue, 7).expect("the queue is open"), ready(()));
                true
            })
        });
        operations.close();
        assert!(operations.wait_until_done(PATIENCE));
        let delivered = codes(&queue).len();
        let taken_on = all_ended(submitting).into_iter().filter(|accepted| *accepted).count();
        assert_eq!(delivered, taken_on);
        assert!(codes(&queue).is_empty(), "nothing comes after the barrier");
    });
}

#[test]
fn a_submission_to_a_queue_that_closes_is_refused_or_taken() {
    explore_with(Some(3), || {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let consuming = consumer(&queue, 1);
        let submitting = thread::spawn({
            let (operations, queue) = (Arc::clone(&operations), Arc::clone(&queue));
            move || {
                let operation = operations.accept().expect("the attestor is open");
                operation.promise_to(&queue, 7).map(|completion| work(completion, ready(()))).is_ok()
            }
        });
        queue.close();
        let accepted = ended(submitting);
        assert_eq!(ended(consuming).len(), usize::from(accepted));
        assert!(operations.wait_until_done(Duration::ZERO), "what was refused is not waited for");
    });
}

#[test]
fn a_promise_that_is_dropped_is_kept_once() {
    explore(|| {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let completion = accepted(&operations, &queue);
        // As the runtime does with its tasks when it is let go.
        let dropping = thread::spawn(move || {
            let _stopped = completion.stoppable();
        });
        operations.close();
        assert!(operations.wait_until_done(PATIENCE));
        let codes = codes(&queue);
        let possible = [Reason::ShuttingDown, Reason::InternalPanic].map(code);
        assert!(matches!(codes[..], [one] if possible.contains(&one)), "{codes:?}");
        ended(dropping);
    });
}

#[test]
fn a_blocking_call_has_its_answer_before_the_barrier_opens() {
    explore(|| {
        let operations = Arc::<Operations>::default();
        let (caller, answer) = mpsc::sync_channel(1);
        let completion = operations.accept().expect("the attestor is open").promise(Sink::Caller(caller));
        let working = thread::spawn(move || work(completion, pending()));
        operations.close();
        assert!(operations.wait_until_done(PATIENCE));
        assert_eq!(answer.try_recv().expect("the answer is there").code, code(Reason::ShuttingDown));
        ended(working);
    });
}

#[test]
fn two_shutdowns_at_once_both_wait_for_the_last() {
    explore_with(Some(3), || {
        let (operations, queue) = (Arc::<Operations>::default(), Arc::new(Queue::new()));
        let completion = accepted(&operations, &queue);
        let working = thread::spawn(move || work(completion, pending()));
        let other = thread::spawn({
            let operations = Arc::clone(&operations);
            move || {
                operations.close();
                operations.wait_until_done(PATIENCE)
            }
        });
        operations.close();
        assert!(operations.wait_until_done(PATIENCE));
        assert_eq!(codes(&queue), [code(Reason::ShuttingDown)]);
        assert!(ended(other));
        ended(working);
    });
}
