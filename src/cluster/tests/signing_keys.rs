//! Signing keys as a dev cluster publishes them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use devcluster::{Algorithm, Answer, ClusterKey, DevCluster, Fault, Keys, Permission, TokenRequest, World};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::super::api::ClusterApi;
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::super::keys::{Jws, KeyState, Unverified, Verification, Why};
use super::super::{Cluster, ClusterEvent, Observer};
use super::world::{CALL_TIMEOUT, patient};

struct Scene {
    server: DevCluster,
    folder: tempfile::TempDir,
    cluster: Arc<Cluster>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    async fn new(world: World) -> Self {
        let server = DevCluster::start(world).await;
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = server.write_kubeconfig(folder.path()).unwrap();
        let told = Arc::<Mutex<Vec<String>>>::default();
        let listening = Arc::clone(&told);
        let observer = Observer::new(move |event| match event {
            ClusterEvent::KeysRead(keys) => listening.lock().unwrap().push(format!("{keys} keys")),
            ClusterEvent::KeysUnreadable(cause) => listening.lock().unwrap().push((*cause).to_owned()),
            _ => {}
        });
        let (source, environment) = (Source::Kubeconfig(kubeconfig), Environment::fixed(&[]));
        let cluster = Arc::new(Cluster::with("demo".to_owned(), CALL_TIMEOUT, source, environment, observer));
        Self { server, folder, cluster, told }
    }

    fn verify(&self, token: &str) -> Option<Verification> {
        self.cluster.keys().verify(Jws::decode(token).expect("a token"), &Handle::current())
    }

