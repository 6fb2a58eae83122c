//! What a token review says.

use fastrand::Rng;
use serde_json::{Value, json};

use super::accepted::uid;
use super::{Deviation, any, text};
use crate::case::Case;

pub(super) const ALL: &[Deviation] = &[
    ("review has an error", 6, |case, rng| {
        let long = "e".repeat(any(rng, [511, 512, 513]));
        let any_text = text(rng);
        let error = any(
            rng,
            [
                &any_text,
                "[invalid bearer token, service account token has expired]",
                "invalid bearer token",
                "é \"quoted\"\n%s %d",
                "token audiences [\"a\"] is invalid for the target audiences [\"b\"]",
                " ",
                "${token} is no token",
                &long,
            ],
        );
        *case.status_at(&["error"]) = json!(error);
        if rng.bool() {
            *case.status_at(&["authenticated"]) = json!(false);
        }
    }),
    ("review does not authenticate", 5, |case, rng| {
        let all = rng.bool();
        *case.status_at(&["authenticated"]) = json!(false);
        if all {
            *case.status() = json!({});
        }
    }),
    ("review has other audiences", 6, |case, rng| {
        let choices = [
            Value::Null,
            json!([]),
            json!(["other"]),
            json!(["a\"b", ""]),
            json!(["Spire-server"]),
            json!(["b", "spire-server"]),
            json!([text(rng), text(rng)]),
        ];
        *case.status_at(&["audiences"]) = any(rng, choices);
    }),
    ("review has another user", 12, username),
    ("review has other groups", 6, |case, rng| {
        let namespace = case.names.namespace;
        let choices = [
            Value::Null,
            json!([]),
            json!(["system:serviceaccounts"]),
            json!([format!("system:serviceaccounts:{namespace}")]),
            json!(["system:serviceaccounts", "system:serviceaccounts:other"]),
            json!([format!("system:serviceaccounts:{namespace}"), "x", "system:serviceaccounts"]),
        ];
        *case.status_at(&["user", "groups"]) = any(rng, choices);
    }),
    ("review has another pod name", 8, |case, rng| {
        let value = extra(rng, &["gone", "another", "a/b", "..", "a%2fb", "a b", "é", "."]);
        case.set_extra("pod-name", value);
    }),
    ("review has another pod UID", 8, |case, rng| {
        let uid = uid(rng);
        let value = extra(rng, &["x", &uid, "a b"]);
        case.set_extra("pod-uid", value);
    }),
    ("review has another node", 6, |case, rng| {
        let key = any(rng, ["node-name", "node-uid"]);
        let value = extra(rng, &["node-2", "x"]);
        case.set_extra(key, value);
    }),
    ("review has no extras", 2, |case, _| *case.status_at(&["user", "extra"]) = Value::Null),
    ("review has more extras", 2, |case, _| case.set_extra("more", json!(["a", "b"]))),
    ("review is of another type", 6, another_type),
];

fn username(case: &mut Case, rng: &mut Rng) {
    let (namespace, account) = (case.names.namespace, case.names.account);
    let names = [
        String::new(),
        "system:anonymous".into(),
        "kubernetes-admin".into(),
        format!("system:serviceaccount:{namespace}"),
        format!("system:serviceaccount:{namespace}:{account}:x"),
        format!("system:serviceaccount::{account}"),
        format!("system:serviceaccount:{namespace}:"),
        "system:serviceaccount::".into(),
        ":::".into(),
        format!("a:b:{namespace}:{account}"),
        format!("System:ServiceAccount:{namespace}:{account}"),
        format!("system:serviceaccount:{namespace}:other"),
        format!("system:serviceaccount:other:{account}"),
        "system:serviceaccount:a/b:c".into(),
        "system:serviceaccount:..:c".into(),
        "system:serviceaccount:a:b%c".into(),
        "system:serviceaccount:a\"b:\n".into(),
        format!("system:serviceaccount:{}:{}", text(rng), text(rng)),
        text(rng),
    ];
    let name = any(rng, names);
    *case.status_at(&["user", "username"]) = json!(name);
    if let Some(account) = name.splitn(3, ':').nth(2).filter(|_| rng.bool()) {
        // Whatever else is to be judged comes behind the allow list.
        case.set("service_account_allow_list", json!([account]));
        let namespace = account.split(':').next().unwrap_or_default();
        let groups = json!(["system:serviceaccounts", format!("system:serviceaccounts:{namespace}")]);
        *case.status_at(&["user", "groups"]) = groups;
    }
}

/// A value other than the true one: none, several, an empty one, or one of these.
fn extra(rng: &mut Rng, values: &[&str]) -> Value {
    match rng.u8(..10) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!([""]),
        3 => json!(["a", "b"]),
        4 => json!(["a", "b", "c"]),
        _ => json!([any(rng, values)]),
    }
}

fn another_type(case: &mut Case, rng: &mut Rng) {
    let odd = any(rng, [json!("x"), json!(1), json!({"a": {}}), json!([1]), Value::Null]);
    match rng.u8(..7) {
        0 => *case.status() = odd,
        1 => *case.status_at(&["authenticated"]) = odd,
        2 => *case.status_at(&["user"]) = odd,
        3 => *case.status_at(&["user", "username"]) = odd,
        4 => *case.status_at(&["user", "groups"]) = odd,
        5 => *case.status_at(&["user", "extra"]) = odd,
        _ => *case.status_at(&["audiences"]) = odd,
    }
}
