//! The queue: nothing is lost or handed out twice, no wake-up is missed, and every waiting thread learns of the end.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::{all_ended, clock, completed, consumer, ended, explore, explore_with, tags};
use crate::engine::document::Document;
use crate::engine::queue::{Next, Published, Queue};

const POLL: Option<Duration> = Some(Duration::ZERO);
const FOREVER: Option<Duration> = None;

/// A queue with this many places reserved.
fn expecting(places: usize) -> Arc<Queue> {
    let queue = Arc::new(Queue::new());
    for _ in 0..places {
        queue.expect_one().expect("the queue is open");
    }
    queue
}

fn pusher(queue: &Arc<Queue>, tags: std::ops::Range<u64>) -> thread::JoinHandle<()> {
    let queue = Arc::clone(queue);
    thread::spawn(move || tags.for_each(|tag| queue.push(completed(tag))))
}

#[test]
fn each_completion_is_taken_once_and_every_consumer_sees_the_end() {
    for capacity in [1, 2] {
        explore_with(Some(3), move || {
            let queue = expecting(2);
            let consumers = [consumer(&queue, capacity), consumer(&queue, capacity)];
            let pushing = pusher(&queue, 0..2);
            queue.close();
            ended(pushing);
            let mut taken = all_ended(consumers).concat();
            taken.sort_unstable();
            assert_eq!(taken, [0, 1]);
        });
    }
}

#[test]
fn two_that_complete_at_once_wake_both_who_wait() {
    explore_with(Some(3), || {
        let queue = expecting(2);
        let consumers = [0, 1].map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || tags(queue.next(1, FOREVER)).expect("the queue is open"))
        });
        let pushing = pusher(&queue, 0..1);
        queue.push(completed(1));
        ended(pushing);
        let mut taken = all_ended(consumers).concat();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1], "none of them sleeps on, none takes nothing");
    });
}

#[test]
fn a_wake_up_ends_a_wait_whenever_it_comes() {
    explore(|| {
        let queue = expecting(0);
        let waiting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || matches!(queue.next(1, FOREVER), Next::Nothing)
        });
        queue.wake();
        assert!(ended(waiting));
    });
}

#[test]
fn who_waits_takes_what_comes_although_a_wake_up_comes_too() {
    explore(|| {
        let queue = expecting(1);
        let waiting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut taken = vec![];
                while taken.is_empty() {
                    taken = tags(queue.next(1, FOREVER)).expect("the queue is open");
                }
                taken
            }
        });
        let pushing = pusher(&queue, 0..1);
        queue.wake();
        ended(pushing);
        assert_eq!(ended(waiting), [0]);
    });
}

#[test]
fn one_whose_time_is_over_does_not_keep_the_notice_to_itself() {
    explore_with(Some(3), || {
        let queue = expecting(1);
        let waiting = [FOREVER, Some(Duration::from_millis(1))].map(|timeout| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let taken = tags(queue.next(1, timeout)).unwrap_or_default();
                if !taken.is_empty() {
                    // The other one may end now, and not before.
                    queue.close();
                }
                taken
            })
        });
        let pushing = pusher(&queue, 0..1);
        clock::pass(1);
        ended(pushing);
        assert_eq!(all_ended(waiting).concat(), [0]);
    });
}

#[test]
fn the_descriptor_tells_whether_next_would_wait() {
    explore(|| {
        let queue = expecting(1);
        let pushing = pusher(&queue, 0..1);
        let taking = thread::spawn({
            let queue = Arc::clone(&queue);
            move || tags(queue.next(1, POLL)).expect("the queue is open")
        });
        // Made at any moment of the two others.
        queue.as_fd().expect("there is a descriptor");
        ended(pushing);
        let taken = ended(taking);
        assert_eq!(readable(&queue), taken.is_empty());
        assert_eq!(tags(queue.next(1, POLL)).expect("the queue is open").len(), 1 - taken.len());
        assert!(!readable(&queue));
    });
}

#[test]
fn a_descriptor_that_was_readable_stays_so_until_somebody_takes() {
    explore(|| {
        let queue = expecting(2);
        queue.as_fd().expect("there is a descriptor");
        let pushing = pusher(&queue, 0..1);
        queue.push(completed(1));
        assert!(readable(&queue), "what was pushed before this is there");
        assert_eq!(tags(queue.next(1, FOREVER)).expect("the queue is open").len(), 1);
        ended(pushing);
        assert!(readable(&queue), "the other one is there");
    });
}

#[test]
fn a_closed_queue_takes_no_events_and_loses_none_that_it_took() {
    explore(|| {
        let queue = expecting(0);
        let publishing = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.publish(Document::of(&1))
        });
        queue.close();
        let mut taken = 0;
        while let Next::Deliveries(some) = queue.next(1, FOREVER) {
            taken += some.len();
        }
        let published = ended(publishing);
        assert_eq!(taken, usize::from(published == Published::Kept), "{published:?}");
    });
}

#[test]
fn what_comes_to_an_abandoned_queue_is_let_go() {
    explore(|| {
        let queue = expecting(2);
        queue.push(completed(0));
        let pushing = pusher(&queue, 1..2);
        queue.abandon();
        ended(pushing);
        assert!(matches!(queue.next(1, POLL), Next::Closed), "nothing waits and nothing is outstanding");
    });
}

/// Whether the descriptor is readable now.
fn readable(queue: &Queue) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let mut fds = [PollFd::new(queue.as_fd().expect("there is a descriptor"), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).expect("poll works") == 1
}
