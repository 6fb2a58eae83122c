//! Tokens that are minted and reviewed over real TLS, on h2 and HTTP/1.1.

use crate::client::{BOTH, Client, KEYS, Protocol, REVIEWS};
use devcluster::{
    Algorithm, ClusterKey, DEFAULT_NODE_UID, DEFAULT_POD_UID, DevCluster, SignatureState, TokenRequest, World,
};
use serde_json::json;

async fn cluster() -> (DevCluster, Client) {
    let cluster = DevCluster::start(World::default()).await;
    let client = Client::connect(&cluster, Protocol::H2).await;
    (cluster, client)
}

#[track_caller]
fn assert_refused(status: &serde_json::Value, why: &str) {
    assert_eq!(status["error"], why, "{status}");
    assert!(status.get("authenticated").is_none(), "a refusal has no `authenticated`: {status}");
    assert_eq!(status["user"], json!({}), "{status}");
}

#[tokio::test]
async fn a_minted_token_is_accepted_with_all_its_extras() {
    for protocol in BOTH {
        let cluster = DevCluster::start(World::default()).await;
        let mut client = Client::connect(&cluster, protocol).await;
        let token = cluster.mint(&TokenRequest::default());
        let answer = client.review(&token, &["spire-server", "other"]).await.expect("an answer");

        assert_eq!(answer.status, 201, "{protocol:?}");
        let review = answer.json();
        assert_eq!(review["kind"], "TokenReview");
        assert_eq!(review["spec"]["token"], token.as_str(), "the answer repeats the token");
        let status = &review["status"];
        assert_eq!(status["authenticated"], true, "{status}");
        assert_eq!(status["audiences"], json!(["spire-server"]), "what was asked for and the token has");
        assert_eq!(status["user"]["username"], "system:serviceaccount:spire:spire-agent");
        assert_eq!(
            status["user"]["groups"],
            json!(["system:serviceaccounts", "system:serviceaccounts:spire", "system:authenticated"])
        );
        let extra = &status["user"]["extra"];
        for (key, value) in [
            ("pod-name", "agent-1"),
            ("pod-uid", DEFAULT_POD_UID),
            ("node-name", "node-1"),
            ("node-uid", DEFAULT_NODE_UID),
        ] {
            assert_eq!(extra[format!("authentication.kubernetes.io/{key}")], json!([value]), "{key}");
        }
        let id = extra["authentication.kubernetes.io/credential-id"][0].as_str().expect("a credential id");
        assert!(id.starts_with("JTI="), "{id}");
    }
}

#[tokio::test]
async fn every_algorithm_is_accepted() {
    let (cluster, mut client) = cluster().await;
    for alg in Algorithm::ALL {
        let status = client.verdict(&cluster.mint(&TokenRequest { alg, ..TokenRequest::default() })).await;
        assert_eq!(status["authenticated"], true, "{alg:?}: {status}");
    }
}

#[tokio::test]
async fn a_token_without_a_pod_has_its_credential_id_alone() {
    let (cluster, mut client) = cluster().await;
    let status = client.verdict(&cluster.mint(&TokenRequest { pod: None, ..TokenRequest::default() })).await;
    assert_eq!(status["authenticated"], true, "{status}");
    let extra = status["user"]["extra"].as_object().expect("extras");
    assert_eq!(extra.keys().collect::<Vec<_>>(), ["authentication.kubernetes.io/credential-id"]);
}

