//! Whole attestations, some 200 a second, while the cluster's credentials are replaced and the old ones revoked: none
//! fails. (That none which arrived after a change uses what was there before is held, request by request, in
//! `src/cluster/tests/rotation_under_load.rs`.)

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use devcluster::{DevCluster, TokenRequest, World};
use psat_attestor::Attestor;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

const REVIEWER: &str = "spire:spire-server";

/// How files are replaced.
#[derive(Clone, Copy)]
enum Way {
    Rename,
    /// A link to a folder is swapped, as the kubelet does it.
    Link,
    InPlace,
    /// Empty or cut off for 20 ms.
    Half,
}

const WAYS: [Way; 4] = [Way::Rename, Way::Link, Way::InPlace, Way::Half];

/// Between changes: a look that was unlucky with one must not be so with the next.
const PAUSE: Duration = Duration::from_millis(250);

struct Field {
    folder: tempfile::TempDir,
    cluster: DevCluster,
    ended: Arc<AtomicUsize>,
    begun: Arc<AtomicUsize>,
    links: usize,
    tokens: usize,
}

impl Field {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data-0")).unwrap();
        symlink("data-0", folder.path().join("data")).unwrap();
        let cluster = DevCluster::start(World::default()).await;
        fs::write(folder.path().join("data/ca.crt"), cluster.ca_pem()).unwrap();
        Self { folder, cluster, ended: Arc::default(), begun: Arc::default(), links: 0, tokens: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn kubeconfig(&self, user: &serde_json::Value) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {
                "server": self.cluster.url(), "certificate-authority": "ca.crt"}}],
            "users": [{"name": "u", "user": user}],
        })
        .to_string()
    }

    fn attestor(&self) -> Attestor {
        let config = json!({
            "trust_domain": "example.org",
            "clusters": {"demo": {
                "service_account_allow_list": ["spire:spire-agent"],
                "kube_config_file": self.path("kubeconfig"),
            }},
        });
        Attestor::new(config.to_string().as_bytes()).unwrap().0
    }

    /// A token for the reviewer that is good beside the one before, by turns a static one and a service account's.
    async fn new_token(&mut self) -> String {
        self.tokens += 1;
        let mut world = self.cluster.world();
        if self.tokens.is_multiple_of(2) {
            world.reviewer.token = format!("static-{}", self.tokens);
            self.cluster.set_world(world.clone()).await;
            return world.reviewer.token;
        }
        world.service_accounts.push(REVIEWER.to_owned());
        self.cluster.set_world(world.clone()).await;
        let (namespace, service_account) = REVIEWER.split_once(':').unwrap();
        self.cluster.mint(&TokenRequest {
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
            pod: None,
            audience: world.api_audiences,
            ..TokenRequest::default()
        })
    }

    /// Makes the token before the newest one worthless, once all that arrived until now have ended.
    async fn revoke_the_one_before(&self) {
        let begun = self.begun.load(SeqCst);
        while self.ended.load(SeqCst) < begun {
            sleep(Duration::from_millis(2)).await;
        }
        let mut world = self.cluster.world();
        if self.tokens.is_multiple_of(2) {
            world.service_accounts.retain(|one| one != REVIEWER);
        } else {
            world.reviewer.token = format!("nobody-has-this-{}", self.tokens);
        }
        self.cluster.set_world(world).await;
    }

    /// Replaces a file. The answer is whether that took no longer than a reader is patient.
    async fn replace(&mut self, way: Way, name: &str, text: &str) -> bool {
        let path = self.path(name);
        let begun = Instant::now();
        match way {
            Way::Rename => {
                fs::write(self.path("new"), text).unwrap();
                fs::rename(self.path("new"), path).unwrap();
            }
            Way::InPlace => fs::write(path, text).unwrap(),
            Way::Half => {
                // Half a token is a token too.
                fs::write(&path, if name == "token" { "" } else { &text[..text.len() / 2] }).unwrap();
                sleep(Duration::from_millis(20)).await;
                fs::write(path, text).unwrap();
            }
            Way::Link => {
                self.links += 1;
                let next = format!("data-{}", self.links);
                copy_files(&self.folder.path().join("data"), &self.folder.path().join(&next));
                fs::write(self.folder.path().join(&next).join(name), text).unwrap();
                symlink(&next, self.folder.path().join("link")).unwrap();
                fs::rename(self.folder.path().join("link"), self.folder.path().join("data")).unwrap();
            }
        }
        begun.elapsed() < Duration::from_millis(40)
    }
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Attestations until they are told to stop; then the documents of those that failed.
struct Load {
    running: JoinHandle<Vec<String>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn start(field: &Field, attestor: Attestor) -> Self {
        let token = field.cluster.mint(&TokenRequest::default());
        let payload = Arc::new(json!({"cluster": "demo", "token": token}).to_string());
        let (begun, ended) = (Arc::clone(&field.begun), Arc::clone(&field.ended));
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let attestor = Arc::new(attestor);
        let running = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_millis(5));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut attestations = JoinSet::new();
            while !stopped.load(SeqCst) {
                ticks.tick().await;
                begun.fetch_add(1, SeqCst);
                let (attestor, payload, ended) =
                    (Arc::clone(&attestor), Arc::clone(&payload), Arc::clone(&ended));
                attestations.spawn_blocking(move || {
                    let answer = attestor.attest(payload.as_bytes(), b"");
                    ended.fetch_add(1, SeqCst);
                    (answer.code != 0).then(|| answer.document.as_str().to_owned())
                });
            }
            attestations.join_all().await.into_iter().flatten().collect()
        });
        Self { running, stop }
    }

    /// How many attestations there were, of which none has failed.
    async fn end(self, field: &Field, all_in_time: bool) -> usize {
        self.stop.store(true, SeqCst);
        let failed = self.running.await.unwrap();
        // A file that a busy machine left half-written for longer is nothing that could be read.
        let excused = |document: &String| !all_in_time && document.contains("CREDENTIALS_UNAVAILABLE");
        assert!(failed.iter().all(excused), "{} failed: {}", failed.len(), failed.concat());
        let ended = field.ended.load(SeqCst);
        println!("{ended} attestations, {} tokens", field.tokens);
        ended
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_fails_while_a_token_file_is_replaced_and_the_old_token_revoked() {
    let mut field = Field::new().await;
    let first = field.new_token().await;
    fs::write(field.path("token"), first).unwrap();
    fs::write(field.path("kubeconfig"), field.kubeconfig(&json!({"tokenFile": "token"}))).unwrap();
    let load = Load::start(&field, field.attestor());
    let mut in_time = true;
    for way in [WAYS, WAYS].concat() {
        sleep(PAUSE).await;
        let token = field.new_token().await;
        in_time &= field.replace(way, "token", &token).await;
        field.revoke_the_one_before().await;
    }
    let count = load.end(&field, in_time).await;
    assert!(count > 100, "{count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_fails_while_kubeconfig_and_ca_are_replaced() {
    let mut field = Field::new().await;
    let first = field.new_token().await;
    fs::write(field.path("kubeconfig"), field.kubeconfig(&json!({"token": first}))).unwrap();
    let load = Load::start(&field, field.attestor());
    let mut in_time = true;
    for way in WAYS {
        sleep(PAUSE).await;
        let token = field.new_token().await;
        let kubeconfig = field.kubeconfig(&json!({"token": token}));
        in_time &= field.replace(way, "kubeconfig", &kubeconfig).await;
        field.revoke_the_one_before().await;
        sleep(PAUSE).await;
        let another = rcgen::generate_simple_self_signed(vec!["another".to_owned()]).unwrap().cert.pem();
        let bundle = format!("{}\n{another}", field.cluster.ca_pem());
        in_time &= field.replace(way, "ca.crt", &bundle).await;
    }
    let count = load.end(&field, in_time).await;
    assert!(count > 100, "{count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_fails_while_a_plugin_answers_with_new_tokens() {
    let mut field = Field::new().await;
    let first = field.new_token().await;
    fs::write(field.path("token"), first).unwrap();
    // Good for a second or two.
    let script = r#"printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s","expirationTimestamp":"%s"}}' $(cat $TOKEN) $(date -u -d '2 seconds' +%FT%TZ)"#;
    let exec = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
        "args": ["-c", script], "env": [{"name": "TOKEN", "value": field.path("token")}],
    }});
    fs::write(field.path("kubeconfig"), field.kubeconfig(&exec)).unwrap();
    let load = Load::start(&field, field.attestor());
    for _ in 0..2 {
        sleep(PAUSE).await;
        let token = field.new_token().await;
        assert!(field.replace(Way::Rename, "token", &token).await);
        // Until the answer with the old token has expired.
        sleep(Duration::from_secs(3)).await;
        field.revoke_the_one_before().await;
    }
    sleep(PAUSE).await;
    let count = load.end(&field, true).await;
    assert!(count > 200, "{count}");
    // A run that is under way ends by itself; none is left behind, not even as a zombie.
    let patience = Instant::now();
    while !children().is_empty() && patience.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(children(), Vec::<String>::new());
}

/// The processes that this one has started and not waited for.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let parent = |stat: &str| stat.rsplit_once(") ")?.1.split(' ').nth(1).map(str::to_owned);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    stats.filter(|stat| parent(stat).as_deref() == Some(own.as_str())).collect()
}
