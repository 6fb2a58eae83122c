//! A configuration document: it is refused exactly with an error, never quotes a value, and what it comes to is, written
//! out, accepted as the same.

#![no_main]

use std::time::Duration;

use fuzz::json::{self, Members};
use libfuzzer_sys::fuzz_target;
use psat_attestor::config::{
    Checked, ClusterConfig, Config, Lookup, Severity, VerifySignature, check, spiffe,
};
use psat_attestor::outcome::ErrorStyle;
use psat_attestor::{documents_alive, validate};
use serde_json::{Value, json};

/// What stands for a secret in the wrong place. No text of the library has it.
const MARKER: &str = "marker";

/// Deeper documents are refused.
const MAX_DEPTH: usize = 32;

fuzz_target!(|document: &[u8]| {
    let checked = check(document);
    let errors = checked.notes.iter().filter(|note| note.severity == Severity::Error).count();
    assert_eq!(checked.config.is_none(), errors > 0);
    assert_eq!(checked.message().is_some(), errors > 0);
    judge_document(document, &checked);

    let text = std::str::from_utf8(document).ok();
    let tree = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match &tree {
        Some(tree) if depth(tree) <= MAX_DEPTH => {
            let malformed = |message: &str| message.contains("(line ");
            assert!(!checked.notes.iter().any(|note| malformed(&note.message)), "{:?}", checked.notes);
            judge_texts(text.unwrap_or_default(), &checked);
        }
        _ => assert!(checked.config.is_none() || document.is_empty(), "it is not JSON, or too deep"),
    }
    if let Some(config) = checked.config {
        judge_values(&config);
        if let Some(written) = written(&config) {
            let again = check(written.to_string().as_bytes());
            assert_eq!(again.config.as_ref(), Some(&config), "{written} {:?}", again.notes);
        }
    }
});

/// `validate` says the same.
fn judge_document(document: &[u8], checked: &Checked) {
    let answer = validate(document);
    let said = json::document(answer.document.as_str(), answer.code);
    assert_eq!(said["valid"], checked.config.is_some());
    assert_eq!(said["code"], if checked.config.is_some() { 0 } else { 3 });
    assert_eq!(said["notes"].as_array().map(Vec::len), Some(checked.notes.len()));
    drop(answer);
    assert_eq!(documents_alive(), 0);
}

/// Keys are told, values are not; but for the entries of allow lists, which are no secrets.
fn judge_texts(text: &str, checked: &Checked) {
    if keys(text).iter().any(|key| key.contains(MARKER)) {
        return;
    }
    let message = checked.message();
    assert!(!message.is_some_and(|message| message.as_str().contains(MARKER)));
    for note in checked.notes.iter().filter(|note| !note.path.contains("service_account_allow_list")) {
        assert!(!note.path.contains(MARKER) && !note.message.contains(MARKER), "{note:?}");
    }
}

/// All keys of all objects, those that stand twice too.
fn keys(text: &str) -> Vec<String> {
    if let Some(Members(members)) = Members::read(text) {
        members.into_iter().flat_map(|(key, value)| [vec![key], keys(value.get())].concat()).collect()
    } else {
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).unwrap_or_default();
        items.into_iter().flat_map(|item| keys(item.get())).collect()
    }
}

fn depth(tree: &Value) -> usize {
    match tree {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What everybody behind relies on.
fn judge_values(config: &Config) {
    let longest = Duration::from_hours(24);
    let time = Duration::from_millis(1)..=longest;
    assert!(time.contains(&config.engine.attest_timeout));
    assert!(config.engine.worker_threads.is_none_or(|threads| (1..=512).contains(&threads)));
    assert!((1..=64 << 30).contains(&config.engine.max_queued_bytes));
    assert!(config.trust_domain.is_some() || config.clusters.is_empty());
    for (name, cluster) in &config.clusters {
        assert_eq!(&cluster.name, name);
        assert!(spiffe::check_cluster_name(name).is_ok(), "{name}");
        assert!(time.contains(&cluster.call_timeout));
        assert!((1..=65_536).contains(&cluster.max_in_flight));
        assert!(cluster.max_queued <= 1 << 20);
        assert!(cluster.allowed_pod_label_keys.is_sorted() && cluster.allowed_node_label_keys.is_sorted());
    }
}

/// The configuration as a document with every key. `None` for what makes an attestor that is not configured.
fn written(config: &Config) -> Option<Value> {
    let clusters: serde_json::Map<String, Value> =
        config.clusters.iter().map(|(name, one)| (name.clone(), cluster(one))).collect();
    Some(json!({
        "trust_domain": config.trust_domain.as_ref()?.as_str(),
        "error_style": match config.error_style {
            ErrorStyle::Precise => "precise",
            ErrorStyle::Upstream => "upstream",
        },
        "engine": {
            "worker_threads": config.engine.worker_threads,
            "attest_timeout_ms": millis(config.engine.attest_timeout),
            "max_queued_bytes": config.engine.max_queued_bytes,
        },
        "clusters": clusters,
    }))
}

fn cluster(cluster: &ClusterConfig) -> Value {
    let mut entries = cluster.service_account_allow_list.entries();
    if entries.is_empty() {
        // A list must have an entry, and may have none that can match.
        entries.push("none".to_owned());
    }
    json!({
        "service_account_allow_list": entries,
        "audience": cluster.audience,
        "kube_config_file": cluster.kube_config_file,
        "allowed_node_label_keys": cluster.allowed_node_label_keys,
        "allowed_pod_label_keys": cluster.allowed_pod_label_keys,
        "use_pod_uid_for_agent_id": cluster.use_pod_uid_for_agent_id,
        "lookup": match cluster.lookup {
            Lookup::Auto => "auto",
            Lookup::Sequential => "sequential",
            Lookup::Claims => "claims",
        },
        "verify_signature": match cluster.verify_signature {
            VerifySignature::Auto => "auto",
            VerifySignature::Off => "off",
        },
        "require_node_uid_match": cluster.require_node_uid_match,
        "call_timeout_ms": millis(cluster.call_timeout),
        "max_in_flight": cluster.max_in_flight,
        "max_queued": cluster.max_queued,
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a day has fewer")
}