#[tokio::test]
async fn tokens_are_refused_in_the_words_of_kube_apiserver() {
    let (cluster, mut client) = cluster().await;
    let base = TokenRequest::default();
    let cases = [
        (TokenRequest { raw: Some("garbage".into()), ..base.clone() }, "invalid bearer token"),
        (
            TokenRequest {
                header: Some(json!({"alg": "none"})),
                signature: SignatureState::Empty,
                ..base.clone()
            },
            "invalid bearer token",
        ),
        (
            TokenRequest { claims: Some(json!({"iss": "https://elsewhere"})), ..base.clone() },
            "invalid bearer token",
        ),
        (
            TokenRequest { signature: SignatureState::Broken, ..base.clone() },
            "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]",
        ),
        (
            TokenRequest { header: Some(json!({"kid": "unknown"})), ..base.clone() },
            "[invalid bearer token, invalid signature, no keys found]",
        ),
        (
            TokenRequest { expires_in: -120, ..base.clone() },
            "[invalid bearer token, service account token has expired]",
        ),
        (
            TokenRequest { claims: Some(json!({"nbf": 9_999_999_999_i64})), ..base.clone() },
            "[invalid bearer token, service account token is not valid yet]",
        ),
        (
            TokenRequest { audience: vec!["a".into(), "b".into()], ..base.clone() },
            "[invalid bearer token, token audiences [\"a\" \"b\"] is invalid for the target audiences [\"spire-server\"]]",
        ),
        (
            TokenRequest { service_account: "nobody".into(), ..base.clone() },
            "[invalid bearer token, serviceaccounts \"nobody\" not found]",
        ),
        (
            TokenRequest { pod: Some("gone".into()), ..base.clone() },
            "[invalid bearer token, service account token has been invalidated]",
        ),
    ];
    for (request, why) in cases {
        assert_refused(&client.verdict(&cluster.mint(&request)).await, why);
    }
}

#[tokio::test]
async fn the_broken_signature_is_broken_for_every_algorithm() {
    let (cluster, mut client) = cluster().await;
    for alg in Algorithm::ALL {
        let request = TokenRequest { alg, signature: SignatureState::Broken, ..TokenRequest::default() };
        let status = client.verdict(&cluster.mint(&request)).await;
        assert_refused(&status, "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]");
    }
}

#[tokio::test]
async fn a_token_lasts_a_minute_longer_than_it_says() {
    let (cluster, mut client) = cluster().await;
    let request = TokenRequest { expires_in: -30, ..TokenRequest::default() };
    let status = client.verdict(&cluster.mint(&request)).await;
    assert_eq!(status["authenticated"], true, "{status}");
}

#[tokio::test]
async fn a_pod_recreated_under_its_name_invalidates_the_token() {
    let (cluster, mut client) = cluster().await;
    let token = cluster.mint(&TokenRequest::default());
    let mut world = World::default();
    world.pod_mut("spire", "agent-1").expect("the pod")["metadata"]["uid"] = "new".into();
    cluster.set_world(world).await;
    let why = format!(
        "[invalid bearer token, pod UID (new) does not match service account pod ref claim ({DEFAULT_POD_UID})]"
    );
    assert_refused(&client.verdict(&token).await, &why);
}

#[tokio::test]
async fn a_pod_deleted_long_ago_invalidates_the_token() {
    let (cluster, mut client) = cluster().await;
    let token = cluster.mint(&TokenRequest::default());
    let mut world = World::default();
    world.pod_mut("spire", "agent-1").expect("the pod")["metadata"]["deletionTimestamp"] =
        "2026-01-05T08:00:00Z".into();
    cluster.set_world(world).await;
    assert_refused(
        &client.verdict(&token).await,
        "[invalid bearer token, service account token has been invalidated]",
    );
}

#[tokio::test]
async fn a_token_that_begins_with_a_space_is_anonymous() {
    let (cluster, mut client) = cluster().await;
    let token = format!(" {}", cluster.mint(&TokenRequest::default()));
    let status = client.verdict(&token).await;
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["user"]["username"], "system:anonymous");
    assert_eq!(status["user"]["groups"], json!(["system:unauthenticated"]));
}

#[tokio::test]
async fn without_audiences_the_api_itself_is_meant() {
    let (cluster, mut client) = cluster().await;
    let audience = World::default().api_audiences;
    let for_api = cluster.mint(&TokenRequest { audience: audience.clone(), ..TokenRequest::default() });
    let answer = client.review(&for_api, &[]).await.expect("an answer").json();
    assert_eq!(answer["status"]["authenticated"], true, "{answer}");
    assert_eq!(answer["status"]["audiences"], json!(audience));

    let other = cluster.mint(&TokenRequest::default());
    let answer = client.review(&other, &[]).await.expect("an answer").json();
    assert_refused(
        &answer["status"],
        "[invalid bearer token, token audiences [\"spire-server\"] is invalid for the target audiences \
         [\"https://kubernetes.default.svc\"]]",
    );
}

