use std::time::Duration;

use super::*;
use crate::config::EngineConfig;
use crate::outcome::ErrorStyle;

const ENGINE_DEFAULTS: EngineConfig = EngineConfig {
    worker_threads: None,
    attest_timeout: Duration::from_secs(30),
    max_queued_bytes: 64 << 20,
};

#[test]
fn a_sound_document_leaves_nothing_to_say() {
    let checked = checked(&sound());
    assert_eq!(checked.notes, []);
    assert_eq!(checked.message(), None);
    let config = checked.config.expect("valid");
    assert_eq!(config.trust_domain.expect("given").as_str(), "example.org");
    assert_eq!(config.clusters.keys().collect::<Vec<_>>(), ["demo"]);
    assert_eq!(config.error_style, ErrorStyle::Precise);
    assert_eq!(config.engine, ENGINE_DEFAULTS);
}

#[test]
fn nothing_or_engine_alone_is_an_unconfigured_attestor() {
    for (document, engine) in [
        (&b""[..], ENGINE_DEFAULTS),
        (b"{\"engine\":{}}", ENGINE_DEFAULTS),
        (b"{\"engine\":{},\"trust_domain\":null}", ENGINE_DEFAULTS),
        (b"{\"engine\":{\"worker_threads\":3}}", EngineConfig { worker_threads: Some(3), ..ENGINE_DEFAULTS }),
    ] {
        let checked = check(document);
        assert_eq!(notes(&checked, Severity::Info).len(), 1);
        assert!(notes(&checked, Severity::Info)[0].contains("NOT_CONFIGURED"));
        let config = checked.config.expect("valid");
        assert_eq!((config.trust_domain, config.clusters.len()), (None, 0));
        assert_eq!(config.engine, engine);
    }
}

#[test]
fn an_unconfigured_attestor_is_refused_for_a_wrong_engine() {
    assert_eq!(
        errors(&json!({"engine": {"worker_threads": 0}})),
        ["engine.worker_threads: must be a whole number from 1 to 512, not 0"]
    );
    assert_eq!(errors(&json!({"engine": 1})), ["engine: must be an object, not a number"]);
}

#[test]
fn anything_else_without_a_trust_domain_is_an_error() {
    for document in [
        json!({}),
        json!({"engine": null}),
        json!({"clusters": {}}),
        json!({"engine": {}, "error_style": "precise"}),
        json!({"engine": {}, "unknown": 1}),
        json!({"trust_domain": null}),
    ] {
        assert_eq!(errors(&document), ["trust_domain: must be set"], "{document}");
    }
    assert_eq!(errors(&with_top("trust_domain", json!(""))), ["trust_domain: must not be empty"]);
}

#[test]
fn a_bad_trust_domain_is_an_error() {
    let broken = |value| errors(&with_top("trust_domain", value));
    assert_eq!(broken(json!("a b")).len(), 1);
    assert_eq!(broken(json!("spiffe://td/")), ["trust_domain: path cannot have a trailing slash"]);
    assert_eq!(broken(json!("a".repeat(256))), ["trust_domain: trust domain is longer than 255 bytes"]);
    assert_eq!(broken(json!(1)), ["trust_domain: must be a string, not a number"]);
}

#[test]
fn malformed_json_is_told_by_line_column_and_kind_alone() {
    let deep = "[".repeat(1_000_000);
    for (document, message) in [
        (&b" "[..], "the document ends too early (line 1, column 1)"),
        (b"{\n  \"marker\": ", "the document ends too early (line 2, column 12)"),
        (b"{\n  \"a\": marker}", "not JSON (line 2, column 8)"),
        (b"{} marker", "not JSON (line 1, column 4)"),
        (b"{\"a\": 'marker'}", "not JSON (line 1, column 7)"),
        (b"{\"marker\": 1e999}", "not JSON (line 1, column 16)"),
        (b"{\"a\":\"\\ud800marker\"}", "not JSON (line 1, column 13)"),
        (b"{\n\"a\": \"\xffmarker\"}", "not UTF-8 (line 2, column 7)"),
        (deep.as_bytes(), "more than 32 lists and objects inside each other (line 1, column 33)"),
    ] {
        let checked = check(document);
        assert!(checked.config.is_none());
        assert_eq!(checked.error_style, ErrorStyle::Precise);
        assert_eq!(notes(&checked, Severity::Error), [format!(": {message}")]);
        assert!(!format!("{checked:?}").contains("marker"));
        let said = checked.message().expect("refused").into_string();
        assert_eq!(said, format!("configuration is invalid: {message}"));
    }
}

#[test]
fn a_document_that_is_no_object_is_an_error() {
    for (document, kind) in
        [("null", "null"), ("[]", "a list"), ("\"x\"", "a string"), ("1", "a number"), ("true", "a boolean")]
    {
        let checked = check(document.as_bytes());
        assert_eq!(notes(&checked, Severity::Error), [format!(": must be an object, not {kind}")]);
    }
}

