//! What `explain` shows. That its verdict is the same is asserted by every test of the rows.

use std::pin::pin;
use std::task::{Context, Waker};

use serde_json::json;

use super::world::{Signature, World, mk_claims, mk_pod, set_extra};
use crate::attest::Signer;
use crate::attest::trail::Check;
use crate::cluster::api::{CallErrorKind, Extra, Pod};
use crate::outcome::Reason;
use crate::step::{Outcome, Step};

impl World {
    async fn steps(&self) -> Vec<Step> {
        let steps = self.explain().await.1.trail.expect("it was asked for").steps().to_vec();
        let words: Vec<_> = steps.iter().map(|step| step.check).collect();
        let all: Vec<_> = Check::ALL.iter().map(|check| check.word()).collect();
        assert_eq!(words, all, "every check has one step, in the order of the table");
        steps
    }

    /// The steps that are `outcome`, by name.
    pub(super) async fn those(&self, outcome: Outcome) -> Vec<&'static str> {
        let steps = self.steps().await;
        steps.iter().filter(|step| step.outcome == outcome).map(|step| step.check).collect()
    }

    pub(super) async fn step(&self, check: Check) -> Step {
        let steps = self.steps().await;
        steps.into_iter().find(|step| step.check == check.word()).expect("every check has a step")
    }
}

#[tokio::test]
async fn a_genuine_agent_passes_every_check() {
    let world = World::default();
    assert!(world.those(Outcome::Fail).await.is_empty());
    assert_eq!(world.those(Outcome::Skip).await, ["signature", "claims"], "no signing keys are loaded");
    assert_eq!(
        world.step(Check::AgentId).await.detail,
        "spiffe://example.org/spire/agent/k8s_psat/demo/node-uid-1"
    );
}

#[tokio::test]
async fn one_run_shows_all_that_is_wrong() {
    let world = World::with_pod(|pod| {
        pod.phase = "Failed".into();
        pod.service_account_name = "default".into();
    })
    .set("service_account_allow_list", json!(["other:spire-agent"]));
    assert_eq!(
        world.those(Outcome::Fail).await,
        ["service_account_allowed", "pod_service_account", "pod_phase"]
    );
    let id = world.step(Check::AgentId).await.detail;
    assert!(id.starts_with("it would be spiffe://"), "{id}");
}

