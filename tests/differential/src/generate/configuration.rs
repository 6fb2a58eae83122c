//! What an operator writes.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Deviation, any, text, with_config};
use crate::case::{Case, Config, Payload, TOKEN_VALUE};

pub(super) const ALL: &[Deviation] = &[
    ("never configured", 2, |case, _| case.config = None),
    ("configuration malformed", 2, malformed),
    ("trust domain", 4, trust_domain),
    ("cluster name", 4, cluster_name),
    ("allow list is empty", 3, |case, rng| {
        if rng.bool() {
            case.set("service_account_allow_list", json!([]));
        } else {
            let name = any(rng, ["demo", "a\"b"]);
            with_config(case, |config| {
                config["clusters"] = json!({(name): {"kube_config_file": "/nonexistent"}});
            });
        }
    }),
    ("account is not listed", 6, not_listed),
    ("account is listed with wildcards", 6, wildcards),
    ("audience", 6, audience),
    ("no cluster", 2, |case, rng| {
        let clusters = any(rng, [Some(json!({})), Some(Value::Null), None]);
        with_config(case, |config| {
            let members = config.as_object_mut().expect("it is an object");
            match clusters {
                Some(clusters) => members.insert("clusters".to_owned(), clusters),
                None => members.remove("clusters"),
            };
        });
    }),
    ("label keys", 3, |case, rng| {
        let keys = json!(["app", "region", "app", "zone", "", "*", "APP", "n", "example.org/x"]);
        case.set(any(rng, ["allowed_node_label_keys", "allowed_pod_label_keys"]), keys);
    }),
    ("node UID must match", 5, |case, rng| {
        case.set("require_node_uid_match", json!(true));
        if rng.bool() {
            case.set_extra("node-uid", json!(["earlier"]));
        }
    }),
    ("no kubeconfig", 3, |case, _| case.set("kube_config_file", json!("/nonexistent/kubeconfig"))),
    ("unknown keys", 2, |case, _| {
        case.set("service_account_allowlist", json!(["a:b"]));
        with_config(case, |config| config["unknown"] = json!({"a": [1, true]}));
    }),
];

fn malformed(case: &mut Case, rng: &mut Rng) {
    let texts = [
        "{",
        "{\"clusters\": ",
        "{\"clusters\": {\"demo\": {\"service_account_allow_list\": [\"a:b\"}}}",
        "\"",
        "]",
    ];
    case.config = Some(Config::Text(any(rng, texts)));
}

fn trust_domain(case: &mut Case, rng: &mut Rng) {
    let long = "a".repeat(if rng.bool() { 255 } else { 256 });
    let domain = any(
        rng,
        [
            "",
            "Example.org",
            "exa mple",
            "spiffe://",
            "spiffe://example.org/",
            "spiffe:/td",
            "https://td",
            "td/a",
            "spiffe://td/a//b",
            "spiffe://td/..",
            "td:80",
            "é",
            &long,
        ],
    );
    with_config(case, |config| config["trust_domain"] = json!(domain));
}

fn cluster_name(case: &mut Case, rng: &mut Rng) {
    let name = any(rng, ["my cluster", "a//b", "/a", "a/", "..", "é", "a:b", "%61", ".a", "-", "a/b/c"]);
    case.payload = Payload::object(&[("cluster", &json!(name).to_string()), ("token", TOKEN_VALUE)]);
    let Some(cluster) = case.cluster().map(Value::take) else { return };
    case.names.cluster = name;
    with_config(case, |config| config["clusters"] = json!({(name): cluster}));
}

fn not_listed(case: &mut Case, rng: &mut Rng) {
    let (namespace, account) = (case.names.namespace, case.names.account);
    let near = [
        format!("{namespace}/{account}"),
        format!(" {namespace}:{account}"),
        format!("{namespace}:{account} "),
        format!("{namespace}:{}", account.to_uppercase()),
        format!("{namespace}:{account}:"),
        format!("system:serviceaccount:{namespace}:{account}"),
        account.to_owned(),
        "*:other".to_owned(),
        format!("{namespace}:?"),
        format!("*{namespace}:{account}x*"),
    ];
    let list: Vec<_> = (0..=rng.usize(..3)).map(|_| any(rng, &near)).collect();
    case.set("service_account_allow_list", json!(list));
}

fn wildcards(case: &mut Case, rng: &mut Rng) {
    let (namespace, account) = (case.names.namespace, case.names.account);
    let entries = [
        "*:*".to_owned(),
        format!("{namespace}:*"),
        format!("*:{account}"),
        format!("{namespace}:?{}", &account[1..]),
        format!("{}*:{account}**", &namespace[..1]),
    ];
    case.set("service_account_allow_list", json!(["a:b", any(rng, entries)]));
}

fn audience(case: &mut Case, rng: &mut Rng) {
    let choices =
        [json!([]), json!(["other"]), json!(["other", "a\"b"]), json!([""]), json!([text(rng), "é"])];
    let audience = any(rng, choices);
    if audience == json!([]) && rng.bool() {
        case.token.audience = case.world.api_audiences.clone();
    }
    case.set("audience", audience);
}
