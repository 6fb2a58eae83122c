//! More work than an attestor or its clusters can do: what is refused, and that the rest is done.

mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use devcluster::{ListenerMode, SignatureState, TokenRequest, World};
use psat_attestor::Queue;
use serde_json::{Value, json};

use world::{Site, Usage, attestor, cluster, submit_all, submit_paced, turn};

/// As many as have a slot, and as many as may wait for one, by default.
const SLOTS: u64 = 64;
const QUEUED: u64 = 16_384;

/// Time enough for a crowd on a slow machine.
const PATIENT: &str = r#"{"timeout_ms": 120000}"#;

/// Reasons and how often each came.
type Tally = BTreeMap<String, u64>;

fn tally(reasons: impl IntoIterator<Item = (u64, String)>) -> Tally {
    let mut tally = Tally::new();
    for (_, reason) in reasons {
        *tally.entry(reason).or_default() += 1;
    }
    tally
}

fn counts<const N: usize>(counts: [(&str, u64); N]) -> Tally {
    counts.map(|(reason, count)| (reason.to_owned(), count)).into()
}

#[test]
fn agents_attest_beside_as_many_forgeries_as_may_wait() {
    let (forgeries, _) = attest_beside_forgeries(Value::Null);
    let known = forgeries.get("SIGNATURE_INVALID").copied().unwrap_or_default();
    // Keys that were read more than 10 s ago are read again before they refuse anybody: meanwhile TokenReview does.
    let reviewed = forgeries.get("TOKEN_REJECTED").copied().unwrap_or_default();
    assert_eq!(known + reviewed, forgeries.values().sum::<u64>(), "{forgeries:?}");
    assert!(known >= 10 * reviewed, "{forgeries:?}");
}

#[test]
fn agents_attest_beside_as_many_forgeries_that_the_server_has_to_tell() {
    let (forgeries, all) = attest_beside_forgeries(json!({"verify_signature": "off"}));
    assert_eq!(forgeries, counts([("TOKEN_REJECTED", all)]));
}

/// What became of the forgeries, and how many there were. All agents attest.
fn attest_beside_forgeries(settings: Value) -> (Tally, u64) {
    let (_turn, site) = (turn(), Site::start(World::default()));
    let attestor = attestor(&json!({"demo": cluster(&site.kubeconfig, settings)}));
    let genuine = site.payload(&TokenRequest::default());
    let forged = site.payload(&TokenRequest { signature: SignatureState::Broken, ..TokenRequest::default() });
    let is_genuine = |tag: u64| tag.is_multiple_of(257);
    let agents = (QUEUED + SLOTS) / 257;
    let reasons =
        submit_all(
            &attestor,
            QUEUED + agents,
            PATIENT,
            |tag| if is_genuine(tag) { &genuine } else { &forged },
        );
    let (agents, forgeries): (Vec<_>, Vec<_>) = reasons.into_iter().partition(|(tag, _)| is_genuine(*tag));
    let (expected, all) = (counts([("OK", agents.len() as u64)]), forgeries.len() as u64);
    assert_eq!(tally(agents), expected);
    (tally(forgeries), all)
}

#[test]
fn five_thousand_submissions_at_once_are_all_attested() {
    let (_turn, site) = (turn(), Site::start(World::default()));
    let attestor = attestor(&json!({"demo": cluster(&site.kubeconfig, Value::Null)}));
    let payload = site.payload(&TokenRequest::default());
    let reasons = submit_all(&attestor, 5000, PATIENT, |_| &payload);
    assert_eq!(tally(reasons), counts([("OK", 5000)]));
    let counters = site.counters();
    assert!(counters.connections <= 4, "{counters:?}");
    assert_eq!((counters.token_review, counters.pod, counters.node), (5000, 5000, 5000));
}

#[test]
fn a_crowd_over_http_1_shares_connections() {
    let (_turn, site) =
        (turn(), Site::start(World { listener: ListenerMode::Http1Only, ..World::default() }));
    let attestor = attestor(&json!({"demo": cluster(&site.kubeconfig, Value::Null)}));
    let payload = site.payload(&TokenRequest::default());
    assert_eq!(tally(submit_all(&attestor, 1000, PATIENT, |_| &payload)), counts([("OK", 1000)]));
    // Three calls of each attestation run at a time, and 64 attestations.
    let opened = site.counters().connections;
    println!("1,000 attestations over HTTP/1.1: {opened} connections");
    assert!(opened <= 3 * SLOTS + 16, "{opened}");
}

#[test]
fn a_cluster_that_hangs_leaves_another_alone() {
    let _turn = turn();
    let healthy = Site::start(World::default());
    let hanging = Site::start(World { listener: ListenerMode::HangAccept, ..World::default() });
    let attestor = attestor(&json!({
        "demo": cluster(&healthy.kubeconfig, Value::Null),
        "hanging": cluster(&hanging.kubeconfig, Value::Null),
    }));
    let good = healthy.payload(&TokenRequest::default());
    let bad = good.replace(r#""demo""#, r#""hanging""#);
    // Ten times as many as there are slots, before the first of the others comes.
    let is_bad = |tag: u64| tag < 10 * SLOTS;
    let reasons = submit_all(&attestor, 10 * SLOTS + 300, r#"{"timeout_ms": 5000}"#, |tag| {
        if is_bad(tag) { &bad } else { &good }
    });
    let (bad, good): (Vec<_>, Vec<_>) = reasons.into_iter().partition(|(tag, _)| is_bad(*tag));
    assert_eq!(tally(good), counts([("OK", 300)]));
    assert_eq!(tally(bad), counts([("DEADLINE_EXCEEDED", SLOTS), ("OVERLOADED", 9 * SLOTS)]));
}

