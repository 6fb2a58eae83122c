//! Models of what hosts rely on when threads meet: loom runs each in every order in which its threads can reach a lock,
//! a wake-up or an atomic, and fails it if one order breaks a promise or leaves a thread asleep for ever.
//!
//! The code is the one that ships; [`super::sync`] has it built on loom's locks. Run them with
//! `cargo test --lib --features model -- engine::models --nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use loom::model::Builder;
use loom::thread::JoinHandle;

use super::queue::{Completed, Delivery, Next, Queue};
use super::report::plain;
use crate::outcome::Reason;

pub(super) mod clock;
mod events;
mod operations;
mod queue;
mod slots;

/// Runs `model` in every order, and prints in how many.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    explore_with(None, model);
}

/// The same, but a thread is interrupted at most so often where it could go on: for models whose orders are too many.
fn explore_with(interruptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let orders = Arc::new(AtomicUsize::new(0));
    let mut builder = Builder::new();
    builder.preemption_bound = interruptions;
    let counted = Arc::clone(&orders);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let orders = orders.load(Ordering::Relaxed);
    let bound = interruptions.map_or_else(String::new, |most| format!(", at most {most} interruptions"));
    println!("{}: {orders} orders{bound}", thread::current().name().unwrap_or_default());
    assert!(orders > 1, "loom sees the threads");
}

fn completed(tag: u64) -> Completed {
    Completed { tag, operation: tag, answer: plain(Reason::Ok, "done") }
}

fn tags(next: Next) -> Option<Vec<u64>> {
    let tag = |delivery| match delivery {
        Delivery::Completed(completed) => completed.tag,
        Delivery::Event(_) => panic!("nobody published an event"),
    };
    match next {
        Next::Deliveries(deliveries) => Some(deliveries.into_iter().map(tag).collect()),
        Next::Nothing => Some(vec![]),
        Next::Closed => None,
    }
}

/// A thread that takes what comes until the queue has ended.
fn consumer(queue: &Arc<Queue>, capacity: usize) -> JoinHandle<Vec<u64>> {
    let queue = Arc::clone(queue);
    loom::thread::spawn(move || {
        let mut taken = Vec::new();
        while let Some(some) = tags(queue.next(capacity, None)) {
            taken.extend(some);
        }
        taken
    })
}

/// What a thread comes back with.
fn ended<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("the thread ends well")
}

/// The same of several.
fn all_ended<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(ended).collect()
}
