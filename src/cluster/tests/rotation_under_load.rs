//! Credentials that are replaced while some 200 attestations a second run: none fails, and none that arrived after a
//! change uses what was there before.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::request::Parts;
use http_body_util::Full;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::super::Cluster;
use super::super::api::{CallErrorKind, ClusterApi};
use super::world::{Authority, Folder, Handler, Peer, Plan, Server, cluster, session, words};

const CHANGES: usize = 12;

/// How files are replaced.
#[derive(Clone, Copy, Debug)]
enum Way {
    Rename,
    /// A link to a folder is swapped, as the kubelet does it.
    Link,
    InPlace,
    /// Empty or cut off for a while.
    Half,
}

const WAYS: [Way; 4] = [Way::Rename, Way::Link, Way::InPlace, Way::Half];

/// Between changes: a look that was unlucky with one must not be so with the next.
const PAUSE: Duration = Duration::from_millis(250);

/// For how long a file may stay half-written: the second look comes after 50 ms.
const HALF: Duration = Duration::from_millis(20);
const TOO_LATE: Duration = Duration::from_millis(40);

/// When a version was there.
struct Change {
    /// From here on it can have been seen.
    visible: Instant,
    /// From here on it must be seen.
    done: Instant,
}

/// Attestations that run until they are told to stop.
struct Load {
    running: JoinHandle<Vec<Outcome>>,
    stop: tokio::sync::watch::Sender<bool>,
}

struct Outcome {
    number: usize,
    arrived: Instant,
    ended: Instant,
    failure: Option<(CallErrorKind, String)>,
}

impl Load {
    fn start(cluster: &Arc<Cluster>) -> Self {
        let cluster = Arc::clone(cluster);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_millis(5));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut attestations = Vec::new();
            while !*stopped.borrow() {
                ticks.tick().await;
                attestations.push(tokio::spawn(attest(Arc::clone(&cluster), attestations.len())));
            }
            let mut outcomes = Vec::new();
            for attestation in attestations {
                outcomes.push(attestation.await.unwrap());
            }
            outcomes
        });
        Self { running, stop }
    }

    async fn stop(self) -> Vec<Outcome> {
        self.stop.send_replace(true);
        self.running.await.unwrap()
    }
}

async fn attest(cluster: Arc<Cluster>, number: usize) -> Outcome {
    let arrived = Instant::now();
    let answer = session(&cluster, Duration::from_secs(20)).node(&format!("n{number}")).await;
    let failure = answer.err().map(|error| (error.kind, words(&error)));
    Outcome { number, arrived, ended: Instant::now(), failure }
}

