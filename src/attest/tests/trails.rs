//! How the trail of an explanation tells what became of row 9, and how it ends.

use std::time::Duration;

use super::world::mk_claims;
use crate::attest::claims::Claims;
use crate::attest::{Check, Facts, Refusal, Standing, Trail, shown};
use crate::cluster::keys::KeyState;
use crate::outcome::Reason;
use crate::step::{Outcome, Step};

/// A trail on which all before `check` holds.
fn at(check: Check) -> Trail {
    let mut trail = Trail::default();
    trail.pass_up_to(check);
    trail
}

/// The step of row 9.
fn signature_step(judged: Result<&Standing, &Refusal>, keys: &KeyState) -> Step {
    let mut trail = at(Check::Signature);
    shown(&mut trail, judged, keys, &Facts::default());
    trail.steps().iter().find(|step| step.check == "signature").expect("it was shown").clone()
}

#[test]
fn why_a_signature_is_not_judged_is_said() {
    let unknown = Standing::Unknown { why: "it fits too many keys", kid: None };
    let unreadable = KeyState::Unreadable { cause: "403 Forbidden".into() };
    for (standing, keys, why) in [
        (Standing::NotJudged, &unreadable, "verify_signature is off"),
        (unknown, &unreadable, "it fits too many keys"),
        (Standing::KeysUnknown, &unreadable, "the cluster's signing keys cannot be read: 403 Forbidden"),
        (Standing::KeysUnknown, &KeyState::NotRead, "the cluster's signing keys are not known yet"),
    ] {
        let step = signature_step(Ok(&standing), keys);
        assert_eq!((step.outcome, step.detail), (Outcome::Skip, format!("{why}: TokenReview decides")));
    }
}

#[test]
fn a_right_signature_is_told_with_the_number_of_keys() {
    let text = mk_claims().to_string();
    let (claims, _) = Claims::read(text.as_bytes()).expect("they are Kubernetes' own");
    let authentic = Standing::Authentic(Box::new(claims));
    for (keys, detail) in [
        (
            KeyState::Known { keys: 2, age: Duration::ZERO },
            "right under a signing key of the cluster (2 known)",
        ),
        (KeyState::NotRead, "right under a signing key of the cluster"),
    ] {
        let step = signature_step(Ok(&authentic), &keys);
        assert_eq!((step.outcome, step.detail.as_str()), (Outcome::Pass, detail));
    }
}

/// The steps of a trail that ends with `refusal`.
fn closed(mut trail: Trail, refusal: &Refusal) -> Vec<Step> {
    trail.close(Some(refusal), &Facts::default());
    assert_eq!(trail.steps().len(), Check::ALL.len(), "every check has one step");
    trail.steps().to_vec()
}

fn all_are(steps: &[Step], outcome: Outcome) -> bool {
    steps.iter().all(|step| step.outcome == outcome)
}

fn all_skipped(steps: &[Step], why: &str) -> bool {
    all_are(steps, Outcome::Skip) && steps.iter().all(|step| step.detail == why)
}

#[test]
fn a_refusal_before_any_call_fails_its_check_and_what_is_before_it_holds() {
    let steps = closed(Trail::default(), &Refusal::ClusterMissing);
    assert!(all_are(&steps[..4], Outcome::Pass), "{steps:?}");
    assert_eq!((steps[4].check, steps[4].reason), ("cluster_named", Some(Reason::ClusterMissing)));
    assert!(all_skipped(&steps[5..], "a check before it failed"), "{steps:?}");
}

#[test]
fn without_a_slot_nothing_is_said_of_a_signature_that_was_not_judged() {
    let steps = closed(Trail::default(), &Refusal::Overloaded { why: "the queue is full" });
    assert!(all_are(&steps[..8], Outcome::Pass), "{steps:?}");
    assert!(
        all_skipped(&steps[8..10], "not judged yet: the cluster's signing keys are not known"),
        "{steps:?}"
    );
    assert_eq!((steps[10].check, steps[10].reason), ("slot", Some(Reason::Overloaded)));
    assert!(all_skipped(&steps[11..], "a check before it failed"), "{steps:?}");
}

#[test]
fn an_end_that_no_check_made_leaves_the_rest_with_its_meaning() {
    for refusal in [Refusal::Canceled, Refusal::Overloaded { why: "it had a slot before" }] {
        let steps = closed(at(Check::TokenReview), &refusal);
        assert!(all_are(&steps[..11], Outcome::Pass), "what was shown stays: {steps:?}");
        assert!(all_skipped(&steps[11..], refusal.reason().row().meaning), "{steps:?}");
    }
}

#[test]
fn what_may_not_be_shown_is_forgotten() {
    let mut trail = at(Check::TokenReview);
    trail.clear("it would repeat a credential");
    assert_eq!(trail.steps().len(), Check::ALL.len());
    assert!(all_skipped(trail.steps(), "it would repeat a credential"));
}