    /// What the keys say, once they had the time that the first ones have.
    async fn verify_in_time(&self, token: &str) -> Option<Verification> {
        self.verify(token);
        self.cluster.keys().first(Instant::now() + CALL_TIMEOUT).await;
        // On a busy machine they may take longer.
        for _ in 0..400 {
            if self.cluster.keys().state() != KeyState::NotRead {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.verify(token)
    }

    fn mint(&self, alg: Algorithm) -> String {
        self.server.mint(&TokenRequest { alg, ..TokenRequest::default() })
    }
}

fn is_verified(verification: Option<&Verification>) -> bool {
    matches!(verification, Some(Verification::Verified(_)))
}

fn answering(answer: Answer) -> World {
    let mut world = World::default();
    world.answers.jwks = vec![answer];
    world
}

#[tokio::test]
async fn published_keys_verify_every_algorithm_of_kubernetes_and_cost_one_call() {
    let scene = Scene::new(World::default()).await;
    assert!(is_verified(scene.verify_in_time(&scene.mint(Algorithm::Rs256)).await.as_ref()));
    for alg in Algorithm::ALL {
        assert!(is_verified(scene.verify(&scene.mint(alg)).as_ref()), "{alg:?}");
    }
    assert_eq!((scene.server.counters().jwks, scene.server.counters().calls()), (1, 1));
    assert_eq!(*scene.told.lock().unwrap(), ["4 keys"]);
    assert!(scene.cluster.time().is_some(), "the answer told the time");
}

#[tokio::test]
async fn a_cluster_that_nobody_asks_about_is_not_asked() {
    let scene = Scene::new(World::default()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let counters = scene.server.counters();
    assert_eq!((counters.calls(), counters.connections), (0, 0));
    assert_eq!(scene.cluster.keys().state(), KeyState::NotRead);
}

#[tokio::test]
async fn the_token_of_another_cluster_is_unknown_here() {
    let (here, there) = (
        Scene::new(World::default()).await,
        DevCluster::start_with(Keys::generate(), World::default()).await,
    );
    let foreign = there.mint(&TokenRequest::default());
    let verification = here.verify_in_time(&foreign).await;
    assert!(
        matches!(&verification, Some(Verification::Unverified(Unverified { why: Why::UnknownKid, .. }))),
        "{verification:?}"
    );
    // Under the name of a key of this cluster it is wrong.
    let own = here.mint(Algorithm::Rs256);
    let [head, _, _]: [&str; 3] = own.split('.').collect::<Vec<_>>().try_into().unwrap();
    let [_, claims, signature]: [&str; 3] = foreign.split('.').collect::<Vec<_>>().try_into().unwrap();
    let dressed_up = here.verify(&format!("{head}.{claims}.{signature}"));
    assert!(matches!(dressed_up, Some(Verification::Wrong)), "{dressed_up:?}");
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_told_of_and_are_no_keys() {
    let mut forbidden = World::default();
    forbidden.reviewer.permissions.retain(|permission| *permission != Permission::Jwks);
    let status = |status| answering(Answer { status: Some(status), ..Answer::default() });
    let text = |text: &str| answering(Answer { text: Some(text.to_owned()), ..Answer::default() });
    let padded = format!("{{{}\"keys\":[]}}", " ".repeat(1 << 20));
    for (world, cause) in [
        (forbidden, "answered 403: forbidden: User"),
        (status(404), "answered 404"),
        (status(500), "answered 500"),
        (text("<html>"), "the answer is no JSON object"),
        (text(r#"{"keys":[]}"#), "the key set has no key that can be used"),
        (text(&padded), "the answer is larger than 1024 KiB"),
    ] {
        let scene = Scene::new(world).await;
        assert!(scene.verify_in_time(&scene.mint(Algorithm::Es256)).await.is_none(), "{cause}");
        assert!(scene.verify(&scene.mint(Algorithm::Es256)).is_none());
        let told = scene.told.lock().unwrap().clone();
        assert!(told.len() == 1 && told[0].contains(cause), "{told:?}");
        assert!(
            told[0].starts_with("GET https://127.0.0.1:") && told[0].contains("/openid/v1/jwks: "),
            "{told:?}"
        );
        let KeyState::Unreadable { cause: kept } = scene.cluster.keys().state() else { panic!("{cause}") };
        assert_eq!(kept, told[0]);
        assert_eq!(scene.server.counters().jwks, 1, "and not asked for again at once");
    }
}

#[tokio::test]
async fn nobody_waits_for_keys_that_hang() {
    let scene =
        Scene::new(answering(Answer { fault: Some(Fault::HangBeforeHeaders), ..Answer::default() })).await;
    let token = scene.mint(Algorithm::Es256);
    assert!(scene.verify(&token).is_none());
    let begun = Instant::now();
    for _ in 0..50 {
        scene.cluster.keys().first(Instant::now() + CALL_TIMEOUT).await;
        assert!(scene.verify(&token).is_none());
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "all together have waited a quarter of a second");
    assert!(patient(&scene.cluster).node("node-1").await.is_ok(), "and calls go on meanwhile");
    assert_eq!(scene.server.counters().jwks, 1);
}

#[tokio::test]
async fn a_changed_credential_drops_the_keys_and_reads_them_with_the_new_one() {
    let mut world = World::default();
    world.reviewer.credential = devcluster::Credential::TokenFile;
    let scene = Scene::new(world.clone()).await;
    let token = scene.mint(Algorithm::Es256);
    assert!(is_verified(scene.verify_in_time(&token).await.as_ref()));

    world.reviewer.token = "another-reviewer".to_owned();
    scene.server.set_world(world).await;
    scene.server.write_kubeconfig(scene.folder.path()).unwrap();
    assert!(is_verified(scene.verify(&token).as_ref()), "no file is looked at for a token");
    assert!(patient(&scene.cluster).node("node-1").await.is_ok(), "this looks at the credentials");
    assert!(scene.verify(&token).is_none(), "and with them the keys are gone");
    for _ in 0..400 {
        if is_verified(scene.verify(&token).as_ref()) {
            return assert_eq!(scene.server.counters().jwks, 2);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the keys were not read again");
}

#[tokio::test]
async fn the_clock_is_the_clusters() {
    let scene = Scene::new(World { clock_ahead_s: 3600, ..World::default() }).await;
    assert!(patient(&scene.cluster).node("node-1").await.is_ok());
    let theirs = scene.cluster.time().expect("the answer told it");
    let ours = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ahead = theirs - i64::try_from(ours).unwrap();
    assert!((3590..=3601).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn keys_without_kid_and_several_under_one_are_read_as_they_are() {
    let key = |number, kid: &str| ClusterKey { number, kid: Some(kid.to_owned()), ..Algorithm::Es256.into() };
    let signing_keys = vec![key(0, "k"), key(1, "k"), key(2, "")];
    let scene = Scene::new(World { signing_keys, ..World::default() }).await;
    for number in 0..3 {
        let request = TokenRequest { alg: Algorithm::Es256, key: number, ..TokenRequest::default() };
        let token = scene.server.mint(&request);
        assert!(is_verified(scene.verify_in_time(&token).await.as_ref()), "{number}");
    }
}