#[test]
fn arrivals_at_twice_the_capacity_leave_it_in_use() {
    let (_turn, site) = (turn(), Site::start(World { latency_ms: 40, ..World::default() }));
    let few = json!({"max_in_flight": 8, "lookup": "claims"});
    let attestor = attestor(&json!({"demo": cluster(&site.kubeconfig, few)}));
    let payload = site.payload(&TokenRequest::default());
    // What can be done: by all slots, again and again.
    let begun = Instant::now();
    assert_eq!(tally(submit_all(&attestor, 200, PATIENT, |_| &payload)), counts([("OK", 200)]));
    let each = begun.elapsed() / 200;

    let arrivals = 600;
    let begun = Instant::now();
    let outcome = tally(submit_paced(&attestor, arrivals, each / 2, r#"{"timeout_ms": 1000}"#, |_| &payload));
    let took = begun.elapsed();
    let of = |reason| outcome.get(reason).copied().unwrap_or_default();
    let (done, refused) = (of("OK"), of("OVERLOADED"));
    let possible = u64::try_from(took.as_micros() / each.as_micros()).expect("a small number");
    println!("goodput: {done} of {possible} that were possible in {took:.1?}; {outcome:?}");
    // The aim is 80 %, on a machine that does nothing else.
    assert!(done * 100 >= possible * 60, "{done} of {possible}: {outcome:?}");
    // Whoever got a slot had time to use it.
    assert!(refused > 0 && done + refused >= arrivals * 95 / 100, "{outcome:?}");
}

#[test]
fn a_host_that_cancels_all_the_time_asks_no_more_at_a_time() {
    let (_turn, site) = (turn(), Site::start(World { latency_ms: 60_000, ..World::default() }));
    let one = json!({"max_in_flight": 1, "verify_signature": "off"});
    let attestor = attestor(&json!({"demo": cluster(&site.kubeconfig, one)}));
    let payload = site.payload(&TokenRequest::default());
    // Three for each slot, of which unknown keys have at least four.
    let calls = 3 * (1 + 4);
    let queue = Arc::new(Queue::new());
    for tag in 0..2000 {
        if site.counters().calls() >= 3 * calls {
            break;
        }
        let mut operation = 0;
        let accepted = |id| operation = id;
        attestor.submit(payload.as_bytes(), b"", &queue, tag, accepted).expect("every submission is taken");
        std::thread::sleep(Duration::from_millis(10));
        attestor.cancel(operation).expect("nothing shuts down");
    }
    let counters = site.counters();
    assert!(counters.calls() >= 3 * calls, "those that are given up make room: {counters:?}");
    // The server sees a reset after it has made room for the next.
    assert!(counters.in_flight_peak <= 2 * calls, "{counters:?}");
}

#[test]
fn a_thousand_idle_clusters_cost_memory_alone() {
    let (_turn, site) = (turn(), Site::start(World::default()));
    let payload = site.payload(&TokenRequest::default());
    let start = |further: usize, before: Option<Usage>| {
        let mut clusters = json!({"demo": cluster(&site.kubeconfig, Value::Null)});
        for number in 0..further {
            clusters[format!("idle-{number}")] = cluster(&site.kubeconfig, Value::Null);
        }
        let begun = Instant::now();
        let attestor = attestor(&clusters);
        let took = begun.elapsed();
        let usage = Usage::now(before);
        assert_eq!(tally(submit_all(&attestor, 10, PATIENT, |_| &payload)), counts([("OK", 10)]));
        (usage, took)
    };
    // The first attestor of a process makes what is made once.
    let (first, _) = start(0, None);
    let (one, _) = start(0, Some(first));
    let connections = site.counters().connections;
    let (many, took) = start(1000, Some(one));
    let more = many.resident.saturating_sub(one.resident);
    println!("1,000 clusters: {took:.1?}, {} KiB", more >> 10);
    assert_eq!(site.counters().connections, connections + 1, "one connection, of the one that is in use");
    assert_eq!((many.threads, many.descriptors), (one.threads, one.descriptors));
    assert!(more < 1000 * 10_000, "{more} bytes");
}

#[test]
fn nothing_is_left_of_a_crowd_that_ran_out_of_time() {
    let (_turn, site) = (turn(), Site::start(World { latency_ms: 30, ..World::default() }));
    let payload = site.payload(&TokenRequest::default());
    let crowd = || {
        let attestor = attestor(&json!({"demo": cluster(&site.kubeconfig, Value::Null)}));
        let outcome = tally(submit_all(&attestor, 500, r#"{"timeout_ms": 100}"#, |_| &payload));
        assert!(
            outcome.keys().all(|reason| ["OK", "OVERLOADED", "DEADLINE_EXCEEDED"].contains(&reason.as_str()))
        );
    };
    crowd();
    let before = Usage::now(None);
    crowd();
    let after = Usage::now(Some(before));
    assert!(
        after.threads <= before.threads && after.descriptors <= before.descriptors,
        "{before:?} {after:?}"
    );
    assert_eq!(psat_attestor::documents_alive(), 0);
}
