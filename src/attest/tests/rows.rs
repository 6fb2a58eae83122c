//! The rows of the table, one test each.

use super::world::{World, mk_pod, set_extra};
use crate::cluster::api::{CallErrorKind, Extra, Node, Pod};
use crate::outcome::{ErrorStyle, Reason};

#[tokio::test]
async fn a_genuine_agent_gets_its_id_and_selectors() {
    let world = World::default()
        .set("allowed_node_label_keys", serde_json::json!(["zone", "region", "absent"]))
        .set("allowed_pod_label_keys", serde_json::json!(["tier"]));
    let (verdict, findings) = world.attest().await;
    let attributes = verdict.expect("the agent is genuine");
    assert_eq!(attributes.spiffe_id, "spiffe://example.org/spire/agent/k8s_psat/demo/node-uid-1");
    assert_eq!(
        attributes.selector_values,
        [
            "cluster:demo",
            "agent_ns:spire",
            "agent_sa:spire-agent",
            "agent_pod_name:agent-1",
            "agent_pod_uid:pod-uid-1",
            "agent_node_ip:10.0.0.1",
            "agent_node_name:node-1",
            "agent_node_uid:node-uid-1",
            "agent_node_label:region:a",
            "agent_node_label:zone:b",
            "agent_pod_label:tier:node",
        ]
    );
    assert!(attributes.can_reattest);
    assert_eq!(findings.lookup, Some("two_round_trips"));
    assert_eq!(findings.credential_id.as_deref(), Some("JTI=1"));
    assert!(findings.warnings.is_empty());
    assert_eq!(world.asked(), ["token_review", "pod spire/agent-1", "node node-1"]);
}

#[tokio::test]
async fn the_order_of_answers_changes_nothing() {
    for delays in [(0, 5), (5, 0), (3, 3)] {
        let world = World { delays, ..World::default() };
        assert!(world.attest().await.0.is_ok(), "{delays:?}");
        let world = World {
            delays,
            node: Err(CallErrorKind::Forbidden),
            ..World::with_pod(|p| p.phase = "Failed".into())
        };
        world.refuses(Reason::PodTerminated).await;
        let world = World { delays, node: Err(CallErrorKind::NotFound), ..World::default() };
        world.refuses(Reason::NodeNotFound).await;
    }
}

#[tokio::test]
async fn sequential_asks_one_after_the_other() {
    let world = World::default().set("lookup", "sequential".into());
    let (verdict, findings) = world.attest().await;
    assert!(verdict.is_ok());
    assert_eq!(findings.lookup, Some("sequential"));
}

#[tokio::test]
async fn without_a_node_extra_the_pod_names_the_node() {
    let world = World::reviewed(|status| {
        status.user.extra.node_name = Extra::Absent;
        status.user.extra.node_uid = Extra::Absent;
    });
    let (verdict, findings) = world.attest().await;
    assert!(verdict.is_ok());
    assert_eq!(findings.lookup, Some("sequential"));
}

#[tokio::test]
async fn claims_alone_make_one_call_and_know_no_address() {
    let world = World::default().set("lookup", "claims".into());
    let (verdict, findings) = world.attest().await;
    let attributes = verdict.expect("the extras are complete");
    assert_eq!(attributes.selector_values.len(), 7);
    assert!(!attributes.selector_values.iter().any(|s| s.starts_with("agent_node_ip")));
    assert_eq!(findings.lookup, Some("claims"));
    assert_eq!(world.asked(), ["token_review"]);
}

#[tokio::test]
async fn claims_alone_need_both_node_extras_once() {
    for (key, values) in [("node-name", &[][..]), ("node-uid", &["a", "b"]), ("node-uid", &[""])] {
        let world = World::reviewed(|status| set_extra(status, key, values));
        world.set("lookup", "claims".into()).refuses(Reason::ClaimsMissing).await;
    }
}

#[tokio::test]
async fn row_11_an_error_of_the_review_is_a_rejection_with_its_own_reason() {
    for (error, reason) in [
        ("invalid bearer token", Reason::TokenRejected),
        ("[invalid bearer token, service account token has expired]", Reason::TokenExpired),
        (
            r#"[invalid bearer token, token audiences ["a"] is invalid for the target audiences ["b"]]"#,
            Reason::AudienceMismatch,
        ),
    ] {
        let world = World::reviewed(|status| status.error = error.into());
        let refusal = world.refusal().await;
        assert_eq!(refusal.reason(), reason, "{error}");
        assert_eq!(
            refusal.message(ErrorStyle::Precise, "demo").as_str(),
            r#"unable to validate token with TokenReview API for cluster "demo""#
        );
        assert_eq!(
            refusal.message(ErrorStyle::Upstream, "demo").as_str(),
            format!(
                r#"unable to validate token with TokenReview API for cluster "demo": token review API response contains an error: {error}"#
            )
        );
    }
}

