//! What claims are taken for.

use serde_json::{Value, json};

use super::*;
use crate::config;

const EXPIRES: i64 = 1_800_000_000;

fn claims(change: impl FnOnce(&mut Value)) -> Result<Claims, &'static str> {
    Claims::read(&signed(change)).map(|(claims, _)| claims)
}

fn audiences(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let signed = signed(change);
    let (_, Audiences(audiences)) = Claims::read(&signed).unwrap();
    audiences.into_iter().map(|Text(audience)| audience.into_owned()).collect()
}

fn signed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut claims = json!({
        "aud": ["spire-server"],
        "exp": EXPIRES,
        "iat": EXPIRES - 3600,
        "iss": "https://kubernetes.default.svc",
        "jti": "b2929395",
        "kubernetes.io": {
            "namespace": "spire",
            "node": {"name": "node-1", "uid": "node-uid"},
            "pod": {"name": "agent-1", "uid": "pod-uid"},
            "serviceaccount": {"name": "spire-agent", "uid": "account-uid"},
        },
        "nbf": EXPIRES - 3600,
        "sub": "system:serviceaccount:spire:spire-agent",
    });
    change(&mut claims);
    claims.to_string().into_bytes()
}

fn judge(settings: &Value, now: Option<i64>, change: impl FnOnce(&mut Value)) -> Result<(), ClaimsFault> {
    let mut cluster = json!({"service_account_allow_list": ["spire:spire-agent"]});
    cluster.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let document = json!({"trust_domain": "example.org", "clusters": {"demo": cluster}});
    let config = config::check(document.to_string().as_bytes()).config.unwrap();
    let signed = signed(change);
    let (claims, audiences) = Claims::read(&signed).unwrap();
    claims.judge(&audiences, &config.clusters["demo"], now)
}

#[test]
fn what_kubernetes_writes_is_read() {
    let claims = claims(|_| {}).unwrap();
    assert_eq!((claims.namespace.as_str(), claims.service_account.as_str()), ("spire", "spire-agent"));
    assert_eq!(claims.pod, Some(PodClaim { name: "agent-1".into(), uid: "pod-uid".into() }));
    assert_eq!(claims.node.as_deref(), Some("node-1"));
    assert_eq!(claims.expires, Some(EXPIRES));
}

#[test]
fn what_need_not_be_there_may_be_missing() {
    let without = |claims: &mut Value| {
        let object = claims.as_object_mut().unwrap();
        object.remove("aud");
        object.remove("exp");
        let bound = object["kubernetes.io"].as_object_mut().unwrap();
        bound.remove("pod");
        bound.remove("node");
        bound["serviceaccount"].as_object_mut().unwrap().remove("uid");
    };
    let claims = claims(without).unwrap();
    assert_eq!((claims.pod, claims.node, claims.expires), (None, None, None));
    assert!(audiences(without).is_empty());
}

