//! The settings of one cluster.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::{Lookup, VerifySignature};

/// The warnings that `value` at `key` of the cluster `demo` adds, without their common path.
fn warned(key: &str, value: Value) -> Vec<String> {
    let found = warnings(&with(key, value));
    let path = format!("clusters.demo.{key}");
    found.iter().map(|note| note.strip_prefix(&path).unwrap_or(note).to_owned()).collect()
}

fn assert_warned(key: &str, value: Value, expected: &str) {
    let found = warned(key, value);
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?} should be one with {expected:?}");
}

#[test]
fn what_is_absent_has_its_default() {
    let demo = demo(&sound());
    assert_eq!(demo.name, "demo");
    assert_eq!(demo.audience, ["spire-server"]);
    assert_eq!(demo.kube_config_file, None);
    assert!(demo.allowed_node_label_keys.is_empty() && demo.allowed_pod_label_keys.is_empty());
    assert!(!demo.use_pod_uid_for_agent_id && !demo.require_node_uid_match);
    assert_eq!((demo.lookup, demo.verify_signature), (Lookup::Auto, VerifySignature::Auto));
    assert_eq!(demo.call_timeout, Duration::from_secs(10));
    assert_eq!((demo.max_in_flight, demo.max_queued), (64, 16_384));
    assert!(demo.service_account_allow_list.allows("spire", "spire-agent"));
}

#[test]
fn what_is_given_is_taken() {
    let mut document = sound();
    document["clusters"]["demo"] = json!({
        "service_account_allow_list": ["a:b", "c:*"],
        "audience": ["z", "a"],
        "kube_config_file": "relative/path",
        "allowed_node_label_keys": ["z", "a", "z"],
        "allowed_pod_label_keys": ["p"],
        "use_pod_uid_for_agent_id": true,
        "lookup": "sequential",
        "verify_signature": "off",
        "require_node_uid_match": true,
        "call_timeout_ms": 1,
        "max_in_flight": 1,
        "max_queued": 0,
    });
    let demo = demo(&document);
    assert!(demo.service_account_allow_list.allows("c", "x"));
    assert_eq!(demo.audience, ["z", "a"], "in their order");
    assert_eq!(demo.kube_config_file.as_deref(), Some(Path::new("relative/path")));
    assert_eq!(demo.allowed_node_label_keys, ["a", "z"], "sorted, each once");
    assert_eq!(demo.allowed_pod_label_keys, ["p"]);
    assert!(demo.use_pod_uid_for_agent_id && demo.require_node_uid_match);
    assert_eq!((demo.lookup, demo.verify_signature), (Lookup::Sequential, VerifySignature::Off));
    assert_eq!(demo.call_timeout, Duration::from_millis(1));
    assert_eq!((demo.max_in_flight, demo.max_queued), (1, 0));
}

#[test]
fn wrong_types_are_errors_that_tell_what_was_wanted_and_what_was_found() {
    for (key, value, error) in [
        ("service_account_allow_list", json!("a:b"), ": must be a list of strings, not a string"),
        ("service_account_allow_list", json!(["a:b", "a:c", 1]), "[2]: must be a string, not a number"),
        ("service_account_allow_list", json!([null]), "[0]: must be a string, not null"),
        ("audience", json!({}), ": must be a list of strings, not an object"),
        ("audience", json!([true]), "[0]: must be a string, not a boolean"),
        ("kube_config_file", json!([]), ": must be a string, not a list"),
        ("allowed_node_label_keys", json!("x"), ": must be a list of strings, not a string"),
        ("allowed_pod_label_keys", json!([[]]), "[0]: must be a string, not a list"),
        ("use_pod_uid_for_agent_id", json!("true"), ": must be true or false, not a string"),
        ("require_node_uid_match", json!(1), ": must be true or false, not a number"),
        ("lookup", json!("marker"), ": must be \"auto\" or \"sequential\" or \"claims\""),
        ("lookup", json!(false), ": must be \"auto\" or \"sequential\" or \"claims\", not a boolean"),
        ("verify_signature", json!("on"), ": must be \"auto\" or \"off\""),
        ("call_timeout_ms", json!("10s"), ": must be a whole number from 1 to 86400000, not a string"),
    ] {
        assert_eq!(errors(&with(key, value)), [format!("clusters.demo.{key}{error}")]);
    }
    assert_eq!(
        errors(&with_top("clusters", json!({"demo": []}))),
        ["clusters.demo: must be an object, not a list"]
    );
}

