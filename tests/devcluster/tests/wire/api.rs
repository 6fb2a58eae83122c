//! Objects, signing keys, callers and permissions.

use crate::client::{BOTH, Client, KEYS, NODE, POD, Protocol, REVIEWS, setting};
use devcluster::{Credential, DevCluster, Permission, Reviewer, TokenRequest, World};
use http::Method;
use serde_json::json;

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

async fn cluster_of(reviewer: Reviewer) -> (DevCluster, Client) {
    let cluster = DevCluster::start(World { reviewer, ..World::default() }).await;
    let client = Client::connect(&cluster, Protocol::H2).await;
    (cluster, client)
}

#[tokio::test]
async fn objects_are_given_whole_and_as_metadata() {
    for protocol in BOTH {
        let cluster = DevCluster::start(World::default()).await;
        let mut client = Client::connect(&cluster, protocol).await;
        let world = World::default();

        let pod = client.get(POD).await.expect("an answer");
        assert_eq!(pod.status, 200, "{protocol:?}");
        assert_eq!(pod.headers["content-type"], "application/json");
        assert!(pod.headers.contains_key("date"));
        assert_eq!(pod.json(), world.pods[0]);
        assert_eq!(client.get(NODE).await.expect("an answer").json(), world.nodes[0]);

        let metadata = client.get_as(NODE, METADATA).await.expect("an answer").json();
        assert_eq!(metadata["kind"], "PartialObjectMetadata");
        assert_eq!(metadata["metadata"], world.nodes[0]["metadata"]);
        assert!(metadata.get("spec").is_none(), "{metadata}");
        assert_eq!(cluster.counters().node, 2);
        assert_eq!(cluster.counters().connections, 1);
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let (_cluster, mut client) = cluster_of(Reviewer::default()).await;
    let answer = client.get("/api/v1/namespaces/spire/pods/other").await.expect("an answer");
    assert_eq!(answer.status, 404);
    let status = answer.json();
    assert_eq!(status["kind"], "Status");
    assert_eq!(status["message"], "pods \"other\" not found");
    assert_eq!(status["reason"], "NotFound");
    assert_eq!(status["details"], json!({"name": "other", "kind": "pods"}));
    assert_eq!(client.get("/api/v1/nodes/other").await.expect("an answer").status, 404);
    assert_eq!(client.get("/api/v1/secrets").await.expect("an answer").status, 404);
}

#[tokio::test]
async fn another_method_is_405() {
    let (_cluster, mut client) = cluster_of(Reviewer::default()).await;
    let answer = client.send(Method::DELETE, POD, "*/*", "").await.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.json()["reason"].as_str()), (405, Some("MethodNotAllowed")));
}

#[tokio::test]
async fn a_body_of_another_form_is_415() {
    let (cluster, client) = cluster_of(Reviewer::default()).await;
    let token = cluster.mint(&TokenRequest::default());
    let mut cbor = client.with_content_type("application/cbor");
    let answer = cbor.review(&token, &[]).await.expect("an answer");
    assert_eq!(
        (answer.status.as_u16(), answer.json()["reason"].as_str()),
        (415, Some("UnsupportedMediaType"))
    );
}

#[tokio::test]
async fn a_review_in_protobuf_is_answered_in_json() {
    let (_cluster, client) = cluster_of(Reviewer::default()).await;
    let mut protobuf = client.with_content_type("application/vnd.kubernetes.protobuf");
    let accepted = "application/vnd.kubernetes.protobuf,application/json";
    // A review whose spec has the token "x" alone.
    let review = "k8s\0\x12\x05\x12\x03\x0a\x01x";
    let answer = protobuf.send(Method::POST, REVIEWS, accepted, review).await.expect("an answer");
    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json()["spec"]["token"], "x");
    assert_eq!(answer.json()["status"]["error"], "invalid bearer token");

    let refused = protobuf.send(Method::POST, REVIEWS, accepted, "k8s\0{}").await.expect("an answer");
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn the_key_set_is_refused_to_those_who_want_plain_json() {
    let (_cluster, mut client) = cluster_of(Reviewer::default()).await;
    let refused = client.get(KEYS).await.expect("an answer");
    assert_eq!((refused.status.as_u16(), refused.json()["reason"].as_str()), (406, Some("NotAcceptable")));
    let keys = client.get_as(KEYS, "application/jwk-set+json, application/json").await.expect("an answer");
    assert_eq!(keys.status, 200);
    assert_eq!(keys.headers["content-type"], "application/jwk-set+json");
    assert_eq!(keys.headers["cache-control"], "public, max-age=3600");
    let algorithms: Vec<_> =
        keys.json()["keys"].as_array().expect("keys").iter().map(|key| key["alg"].clone()).collect();
    assert_eq!(algorithms, ["RS256", "ES256", "ES384", "ES512"]);
}

