//! Calls that are cancelled: in masses, which servers may take for an attack, and one at a time.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::Response;
use tokio::sync::{Semaphore, mpsc};

use super::super::Cluster;
use super::super::api::ClusterApi;
use super::super::limits::{ABANDONED_BYTES, ABANDONED_TIME, H2_CONNECTIONS, STREAMS_PER_CONNECTION};
use super::world::{Authority, Folder, Plan, Server, cluster, h2_server, node_after, patient, until, words};

/// Puts this many calls at once and drops them after a while.
async fn ask_and_leave(cluster: &Arc<Cluster>, count: usize, after: Duration) {
    let sessions: Vec<_> = (0..count).map(|_| patient(cluster)).collect();
    let calls = join_all(sessions.iter().map(|session| session.node("n1")));
    let _ = tokio::time::timeout(after, calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_stay_are_answered() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_millis(20)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let stay = (0..20).map(|_| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move {
            for _ in 0..30 {
                patient(&cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
            }
        })
    });
    let leave = (0..60).map(|wave| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(wave * 10)).await;
            ask_and_leave(&cluster, 200, Duration::from_millis(wave % 7)).await;
        })
    });
    let all: Vec<_> = stay.chain(leave).collect();
    join_all(all).await.into_iter().for_each(|outcome| outcome.unwrap());
    // Its end for too many resets would show as further connections.
    assert!(server.accepted() <= H2_CONNECTIONS, "{}", server.accepted());
    assert_eq!(cluster.counters().retries(), 0);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_reset_after_a_moment() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_mins(1)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    // More than there are streams, and no answer in sight.
    let leaving = tokio::spawn(async move { ask_and_leave(&cluster, 400, Duration::from_mins(1)).await });
    let all = H2_CONNECTIONS * STREAMS_PER_CONNECTION;
    assert!(until(|| server.under_way() == all).await, "{} of {all} streams", server.under_way());
    leaving.abort();
    let _ = leaving.await;
    assert!(until(|| server.under_way() == 0).await, "{} are left", server.under_way());
}

#[tokio::test]
async fn however_many_are_cancelled_the_server_has_no_more_at_a_time() {
    const CALLS: usize = 8;
    let (asked, most) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let (count, peak) = (Arc::clone(&asked), Arc::clone(&most));
    let (cluster, _folder) = h2_server(move |mut connection| {
        let (count, peak) = (Arc::clone(&count), Arc::clone(&peak));
        async move {
            let mut open: Vec<SendResponse<Bytes>> = Vec::new();
            while let Some(Ok((_, respond))) = connection.accept().await {
                count.fetch_add(1, SeqCst);
                open.push(respond);
                let mut cx = Context::from_waker(Waker::noop());
                open.retain_mut(|one| one.poll_reset(&mut cx).is_pending());
                peak.fetch_max(open.len(), SeqCst);
            }
        }
    })
    .await;
    let cluster = Arc::into_inner(cluster).unwrap();
    let cluster = Arc::new(Cluster { calls: Arc::new(Semaphore::new(CALLS)), ..cluster });
    for _ in 0..500 {
        if asked.load(SeqCst) < 3 * CALLS {
            ask_and_leave(&cluster, 4 * CALLS, Duration::from_millis(20)).await;
        }
    }
    assert!(asked.load(SeqCst) >= 3 * CALLS, "those that are reset make room");
    // A new request may overtake the reset that made room for it.
    let most = most.load(SeqCst);
    assert!((CALLS..=2 * CALLS).contains(&most), "{most}");
}

/// Stops the clock until it is dropped; merely paused, it leaps as soon as all wait for sockets.
struct StoppedClock(#[expect(dead_code, reason = "its end ends the wait")] std::sync::mpsc::Sender<()>);

impl StoppedClock {
    fn new() -> Self {
        let (end, ended) = std::sync::mpsc::channel();
        tokio::time::pause();
        // The clock does not leap while such a task runs.
        tokio::task::spawn_blocking(move || ended.recv());
        Self(end)
    }
}

#[tokio::test]
async fn an_answer_that_is_cancelled_while_it_is_read_has_a_moment_too() {
    let (begun, mut answers) = mpsc::unbounded_channel::<SendStream<Bytes>>();
    let (cluster, _folder) = h2_server(move |mut connection| {
        let begun = begun.clone();
        async move {
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let head = Response::builder().header("date", "Tue, 24 Nov 2026 12:00:00 GMT");
                begun.send(respond.send_response(head.body(()).unwrap(), false).unwrap()).unwrap();
            }
        }
    })
    .await;
    let ask = || {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move { patient(&cluster).node("n1").await })
    };
    let cancelled = ask();
    let mut answer = answers.recv().await.unwrap();
    assert!(until(|| cluster.time().is_some()).await, "its head has been read");
    let _clock = StoppedClock::new();
    cancelled.abort();
    let _ = cancelled.await;

    // What the server sees of the next request comes after all that the cancel has sent.
    let another = ask();
    let mut long = answers.recv().await.unwrap();
    assert!(answer.poll_reset(&mut Context::from_waker(Waker::noop())).is_pending());
    tokio::time::advance(2 * ABANDONED_TIME).await;
    assert_eq!(poll_fn(|cx| answer.poll_reset(cx)).await.unwrap(), Reason::CANCEL);

    // One that is long is not waited for.
    long.send_data(Bytes::from(vec![b' '; ABANDONED_BYTES + 1]), false).unwrap();
    another.abort();
    assert_eq!(poll_fn(|cx| long.poll_reset(cx)).await.unwrap(), Reason::CANCEL);
}
