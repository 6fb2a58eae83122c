//! A credential that does not arrive: nobody is to be told to let anybody in.

use devcluster::{Credential, Reviewer};

use super::*;

const REVIEW: &str = r#"{"kind":"SelfSubjectReview","status":{"userInfo":{"username":"system:anonymous"}}}"#;

const WITHOUT: &str = "Give the kubeconfig's user a client certificate or a token.";

/// Answers as kube-apiserver does whoever shows it no credential, but may ask who he is if `known`.
fn anonymous(known: bool) -> Handler {
    answering(move |request| match request.uri().path() {
        "/version" => sound("/version"),
        path if path.ends_with("/selfsubjectreviews") && known => (201, REVIEW.to_owned()),
        path => {
            let message =
                format!(r#"x is forbidden: User \"system:anonymous\" cannot create resource \"{path}\""#);
            (403, format!(r#"{{"kind":"Status","message":"{message}"}}"#))
        }
    })
}

/// No manifest, for whomever.
fn expect_no_grant(checkup: &Checkup) {
    let told = format!("{checkup:?}");
    assert!(!told.contains("ClusterRole") && !told.contains("THE-USER"), "{checkup:#?}");
}

#[tokio::test]
async fn a_credential_that_got_lost_on_the_way_is_told_so() {
    for known in [true, false] {
        let checkup = examine_handler(anonymous(known), &config("")).await;
        assert_eq!(checkup.user.as_deref(), Some("system:anonymous"));
        let detail = "it for a request without a credential, though it came with bearer token (kubeconfig /";
        let remedy = "Let `server` in kubeconfig /";
        expect_failure(&checkup, "token_review", Reason::ApiForbidden, detail, remedy);
        for check in ["pods", "nodes", "signing_keys"] {
            let said = step(&checkup, check).remedy.as_deref().unwrap_or_default();
            assert!(said.starts_with("The credential got lost on the way"), "{check}: {said}");
        }
        expect_no_grant(&checkup);
    }
}

#[tokio::test]
async fn permissions_that_nobody_lacks_are_not_granted_to_nobody() {
    let denied = r#"{"status":{"allowed":false}}"#;
    let handler = answering(move |request| match request.uri().path() {
        path if path.ends_with("/selfsubjectreviews") => (201, REVIEW.to_owned()),
        path if path.ends_with("/selfsubjectaccessreviews") => (201, denied.to_owned()),
        path if path.ends_with("/jwks") => (403, String::new()),
        path => sound(path),
    });
    let checkup = examine_handler(handler, &config("")).await;
    expect_failure(&checkup, "pods", Reason::ApiForbidden, "system:anonymous may not get pods", "got lost");
    expect_no_grant(&checkup);
}

#[tokio::test]
async fn without_a_credential_none_is_granted_anything() {
    let reviewer = Reviewer { credential: Credential::None, ..Reviewer::default() };
    let checkup = examine_world(World { reviewer, ..World::default() }).await;
    assert_eq!(step(&checkup, "credentials").outcome, Outcome::Warn);
    expect_failure(&checkup, "token_review", Reason::ApiForbidden, "no credential is configured", WITHOUT);
    for check in ["pods", "nodes", "signing_keys"] {
        let said = step(&checkup, check).remedy.as_deref();
        assert!(said.is_none_or(|said| said == WITHOUT), "{check}: {said:?}");
    }
    expect_no_grant(&checkup);
}

#[tokio::test]
async fn what_is_forbidden_to_nobody_was_not_accepted() {
    let checkup = super::credentials::examine_expired(anonymous(true)).await;
    expect_failure(&checkup, "credentials", Reason::ApiUnauthenticated, "expired on 2021-02-03", "Put");
}
