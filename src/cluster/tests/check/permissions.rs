//! The steps `token_review`, `pods` and `nodes`.

use devcluster::{Credential, Permission, Reviewer, World};

use super::*;

fn without(missing: Permission) -> World {
    let mut reviewer = Reviewer::default();
    reviewer.permissions.retain(|permission| *permission != missing);
    World { reviewer, ..World::default() }
}

#[tokio::test]
async fn a_missing_permission_is_granted_by_the_remedy() {
    for (missing, check, all) in [
        (Permission::TokenReviews, "token_review", "ppppfpppp"),
        (Permission::Pods, "pods", "pppppfppp"),
        (Permission::Nodes, "nodes", "ppppppfpp"),
    ] {
        let checkup = examine_world(without(missing)).await;
        assert_eq!(outcomes(&checkup), all, "{checkup:#?}");
        let remedy = "kubectl apply -f -`:\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n";
        expect_failure(&checkup, check, Reason::ApiForbidden, "psat-reviewer", remedy);
        let remedy = step(&checkup, check).remedy.as_deref().unwrap_or_default();
        assert!(remedy.ends_with("  kind: User\n  name: \"psat-reviewer\""), "{remedy}");
    }
}

#[tokio::test]
async fn a_service_account_is_granted_as_one() {
    let mut world = without(Permission::Pods);
    world.reviewer.credential = Credential::ServiceAccount;
    let checkup = examine_world(world).await;
    let user = "system:serviceaccount:spire:spire-server";
    assert_eq!(checkup.user.as_deref(), Some(user));
    let subject = "- kind: ServiceAccount\n  namespace: \"spire\"\n  name: \"spire-server\"";
    expect_failure(&checkup, "pods", Reason::ApiForbidden, &format!("{user} may not get pods"), subject);
}

#[tokio::test]
async fn whoever_cannot_be_asked_who_he_is_is_known_by_his_credential() {
    let checkup = examine_handler(sound_but("selfsubjectreviews", 404, ""), &config("")).await;
    assert_eq!((outcomes(&checkup).as_str(), checkup.user), ("ppppppppp", None));
    let forbidding = answering(|request| match request.uri().path() {
        path if path.ends_with("/selfsubjectreviews") || path.ends_with("/tokenreviews") => {
            (403, String::new())
        }
        path => sound(path),
    });
    let checkup = examine_handler(forbidding, &config("")).await;
    let placeholder = "name: \"THE-USER-OF-THE-KUBECONFIG\"";
    expect_failure(&checkup, "token_review", Reason::ApiForbidden, "answered 403", placeholder);
}

