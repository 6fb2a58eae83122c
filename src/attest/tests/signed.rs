//! Row 9, refusals by authentic claims, and the one round trip.

use serde_json::{Value, json};

use super::world::{Signature, World, mk_claims, mk_pod};
use crate::attest::trail::Check;
use crate::cluster::api::{CallErrorKind, Extra, Pod};
use crate::outcome::{ErrorStyle, Reason, grpc};
use crate::step::Outcome;

const THREE_CALLS: [&str; 3] = ["token_review", "pod spire/agent-1", "node node-1"];

fn of_pod(claims: &mut Value) -> &mut Value {
    &mut claims["kubernetes.io"]["pod"]
}

#[tokio::test]
async fn a_wrong_signature_is_refused_without_a_call() {
    let world = World { signature: Signature::Wrong, ..World::default() };
    let refusal = world.refusal().await;
    assert_eq!(refusal.reason(), Reason::SignatureInvalid);
    assert!(refusal.is_by_token_alone() && world.asked().is_empty());
}

#[tokio::test]
async fn what_its_own_claims_refuse_needs_no_call() {
    for (world, reason) in [
        (World::signed(|claims| claims["exp"] = json!(1_700_000_000)), Reason::TokenExpired),
        (World::signed(|claims| claims["aud"] = json!("vault")), Reason::AudienceMismatch),
        (
            World::signed(|_| {}).set("service_account_allow_list", json!(["spire:other"])),
            Reason::ServiceAccountNotAllowed,
        ),
        (World::signed(|claims| *of_pod(claims) = Value::Null), Reason::TokenNotPodBound),
    ] {
        for lookup in ["auto", "sequential", "claims"] {
            let world = World {
                signature: world.signature.clone(),
                settings: world.settings.clone(),
                ..World::default()
            }
            .set("lookup", lookup.into());
            let refusal = world.refusal().await;
            assert_eq!(refusal.reason(), reason, "{lookup}");
            assert!(refusal.is_by_token_alone() && world.asked().is_empty(), "{reason:?} {lookup}");
        }
    }
}

#[tokio::test]
async fn an_hour_between_the_clocks_refuses_nobody() {
    let expired = |now| World { now, ..World::signed(|_| {}) };
    expired(Some(1_800_000_000 + 301)).refuses(Reason::TokenExpired).await;
    assert!(expired(Some(1_800_000_000 + 300)).attest().await.0.is_ok(), "TokenReview decides");
    assert!(expired(None).attest().await.0.is_ok(), "without the cluster's time TokenReview decides");
}

#[tokio::test]
async fn refusals_by_the_token_alone_speak_upstreams_words_where_that_is_wanted() {
    let upstream = |world: World| World { style: "upstream", ..world }.set("verify_signature", "auto".into());
    let review = r#"unable to validate token with TokenReview API for cluster "demo""#;
    let account = r#""spire:spire-agent" is not an allowed service account for cluster "demo""#;
    for (world, code, message) in [
        (World { signature: Signature::Wrong, ..World::default() }, grpc::INTERNAL, review),
        (World::signed(|claims| claims["exp"] = json!(0)), grpc::INTERNAL, review),
        (World::signed(|claims| claims["aud"] = json!(["a"])), grpc::INTERNAL, review),
        (World::signed(|claims| *of_pod(claims) = Value::Null), grpc::INTERNAL, review),
        (
            World::signed(|_| {}).set("service_account_allow_list", json!(["a:b"])),
            grpc::PERMISSION_DENIED,
            account,
        ),
    ] {
        let world = upstream(world);
        let refusal = world.refusal().await;
        assert_eq!(refusal.code(ErrorStyle::Upstream), code, "{refusal:?}");
        assert_eq!(refusal.message(ErrorStyle::Upstream, "demo").as_str(), message, "{refusal:?}");
        assert!(world.asked().is_empty());
    }
}

