//! Documents in, configurations and notes out. The rules of single values are tested beside them.

use serde_json::{Value, json};

use super::{Checked, ClusterConfig, Config, Severity, check};

mod clusters;
mod document;
mod messages;
mod overlaps;

/// A document that nothing is to be said about.
fn sound() -> Value {
    json!({
        "trust_domain": "example.org",
        "clusters": {"demo": {"service_account_allow_list": ["spire:spire-agent"]}}
    })
}

/// [`sound`] with `value` in the cluster `demo`.
fn with(key: &str, value: Value) -> Value {
    let mut document = sound();
    document["clusters"]["demo"][key] = value;
    document
}

/// [`sound`] with `value` at the top.
fn with_top(key: &str, value: Value) -> Value {
    let mut document = sound();
    document[key] = value;
    document
}

fn checked(document: &Value) -> Checked {
    check(document.to_string().as_bytes())
}

/// The notes of one severity, as `path: message`.
fn notes(checked: &Checked, severity: Severity) -> Vec<String> {
    let notes = checked.notes.iter().filter(|note| note.severity == severity);
    notes.map(|note| format!("{}: {}", note.path, note.message)).collect()
}

fn errors(document: &Value) -> Vec<String> {
    let checked = checked(document);
    let errors = notes(&checked, Severity::Error);
    assert_eq!(checked.config.is_none(), !errors.is_empty(), "a configuration exactly without errors");
    assert_eq!(checked.message().is_some(), !errors.is_empty(), "a message exactly with errors");
    errors
}

fn warnings(document: &Value) -> Vec<String> {
    notes(&checked(document), Severity::Warning)
}

fn config(document: &Value) -> Config {
    let checked = checked(document);
    checked.config.unwrap_or_else(|| panic!("refused: {:?}", checked.notes))
}

fn demo(document: &Value) -> ClusterConfig {
    config(document).clusters["demo"].as_ref().clone()
}