/// Grants what is asked for in the namespace `spire` alone.
fn granting_in_spire() -> Handler {
    answering(|request| {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let elsewhere = body.contains("\"pods\"") && !body.contains(r#""namespace":"spire""#);
        match request.uri().path() {
            path if path.ends_with("accessreviews") && elsewhere => (201, r#"{"status":{}}"#.to_owned()),
            path => sound(path),
        }
    })
}

#[tokio::test]
async fn pods_are_needed_where_allowed_accounts_are() {
    let accounts = |list: &str| config_of(&format!(r#""service_account_allow_list":[{list}]"#));
    let checkup = examine_handler(granting_in_spire(), &accounts(r#""spire:a","spire:b*""#)).await;
    assert_eq!(step(&checkup, "pods").detail, r#"jane may get pods in "spire""#);
    assert!(checkup.usable());

    let checkup = examine_handler(granting_in_spire(), &accounts(r#""spire:a","other:b""#)).await;
    expect_failure(&checkup, "pods", Reason::ApiForbidden, r#"may not get pods in "other""#, "\"pods\"");
    let checkup = examine_handler(granting_in_spire(), &accounts(r#""spir*:a""#)).await;
    expect_failure(&checkup, "pods", Reason::ApiForbidden, "may not get pods in all namespaces", "\"pods\"");
}

/// Grants pods in no more than these namespaces, and nodes.
fn granting_but(denied: &'static str) -> Handler {
    answering(move |request| {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let (pods, somewhere) = (body.contains("\"pods\""), body.contains("namespace"));
        match request.uri().path() {
            path if path.ends_with("accessreviews") && pods && (!somewhere || body.contains(denied)) => {
                (201, r#"{"status":{"allowed":false}}"#.to_owned())
            }
            path => sound(path),
        }
    })
}

/// The configuration with an allow list of so many namespaces.
fn namespaces(count: usize) -> Arc<ClusterConfig> {
    let names: Vec<String> = (0..count).map(|i| format!("\"n{i:03}:a\"")).collect();
    config_of(&format!(r#""service_account_allow_list":[{}]"#, names.join(",")))
}

#[tokio::test]
async fn every_namespace_of_the_allow_list_is_asked_for() {
    let checkup = examine_handler(granting_but("n099"), &namespaces(100)).await;
    expect_failure(&checkup, "pods", Reason::ApiForbidden, r#"may not get pods in "n099""#, "\"pods\"");
    let checkup = examine_handler(granting_but("nowhere"), &namespaces(100)).await;
    let pods = step(&checkup, "pods");
    assert_eq!(pods.outcome, Outcome::Pass);
    assert!(pods.detail.ends_with(r#""n007" and 92 more"#), "{pods:?}");
}

#[tokio::test]
async fn namespaces_that_are_too_many_to_ask_for_are_a_warning() {
    let checkup = examine_handler(granting_but("nowhere"), &namespaces(130)).await;
    let pods = step(&checkup, "pods");
    assert_eq!(pods.outcome, Outcome::Warn);
    assert!(pods.detail.ends_with("; 2 more namespaces of the allow list were not asked for"), "{pods:?}");
}

#[tokio::test]
async fn with_claims_neither_pods_nor_nodes_are_asked_for() {
    let checkup =
        examine_handler(sound_but("accessreviews", 500, ""), &config(r#","lookup":"claims""#)).await;
    assert_eq!(outcomes(&checkup), "pppppsspp", "{checkup:#?}");
}

#[tokio::test]
async fn a_permission_that_cannot_be_asked_for_is_a_warning() {
    let checkup = examine_handler(sound_but("accessreviews", 403, ""), &config("")).await;
    assert_eq!(outcomes(&checkup), "pppppwwpp", "{checkup:#?}");
    assert!(step(&checkup, "pods").detail.contains("is not known"), "{checkup:#?}");
    let remedy = step(&checkup, "pods").remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("create selfsubjectaccessreviews"), "{remedy}");
    // Attestation does not ask it, so that no answer makes the cluster unusable; and a permission is not what is missing.
    let null = r#"{"status":null}"#;
    for (status, body) in [(200, "<html>"), (201, null), (401, ""), (429, ""), (500, ""), (503, "")] {
        let checkup = examine_handler(sound_but("accessreviews", status, body), &config("")).await;
        assert_eq!(outcomes(&checkup), "pppppwwpp", "{checkup:#?}");
        let remedy = step(&checkup, "pods").remedy.as_deref().unwrap_or_default();
        assert!(remedy.starts_with("Have `explain` try"), "{remedy}");
    }
}

#[tokio::test]
async fn a_review_that_is_none_or_accepts_anything_is_a_failure() {
    let genuine =
        r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true}}"#;
    for (status, body, reason, detail) in [
        (201, genuine, Reason::ApiBadResponse, "accepts a token that cannot be valid"),
        (200, "<html>", Reason::ApiBadResponse, "the answer is no JSON object"),
        (200, r#"{"kind":"Pod"}"#, Reason::ApiBadResponse, "the answer is no TokenReview"),
        (418, "", Reason::ApiError, "answered 418"),
        (401, "", Reason::ApiUnauthenticated, "does not accept the bearer token"),
    ] {
        let checkup = examine_handler(sound_but("/tokenreviews", status, body), &config("")).await;
        expect_failure(&checkup, "token_review", reason, detail, "");
    }
}

#[tokio::test]
async fn the_configured_audiences_are_asked_for() {
    let handler = answering(|request| {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        match request.uri().path() {
            path if path.ends_with("/tokenreviews") && !body.contains(r#"["one","two"]"#) => (418, body),
            path => sound(path),
        }
    });
    let checkup = examine_handler(handler, &config(r#","audience":["one","two"]"#)).await;
    assert!(
        step(&checkup, "token_review").detail.ends_with(r#"for the audience "one", "two""#),
        "{checkup:#?}"
    );
    assert!(checkup.usable());
}