#[tokio::test]
async fn row_12_an_unauthenticated_token_is_refused() {
    World::reviewed(|status| status.authenticated = false).refuses(Reason::TokenNotAuthenticated).await;
}

#[tokio::test]
async fn row_13_the_server_must_know_a_wanted_audience() {
    let world = World::reviewed(|status| status.audiences = vec!["b".into(), "c".into()]);
    let refusal = world.refusal().await;
    assert_eq!(refusal.reason(), Reason::AudienceMismatch);
    assert!(
        refusal
            .message(ErrorStyle::Upstream, "demo")
            .as_str()
            .ends_with(r#"did not validate audience: wanted one of ["spire-server"] but got ["b" "c"]"#)
    );
    let world = World::reviewed(|status| status.audiences.clear()).set("audience", serde_json::json!([]));
    assert!(world.attest().await.0.is_ok(), "no audience is wanted, so none is missing");
}

#[tokio::test]
async fn row_14_only_a_service_account_with_its_groups_attests() {
    for (username, upstream) in [
        ("", 13),
        ("system:serviceaccount:spire", 13),
        ("system:serviceaccount::spire-agent", 13),
        ("system:serviceaccount:spire:", 13),
        ("system:anonymous", 13),
        ("system:node:spire:spire-agent", 7),
        ("system:serviceaccount:..:spire-agent", 7),
        ("system:serviceaccount:spire:a/b", 7),
    ] {
        let refusal = World::reviewed(|status| status.user.username = username.into()).refusal().await;
        assert_eq!(refusal.reason(), Reason::NotAServiceAccount, "{username}");
        assert_eq!(refusal.code(ErrorStyle::Precise), 7, "{username}");
        assert_eq!(refusal.code(ErrorStyle::Upstream), upstream, "{username}");
    }
    for missing in 0..2 {
        let world = World::reviewed(|status| drop(status.user.groups.remove(missing)));
        world.refuses(Reason::NotAServiceAccount).await;
    }
}

#[tokio::test]
async fn row_15_the_service_account_must_be_allowed() {
    let world = World::default().set("service_account_allow_list", serde_json::json!(["other:spire-agent"]));
    let refusal = world.refusal().await;
    assert_eq!(refusal.reason(), Reason::ServiceAccountNotAllowed);
    assert_eq!(
        refusal.message(ErrorStyle::Precise, "demo").as_str(),
        r#""spire:spire-agent" is not an allowed service account for cluster "demo""#
    );
}

#[tokio::test]
async fn row_16_the_token_must_be_bound_to_one_pod() {
    for (key, values, words) in [
        ("pod-name", &[][..], "expected 1 name but got: 0"),
        ("pod-name", &["a", "b"], "expected 1 name but got: 2"),
        ("pod-name", &[""], "pod name is empty"),
        ("pod-uid", &["a", "b"], "expected 1 UID but got: 2"),
        ("pod-uid", &[""], "pod UID is empty"),
    ] {
        let world = World::reviewed(|status| set_extra(status, key, values));
        let refusal = world.refusal().await;
        assert_eq!(refusal.reason(), Reason::TokenNotPodBound, "{key} {values:?}");
        let message = refusal.message(ErrorStyle::Upstream, "demo").into_string();
        assert!(message.ends_with(words), "{message}");
    }
    for name in ["..", "a/b", "a%2Fb"] {
        let world = World::reviewed(|status| set_extra(status, "pod-name", &[name]));
        world.refuses(Reason::TokenNotPodBound).await;
    }
}

#[tokio::test]
async fn rows_17_and_23_missing_objects_have_reasons_of_their_own() {
    let world = World { pods: vec![Err(CallErrorKind::NotFound)], ..World::default() };
    world.refuses(Reason::PodNotFound).await;
    let world = World { node: Err(CallErrorKind::NotFound), ..World::default() };
    world.refuses(Reason::NodeNotFound).await;
    let world = World { review: Err(CallErrorKind::Status), ..World::default() };
    world.refuses(Reason::ApiError).await;
}

#[tokio::test]
async fn row_18_a_replaced_pod_gets_one_fresh_look() {
    let old = Pod { uid: "pod-uid-0".into(), ..mk_pod() };
    let world = World { pods: vec![Ok(old.clone()), Ok(mk_pod())], ..World::default() };
    assert!(world.attest().await.0.is_ok(), "the second look shows the right pod");

    let world = World { pods: vec![Ok(old)], ..World::default() };
    let refusal = world.refusal().await;
    assert_eq!(refusal.reason(), Reason::PodUidMismatch);
    assert_eq!(
        refusal.message(ErrorStyle::Upstream, "demo").as_str(),
        r#"pod UID mismatch for pod "agent-1" in cluster "demo": token bound to pod UID "pod-uid-1""#
    );
    assert_eq!(world.asked().iter().filter(|question| question.starts_with("pod")).count(), 2);
}

#[tokio::test]
async fn rows_19_to_22_the_pod_must_be_the_tokens_alive_and_placed() {
    for account in ["", "default"] {
        World::with_pod(|pod| pod.service_account_name = account.into())
            .refuses(Reason::PodServiceAccountMismatch)
            .await;
    }
    for phase in ["Succeeded", "Failed"] {
        World::with_pod(|pod| pod.phase = phase.into()).refuses(Reason::PodTerminated).await;
    }
    for phase in ["Pending", "Running", "Unknown", ""] {
        let world = World::with_pod(|pod| pod.phase = phase.into());
        assert!(world.attest().await.0.is_ok(), "{phase}");
    }
    World::with_pod(|pod| pod.node_name.clear()).refuses(Reason::PodNotScheduled).await;
    World::with_pod(|pod| pod.node_name = "node-2".into()).refuses(Reason::NodeClaimMismatch).await;
    for names in [&["node-1", "node-1"][..], &[""]] {
        let world = World::reviewed(|status| set_extra(status, "node-name", names));
        world.refuses(Reason::NodeClaimMismatch).await;
    }
    let world = World::reviewed(|status| set_extra(status, "node-name", &[]));
    assert!(world.attest().await.0.is_ok(), "an empty list is absent");
}

#[tokio::test]
async fn a_node_name_that_no_url_can_hold_is_a_bad_answer() {
    let world = World {
        pods: vec![Ok(Pod { node_name: "a/b".into(), ..mk_pod() })],
        ..World::reviewed(|status| status.user.extra.node_name = Extra::Absent)
    };
    world.refuses(Reason::ApiBadResponse).await;
}

#[tokio::test]
async fn row_24_the_node_must_have_a_uid() {
    let world = World { node: Ok(Node::default()), ..World::default() };
    world.refuses(Reason::NodeUidEmpty).await;
}

#[tokio::test]
async fn row_25_the_id_must_be_a_valid_spiffe_id() {
    for uid in ["a/b", "..", "a b", "ü"] {
        let node = Node { uid: uid.into(), ..Node::default() };
        World { node: Ok(node), ..World::default() }.refuses(Reason::IdInvalid).await;
    }
    let of_length = |bytes: usize| {
        let uid = "u".repeat(bytes - "spiffe://example.org/spire/agent/k8s_psat/demo/".len());
        World { node: Ok(Node { uid, ..Node::default() }), ..World::default() }
    };
    assert!(of_length(2048).attest().await.0.is_ok());
    of_length(2049).refuses(Reason::IdInvalid).await;
}

#[tokio::test]
async fn row_26_an_earlier_node_is_a_warning_or_a_refusal() {
    let stale = || World::reviewed(|status| set_extra(status, "node-uid", &["old"]));
    let (verdict, findings) = stale().attest().await;
    assert!(verdict.is_ok());
    assert!(findings.warnings[0].starts_with("NODE_UID_STALE"), "{:?}", findings.warnings);
    stale().set("require_node_uid_match", true.into()).refuses(Reason::NodeUidMismatch).await;
}

#[tokio::test]
async fn pod_identities_are_made_of_the_pods_uid() {
    let world = World::default().set("use_pod_uid_for_agent_id", true.into());
    let attributes = world.attest().await.0.expect("the agent is genuine");
    assert_eq!(attributes.spiffe_id, "spiffe://example.org/spire/agent/k8s_psat/demo/pod/pod-uid-1");
}

#[tokio::test]
async fn every_failure_of_a_call_has_its_code_and_the_calls_words() {
    use CallErrorKind::*;
    for (kind, precise) in [
        (CredentialsUnavailable, 9),
        (Unreachable, 14),
        (Unauthenticated, 9),
        (Forbidden, 9),
        (Throttled, 14),
        (Status, 14),
        (BadResponse, 13),
        (DeadlineExceeded, 4),
    ] {
        let worlds = [
            (
                World { review: Err(kind), ..World::default() },
                "unable to validate token with TokenReview API",
            ),
            (World { pods: vec![Err(kind)], ..World::default() }, "failed to get pod from k8s API server"),
            (World { node: Err(kind), ..World::default() }, "failed to get node from k8s API server"),
        ];
        for (world, words) in worlds {
            let refusal = world.refusal().await;
            assert_eq!(refusal.code(ErrorStyle::Precise), precise, "{kind:?}");
            assert_eq!(refusal.code(ErrorStyle::Upstream), 13, "{kind:?}");
            for style in [ErrorStyle::Precise, ErrorStyle::Upstream] {
                let message = refusal.message(style, "demo").into_string();
                assert_eq!(message, format!(r#"{words} for cluster "demo""#));
            }
        }
    }
}
