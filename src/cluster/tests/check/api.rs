//! The steps `api_version`, `signing_keys` and `clock`.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::*;

const OLD: &str = r#"{"major":"1","minor":"29+","gitVersion":"v1.29.4-vendor"}"#;

#[tokio::test]
async fn a_server_older_than_the_node_extras_is_a_warning_and_with_claims_a_failure() {
    let checkup = examine_handler(sound_but("/version", 200, OLD), &config("")).await;
    assert_eq!(outcomes(&checkup), "pppwppppp", "{checkup:#?}");
    assert_eq!(checkup.server_version.as_deref(), Some("v1.29.4-vendor"));
    let checkup = examine_handler(sound_but("/version", 200, OLD), &config(r#","lookup":"claims""#)).await;
    assert_eq!(outcomes(&checkup), "pppwpsspp", "{checkup:#?}");
    let warned = step(&checkup, "api_version");
    assert!(warned.detail.starts_with("v1.29.4-vendor: before 1.30"), "{warned:?}");
    let remedy = warned.remedy.as_deref().unwrap_or_default();
    assert!(remedy.ends_with(":\nclusters.demo.lookup = \"auto\""), "{remedy}");
}

#[tokio::test]
async fn an_older_server_than_those_of_the_tests_is_told_so() {
    let older = r#"{"major":"1","minor":"31","gitVersion":"v1.31.0"}"#;
    let checkup = examine_handler(sound_but("/version", 200, older), &config("")).await;
    assert_eq!(step(&checkup, "api_version").detail, "v1.31.0; tests run with 1.37");
}

#[tokio::test]
async fn a_version_that_is_not_told_ends_nothing() {
    for (status, body) in [(401, ""), (403, ""), (404, ""), (503, ""), (200, "<html>"), (200, "{}")] {
        let checkup = examine_handler(sound_but("/version", status, body), &config("")).await;
        assert_eq!(outcomes(&checkup), "pppsppppp", "{checkup:#?}");
        assert!(
            step(&checkup, "api_version").detail.starts_with("cannot be read: GET https://"),
            "{checkup:#?}"
        );
        assert_eq!(checkup.server_version, None);
    }
}

#[tokio::test]
async fn what_is_no_api_server_fails_where_it_matters() {
    for (status, body, reason, remedy) in [
        (200, "<html>", Reason::ApiBadResponse, "Check what answers at the kubeconfig's address."),
        (404, "", Reason::ApiError, "."),
        (502, "<html>", Reason::ApiError, "."),
        (429, "", Reason::ApiThrottled, "."),
    ] {
        let checkup = examine_handler(answering(move |_| (status, body.to_owned())), &config("")).await;
        assert_eq!(outcomes(&checkup), "pppsfssss", "{checkup:#?}");
        expect_failure(&checkup, "token_review", reason, "POST https://127.0.0.1:", remedy);
    }
}

#[tokio::test]
async fn a_broken_answer_ends_it() {
    let world = r#"{"answers":{"token_review":[{"fault":"close_before_headers"}]}}"#;
    let checkup = examine_world(World::from_json(world).unwrap()).await;
    assert_eq!(outcomes(&checkup), "ppppfssss", "{checkup:#?}");
    expect_failure(&checkup, "token_review", Reason::ApiUnreachable, "POST https://127.0.0.1:", "Check");
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_a_warning_and_the_remedy_is_a_binding() {
    let mut world = World::default();
    world.reviewer.permissions.pop();
    let checkup = examine_world(world).await;
    assert_eq!(outcomes(&checkup), "pppppppwp", "{checkup:#?}");
    let warned = step(&checkup, "signing_keys");
    assert!(warned.detail.contains("/openid/v1/jwks") && warned.detail.contains("forged tokens cost a call"));
    let remedy = warned.remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("`kubectl apply -f -`:\napiVersion: "), "{remedy}");
    assert!(remedy.contains("system:service-account-issuer-discovery") && remedy.contains("psat-reviewer"));

    for (status, body) in [(200, r#"{"keys":[]}"#), (200, "[]"), (500, ""), (404, "")] {
        let checkup = examine_handler(sound_but("/jwks", status, body), &config("")).await;
        assert_eq!(outcomes(&checkup), "pppppppwp", "{checkup:#?}");
        let remedy = step(&checkup, "signing_keys").remedy.as_deref().unwrap_or_default();
        assert!(!remedy.contains("apiVersion"), "a permission is not what is missing: {remedy}");
    }
    let off = config(r#","verify_signature":"off""#);
    assert_eq!(outcomes(&examine_handler(sound_but("/jwks", 403, ""), &off).await), "pppppppsp");
}

/// A sound server whose clock is so many seconds ahead.
pub(super) fn ahead_by(seconds: i64) -> Handler {
    Arc::new(move |request: Request<Bytes>| {
        let (status, body) = sound(request.uri().path());
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let response = Response::builder().status(status).header("date", date).body(Full::from(body));
        Box::pin(async move { response.unwrap() })
    })
}

#[tokio::test]
async fn a_clock_that_differs_by_more_than_a_minute_is_a_warning() {
    let of = |seconds| async move {
        step(&examine_handler(ahead_by(seconds), &config("")).await, "clock").clone()
    };
    assert_eq!(of(20).await.outcome, Outcome::Pass);
    assert_eq!(of(-20).await.outcome, Outcome::Pass);
    let (behind, ahead) = (of(3600).await, of(-3600).await);
    assert_eq!((behind.outcome, ahead.outcome), (Outcome::Warn, Outcome::Warn));
    assert!(behind.detail.contains("s behind the API server's"), "{}", behind.detail);
    assert!(ahead.detail.contains("s ahead of the API server's"), "{}", ahead.detail);
    let no_date = Arc::new(|request: Request<Bytes>| {
        let (status, body) = sound(request.uri().path());
        let response = Response::builder().status(status).header("date", "today").body(Full::from(body));
        Box::pin(async move { response.unwrap() }) as _
    });
    assert_eq!(step(&examine_handler(no_date, &config("")).await, "clock").outcome, Outcome::Skip);
}
