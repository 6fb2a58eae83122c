//! The one message of a refused configuration, in both styles.

use super::*;
use crate::outcome::ErrorStyle;

fn message(document: &Value) -> String {
    checked(document).message().expect("refused").into_string()
}

fn upstream(mut document: Value) -> String {
    document["error_style"] = json!("upstream");
    let checked = checked(&document);
    assert_eq!(checked.error_style, ErrorStyle::Upstream, "refused or not");
    checked.message().expect("refused").into_string()
}

#[test]
fn the_precise_message_is_the_first_error_and_the_number_of_the_others() {
    let mut document = with("max_in_flight", json!(0));
    let first = "configuration is invalid: clusters.demo.max_in_flight: must be a whole number from 1 to 65536, not 0";
    assert_eq!(message(&document), first);
    document["engine"] = json!(1);
    assert_eq!(message(&document), format!("{first} (and 1 more error)"));
    document["trust_domain"] = json!(1);
    assert_eq!(message(&document), format!("{first} (and 2 more errors)"));
}

#[test]
fn upstream_style_has_upstreams_words() {
    let limited =
        "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores";
    for (document, words) in [
        (json!({}), "server core configuration must contain trust_domain"),
        (json!({"trust_domain": ""}), "server core configuration must contain trust_domain"),
        (
            json!({"trust_domain": "Example.org"}),
            &*format!("server core configuration trust_domain is malformed: {limited}"),
        ),
        (with_top("clusters", json!(1)), "plugin configuration is malformed"),
        (with_top("clusters", json!({"demo": 1})), "plugin configuration is malformed"),
        (with("service_account_allow_list", json!([1])), "plugin configuration is malformed"),
        (with("audience", json!("x")), "plugin configuration is malformed"),
        (with("use_pod_uid_for_agent_id", json!("x")), "plugin configuration is malformed"),
        (
            with("service_account_allow_list", json!([])),
            "cluster \"demo\" configuration must have at least one service account allowed",
        ),
        (
            json!({"trust_domain": "td", "clusters": {"a\"\u{e9}\n": {}}}),
            "cluster \"a\\\"\u{e9}\\n\" configuration must have at least one service account allowed",
        ),
    ] {
        assert_eq!(upstream(document), words);
    }
}

#[test]
fn upstream_style_tells_what_upstream_would_find_first() {
    let mut document = with("service_account_allow_list", json!([]));
    document["clusters"]["other"] = json!({"max_queued": -1});
    let empty = "cluster \"demo\" configuration must have at least one service account allowed";
    assert_eq!(upstream(document.clone()), empty, "the first of two, and before our own limits");
    document["clusters"]["other"]["audience"] = json!(1);
    assert_eq!(upstream(document.clone()), "plugin configuration is malformed");
    document["trust_domain"] = json!(null);
    assert_eq!(upstream(document), "server core configuration must contain trust_domain");
}

#[test]
fn errors_that_upstream_does_not_know_have_our_words_in_both_styles() {
    for document in [
        with("call_timeout_ms", json!(0)),
        with("lookup", json!(1)),
        with_top("engine", json!(1)),
        with_top("clusters", json!({"..": {"service_account_allow_list": ["a:b"]}})),
    ] {
        assert_eq!(upstream(document.clone()), message(&document));
    }
}

#[test]
fn values_are_never_quoted() {
    let marker = "eyJhbGciOiJSUzI1NiJ9";
    let mut places = vec![json!(marker)];
    places.extend([with_top("trust_domain", json!(marker)), with_top("error_style", json!(marker))]);
    for key in ["clusters", "engine"] {
        places.push(with_top(key, json!(marker)));
    }
    for key in [
        "service_account_allow_list",
        "audience",
        "kube_config_file",
        "allowed_node_label_keys",
        "use_pod_uid_for_agent_id",
        "lookup",
        "verify_signature",
        "require_node_uid_match",
        "max_in_flight",
        "unknown",
    ] {
        for value in [json!(marker), json!([marker]), json!([[marker]]), json!({"a": marker})] {
            places.push(with(key, value));
        }
    }
    for document in places {
        let checked = checked(&document);
        let said = format!("{:?} {:?}", checked.notes, checked.message());
        assert!(!said.contains(marker), "{said}");
    }
}

#[test]
fn a_setting_that_is_to_be_pasted_has_the_whole_name() {
    use crate::config::cluster_setting;

    assert_eq!(cluster_setting("demo", "lookup"), "clusters.demo.lookup");
    let long = "x.".repeat(100);
    assert_eq!(cluster_setting(&long, "lookup"), format!("clusters[\"{long}\"].lookup"));
}
