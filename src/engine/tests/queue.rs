//! The queue's promises, one by one.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::engine::Document;
use crate::engine::plain;
use crate::engine::queue::{Closed, Completed, Delivery, Next, Published, Queue};
use crate::outcome::Reason;

const POLL: Option<Duration> = Some(Duration::ZERO);
const FOREVER: Option<Duration> = None;

fn completed(tag: u64) -> Completed {
    Completed { tag, operation: tag, answer: plain(Reason::Canceled, "done") }
}

fn filled(tags: std::ops::Range<u64>) -> Queue {
    let queue = Queue::new();
    for tag in tags {
        queue.expect_one().expect("the queue is open");
        queue.push(completed(tag));
    }
    queue
}

fn tag(delivery: &Delivery) -> u64 {
    match delivery {
        Delivery::Completed(completed) => completed.tag,
        Delivery::Event(_) => panic!("nobody published an event"),
    }
}

fn tags(next: Next) -> Vec<u64> {
    match next {
        Next::Deliveries(deliveries) => deliveries.iter().map(tag).collect(),
        Next::Nothing => vec![],
        Next::Closed => panic!("the queue is closed"),
    }
}

/// Whether the descriptor is readable now.
#[cfg(target_os = "linux")]
fn readable(queue: &Queue) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let mut fds = [PollFd::new(queue.as_fd().expect("there is a descriptor"), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).expect("poll works") == 1
}

#[test]
fn completions_come_in_their_order_and_no_more_than_asked_for() {
    let queue = filled(0..5);
    assert_eq!(tags(queue.next(2, POLL)), [0, 1]);
    assert_eq!(tags(queue.next(9, POLL)), [2, 3, 4]);
    assert!(tags(queue.next(9, POLL)).is_empty());
}

#[test]
fn waking_is_sticky_and_counts_once() {
    let queue = Queue::new();
    queue.wake();
    queue.wake();
    assert!(matches!(queue.next(1, FOREVER), Next::Nothing), "the wake-up waited for this call");
    assert!(matches!(queue.next(1, POLL), Next::Nothing));

    let queue = Arc::new(Queue::new());
    let waiting = thread::spawn({
        let queue = Arc::clone(&queue);
        move || matches!(queue.next(1, FOREVER), Next::Nothing)
    });
    queue.wake();
    assert!(waiting.join().expect("the waiting thread ends"));
}

#[test]
fn a_closed_queue_ends_when_the_last_outstanding_completion_is_taken() {
    let queue = Queue::new();
    queue.expect_one().expect("the queue is open");
    queue.close();
    assert_eq!(queue.expect_one(), Err(Closed));
    assert!(matches!(queue.next(1, POLL), Next::Nothing), "one is outstanding");
    queue.push(completed(7));
    assert_eq!(tags(queue.next(1, FOREVER)), [7]);
    assert!(matches!(queue.next(1, FOREVER), Next::Closed));
}

#[test]
fn every_waiting_thread_learns_of_the_end() {
    let queue = Arc::new(Queue::new());
    queue.expect_one().expect("the queue is open");
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut taken = 0;
                while !matches!(queue.next(1, FOREVER), Next::Closed) {
                    taken += 1;
                }
                taken
            })
        })
        .collect();
    queue.close();
    queue.push(completed(1));
    let taken: i32 = waiting.into_iter().map(|thread| thread.join().expect("the thread ends")).sum();
    assert_eq!(taken, 1);
}

#[test]
fn each_completion_goes_to_one_of_several_consumers() {
    let queue = Arc::new(Queue::new());
    let consumers: Vec<_> = (0..4)
        .map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut taken = Vec::new();
                loop {
                    match queue.next(3, FOREVER) {
                        Next::Deliveries(some) => taken.extend(some.iter().map(tag)),
                        Next::Nothing => {}
                        Next::Closed => return taken,
                    }
                }
            })
        })
        .collect();
    for tag in 0..1000 {
        queue.expect_one().expect("the queue is open");
        queue.push(completed(tag));
    }
    queue.close();
    let mut all: Vec<u64> =
        consumers.into_iter().flat_map(|thread| thread.join().expect("the thread ends")).collect();
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
}

#[test]
fn an_abandoned_queue_drops_what_waits_and_what_comes() {
    let queue = filled(0..3);
    queue.expect_one().expect("the queue is open");
    queue.abandon();
    assert!(matches!(queue.next(1, POLL), Next::Nothing), "what waited is gone, one is outstanding");
    queue.push(completed(3));
    assert!(matches!(queue.next(1, POLL), Next::Closed), "what came is gone");
}

#[cfg(target_os = "linux")]
#[test]
fn the_descriptor_is_readable_exactly_while_next_would_not_wait() {
    let queue = filled(0..2);
    assert!(readable(&queue), "completions wait");
    queue.next(1, POLL);
    assert!(readable(&queue), "one is left");
    queue.next(1, POLL);
    assert!(!readable(&queue), "none is left");
    queue.wake();
    assert!(readable(&queue), "woken");
    queue.next(1, POLL);
    assert!(!readable(&queue), "the wake-up is spent");
    queue.close();
    assert!(readable(&queue), "closed");
    queue.next(1, POLL);
    assert!(readable(&queue), "closed for ever");
}

#[test]
fn operations_are_handed_out_before_events() {
    let queue = Queue::new();
    assert_eq!(queue.publish(Document::of(&"event")), Published::Kept);
    queue.expect_one().expect("the queue is open");
    queue.push(completed(1));
    let Next::Deliveries(taken) = queue.next(9, POLL) else { panic!("two wait") };
    assert!(matches!(taken[..], [Delivery::Completed(_), Delivery::Event(_)]));
}

#[test]
fn the_oldest_events_make_room_for_the_newest() {
    let queue = Queue::new();
    let dropped = (0..1030).filter(|number| queue.publish(Document::of(number)) != Published::Kept).count();
    assert_eq!(dropped, 6);
    let Next::Deliveries(taken) = queue.next(2000, POLL) else { panic!("events wait") };
    assert_eq!(taken.len(), 1024);
    assert!(matches!(&taken[0], Delivery::Event(event) if event.as_str() == "6"));
}

#[test]
fn a_closed_queue_takes_no_events_and_hands_out_those_it_has() {
    let queue = Queue::new();
    queue.publish(Document::of(&1));
    queue.close();
    assert_eq!(queue.publish(Document::of(&2)), Published::Refused);
    assert!(matches!(queue.next(9, POLL), Next::Deliveries(taken) if taken.len() == 1));
    assert!(matches!(queue.next(9, POLL), Next::Closed));
}