#[test]
fn limits_have_bounds() {
    for (key, lowest, highest) in
        [("call_timeout_ms", 1, 86_400_000_u64), ("max_in_flight", 1, 65_536), ("max_queued", 0, 1 << 20)]
    {
        let wanted = format!("clusters.demo.{key}: must be a whole number from {lowest} to {highest}");
        assert_eq!(errors(&with(key, json!(lowest))), [""; 0]);
        assert_eq!(errors(&with(key, json!(highest))), [""; 0]);
        assert_eq!(errors(&with(key, json!(highest + 1))), std::slice::from_ref(&wanted));
        assert_eq!(errors(&with(key, json!(u64::MAX))), std::slice::from_ref(&wanted));
        assert_eq!(errors(&with(key, json!(-1))), [format!("{wanted}, not a negative number")]);
        for fraction in [json!(1.5), json!(10.0), json!(1e30)] {
            assert_eq!(
                errors(&with(key, fraction)),
                [format!("{wanted}, not a number with a fraction or out of bounds")]
            );
        }
        if lowest == 1 {
            assert_eq!(errors(&with(key, json!(0))), [format!("{wanted}, not 0")]);
        }
    }
}

#[test]
fn an_empty_allow_list_is_an_error() {
    for value in [json!([]), json!(null)] {
        assert_eq!(
            errors(&with("service_account_allow_list", value)),
            ["clusters.demo.service_account_allow_list: must have at least one service account"]
        );
    }
}