#[tokio::test]
async fn a_key_that_is_withdrawn_is_unknown_and_unpublished() {
    let (cluster, mut client) = cluster().await;
    let token = cluster.mint(&TokenRequest::default());
    cluster.set_world(World { signing_keys: vec![Algorithm::Es256.into()], ..World::default() }).await;
    assert_refused(&client.verdict(&token).await, "[invalid bearer token, invalid signature, no keys found]");
    let keys = client.get_as(KEYS, "*/*").await.expect("an answer").json();
    assert_eq!(keys["keys"].as_array().expect("keys").len(), 1);
    assert_eq!(keys["keys"][0]["alg"], "ES256");
}

#[tokio::test]
async fn a_key_can_be_replaced_under_its_kid() {
    let (cluster, mut client) = cluster().await;
    let key = |number| ClusterKey { number, kid: Some("k".to_owned()), ..Algorithm::Es256.into() };
    let request = |key| TokenRequest { alg: Algorithm::Es256, key, ..TokenRequest::default() };
    cluster.set_world(World { signing_keys: vec![key(0)], ..World::default() }).await;
    let before = cluster.mint(&request(0));
    assert!(client.verdict(&before).await["authenticated"].as_bool().expect("a verdict"));
    let set = client.get_as(KEYS, "*/*").await.expect("an answer").json();

    cluster.set_world(World { signing_keys: vec![key(1)], ..World::default() }).await;
    assert_refused(
        &client.verdict(&before).await,
        "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]",
    );
    assert!(client.verdict(&cluster.mint(&request(1))).await["authenticated"].as_bool().expect("a verdict"));
    let new_set = client.get_as(KEYS, "*/*").await.expect("an answer").json();
    assert_eq!((&set["keys"][0]["kid"], &new_set["keys"][0]["kid"]), (&json!("k"), &json!("k")));
    assert_ne!(set["keys"][0]["x"], new_set["keys"][0]["x"]);

    cluster.set_world(World { signing_keys: vec![key(0), key(1)], ..World::default() }).await;
    for token in [before, cluster.mint(&request(1))] {
        assert!(
            client.verdict(&token).await["authenticated"].as_bool().expect("a verdict"),
            "two under one kid"
        );
    }
}

#[tokio::test]
async fn a_key_can_be_accepted_without_being_published_and_published_without_kid() {
    let (cluster, mut client) = cluster().await;
    let nameless = ClusterKey { kid: Some(String::new()), ..Algorithm::Es384.into() };
    let silent = ClusterKey { published: false, ..Algorithm::Es256.into() };
    cluster.set_world(World { signing_keys: vec![nameless, silent], ..World::default() }).await;
    for alg in [Algorithm::Es256, Algorithm::Es384] {
        let token = cluster.mint(&TokenRequest { alg, ..TokenRequest::default() });
        assert!(client.verdict(&token).await["authenticated"].as_bool().expect("a verdict"), "{alg:?}");
    }
    let keys = client.get_as(KEYS, "*/*").await.expect("an answer").json();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!((&keys["keys"][0]["alg"], keys["keys"][0].get("kid")), (&json!("ES384"), None));
}

#[tokio::test]
async fn the_servers_clock_can_be_an_hour_off() {
    let (cluster, mut client) = cluster().await;
    let ours = cluster.mint(&TokenRequest::default());
    cluster.set_world(World { clock_ahead_s: 7200, ..World::default() }).await;
    assert_refused(&client.verdict(&ours).await, "[invalid bearer token, service account token has expired]");
    let theirs = cluster.mint(&TokenRequest::default());
    assert!(client.verdict(&theirs).await["authenticated"].as_bool().expect("a verdict"));
    let answer = client.get_as(KEYS, "*/*").await.expect("an answer");
    let date = httpdate::parse_http_date(answer.headers["date"].to_str().expect("text")).expect("a date");
    let ahead = date.duration_since(std::time::SystemTime::now()).expect("it is ahead").as_secs();
    assert!((7100..=7200).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn a_review_without_a_token_is_a_bad_request() {
    let (_cluster, mut client) = cluster().await;
    let answer = client.review("", &[]).await.expect("an answer");
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.json()["message"], "token is required for TokenReview in authentication");
    let answer = client.send(http::Method::POST, REVIEWS, "*/*", "no JSON").await.expect("an answer");
    assert_eq!(answer.status, 400, "{answer:?}");
}
