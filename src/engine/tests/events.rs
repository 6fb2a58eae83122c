//! Log records: who gets which, and when they end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::engine::queue::{Delivery, Next, Queue};
use crate::engine::{Attestor, Level};
use crate::outcome::Reason;

const CONFIG: &[u8] = br#"{"trust_domain":"example.org","clusters":{"demo":{
    "service_account_allow_list":["a:b"],"kube_config_file":"does-not-exist"}}}"#;
const GARBAGE: &[u8] = br#"{"cluster":"demo","token":"marker"}"#;

fn attestor() -> Attestor {
    Attestor::new(CONFIG).expect("the configuration is valid").0
}

fn subscribed(level: Level) -> (Attestor, Arc<Queue>) {
    let (attestor, queue) = (attestor(), Arc::new(Queue::new()));
    attestor.events(Some((&queue, level))).expect("the attestor is open");
    (attestor, queue)
}

fn records(queue: &Queue) -> Vec<Value> {
    let Next::Deliveries(deliveries) = queue.next(100, Some(Duration::ZERO)) else { return vec![] };
    let text = |delivery: &Delivery| match delivery {
        Delivery::Event(event) => serde_json::from_str(event.as_str()).expect("a record is JSON"),
        Delivery::Completed(_) => panic!("nothing was submitted"),
    };
    deliveries.iter().map(text).collect()
}

#[test]
fn a_refused_agent_is_a_warning_with_the_operators_detail() {
    let (attestor, queue) = subscribed(Level::Warn);
    attestor.attest(GARBAGE, br#"{"peer":"10.1.2.3","request_id":"r-1"}"#);
    let records = records(&queue);
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record["level"], "warn");
    assert_eq!(record["fields"]["reason"], "TOKEN_MALFORMED");
    assert_eq!(record["fields"]["cluster"], "demo");
    assert_eq!(record["fields"]["peer"], "10.1.2.3");
    assert_eq!(record["fields"]["request_id"], "r-1");
    assert!(record["fields"]["detail"].is_string() && record["unix_ms"].is_u64(), "{record}");
    assert!(!record.to_string().contains("marker"), "{record}");
}

#[test]
fn records_beyond_the_level_do_not_come() {
    let (attestor, queue) = subscribed(Level::Error);
    attestor.attest(GARBAGE, b"");
    assert!(records(&queue).is_empty());
    attestor.configure(b"{}");
    assert!(!records(&queue).is_empty(), "a refused configuration is an error");
}

#[test]
fn a_configuration_tells_its_notes_and_that_it_is_in_force() {
    let (attestor, queue) = subscribed(Level::Info);
    attestor.configure(CONFIG);
    let records = records(&queue);
    assert!(records.iter().any(|r| r["fields"]["path"] == "clusters.demo.kube_config_file"), "{records:?}");
    assert_eq!(records.last().expect("there are records")["message"], "configuration in force");
}

#[test]
fn a_second_subscription_replaces_the_first_and_none_ends_both() {
    let (attestor, first) = subscribed(Level::Trace);
    let second = Arc::new(Queue::new());
    attestor.events(Some((&second, Level::Trace))).expect("the attestor is open");
    attestor.attest(GARBAGE, b"");
    assert!(records(&first).is_empty());
    assert!(!records(&second).is_empty());
    attestor.events(None).expect("the attestor is open");
    attestor.attest(GARBAGE, b"");
    assert!(records(&second).is_empty());
}

#[test]
fn nothing_comes_after_a_shutdown_and_no_subscription_begins() {
    let (attestor, queue) = subscribed(Level::Trace);
    assert!(attestor.shutdown(Duration::ZERO));
    records(&queue);
    attestor.attest(GARBAGE, b"");
    attestor.configure(CONFIG);
    assert!(records(&queue).is_empty());
    assert_eq!(attestor.events(Some((&queue, Level::Trace))), Err(Reason::ShuttingDown));
}

#[test]
fn a_closed_queue_is_refused() {
    let queue = Arc::new(Queue::new());
    queue.close();
    assert_eq!(attestor().events(Some((&queue, Level::Trace))), Err(Reason::Closed));
}