#[test]
fn a_cluster_name_is_one_or_more_path_segments() {
    let document = |name: &str| json!({"trust_domain": "td", "clusters": {name: {"service_account_allow_list": ["a:b"]}}});
    for name in ["demo", "a/b", "a.b_c-D9", "...", "a/.b"] {
        assert_eq!(config(&document(name)).clusters[name].name, name);
    }
    for (name, path) in [
        ("", r#"clusters[""]"#),
        (".", r#"clusters["."]"#),
        ("a/..", r#"clusters["a/.."]"#),
        ("/a", r#"clusters["/a"]"#),
        ("a/", r#"clusters["a/"]"#),
        ("a//b", r#"clusters["a//b"]"#),
        ("a b", r#"clusters["a b"]"#),
        ("a:b", r#"clusters["a:b"]"#),
        ("é\n", r#"clusters["é\n"]"#),
    ] {
        let found = errors(&document(name));
        let expected = format!("{path}: the cluster's name becomes a part of agent IDs: path ");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
    }
    let long = warnings(&document(&"a".repeat(1981)));
    assert!(long.len() == 1 && long[0].contains("leaves no room"), "{long:?}");
    assert_eq!(warnings(&document(&"a".repeat(1980))), [""; 0]);
}

#[test]
fn an_empty_audience_list_asks_for_the_servers_own_and_is_a_warning() {
    assert_eq!(demo(&with("audience", json!([]))).audience, [""; 0]);
    assert_warned("audience", json!([]), "the API server's own audience");
    assert_warned("audience", json!(["a", ""]), "[1]: an empty audience");
}

#[test]
fn entries_that_can_never_match_are_warnings() {
    for (entry, why) in [
        ("", "no colon"),
        ("spire-agent", "no colon"),
        ("a:b:c", "more than one colon"),
        ("a:", "nothing stands on one side"),
        (":*", "nothing stands on one side"),
        ("Spire:agent", "a namespace has lower-case"),
        ("spire:agent_1", "a service account's name has lower-case"),
        ("spire:-a", "begins and ends with"),
    ] {
        let list = json!(["spire:spire-agent", entry]);
        assert_warned(
            "service_account_allow_list",
            list,
            "[1]: this entry can never match a service account: ",
        );
        assert_warned("service_account_allow_list", json!([entry]), why);
    }
}

#[test]
fn a_wildcard_in_the_namespace_is_a_warning() {
    for entry in ["*:agent", "spire-?:agent"] {
        let mut document = with("service_account_allow_list", json!([entry]));
        document["clusters"]["demo"]["use_pod_uid_for_agent_id"] = json!(true);
        assert_eq!(
            warnings(&document),
            [
                "clusters.demo.service_account_allow_list[0]: a wildcard in the namespace: whoever may create namespaces \
              may attest"
            ]
        );
    }
}

#[test]
fn identities_shared_on_one_node_are_a_warning() {
    for (list, shared) in [
        (json!(["a:b"]), false),
        (json!(["a:b", "a:b"]), false),
        (json!(["a:b", "a:c"]), true),
        (json!(["a:b", "c:b"]), true),
        (json!(["a:b*"]), true),
        (json!(["a:?"]), true),
    ] {
        let mut document = with("service_account_allow_list", list);
        let found = warnings(&document);
        assert_eq!(found.len(), usize::from(shared), "{found:?}");
        assert!(found.iter().all(|note| {
            note.starts_with("clusters.demo.service_account_allow_list: ")
                && note.contains("use_pod_uid_for_agent_id")
        }));
        document["clusters"]["demo"]["use_pod_uid_for_agent_id"] = json!(true);
        assert_eq!(warnings(&document), [""; 0]);
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_a_warning() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().to_str().expect("a plain path").to_owned();
    assert_eq!(warned("kube_config_file", json!(path)), [""; 0]);
    assert_eq!(demo(&with("kube_config_file", json!(path))).kube_config_file.as_deref(), Some(file.path()));
    drop(file);
    assert_warned(
        "kube_config_file",
        json!(path),
        "cannot be read now (entity not found); it may appear later",
    );
    assert_warned("kube_config_file", json!("/"), "not a regular file");
    assert_warned("kube_config_file", json!("a\u{0}b"), "cannot be read now");
    assert_eq!(demo(&with("kube_config_file", json!(""))).kube_config_file, None);
    assert_eq!(warned("kube_config_file", json!("")), [""; 0]);
}

#[test]
fn claims_know_no_labels_and_no_node() {
    let mut document = with("lookup", json!("claims"));
    assert_eq!(demo(&document).lookup, Lookup::Claims);
    document["clusters"]["demo"]["allowed_node_label_keys"] = json!([]);
    document["clusters"]["demo"]["require_node_uid_match"] = json!(false);
    assert_eq!(errors(&document), [""; 0]);
    document["clusters"]["demo"]["allowed_node_label_keys"] = json!(["zone"]);
    document["clusters"]["demo"]["allowed_pod_label_keys"] = json!(["app"]);
    document["clusters"]["demo"]["require_node_uid_match"] = json!(true);
    let mut found = errors(&document);
    found.sort();
    assert_eq!(found.len(), 3);
    for (error, key) in
        found.iter().zip(["allowed_node_label_keys", "allowed_pod_label_keys", "require_node_uid_match"])
    {
        assert!(error.starts_with(&format!("clusters.demo.{key}: with lookup \"claims\"")), "{error}");
    }
    document["clusters"]["demo"]["lookup"] = json!("auto");
    assert_eq!(errors(&document), [""; 0]);
}

#[test]
fn an_empty_label_key_is_a_warning() {
    assert_warned("allowed_node_label_keys", json!(["a", ""]), "[1]: an empty key");
    assert_warned("allowed_pod_label_keys", json!([""]), "[0]: an empty key");
}

#[test]
fn upstream_style_turns_verifying_off_where_it_is_not_set() {
    let mut document = with_top("error_style", json!("upstream"));
    assert_eq!(demo(&document).verify_signature, VerifySignature::Off);
    let found = warnings(&document);
    assert!(
        found.len() == 1 && found[0].starts_with("error_style: ") && found[0].contains("forged tokens"),
        "{found:?}"
    );
    for (word, set) in [("auto", VerifySignature::Auto), ("off", VerifySignature::Off)] {
        document["clusters"]["demo"]["verify_signature"] = json!(word);
        assert_eq!(demo(&document).verify_signature, set);
        assert_eq!(warnings(&document), [""; 0]);
    }
}