#[test]
fn an_audience_is_a_text_or_a_list_of_texts() {
    assert_eq!(audiences(|claims| claims["aud"] = json!("a")), ["a"]);
    assert_eq!(audiences(|claims| claims["aud"] = json!(["a", "b\""])), ["a", "b\""]);
    for wrong in [json!(1), json!([1]), json!({"a": "b"}), json!([["a"]])] {
        assert!(claims(|claims| claims["aud"] = wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_subject_that_contradicts_the_other_claims_makes_them_useless() {
    for subject in [
        "system:serviceaccount:spire:other",
        "system:serviceaccount:other:spire-agent",
        "system:serviceaccount:spire:spire-agent ",
        "system:node:node-1",
        "",
    ] {
        let read = claims(|claims| claims["sub"] = json!(subject));
        assert_eq!(read, Err("its sub contradicts its kubernetes.io claims"), "{subject}");
    }
    assert!(claims(|claims| drop(claims.as_object_mut().unwrap().remove("sub"))).is_err());
    assert!(claims(|claims| drop(claims.as_object_mut().unwrap().remove("kubernetes.io"))).is_err());
}

#[test]
fn names_that_read_in_two_ways_make_claims_useless() {
    let of = |namespace: &str, name: &str| {
        claims(|claims| {
            claims["sub"] = json!(format!("system:serviceaccount:{namespace}:{name}"));
            claims["kubernetes.io"]["namespace"] = json!(namespace);
            claims["kubernetes.io"]["serviceaccount"]["name"] = json!(name);
        })
    };
    assert!(of("spire", "agent").is_ok());
    for (namespace, name) in [("a", "b:c"), ("a:b", "c"), ("", "c"), ("a", ""), ("..", "c"), ("a/b", "c")] {
        assert!(of(namespace, name).is_err(), "{namespace} {name}");
    }
}

#[test]
fn types_are_kubernetes_own() {
    for (place, wrong) in [
        ("/exp", json!("1800000000")),
        ("/exp", json!(true)),
        ("/sub", json!(["system:serviceaccount:spire:spire-agent"])),
        ("/kubernetes.io", json!([])),
        ("/kubernetes.io/namespace", json!(7)),
        ("/kubernetes.io/pod", json!("agent-1")),
        ("/kubernetes.io/pod/name", json!(["agent-1"])),
        ("/kubernetes.io/pod/uid", Value::Null),
        ("/kubernetes.io/pod/uid", json!("")),
        ("/kubernetes.io/pod/name", json!("../secrets")),
        ("/kubernetes.io/node", json!("node-1")),
        ("/kubernetes.io/node/uid", json!(1)),
        ("/kubernetes.io/serviceaccount", json!("spire-agent")),
    ] {
        let read = claims(|claims| *claims.pointer_mut(place).unwrap() = wrong.clone());
        assert!(read.is_err(), "{place} {wrong}: {read:?}");
    }
    let unfit_node = claims(|claims| claims["kubernetes.io"]["node"]["name"] = json!("a/b")).unwrap();
    assert_eq!(unfit_node.node, None, "the pod names its node as well");
}

#[test]
fn a_key_that_stands_twice_makes_claims_useless() {
    let twice = r#"{"sub":"system:serviceaccount:spire:a","sub":"system:serviceaccount:spire:b",
        "kubernetes.io":{"namespace":"spire","serviceaccount":{"name":"b"}}}"#;
    assert!(Claims::read(twice.as_bytes()).is_err());
    for no_object in ["", "[]", "null", "\"\"", "{"] {
        assert!(Claims::read(no_object.as_bytes()).is_err(), "{no_object}");
    }
}

#[test]
fn only_what_expired_long_ago_by_the_clusters_clock_is_refused() {
    let at = |now| judge(&json!({}), now, |_| {});
    assert_eq!(at(None), Ok(()), "without a clock TokenReview decides");
    assert_eq!(at(Some(EXPIRES - 10)), Ok(()));
    assert_eq!(at(Some(EXPIRES + 300)), Ok(()), "TokenReview decides about what has just expired");
    assert_eq!(at(Some(EXPIRES + 301)), Err(ClaimsFault::Expired { seconds: 301 }));
    assert_eq!(judge(&json!({}), Some(i64::MAX), |claims| claims["exp"] = json!(1e300)), Ok(()));
    let ancient = judge(&json!({}), Some(EXPIRES), |claims| claims["exp"] = json!(-1e300));
    assert_eq!(ancient, Err(ClaimsFault::Expired { seconds: i64::MAX }));
}

#[test]
fn a_token_for_others_is_refused_unless_its_audience_is_not_asked() {
    let other = |claims: &mut Value| claims["aud"] = json!(["vault", "aws"]);
    let Err(fault) = judge(&json!({}), None, other) else { panic!("it is for others") };
    assert_eq!(fault.reason(), Reason::AudienceMismatch);
    assert!(fault.detail().ends_with(r#"it is for ["vault" "aws"], wanted is one of ["spire-server"]"#));
    assert_eq!(judge(&json!({"audience": ["x", "aws"]}), None, other), Ok(()));
    assert_eq!(judge(&json!({"audience": []}), None, other), Ok(()));
    let without = |claims: &mut Value| claims["aud"] = json!([]);
    assert_eq!(judge(&json!({}), None, without), Ok(()), "it may be for the API server's own audience");
}

#[test]
fn of_many_audiences_a_few_are_told() {
    let detail = |audiences: Vec<String>| {
        let fault = judge(&json!({}), None, |claims| claims["aud"] = json!(audiences));
        fault.expect_err("it is for others").detail()
    };
    let short = detail((0..1000).map(|number| format!("a{number}")).collect());
    assert!(
        short.ends_with(
            r#"it is for ["a0" "a1" "a2" "a3" "a4" "a5" "a6" "a7"] and 992 more, wanted is one of ["spire-server"]"#
        ),
        "{short}"
    );
    let long = detail((0..1000).map(|number| format!("{number}{}", "\n".repeat(1000))).collect());
    assert!(long.chars().count() < 700, "{}", long.len());
    assert!(long.ends_with(r#"… and 992 more, wanted is one of ["spire-server"]"#), "{long}");
}

#[test]
fn an_account_that_is_not_allowed_and_a_token_without_pod_are_refused() {
    let list = json!({"service_account_allow_list": ["spire:other"]});
    let fault = judge(&list, None, |_| {}).unwrap_err();
    assert_eq!(fault, ClaimsFault::NotAllowed { account: "spire:spire-agent".into() });
    assert_eq!(fault.reason(), Reason::ServiceAccountNotAllowed);

    let without_pod =
        |claims: &mut Value| drop(claims["kubernetes.io"].as_object_mut().unwrap().remove("pod"));
    assert_eq!(judge(&json!({}), None, without_pod), Err(ClaimsFault::NoPod));
    assert_eq!(judge(&list, None, without_pod), Err(fault), "rows count in their order");
}
