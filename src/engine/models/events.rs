//! Events: none comes once their end was promised.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::{all_ended, ended, explore};
use crate::engine::Level;
use crate::engine::events::{Events, NoSubscription};
use crate::engine::queue::{Next, Queue};

fn waiting(queue: &Queue) -> usize {
    match queue.next(9, Some(Duration::ZERO)) {
        Next::Deliveries(some) => some.len(),
        Next::Nothing | Next::Closed => 0,
    }
}

/// A thread that has something to tell.
fn teller(events: &Arc<Events>) -> thread::JoinHandle<()> {
    let events = Arc::clone(events);
    thread::spawn(move || events.panicked("a model"))
}

#[test]
fn nothing_comes_once_the_delivery_has_ended() {
    for end in [|events: &Events| drop(events.unsubscribe()), Events::end] {
        explore(move || {
            let (events, queue) = (Arc::<Events>::default(), Arc::new(Queue::new()));
            events.subscribe(&queue, Level::Error).expect("the attestor is open");
            let telling = [teller(&events), teller(&events)];
            end(&events);
            let before = waiting(&queue);
            all_ended(telling);
            assert_eq!(waiting(&queue), 0, "beside {before} before the end");
            assert_eq!(events.panics(), 2, "they are counted all the same");
        });
    }
}

#[test]
fn a_subscription_during_a_shutdown_is_refused_or_ends_with_it() {
    explore(|| {
        let (events, queue) = (Arc::<Events>::default(), Arc::new(Queue::new()));
        let subscribing = thread::spawn({
            let (events, queue) = (Arc::clone(&events), Arc::clone(&queue));
            move || events.subscribe(&queue, Level::Error)
        });
        events.end();
        assert!(matches!(ended(subscribing), Ok(()) | Err(NoSubscription::Ended)));
        events.panicked("a model");
        assert_eq!(waiting(&queue), 0);
    });
}

#[test]
fn a_replaced_subscription_gets_nothing_after_the_new_one() {
    explore(|| {
        let (events, first, second) =
            (Arc::<Events>::default(), Arc::new(Queue::new()), Arc::new(Queue::new()));
        events.subscribe(&first, Level::Error).expect("the attestor is open");
        let telling = teller(&events);
        events.subscribe(&second, Level::Error).expect("the attestor is open");
        let before = waiting(&first);
        ended(telling);
        assert_eq!(waiting(&first), 0);
        assert_eq!(before + waiting(&second), 1, "each record goes to one of them");
    });
}