#[tokio::test]
async fn a_missing_permission_is_403_in_the_words_of_rbac() {
    let (_cluster, mut client) = cluster_of(Reviewer { permissions: vec![], ..Reviewer::default() }).await;
    let review = client.review("x", &[]).await.expect("an answer");
    let cases = [
        (
            review,
            "tokenreviews.authentication.k8s.io is forbidden: User \"psat-reviewer\" cannot create resource \
             \"tokenreviews\" in API group \"authentication.k8s.io\" at the cluster scope",
        ),
        (
            client.get(POD).await.expect("an answer"),
            "pods \"agent-1\" is forbidden: User \"psat-reviewer\" cannot get resource \"pods\" in API group \"\" \
             in the namespace \"spire\"",
        ),
        (
            client.get(NODE).await.expect("an answer"),
            "nodes \"node-1\" is forbidden: User \"psat-reviewer\" cannot get resource \"nodes\" in API group \"\" \
             at the cluster scope",
        ),
        (
            client.get(KEYS).await.expect("an answer"),
            "forbidden: User \"psat-reviewer\" cannot get path \"/openid/v1/jwks\"",
        ),
    ];
    for (answer, message) in cases {
        assert_eq!(answer.status, 403, "{answer:?}");
        assert_eq!(answer.json()["message"], message);
        assert_eq!(answer.json()["reason"], "Forbidden");
    }
}

#[tokio::test]
async fn each_permission_stands_alone() {
    let (_cluster, mut client) =
        cluster_of(Reviewer { permissions: vec![Permission::Pods], ..Reviewer::default() }).await;
    assert_eq!(client.get(POD).await.expect("an answer").status, 200);
    assert_eq!(client.get(NODE).await.expect("an answer").status, 403);
}

#[tokio::test]
async fn every_valid_credential_is_accepted() {
    for credential in [
        Credential::ClientCertificate,
        Credential::InlineCertificate,
        Credential::Token,
        Credential::TokenFile,
        Credential::ServiceAccount,
    ] {
        let (_cluster, mut client) = cluster_of(Reviewer { credential, ..Reviewer::default() }).await;
        assert_eq!(client.get(POD).await.expect("an answer").status, 200, "{credential:?}");
    }
}

#[tokio::test]
async fn an_unknown_credential_is_401_and_none_is_anonymous() {
    for credential in [Credential::UnknownCertificate, Credential::UnknownToken] {
        let (_cluster, mut client) = cluster_of(Reviewer { credential, ..Reviewer::default() }).await;
        let answer = client.get(POD).await.expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.json()["message"].as_str()), (401, Some("Unauthorized")));
    }
    let (_cluster, mut client) =
        cluster_of(Reviewer { credential: Credential::None, ..Reviewer::default() }).await;
    let answer = client.get(POD).await.expect("an answer");
    assert_eq!(answer.status, 403);
    let message = answer.json()["message"].to_string();
    assert!(message.contains("system:anonymous"), "{message}");
    assert_eq!(client.get("/version").await.expect("an answer").json()["minor"], "37");
}

