//! Slots and the queue for them, on a clock that stands still unless told otherwise.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::slots::{QueuedBytes, Request, Slot, Slots};

const AMPLE: usize = 1 << 20;

fn granted(request: Result<Request, &'static str>) -> Slot {
    match request {
        Ok(Request::Granted(slot)) => slot,
        Ok(Request::Queued(_)) => panic!("no slot is free"),
        Err(why) => panic!("{why}"),
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

#[tokio::test]
async fn a_freed_slot_goes_to_the_longest_waiter() {
    let (slots, memory) = (Arc::new(Slots::new(1, 10)), Arc::new(QueuedBytes::new(AMPLE)));
    let held = granted(slots.request(1, &memory));
    let Ok(Request::Queued(first)) = slots.request(1, &memory) else { panic!("the first waits") };
    let Ok(Request::Queued(second)) = slots.request(1, &memory) else { panic!("the second waits") };
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let wait = |place: crate::engine::slots::Place, name: &'static str| {
        let order = Arc::clone(&order);
        tokio::spawn(async move {
            let _slot = place.wait(soon()).await.expect("a slot comes free");
            order.lock().expect("no test panics here").push(name);
        })
    };
    // The place was taken when the slot was asked for, whoever happens to run first.
    let second = wait(second, "second");
    tokio::task::yield_now().await;
    let first = wait(first, "first");
    tokio::task::yield_now().await;
    drop(held);
    first.await.expect("the first is served");
    second.await.expect("the second is served");
    assert_eq!(*order.lock().expect("no test panics here"), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_and_the_place_is_given_up() {
    let (slots, memory) = (Arc::new(Slots::new(1, 1)), Arc::new(QueuedBytes::new(AMPLE)));
    let held = granted(slots.request(1, &memory));
    let Ok(Request::Queued(place)) = slots.request(5, &memory) else { panic!("it waits") };
    assert_eq!(memory.used(), 5);
    assert_eq!(slots.gauges().queued.load(Ordering::Relaxed), 1);
    assert!(place.wait(soon()).await.is_err());
    assert_eq!(memory.used(), 0);
    assert_eq!(slots.gauges().queued.load(Ordering::Relaxed), 0);
    drop(held);
    granted(slots.request(1, &memory));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let memory = Arc::new(QueuedBytes::new(AMPLE));
    for room in [0, 2] {
        let slots = Arc::new(Slots::new(1, room));
        let _held = granted(slots.request(1, &memory));
        let waiting: Vec<_> = (0..room).map(|_| slots.request(1, &memory)).collect();
        assert!(waiting.iter().all(|request| matches!(request, Ok(Request::Queued(_)))));
        assert!(slots.request(1, &memory).is_err_and(|why| why.contains("max_queued")));
    }
}

#[tokio::test]
async fn memory_is_bounded_over_all_clusters() {
    let memory = Arc::new(QueuedBytes::new(10));
    let clusters = [Arc::new(Slots::new(1, 10)), Arc::new(Slots::new(1, 10))];
    let _held = clusters.each_ref().map(|slots| granted(slots.request(100, &memory)));
    let waiting = clusters[0].request(7, &memory);
    assert!(clusters[1].request(4, &memory).is_err_and(|why| why.contains("max_queued_bytes")));
    assert_eq!(clusters[1].gauges().queued.load(Ordering::Relaxed), 0, "the refused place is given back");
    let fits = clusters[1].request(3, &memory);
    assert!(fits.is_ok());
    drop(waiting);
    assert_eq!(memory.used(), 3);
}

#[tokio::test]
async fn the_peak_is_kept() {
    let (slots, memory) = (Arc::new(Slots::new(4, 0)), Arc::new(QueuedBytes::new(AMPLE)));
    let held: Vec<_> = (0..3).map(|_| granted(slots.request(1, &memory))).collect();
    drop(held);
    let gauges = slots.gauges();
    assert_eq!(gauges.in_flight.load(Ordering::Relaxed), 0);
    assert_eq!(gauges.peak.load(Ordering::Relaxed), 3);
}
