//! Who is served when connections are short: whoever came first.

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::DuplexStream;
use tokio::time::Instant;

use super::super::connection::{NewSender, RequestBody};
use super::super::error::Fault;
use super::super::limits::{
    GROWTH_PAUSE, H1_ATTEMPTS, H1_CONNECTIONS, H2_CONNECTIONS, STREAMS_PER_CONNECTION,
};
use super::super::pool::{Pool, Taken};

/// Callers are known by names.
type Names = Pool<&'static str>;
type Outcome = (&'static str, Result<Taken, Fault>);

/// A connection with nobody at its other end, which it keeps open.
async fn h1() -> (NewSender, impl Sized) {
    let (near, far) = tokio::io::duplex(64);
    let (sender, connection) = http1::handshake::<_, RequestBody>(TokioIo::new(near)).await.unwrap();
    (NewSender::H1(sender), (connection, far))
}

async fn h2() -> (NewSender, (impl Sized, DuplexStream)) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let handshake = http2::handshake::<_, _, RequestBody>(TokioExecutor::new(), TokioIo::new(near));
    let (sender, connection) = handshake.await.unwrap();
    (NewSender::H2(sender), (connection, far))
}

/// Who is served by what has changed, and how many attempts follow.
fn settle(pool: &mut Names) -> (Vec<Outcome>, usize) {
    let consequences = pool.consequences(Instant::now());
    (consequences.outcomes, consequences.attempts)
}

fn names(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes.iter().map(|(name, _)| *name).collect()
}

#[tokio::test]
async fn a_connection_that_is_freed_goes_to_whoever_waits_longest() {
    let mut pool = Names::default();
    let first = pool.wait("first");
    assert_eq!(settle(&mut pool).1, 1, "one attempt for all");
    pool.wait("second");
    pool.wait("third");
    assert_eq!(settle(&mut pool).1, 0);
    pool.leave(first);

    let (sender, _kept) = h1().await;
    pool.opened(sender, Instant::now());
    let (mut outcomes, attempts) = settle(&mut pool);
    assert_eq!((names(&outcomes), attempts), (vec!["second"], 1));
    pool.wait("fourth");
    assert!(pool.take_in_turn().is_none());
    let Some((_, Ok(Taken::H1(id, sender)))) = outcomes.pop() else { panic!("no connection") };
    pool.give_back(id, sender, Instant::now());
    assert!(pool.take_in_turn().is_none(), "nobody overtakes");
    assert_eq!(names(&settle(&mut pool).0), ["third"]);
}

#[tokio::test]
async fn streams_that_end_go_to_whoever_waits_longest() {
    let mut pool = Names::default();
    let mut kept = Vec::new();
    pool.wait("opener");
    settle(&mut pool);
    for _ in 0..H2_CONNECTIONS {
        let (sender, connection) = h2().await;
        pool.opened(sender, Instant::now());
        kept.push(connection);
        settle(&mut pool);
        for _ in 0..STREAMS_PER_CONNECTION * H2_CONNECTIONS {
            if pool.take_in_turn().is_none() {
                break;
            }
        }
        // Asks for the next connection, and leaves it to others.
        let ticket = pool.wait("more");
        settle(&mut pool);
        pool.leave(ticket);
    }
    pool.wait("first");
    pool.wait("second");
    let (outcomes, attempts) = settle(&mut pool);
    assert!(outcomes.is_empty() && attempts == 0, "all streams are taken");
    pool.stream_ended(1, Instant::now());
    assert!(pool.take_in_turn().is_none(), "nobody overtakes");
    assert_eq!(names(&settle(&mut pool).0), ["first"]);
    // A connection whose server takes no more is no room, and is replaced.
    pool.retire(2);
    pool.stream_ended(2, Instant::now());
    let (outcomes, attempts) = settle(&mut pool);
    assert!(outcomes.is_empty() && attempts == 1, "{attempts}");
}

#[tokio::test]
async fn a_failure_while_nothing_lives_is_everyones_who_waits() {
    let mut pool = Names::default();
    pool.wait("first");
    settle(&mut pool);
    pool.wait("second");
    pool.attempt_failed(Fault::TaskEnded("the attempt"), Instant::now());
    pool.wait("late");
    let (outcomes, attempts) = settle(&mut pool);
    assert_eq!((names(&outcomes), attempts), (vec!["first", "second"], 1));
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_err()));
}

#[tokio::test]
async fn http_1_connections_are_made_as_needed_up_to_a_bound() {
    let mut pool = Names::default();
    for _ in 0..H1_CONNECTIONS * 2 {
        pool.wait("one of many");
    }
    let (mut kept, mut opened) = (Vec::new(), 0);
    let (_, mut under_way) = settle(&mut pool);
    while under_way > 0 {
        let (sender, connection) = h1().await;
        pool.opened(sender, Instant::now());
        kept.push(connection);
        (opened, under_way) = (opened + 1, under_way - 1 + settle(&mut pool).1);
        assert!(under_way <= H1_ATTEMPTS);
    }
    assert_eq!(opened, H1_CONNECTIONS);
}

#[tokio::test]
async fn growth_that_failed_is_tried_again_after_a_pause() {
    let (mut pool, begun) = (Names::default(), Instant::now());
    let failure = || Fault::TaskEnded("the attempt");
    pool.wait("first");
    settle(&mut pool);
    let (sender, _kept) = h1().await;
    pool.opened(sender, begun);
    let _busy = settle(&mut pool);
    pool.wait("second");
    pool.wait("third");
    assert_eq!(pool.consequences(begun).attempts, 2);

    let later = begun + GROWTH_PAUSE / 2;
    assert_eq!(pool.attempt_failed(failure(), begun), Some(begun + GROWTH_PAUSE), "to look again then");
    assert_eq!(pool.attempt_failed(failure(), later), None, "one look is enough");
    assert_eq!(pool.consequences(later).attempts, 0);
    assert!(pool.failure_since(later).is_some() && pool.failure_since(begun + GROWTH_PAUSE).is_none());
    assert!(pool.consequences(begun + GROWTH_PAUSE).attempts > 0);

    let (sender, _kept) = h1().await;
    pool.opened(sender, begun + GROWTH_PAUSE);
    assert!(pool.failure_since(begun).is_none(), "there is a connection to be had");
}

#[tokio::test]
async fn a_server_of_few_streams_is_given_no_more_and_gets_more_connections() {
    let mut pool = Names::default();
    pool.server_takes(2);
    for name in ["a", "b", "c", "d", "e"] {
        pool.wait(name);
    }
    assert_eq!(settle(&mut pool).1, 1, "one attempt for all");
    let (sender, _kept) = h2().await;
    pool.opened(sender, Instant::now());
    let (outcomes, attempts) = settle(&mut pool);
    assert_eq!((names(&outcomes), attempts), (vec!["a", "b"], 2));
    let (sender, _kept) = h2().await;
    pool.opened(sender, Instant::now());
    assert_eq!(names(&settle(&mut pool).0), ["c", "d"]);

    for (told, streams) in [(0, 1), (usize::MAX, STREAMS_PER_CONNECTION)] {
        let mut pool = Names::default();
        pool.server_takes(told);
        let (sender, _kept) = h2().await;
        pool.wait("opener");
        settle(&mut pool);
        pool.opened(sender, Instant::now());
        assert_eq!(names(&settle(&mut pool).0), ["opener"]);
        let further = (0..streams).take_while(|_| pool.take_in_turn().is_some()).count();
        assert_eq!(1 + further, streams, "told {told}");
    }
}