#[test]
fn duplicate_keys_are_errors_at_any_depth() {
    let document = br#"{"trust_domain":"td","trust_domain":"td","trust_domain":"td",
        "clusters":{"a":{"service_account_allow_list":["a:b"],"lookup":"auto","lookup":"auto"},"b.c":{},"b.c":{}},
        "x":[0,{"y":1,"y":2}]}"#;
    let found: Vec<String> = notes(&check(document), Severity::Error);
    let twice: Vec<&str> =
        found.iter().filter_map(|note| note.strip_suffix(": this key stands twice in its object")).collect();
    assert_eq!(twice, ["trust_domain", "trust_domain", "clusters.a.lookup", r#"clusters["b.c"]"#, "x[1].y"]);
}

#[test]
fn unknown_keys_are_warnings_with_the_nearest_known_key() {
    let mut document = sound();
    document["trust_domian"] = json!("x");
    document["clusters"]["demo"]["serviceAccountAllowList"] = json!(["a:b"]);
    document["clusters"]["demo"]["Audience"] = json!(1);
    document["engine"] = json!({"worker_thread": 1});
    assert_eq!(errors(&document), [""; 0]);
    let mut found = warnings(&document);
    found.sort();
    assert_eq!(
        found,
        [
            "clusters.demo.Audience: unknown key, ignored; did you mean \"audience\"?",
            "clusters.demo.serviceAccountAllowList: unknown key, ignored; did you mean \"service_account_allow_list\"?",
            "engine.worker_thread: unknown key, ignored; did you mean \"worker_threads\"?",
            "trust_domian: unknown key, ignored; did you mean \"trust_domain\"?",
        ]
    );
}

#[test]
fn unknown_keys_near_to_none_are_told_the_known_ones() {
    assert_eq!(
        warnings(&with_top("zzz", json!(1))),
        ["zzz: unknown key, ignored; known here are clusters, trust_domain, error_style, engine"]
    );
    let long = "x".repeat(1 << 20);
    let found = warnings(&with_top(&long, json!(1)));
    assert!(found[0].len() < 400 && found[0].contains("known here are"), "{}", found[0]);
}

#[test]
fn null_is_as_good_as_absent() {
    let mut document = sound();
    for key in ["error_style", "engine"] {
        document[key] = Value::Null;
    }
    document["clusters"]["other"] = Value::Null;
    let found = checked(&document);
    assert_eq!(notes(&found, Severity::Error), [""; 0]);
    assert_eq!(notes(&found, Severity::Warning), ["clusters.other: null: this cluster counts as absent"]);
    assert_eq!(found.config, checked(&sound()).config);
}

#[test]
fn zero_clusters_are_an_info() {
    for clusters in [json!({}), json!(null), json!({"a": null})] {
        let checked = checked(&json!({"trust_domain": "td", "clusters": clusters}));
        assert_eq!(
            notes(&checked, Severity::Info),
            ["clusters: no clusters: attestation is effectively disabled"]
        );
        assert!(checked.config.is_some_and(|config| config.trust_domain.is_some()));
    }
}

#[test]
fn wrong_types_at_the_top_are_errors() {
    for (key, value, error) in [
        ("clusters", json!([]), "must be an object, not a list"),
        ("engine", json!("x"), "must be an object, not a string"),
        ("error_style", json!(true), "must be \"precise\" or \"upstream\", not a boolean"),
        ("error_style", json!("marker"), "must be \"precise\" or \"upstream\""),
    ] {
        assert_eq!(errors(&with_top(key, value)), [format!("{key}: {error}")]);
    }
}

#[test]
fn engine_settings_are_read_and_bounded() {
    let engine = json!({"worker_threads": 512, "attest_timeout_ms": 1, "max_queued_bytes": 1});
    assert_eq!(
        config(&with_top("engine", engine)).engine,
        EngineConfig {
            worker_threads: Some(512),
            attest_timeout: Duration::from_millis(1),
            max_queued_bytes: 1
        }
    );
    for (key, value) in [
        ("worker_threads", json!(0)),
        ("worker_threads", json!(513)),
        ("attest_timeout_ms", json!(0)),
        ("attest_timeout_ms", json!(86_400_001)),
        ("max_queued_bytes", json!(0)),
        ("max_queued_bytes", json!(u64::MAX)),
        ("max_queued_bytes", json!(-1)),
        ("worker_threads", json!(1.5)),
        ("worker_threads", json!("4")),
    ] {
        let found = errors(&with_top("engine", json!({key: value})));
        assert!(
            found.len() == 1
                && found[0].starts_with(&format!("engine.{key}: must be a whole number from 1 to ")),
            "{found:?}"
        );
    }
}

#[test]
fn notes_stand_in_the_order_of_the_document() {
    let document = br#"{"zeta":1,"engine":{"worker_threads":0},"clusters":{"b":{"max_queued":-1},"a":{}},"alpha":1,"trust_domain":5}"#;
    let paths: Vec<String> = check(document).notes.into_iter().map(|note| note.path).collect();
    assert_eq!(
        paths,
        [
            "zeta",
            "engine.worker_threads",
            "clusters.b.service_account_allow_list",
            "clusters.b.max_queued",
            "clusters.a.service_account_allow_list",
            "alpha",
            "trust_domain"
        ]
    );
}

#[test]
fn a_note_is_written_as_the_abi_says() {
    let checked = checked(&with("audience", json!([])));
    let written = serde_json::to_value(&checked.notes[0]).expect("plain data");
    assert_eq!(written["severity"], "warning");
    assert_eq!(written["path"], "clusters.demo.audience");
    assert!(written["message"].is_string() && written.as_object().is_some_and(|note| note.len() == 3));
    assert_eq!(
        serde_json::to_string(&[Severity::Error, Severity::Info]).expect("words"),
        r#"["error","info"]"#
    );
}

#[test]
fn a_thousand_clusters_are_a_configuration_without_notes() {
    let mut document = sound();
    for n in 0..1000 {
        document["clusters"][format!("cluster-{n}")] = json!({
            "service_account_allow_list": [format!("spire-{n}:spire-agent")],
            "use_pod_uid_for_agent_id": true,
            "audience": ["one", "two"],
            "allowed_node_label_keys": ["zone", "region"],
        });
    }
    let checked = checked(&document);
    assert_eq!(checked.notes, []);
    assert_eq!(checked.config.expect("valid").clusters.len(), 1001);
}
