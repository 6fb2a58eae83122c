//! Credentials that change while attestations run.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use tokio::time::Instant;

use super::super::api::{CallErrorKind, ClusterApi};
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::super::{Cluster, StatusClass, api::Call};
use super::world::{
    Authority, Folder, Plan, Server, cluster, cluster_of, node_after, patient, session, words,
};

struct World {
    authority: Authority,
    folder: Folder,
    server: Server,
    cluster: Arc<Cluster>,
}

impl World {
    async fn new() -> Self {
        let (authority, folder) = (Authority::new(), Folder::new());
        let server = Server::start(Plan::new(&authority, node_after(Duration::ZERO))).await;
        let cluster = cluster(&folder.lead_to(&server, &authority));
        Self { authority, folder, server, cluster }
    }

    /// Makes a kubeconfig of this user, which replaces the present one in this way.
    fn user(&self, lines: &[&str]) -> String {
        let cluster =
            [format!("server: https://{}", self.server.address), "certificate-authority: ca.crt".into()];
        let user: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        super::world::kubeconfig(&cluster, &user)
    }

    async fn ask(&self) -> Result<String, CallErrorKind> {
        patient(&self.cluster).node("n1").await.map_err(|error| {
            assert!(!words(&error).contains("marker"));
            error.kind
        })?;
        Ok(self.server.last_head().headers[AUTHORIZATION].to_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn a_new_token_is_used_at_once_and_keeps_the_connection() {
    let world = World::new().await;
    assert_eq!(world.ask().await.unwrap(), "Bearer t0");
    // In place, of the same length, and again within the clock's step.
    for token in ["t1", "t2", "t3"] {
        world.folder.write("kubeconfig", &world.user(&[&format!("token: {token}")]));
        assert_eq!(world.ask().await.unwrap(), format!("Bearer {token}"));
    }
    // By renaming.
    fs::rename(world.folder.write("new", &world.user(&["token: t4"])), world.folder.path("kubeconfig"))
        .unwrap();
    assert_eq!(world.ask().await.unwrap(), "Bearer t4");
    assert_eq!(world.server.accepted(), 1);
    assert_eq!(world.cluster.counters().credential_reloads(), 4);
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_file_behind_links_is_followed_as_a_pod_sees_it() {
    use std::os::unix::fs::symlink;

    let world = World::new().await;
    // What the kubelet's atomic writer makes: token -> ..data/token, ..data -> a folder that is swapped.
    for (folder, token) in [("one", " a \n"), ("two", "b\r\n")] {
        fs::create_dir(world.folder.path(folder)).unwrap();
        world.folder.write(&format!("{folder}/token"), token);
    }
    symlink("one", world.folder.path("..data")).unwrap();
    symlink("..data/token", world.folder.path("token")).unwrap();
    world.folder.write("kubeconfig", &world.user(&["token: t0", "tokenFile: token"]));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    symlink("two", world.folder.path("..tmp")).unwrap();
    fs::rename(world.folder.path("..tmp"), world.folder.path("..data")).unwrap();
    assert_eq!(world.ask().await.unwrap(), "Bearer b");
    assert_eq!(world.server.accepted(), 1);
}

#[tokio::test]
async fn equal_bytes_are_no_change() {
    let world = World::new().await;
    world.ask().await.unwrap();
    world.folder.lead_to(&world.server, &world.authority);
    world.ask().await.unwrap();
    assert_eq!(world.cluster.counters().credential_reloads(), 0);
    // Once the files have settled, their identity speaks for them, until one changes.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world.ask().await.unwrap();
    world.folder.write("kubeconfig", &world.user(&["token: t9"]));
    assert_eq!(world.ask().await.unwrap(), "Bearer t9");
}

#[tokio::test]
async fn another_ca_makes_a_new_connection_and_spares_requests_under_way() {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan::new(&authority, node_after(Duration::from_millis(400)))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let slow = tokio::spawn({
        let cluster = Arc::clone(&cluster);
        async move { patient(&cluster).node("n1").await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    folder.write("ca.crt", &format!("{}{}", authority.pem, Authority::new().pem));
    patient(&cluster).node("n1").await.unwrap();
    slow.await.unwrap().unwrap();
    assert_eq!((server.accepted(), cluster.counters().connections_opened()), (2, 2));

    folder.write("ca.crt", &Authority::new().pem);
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    assert!(words(&error).contains("invalid peer certificate"), "{}", words(&error));
}

#[tokio::test]
async fn a_half_written_kubeconfig_is_looked_at_again() {
    let world = World::new().await;
    world.ask().await.unwrap();
    let whole = world.user(&["token: marker-whole"]);
    for half in ["", &whole[..whole.len() / 2], "users: [marker", "{marker"] {
        // A busy machine may be late with the other half.
        let mut outcomes = Vec::new();
        for _ in 0..5 {
            world.folder.write("kubeconfig", half);
            let (path, whole) = (world.folder.path("kubeconfig"), whole.clone());
            let completed = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                fs::write(path, whole).unwrap();
            });
            outcomes.push(world.ask().await);
            completed.join().unwrap();
        }
        assert!(outcomes.contains(&Ok("Bearer marker-whole".to_owned())), "{half}: {outcomes:?}");
    }
    // One that stays so fails its attestation; the next that finds it whole does not.
    world.folder.write("kubeconfig", &whole[..whole.len() / 2]);
    assert_eq!(world.ask().await, Err(CallErrorKind::CredentialsUnavailable));
    fs::remove_file(world.folder.path("kubeconfig")).unwrap();
    assert_eq!(world.ask().await, Err(CallErrorKind::CredentialsUnavailable));
    world.folder.write("kubeconfig", &whole);
    assert_eq!(world.ask().await.unwrap(), "Bearer marker-whole");
    assert_eq!(world.server.accepted(), 1);
}

#[tokio::test]
async fn a_missing_file_is_named_and_its_appearance_noticed() {
    let world = World::new().await;
    fs::remove_file(world.folder.path("ca.crt")).unwrap();
    let error = patient(&world.cluster).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::CredentialsUnavailable);
    assert!(words(&error).contains("ca.crt: No such file"), "{}", words(&error));
    assert_eq!(world.cluster.counters().calls(Call::Node, StatusClass::NoAnswer), 1);
    world.folder.write("ca.crt", &world.authority.pem);
    world.ask().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn attestations_at_once_share_looks() {
    let world = World::new().await;
    let asked = (0..200).map(|_| {
        let cluster = Arc::clone(&world.cluster);
        tokio::spawn(async move { patient(&cluster).node("n1").await })
    });
    join_all(asked).await.into_iter().for_each(|outcome| drop(outcome.unwrap().unwrap()));
    assert!(world.cluster.credentials.looks_begun() <= 200);
    assert_eq!(world.cluster.counters().credential_reloads(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_hangs_costs_the_deadline_and_one_thread() {
    let folder = Folder::new();
    let pipe = folder.path("kubeconfig");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let cluster = cluster(&pipe);
    let began = Instant::now();
    let asked = (0..50).map(|_| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(
            async move { session(&cluster, Duration::from_millis(300)).node("n1").await.unwrap_err() },
        )
    });
    for outcome in join_all(asked).await {
        let error = outcome.unwrap();
        assert_eq!(error.kind, CallErrorKind::DeadlineExceeded);
        assert!(words(&error).contains("reading the credentials"), "{}", words(&error));
    }
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(cluster.credentials.looks_begun(), 1);
    // Lets the thread go: it waits for a writer of the pipe, and afterwards finds none in its place.
    fs::rename(&pipe, folder.path("away")).unwrap();
    drop(fs::OpenOptions::new().write(true).open(folder.path("away")).unwrap());
}

#[tokio::test]
async fn a_pod_of_the_cluster_needs_no_kubeconfig() {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan::new(&authority, node_after(Duration::ZERO))).await;
    folder.write("ca.crt", &authority.pem);
    folder.write("token", "pod-token\n");
    let port: &'static str = server.address.port().to_string().leak();
    let variables: &'static [(&str, &str)] =
        vec![("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", port)].leak();
    let source = || Source::InCluster(folder.path(""));
    let cluster = cluster_of(source(), Environment::fixed(variables));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(server.last_head().headers[AUTHORIZATION], "Bearer pod-token");
    folder.write("token", "next-token\n");
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(server.last_head().headers[AUTHORIZATION], "Bearer next-token");
    assert_eq!(server.accepted(), 1);

    let elsewhere = cluster_of(source(), Environment::fixed(&[]));
    let error = patient(&elsewhere).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::CredentialsUnavailable);
    assert!(words(&error).contains("KUBERNETES_SERVICE_HOST is not set"), "{}", words(&error));
    folder.write("token", "\n");
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert!(words(&error).contains("token") && words(&error).contains("is empty"), "{}", words(&error));
}
