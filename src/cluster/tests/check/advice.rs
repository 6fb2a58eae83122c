//! What `explain` is told of a call that failed.

use bytes::Bytes;
use devcluster::{Credential, ListenerMode, Permission, Reviewer};
use http::{Request, Response};
use http_body_util::Full;

use super::super::super::api::{Advice, Advisor, ClusterApi};
use super::*;

/// Advice on a node that cannot be read in this world.
async fn advice(world: World, change: impl FnOnce(&Folder)) -> Advice {
    let dev = DevCluster::start(world).await;
    let folder = Folder::new();
    let kubeconfig = dev.write_kubeconfig(&folder.path("")).unwrap();
    change(&folder);
    let session = world::session(&world::cluster(&kubeconfig), Duration::from_secs(10));
    let error = session.node("node-1").await.expect_err("the node cannot be read");
    session.advise(&error).await
}

fn expect(advice: &Advice, cause: &str, remedy: &str) {
    assert!(advice.cause.contains(cause), "{cause:?} is not in {:?}", advice.cause);
    assert!(advice.remedy.contains(remedy), "{remedy:?} is not in {:?}", advice.remedy);
}

#[tokio::test]
async fn the_true_cause_comes_before_the_call() {
    let expired = |folder: &Folder| {
        let pair =
            Authority::new().issue_with("x", |params| params.not_after = rcgen::date_time_ymd(2021, 2, 3));
        folder.write("client.crt", &pair.certificate);
        folder.write("client.key", &pair.key);
    };
    let advice = advice(World::default(), expired).await;
    assert!(advice.cause.starts_with("the client certificate "), "{}", advice.cause);
    expect(
        &advice,
        "client.crt) expired on 2021-02-03T00:00:00Z: GET https://127.0.0.1:",
        "Put a valid certificate",
    );
    assert!(advice.cause.contains("/api/v1/nodes/node-1: answered 401"), "{}", advice.cause);
}

#[tokio::test]
async fn a_missing_permission_comes_with_the_manifest() {
    let mut reviewer = Reviewer { credential: Credential::ServiceAccount, ..Reviewer::default() };
    reviewer.permissions.retain(|permission| *permission != Permission::Nodes);
    let advice = advice(World { reviewer, ..World::default() }, |_| ()).await;
    let cause = "does not permit it to system:serviceaccount:spire:spire-server: GET https://";
    expect(&advice, cause, "- kind: ServiceAccount\n  namespace: \"spire\"\n  name: \"spire-server\"");
}

#[tokio::test]
async fn an_unreachable_server_is_told_apart_from_one_that_is_not_believed() {
    let refusing = World { listener: ListenerMode::Refuse, ..World::default() };
    expect(
        &advice(refusing, |_| ()).await,
        "nothing listens at 127.0.0.1:",
        "Start the API server, or correct `server`",
    );
    let other_ca = |folder: &Folder| drop(folder.write("ca.crt", &Authority::new().pem));
    let advice = advice(World::default(), other_ca).await;
    expect(
        &advice,
        "which CN=devcluster CA issued, is not vouched for",
        "Set `certificate-authority` in kubeconfig /",
    );
}

#[tokio::test]
async fn unavailable_credentials_name_the_file() {
    let gone = |folder: &Folder| std::fs::remove_file(folder.path("client.key")).unwrap();
    expect(&advice(World::default(), gone).await, "client.key: No such file", "Create /");
}

#[tokio::test]
async fn a_sentence_speaks_where_nothing_more_is_known() {
    let mut world = World::default();
    world.nodes.clear();
    let advice = advice(world, |_| ()).await;
    expect(&advice, "answered 404", "Look at the log of the API server");
}

#[tokio::test]
async fn advice_ends_with_the_time_of_its_attestation() {
    let mut world = World::default();
    world.reviewer.permissions.clear();
    let dev = DevCluster::start(world.clone()).await;
    let folder = Folder::new();
    let cluster = world::cluster(&dev.write_kubeconfig(&folder.path("")).unwrap());
    let session = world::session(&cluster, Duration::from_millis(700));
    let error = session.node("node-1").await.expect_err("no permission");
    dev.set_world(World { latency_ms: 60_000, ..world }).await;
    let begun = Instant::now();
    let advice = session.advise(&error).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    expect(&advice, "answered 403", "Grant");
}

#[tokio::test]
async fn a_question_that_only_explains_leaves_time_for_the_next_call() {
    let handler: Handler = Arc::new(|request: Request<Bytes>| {
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            if path.ends_with("/selfsubjectreviews") {
                std::future::pending::<()>().await;
            }
            let (status, body) = if path.contains("/nodes/") { (200, world::NODE) } else { (403, "") };
            Response::builder().status(status).body(Full::from(body)).unwrap()
        })
    });
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = world::cluster(&folder.lead_to(&server, &authority));
    let session = world::session(&cluster, Duration::from_secs(3));
    let error = session.pod("spire", "agent").await.expect_err("it is forbidden");
    expect(&session.advise(&error).await, "answered 403", "THE-USER-OF-THE-KUBECONFIG");
    assert!(session.node("n1").await.is_ok());
}