#[tokio::test]
async fn in_precise_style_they_speak_the_words_of_their_rows() {
    for (world, message) in [
        (World { signature: Signature::Wrong, ..World::default() }, r#"token refused for cluster "demo""#),
        (
            World::signed(|claims| *of_pod(claims) = Value::Null),
            r#"failed to get pod name from token review status for cluster "demo""#,
        ),
    ] {
        assert_eq!(world.refusal().await.message(ErrorStyle::Precise, "demo").as_str(), message);
    }
}

#[tokio::test]
async fn authentic_claims_make_it_one_round_trip() {
    let world = World { review_delay: 5, ..World::signed(|_| {}) };
    let (verdict, findings) = world.attest().await;
    assert!(verdict.is_ok());
    assert_eq!(findings.lookup, Some("one_round_trip"));
    assert_eq!(world.asked(), THREE_CALLS, "all before TokenReview has answered");
    assert!(findings.reviewed);
}

#[tokio::test]
async fn a_token_that_names_no_node_has_the_pod_name_it() {
    let world = World {
        signature: World::signed(|claims| claims["kubernetes.io"]["node"] = Value::Null).signature,
        ..World::reviewed(|status| {
            status.user.extra.node_name = Extra::Absent;
            status.user.extra.node_uid = Extra::Absent;
        })
    };
    let (verdict, findings) = world.attest().await;
    assert!(verdict.is_ok());
    assert_eq!(
        (findings.lookup, world.asked()),
        (Some("one_round_trip"), THREE_CALLS.map(String::from).to_vec())
    );
}

#[tokio::test]
async fn claims_accept_nobody() {
    for world in [
        World::reviewed(|status| status.error = "invalid bearer token".into()),
        World::reviewed(|status| status.authenticated = false),
        World { review: Err(CallErrorKind::Forbidden), ..World::default() },
    ] {
        let world = World { signature: Signature::Right(mk_claims()), review_delay: 9, ..world };
        let (verdict, findings) = world.attest().await;
        assert!(verdict.is_err() && !findings.reviewed);
    }
}

#[tokio::test]
async fn a_refusal_by_tokenreview_ends_it_though_pod_and_node_never_answer() {
    let world = World {
        signature: Signature::Right(mk_claims()),
        delays: (usize::MAX, usize::MAX),
        ..World::reviewed(|status| status.error = "service account token has been invalidated".into())
    };
    let refusal = world.attest_once().await.0.expect_err("TokenReview refuses");
    assert_eq!(refusal.reason(), Reason::TokenRejected);
    assert!(!refusal.is_by_token_alone());
}

#[tokio::test]
async fn a_bad_pod_ends_it_though_the_node_never_answers() {
    let world = World {
        signature: Signature::Right(mk_claims()),
        delays: (3, usize::MAX),
        ..World::with_pod(|pod| pod.phase = "Failed".into())
    };
    let (verdict, _) = world.attest_once().await;
    assert_eq!(verdict.expect_err("the pod has finished").reason(), Reason::PodTerminated);
}

#[tokio::test]
async fn where_claims_and_extras_disagree_the_extras_are_asked_for() {
    let changes: [fn(&mut Value); 4] = [
        |claims| of_pod(claims)["name"] = json!("agent-9"),
        |claims| of_pod(claims)["uid"] = json!("pod-uid-9"),
        |claims| claims["kubernetes.io"]["node"]["name"] = json!("node-9"),
        |claims| claims["kubernetes.io"]["node"] = Value::Null,
    ];
    for change in changes {
        let world = World::signed(change);
        let (verdict, findings) = world.attest().await;
        let attributes = verdict.expect("the extras are good");
        assert!(attributes.selector_values.contains(&"agent_pod_name:agent-1".to_owned()));
        assert_eq!(findings.lookup, Some("two_round_trips"));
        let asked = world.asked();
        assert_eq!(
            asked.iter().filter(|one| *one == "token_review").count(),
            1,
            "pod and node alone are asked again"
        );
        assert_eq!(asked[asked.len() - 2..], THREE_CALLS[1..]);
    }
}

#[tokio::test]
async fn a_failure_of_a_pod_that_only_the_claims_named_counts_for_nothing() {
    let missing_at_first = vec![Err(CallErrorKind::NotFound), Ok(mk_pod())];
    let world =
        World { pods: missing_at_first, ..World::signed(|claims| of_pod(claims)["uid"] = json!("x")) };
    assert!(world.attest_once().await.0.is_ok());
}

#[tokio::test]
async fn a_pod_that_was_replaced_meanwhile_gets_its_fresh_look() {
    let old = Ok(Pod { uid: "old".into(), ..mk_pod() });
    let world = World { pods: vec![old, Ok(mk_pod())], ..World::signed(|_| {}) };
    assert!(world.attest_once().await.0.is_ok());
    assert_eq!(world.asked().len(), 4);
}

#[tokio::test]
async fn claims_that_are_not_kubernetes_own_leave_it_to_tokenreview() {
    for change in [
        (|claims| claims["sub"] = json!("system:serviceaccount:spire:other")) as fn(&mut Value),
        |claims| claims["kubernetes.io"] = json!({}),
        |claims| of_pod(claims)["uid"] = json!(7),
        |claims| *claims = json!([]),
    ] {
        let world = World::signed(change);
        let (verdict, findings) = world.attest().await;
        assert!(verdict.is_ok());
        assert_eq!(findings.lookup, Some("two_round_trips"));
        assert_eq!(world.step(Check::Signature).await.outcome, Outcome::Skip);
    }
}

#[tokio::test]
async fn other_lookups_go_their_way_with_authentic_claims_too() {
    for (lookup, calls) in [("sequential", 3), ("claims", 1)] {
        let world = World::signed(|_| {}).set("lookup", lookup.into());
        let (verdict, findings) = world.attest().await;
        assert!(verdict.is_ok());
        assert_eq!((findings.lookup, world.asked().len()), (Some(lookup), calls));
    }
}

#[tokio::test]
async fn an_unknown_key_leaves_it_to_tokenreview() {
    let world = World { signature: Signature::KeyUnknown, ..World::default() };
    let (verdict, findings) = world.attest().await;
    assert!(verdict.is_ok() && findings.reviewed);
    assert_eq!(findings.lookup, Some("two_round_trips"));
    let step = world.step(Check::Signature).await;
    assert_eq!(step.outcome, Outcome::Skip);
    assert!(step.detail.ends_with("TokenReview decides"), "{}", step.detail);
}

#[tokio::test]
async fn what_refuses_by_itself_is_explained_and_so_is_what_comes_after() {
    let list = json!(["spire:other"]);
    let world = World::signed(|_| {}).set("service_account_allow_list", list);
    assert_eq!(world.those(Outcome::Fail).await, ["claims", "service_account_allowed"]);
    let remedy = world.step(Check::Claims).await.remedy.expect("there is something to do");
    assert!(
        remedy.contains(r#"clusters.demo.service_account_allow_list = ["spire:other","spire:spire-agent"]"#)
    );

    let world = World {
        signature: Signature::Wrong,
        ..World::reviewed(|status| status.error = "invalid bearer token".into())
    };
    assert_eq!(world.those(Outcome::Fail).await, ["signature", "token_review"]);
    assert_eq!(world.step(Check::Claims).await.outcome, Outcome::Skip);

    let world = World::signed(|claims| claims["exp"] = json!(0));
    let step = world.step(Check::Claims).await;
    assert_eq!(step.reason, Some(Reason::TokenExpired));
    assert!(step.remedy.expect("there is something to do").contains("kubectl create token spire-agent"));
    assert_eq!(World::signed(|_| {}).those(Outcome::Skip).await, Vec::<&str>::new());
}