#[tokio::test]
async fn a_service_account_reads_the_keys_and_nothing_else() {
    let (cluster, client) =
        cluster_of(Reviewer { credential: Credential::None, ..Reviewer::default() }).await;
    let audience = World::default().api_audiences;
    let mut client = client.with_bearer(&cluster.mint(&TokenRequest { audience, ..TokenRequest::default() }));
    assert_eq!(client.get_as(KEYS, "*/*").await.expect("an answer").status, 200);
    assert_eq!(client.get(POD).await.expect("an answer").status, 403);

    let mut client = client.with_bearer(&cluster.mint(&TokenRequest::default()));
    assert_eq!(client.get(POD).await.expect("an answer").status, 401, "a token for another audience");
}

#[tokio::test]
async fn a_new_reviewer_token_ends_the_old_one() {
    let old = Reviewer { credential: Credential::Token, ..Reviewer::default() };
    let (cluster, mut client) = cluster_of(old.clone()).await;
    let reviewer = Reviewer { token: "another".into(), ..old };
    cluster.set_world(World { reviewer, ..World::default() }).await;
    assert_eq!(client.get(POD).await.expect("an answer").status, 401);
    let mut client = Client::connect(&cluster, Protocol::H2).await;
    assert_eq!(client.get(POD).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn an_access_review_knows_the_permissions() {
    let (_cluster, mut client) =
        cluster_of(Reviewer { permissions: vec![Permission::Nodes], ..Reviewer::default() }).await;
    for (attributes, allowed) in [
        (json!({"resourceAttributes": {"verb": "get", "resource": "nodes"}}), true),
        (json!({"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "spire"}}), false),
        (json!({"resourceAttributes": {"verb": "delete", "resource": "nodes"}}), false),
        (json!({"nonResourceAttributes": {"verb": "get", "path": "/openid/v1/jwks"}}), false),
    ] {
        let body = json!({"spec": attributes}).to_string();
        let answer = client.send(Method::POST, ACCESS, "*/*", &body).await.expect("an answer");
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json()["status"]["allowed"], allowed, "{attributes}");
        assert_eq!(answer.json()["spec"], attributes);
    }
}

#[tokio::test]
async fn callers_may_ask_who_they_are_unless_they_are_nobody() {
    for (credential, status, user) in [
        (Credential::ClientCertificate, 201, json!("psat-reviewer")),
        (Credential::Token, 201, json!("psat-reviewer")),
        (Credential::ServiceAccount, 201, json!("system:serviceaccount:spire:spire-server")),
        (Credential::None, 403, json!(null)),
        (Credential::UnknownToken, 401, json!(null)),
    ] {
        let (_cluster, mut client) = cluster_of(Reviewer { credential, ..Reviewer::default() }).await;
        let answer = client.send(Method::POST, WHO, "*/*", "{}").await.expect("an answer");
        assert_eq!(answer.status, status, "{credential:?}");
        assert_eq!(answer.json()["status"]["userInfo"]["username"], user, "{credential:?}");
    }
}

#[tokio::test]
async fn the_kubeconfig_s_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    for (credential, files) in [
        (Credential::ClientCertificate, ["client.crt", "client.key"].as_slice()),
        (Credential::TokenFile, &["reviewer.token"]),
        (Credential::Token, &[]),
    ] {
        let (cluster, _client) = cluster_of(Reviewer { credential, ..Reviewer::default() }).await;
        let directory = tempfile::tempdir().expect("a directory");
        let path = cluster.write_kubeconfig(directory.path()).expect("a kubeconfig");
        cluster.write_kubeconfig(directory.path()).expect("the same again");
        let text = std::fs::read_to_string(&path).expect("the kubeconfig");
        assert_eq!(setting(&text, "server"), Some(cluster.url()));
        for name in files.iter().chain(&["kubeconfig", "ca.crt"]) {
            let metadata = std::fs::metadata(directory.path().join(name)).expect(name);
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
        let entries = std::fs::read_dir(directory.path()).expect("the directory").count();
        assert_eq!(entries, files.len() + 2, "{credential:?}: nothing else is left behind");
    }
}
