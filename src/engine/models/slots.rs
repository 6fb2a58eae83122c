//! Slots: the limits hold at every moment, and whatever is asked for, given up and given back at once, none is lost.

use std::sync::Arc;

use loom::thread;
use tokio::time::{Duration, Instant};

use super::{all_ended, ended, explore, explore_with};
use crate::engine::slots::{QueuedBytes, Request, Slots};
use crate::engine::sync::atomic::Ordering;

const BYTES: usize = 5;

/// A cluster with one slot and this many places, and memory for as many.
fn cluster(places: usize) -> (Arc<Slots>, Arc<QueuedBytes>) {
    (Arc::new(Slots::new(1, places)), Arc::new(QueuedBytes::new(places * BYTES)))
}

fn hold_limits(slots: &Slots, memory: &QueuedBytes, places: usize) {
    let gauges = slots.gauges();
    assert!(gauges.in_flight.load(Ordering::Relaxed) <= 1, "one slot");
    assert!(gauges.queued.load(Ordering::Relaxed) <= places, "{places} places");
    assert!(memory.used() <= places * BYTES, "memory for {places}");
}

fn hold_that_all_is_given_back(slots: &Arc<Slots>, memory: &Arc<QueuedBytes>) {
    let gauges = slots.gauges();
    assert_eq!(gauges.in_flight.load(Ordering::Relaxed), 0);
    assert_eq!(gauges.queued.load(Ordering::Relaxed), 0);
    assert_eq!(memory.used(), 0);
    assert!(gauges.peak.load(Ordering::Relaxed) <= 1);
    assert!(matches!(slots.request(BYTES, memory), Ok(Request::Granted(_))), "the slot is there again");
}

#[test]
fn what_is_asked_for_and_let_go_is_given_back() {
    explore_with(Some(2), || {
        let (slots, memory) = cluster(1);
        let asking = [0, 1].map(|_| {
            let (slots, memory) = (Arc::clone(&slots), Arc::clone(&memory));
            // Granted, queued or refused: all is dropped here, as a cancel does.
            thread::spawn(move || drop(slots.request(BYTES, &memory)))
        });
        drop(slots.request(BYTES, &memory));
        hold_limits(&slots, &memory, 1);
        all_ended(asking);
        hold_that_all_is_given_back(&slots, &memory);
    });
}

#[test]
fn who_waits_gets_the_slot_that_is_given_back() {
    // For the timers of those who wait, which never run out here: nobody drives this runtime.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let _inside = runtime.enter();
    explore(|| {
        let (slots, memory) = cluster(1);
        let Ok(Request::Granted(slot)) = slots.request(BYTES, &memory) else { panic!("a slot is free") };
        let waiting = thread::spawn({
            let (slots, memory) = (Arc::clone(&slots), Arc::clone(&memory));
            move || {
                let request = slots.request(BYTES, &memory).expect("there is a place");
                let slot = loom::future::block_on(request.granted(Instant::now() + Duration::from_mins(1)));
                hold_limits(&slots, &memory, 1);
                assert!(slot.is_ok(), "it waits as long as it takes");
            }
        });
        drop(slot);
        hold_limits(&slots, &memory, 1);
        ended(waiting);
        hold_that_all_is_given_back(&slots, &memory);
    });
}

#[test]
fn a_slot_that_comes_to_one_who_gives_up_goes_on_to_the_next() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let _inside = runtime.enter();
    explore_with(Some(3), || {
        let (slots, memory) = cluster(2);
        let Ok(Request::Granted(slot)) = slots.request(BYTES, &memory) else { panic!("a slot is free") };
        let Ok(first @ Request::Queued(_)) = slots.request(BYTES, &memory) else { panic!("it waits") };
        let Ok(second @ Request::Queued(_)) = slots.request(BYTES, &memory) else { panic!("it waits") };
        let giving_up = thread::spawn(move || drop(first));
        let waiting = thread::spawn(move || {
            loom::future::block_on(second.granted(Instant::now() + Duration::from_mins(1))).is_ok()
        });
        drop(slot);
        hold_limits(&slots, &memory, 2);
        ended(giving_up);
        assert!(ended(waiting));
        hold_that_all_is_given_back(&slots, &memory);
    });
}