#[tokio::test]
async fn a_service_account_that_is_missing_from_the_allow_list_gets_the_line_that_allows_it() {
    let step = World::default()
        .set("service_account_allow_list", json!(["b:*", "a:agent"]))
        .step(Check::ServiceAccountAllowed)
        .await;
    assert_eq!(step.reason, Some(Reason::ServiceAccountNotAllowed));
    assert!(step.detail.contains(r#""spire:spire-agent""#) && step.detail.contains(r#"["a:agent" "b:*"]"#));
    let remedy = step.remedy.expect("there is something to do");
    let line = r#"clusters.demo.service_account_allow_list = ["a:agent","b:*","spire:spire-agent"]"#;
    assert_eq!(remedy.lines().nth(1), Some(line));
}

#[tokio::test]
async fn an_audience_that_is_not_wanted_gets_the_line_that_accepts_it() {
    let error = r#"[invalid bearer token, token audiences ["a"] is invalid for the target audiences ["spire-server"]]"#;
    for (world, check) in [
        (World::reviewed(|status| status.error = error.into()), Check::TokenReview),
        (World::reviewed(|status| status.audiences = vec!["a".into()]), Check::Audience),
    ] {
        let step = world.step(check).await;
        assert_eq!(step.reason, Some(Reason::AudienceMismatch));
        let remedy = step.remedy.expect("there is something to do");
        assert_eq!(remedy.lines().nth(1), Some(r#"clusters.demo.audience = ["spire-server","a"]"#));
    }
}

#[tokio::test]
async fn an_unbound_token_gets_the_volume_that_binds_it() {
    let world = World::reviewed(|status| status.user.extra.pod_name = Extra::Absent);
    let remedy = world.step(Check::PodBound).await.remedy.expect("there is something to do");
    assert!(
        remedy.contains("serviceAccountToken:\n") && remedy.contains(r#"audience: "spire-server""#),
        "{remedy}"
    );
    assert_eq!(world.step(Check::PodFound).await.outcome, Outcome::Skip);
}

#[tokio::test]
async fn what_a_refused_token_says_is_not_looked_at() {
    for world in [
        World::reviewed(|status| status.error = "invalid bearer token".into()),
        World::reviewed(|status| status.authenticated = false),
        World { review: Err(CallErrorKind::Forbidden), ..World::default() },
    ] {
        let steps = world.steps().await;
        let failed = steps.iter().position(Step::failed).expect("the token is refused");
        assert!(steps[failed + 1..].iter().all(|step| step.outcome == Outcome::Skip), "{steps:?}");
        assert_eq!(world.those(Outcome::Fail).await.len(), 1);
    }
}

#[tokio::test]
async fn a_failed_call_is_explained_by_the_cluster() {
    let world = World { pods: vec![Err(CallErrorKind::Forbidden)], ..World::default() };
    let step = world.step(Check::PodFound).await;
    assert_eq!(step.reason, Some(Reason::ApiForbidden));
    assert_eq!(step.detail, "the cause of pod was tried");
    assert_eq!(step.remedy.as_deref(), Some("Do something about it."));
}

#[tokio::test]
async fn without_the_pod_the_tokens_own_node_is_looked_at() {
    for pods in [
        vec![Err(CallErrorKind::NotFound)],
        vec![Ok(Pod { uid: "another".into(), node_name: "node-9".into(), ..mk_pod() })],
        vec![Ok(Pod { node_name: "node-9".into(), ..mk_pod() })],
        vec![Ok(Pod { node_name: String::new(), ..mk_pod() })],
    ] {
        let step = World { pods, ..World::default() }.step(Check::NodeFound).await;
        assert_eq!((step.outcome, step.detail.as_str()), (Outcome::Pass, r#"node "node-1""#));
    }
    let unknown = World {
        pods: vec![Err(CallErrorKind::NotFound)],
        ..World::reviewed(|status| status.user.extra.node_name = Extra::Absent)
    };
    assert_eq!(unknown.step(Check::NodeFound).await.outcome, Outcome::Skip);
}

#[tokio::test]
async fn a_node_extra_that_no_url_can_hold_is_not_asked_for() {
    let world = World::reviewed(|status| set_extra(status, "node-name", &["a/b"]));
    assert_eq!(world.those(Outcome::Fail).await, ["node_claim"]);
    assert_eq!(world.step(Check::NodeFound).await.outcome, Outcome::Skip);
}

#[tokio::test]
async fn a_stale_node_is_a_warning_with_a_remedy() {
    let world = World::reviewed(|status| set_extra(status, "node-uid", &["old"]));
    let step = world.step(Check::BoundNode).await;
    assert_eq!(step.outcome, Outcome::Warn);
    let remedy = step.remedy.expect("there is something to do");
    assert_eq!(remedy.lines().nth(1), Some("kubectl delete pod agent-1 --namespace spire"));
}

#[tokio::test]
async fn a_token_that_another_cluster_signed_gets_the_line_that_names_it() {
    let rejected = || World::reviewed(|status| status.error = "invalid bearer token".into());
    for (signature, outcome) in [(Signature::Wrong, Outcome::Fail), (Signature::KeyUnknown, Outcome::Skip)] {
        let world = World { signature, signed_by: Signer::Cluster("edge"), ..rejected() };
        let step = world.step(Check::Signature).await;
        assert_eq!(step.outcome, outcome);
        assert!(step.detail.ends_with(r#"; a signing key of cluster "edge" made it"#), "{}", step.detail);
        let review = world.step(Check::TokenReview).await;
        for remedy in [step.remedy, review.remedy].into_iter().flatten() {
            assert_eq!(remedy.lines().nth(1), Some(r#"cluster = "edge""#));
        }
    }
}

/// The remedy of the check that this world fails at.
async fn remedy_of(world: World, check: Check) -> String {
    world.step(check).await.remedy.expect("there is something to do")
}

#[tokio::test]
async fn a_remedy_stands_by_itself() {
    let rejected = World::reviewed(|status| status.error = "invalid bearer token".into());
    let remedy = remedy_of(rejected, Check::TokenReview).await;
    assert!(
        remedy.contains("To try with a token as an agent should have it, make one:\nkubectl create token")
    );
    assert!(!remedy.contains("diagnostics"), "steps have no such member: {remedy}");

    let finished = World::with_pod(|pod| pod.phase = "Succeeded".into());
    let remedy = remedy_of(finished, Check::PodPhase).await;
    assert!(
        remedy.contains("If its controller is to make a successor, delete it:\nkubectl delete"),
        "{remedy}"
    );

    let without = World::reviewed(|status| status.user.extra.node_uid = Extra::Absent);
    let remedy = remedy_of(without.set("lookup", "claims".into()), Check::NodeClaim).await;
    assert!(
        remedy.contains("have pods and nodes read, which the user of the credential has to be permitted")
    );
}

#[tokio::test]
async fn an_audience_in_place_of_the_api_servers_own_is_told_as_that() {
    let error = r#"[token audiences ["a"] is invalid for the target audiences ["https://x"]]"#;
    let world = World::reviewed(|status| status.error = error.into()).set("audience", json!([]));
    let remedy = remedy_of(world, Check::TokenReview).await;
    assert!(
        remedy.starts_with("Have the agent's token made for the API server itself (no `audience`"),
        "{remedy}"
    );
    assert!(remedy.contains("and no longer the API server's own"), "{remedy}");
    assert_eq!(remedy.lines().nth(1), Some(r#"clusters.demo.audience = ["a"]"#));
}

#[tokio::test]
async fn lists_in_a_remedy_are_those_of_its_line() {
    let world =
        World::reviewed(|status| status.audiences = vec!["c".into()]).set("audience", json!(["a", "b"]));
    let remedy = remedy_of(world, Check::Audience).await;
    assert!(remedy.contains(r#"one of ["a","b"] ("#) && remedy.contains(r#"= ["a","b","c"]"#), "{remedy}");
}

#[tokio::test]
async fn what_a_second_account_on_the_allow_list_costs_is_said() {
    let other = |uid: bool| {
        let world = World::default().set("service_account_allow_list", json!(["a:agent"]));
        remedy_of(world.set("use_pod_uid_for_agent_id", uid.into()), Check::ServiceAccountAllowed)
    };
    let remedy = other(false).await;
    assert!(remedy.contains("in place of the account that it replaces; or beside it, if"), "{remedy}");
    assert!(remedy.contains("`use_pod_uid_for_agent_id` gives them different ones"), "{remedy}");
    assert!(!other(true).await.contains("in place of"));
}

#[tokio::test]
async fn a_refused_agent_gets_no_warning() {
    let mut world = World::reviewed(|status| set_extra(status, "node-uid", &["old"]));
    world.pods = vec![Ok(Pod { phase: "Failed".into(), ..mk_pod() })];
    let (verdict, findings) = world.explain().await;
    assert_eq!(verdict.expect_err("the pod has finished").reason(), Reason::PodTerminated);
    assert!(findings.warnings.is_empty(), "{:?}", findings.warnings);
    assert_eq!(world.step(Check::BoundNode).await.outcome, Outcome::Warn);
}

/// How often a future is polled until it is ready.
fn polls(future: impl Future) -> usize {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    1 + (0..1000).take_while(|_| future.as_mut().poll(&mut context).is_pending()).count()
}

#[test]
fn an_explanation_takes_no_more_time_than_an_attestation() {
    for (review_delay, delays) in [(5, (5, 5)), (2, (9, 4)), (3, (4, 9)), (9, (2, 2))] {
        for signature in [Signature::KeysUnknown, Signature::Right(mk_claims())] {
            for lookup in ["auto", "sequential", "claims"] {
                let world = World { signature: signature.clone(), review_delay, delays, ..World::default() };
                let world = world.set("lookup", lookup.into());
                let (attested, explained) = (polls(world.attest_once()), polls(world.explain()));
                assert!(
                    explained <= attested,
                    "{explained} > {attested}: {signature:?} {lookup} {review_delay} {delays:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn with_claims_neither_pod_nor_node_is_looked_at() {
    let world = World::default().set("lookup", "claims".into());
    for check in [Check::PodFound, Check::PodScheduled, Check::NodeFound, Check::NodeUid, Check::BoundNode] {
        assert_eq!(world.step(check).await.outcome, Outcome::Skip, "{check:?}");
    }
    assert_eq!(world.step(Check::NodeClaim).await.outcome, Outcome::Pass);
    let world = World::reviewed(|status| status.user.extra.node_uid = Extra::Absent);
    let step = world.set("lookup", "claims".into()).step(Check::NodeClaim).await;
    assert_eq!(step.reason, Some(Reason::ClaimsMissing));
    assert!(step.remedy.expect("there is something to do").ends_with(r#"clusters.demo.lookup = "auto""#));
}

#[tokio::test]
async fn a_name_with_more_than_a_word_stays_out_of_commands() {
    let world = World {
        pods: vec![Err(CallErrorKind::NotFound)],
        ..World::reviewed(|status| set_extra(status, "pod-name", &["a; rm -rf ~"]))
    };
    let remedy = world.step(Check::PodFound).await.remedy.expect("there is something to do");
    assert_eq!(remedy.lines().nth(1), Some("kubectl get pod POD --namespace spire"));
}