/// Knows every node.
fn every_node() -> Handler {
    Arc::new(|request| {
        let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let node = format!(r#"{{"kind":"Node","apiVersion":"v1","metadata":{{"name":"{name}","uid":"u"}}}}"#);
        Box::pin(async move { http::Response::new(Full::from(node)) })
    })
}

/// A server, and files in a folder that is a link, so that all can be replaced at once.
struct World {
    authority: Authority,
    folder: Folder,
    server: Server,
    folders: usize,
    /// Whether files were half-written for longer than they may be, and when.
    late: Vec<(Instant, Instant)>,
}

impl World {
    async fn new(client_ca: bool) -> Self {
        let (authority, folder) = (Authority::new(), Folder::new());
        let client_ca = client_ca.then(|| authority.pem.clone());
        let server = Server::start(Plan { client_ca, ..Plan::new(&authority, every_node()) }).await;
        fs::create_dir(folder.path("data-0")).unwrap();
        symlink("data-0", folder.path("data")).unwrap();
        folder.write("data/ca.crt", &authority.pem);
        Self { authority, folder, server, folders: 0, late: Vec::new() }
    }

    fn kubeconfig(&self, user: &[&str]) -> String {
        let server = format!("server: https://{}", self.server.address);
        let user: Vec<String> = user.iter().map(|line| (*line).to_owned()).collect();
        super::world::kubeconfig(&[server, "certificate-authority: ca.crt".into()], &user)
    }

    /// Replaces files.
    async fn replace(&mut self, way: Way, files: &[(&str, String)]) -> Change {
        let path = |name: &str| self.folder.path(&format!("data/{name}"));
        let begun = Instant::now();
        let mut visible = begun;
        match way {
            Way::Rename => {
                for (name, text) in files {
                    fs::rename(self.folder.write("data/new", text), path(name)).unwrap();
                }
            }
            Way::InPlace => {
                for (name, text) in files {
                    fs::write(path(name), text).unwrap();
                }
            }
            Way::Half => {
                for (name, text) in files {
                    // Half a token is a token too.
                    let half = if *name == "token" { 0 } else { text.len() / 2 };
                    fs::write(path(name), &text[..half]).unwrap();
                }
                sleep(HALF).await;
                visible = Instant::now();
                for (name, text) in files {
                    fs::write(path(name), text).unwrap();
                }
            }
            Way::Link => {
                self.folders += 1;
                let next = format!("data-{}", self.folders);
                copy_files(&self.folder.path("data"), &self.folder.path(&next));
                for (name, text) in files {
                    self.folder.write(&format!("{next}/{name}"), text);
                }
                symlink(&next, self.folder.path("link")).unwrap();
                fs::rename(self.folder.path("link"), self.folder.path("data")).unwrap();
            }
        }
        let done = Instant::now();
        if done - begun > TOO_LATE {
            self.late.push((begun, done));
        }
        Change { visible, done }
    }

    /// Which request each attestation made.
    fn requests(&self) -> HashMap<usize, Parts> {
        let heads = self.server.heads.lock().unwrap();
        let number = |head: &Parts| head.uri.path().rsplit('n').next().unwrap().parse().unwrap();
        heads.iter().map(|head| (number(head), head.clone())).collect()
    }
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Replaces files again and again under load. `files` makes those of a version, from 0 on, `version` tells the version
/// that a request was made with, given when each version was there.
async fn rotate(
    mut world: World,
    mut files: impl FnMut(&World, usize) -> Vec<(&'static str, String)>,
    version: impl Fn(&Parts, &[Change]) -> usize,
) {
    let first = files(&world, 0);
    let mut changes = vec![world.replace(Way::InPlace, &first).await];
    let load = Load::start(&cluster(&world.folder.path("data/kubeconfig")));
    while world.requests().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    for number in 1..=CHANGES {
        let next = files(&world, number);
        let way = WAYS[number % WAYS.len()];
        changes.push(world.replace(way, &next).await);
        sleep(PAUSE).await;
    }
    let outcomes = load.stop().await;
    let requests = world.requests();
    assert!(outcomes.len() > 100, "only {} attestations", outcomes.len());
    let mut used_versions = vec![0; CHANGES + 1];
    for outcome in &outcomes {
        let was_late = |(from, to): &(Instant, Instant)| outcome.arrived <= *to && outcome.ended >= *from;
        if let Some((kind, words)) = &outcome.failure {
            let excused = *kind == CallErrorKind::CredentialsUnavailable && world.late.iter().any(was_late);
            let newest = changes.iter().rposition(|change| change.done < outcome.arrived).unwrap();
            assert!(excused, "attestation {} after change {newest}: {words}", outcome.number);
            continue;
        }
        let newest = changes.iter().rposition(|change| change.done < outcome.arrived).unwrap();
        let used = version(&requests[&outcome.number], &changes);
        assert!(used >= newest, "attestation {} used version {used}, not {newest}", outcome.number);
        used_versions[used] += 1;
    }
    // A busy machine may not come to all of them.
    let used = used_versions.iter().filter(|uses| **uses > 0).count();
    assert!(used > CHANGES / 2, "{used_versions:?}");
}

fn version_of_token(head: &Parts) -> usize {
    head.headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer t").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_file() {
    let world = World::new(false).await;
    world.folder.write("data/kubeconfig", &world.kubeconfig(&["tokenFile: token"]));
    rotate(world, |_, version| vec![("token", format!("t{version}\n"))], |head, _| version_of_token(head))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_kubeconfig() {
    let world = World::new(false).await;
    rotate(
        world,
        |world, version| vec![("kubeconfig", world.kubeconfig(&[&format!("token: \"t{version}\"")]))],
        |head, _| version_of_token(head),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate() {
    let world = World::new(true).await;
    let user = ["client-certificate: client.crt", "client-key: client.key"];
    world.folder.write("data/kubeconfig", &world.kubeconfig(&user));
    let shown = std::sync::Mutex::new(Vec::new());
    let next = |world: &World, _| {
        let pair = world.authority.issue("reviewer");
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        shown.lock().unwrap().push(certificate.to_vec());
        vec![("client.crt", pair.certificate), ("client.key", pair.key)]
    };
    let version = |head: &Parts, _: &[Change]| {
        let certificate = head.extensions.get::<Peer>().unwrap().certificate.as_ref().unwrap();
        shown.lock().unwrap().iter().position(|one| one == certificate).unwrap()
    };
    rotate(world, next, version).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca() {
    let world = World::new(false).await;
    world.folder.write("data/kubeconfig", &world.kubeconfig(&["token: t0"]));
    // The server's CA beside one that changes: each bundle makes another connection, and
    // half of one still has the server's CA.
    let next =
        |world: &World, _| vec![("ca.crt", format!("{}\n{}", world.authority.pem, Authority::new().pem))];
    let version = |head: &Parts, changes: &[Change]| {
        let accepted = head.extensions.get::<Peer>().unwrap().accepted;
        changes.iter().rposition(|change| change.visible < accepted).unwrap()
    };
    rotate(world, next, version).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers() {
    let world = World::new(false).await;
    // Good for two to three seconds; the token says until when.
    let script = r#"at=$(($(date +%s) + 3)); printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s","expirationTimestamp":"%s"}}' $at $(date -u -d @$at +%FT%TZ)"#;
    let exec = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", script],
    });
    world.folder.write("data/kubeconfig", &world.kubeconfig(&[&format!("exec: {exec}")]));
    let (began, began_at) = (Instant::now(), SystemTime::now());
    let load = Load::start(&cluster(&world.folder.path("data/kubeconfig")));
    sleep(Duration::from_secs(5)).await;
    let outcomes = load.stop().await;
    let requests = world.requests();
    let mut tokens = Vec::new();
    for outcome in &outcomes {
        assert_eq!(outcome.failure, None, "attestation {}", outcome.number);
        let expires = version_of_token(&requests[&outcome.number]);
        let arrived = began_at + (outcome.arrived - began);
        let arrived = arrived.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(
            arrived <= Duration::from_secs(expires as u64),
            "attestation {} came too late",
            outcome.number
        );
        tokens.push(expires);
    }
    tokens.sort_unstable();
    tokens.dedup();
    assert!(outcomes.len() > 300 && tokens.len() >= 3, "{} with {tokens:?}", outcomes.len());
}
