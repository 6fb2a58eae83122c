//! Credentials that a plugin makes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::Cluster;
use super::super::api::{CallErrorKind, ClusterApi};
use super::super::credentials::Access;
use super::world::{Authority, Folder, Plan, Server, cluster, node_after, patient, session, words};

mod renewals;

const V1: &str = "client.authentication.k8s.io/v1";

/// A server, and a plugin that writes what stands in the file `answer`.
struct World {
    authority: Authority,
    folder: Folder,
    server: Server,
    cluster: Arc<Cluster>,
}

impl World {
    async fn new() -> Self {
        let authority = Authority::new();
        Self::with(Plan::new(&authority, node_after(Duration::ZERO)), authority).await
    }

    async fn with(plan: Plan, authority: Authority) -> Self {
        let folder = Folder::new();
        let server = Server::start(plan).await;
        let cluster = cluster(&folder.lead_to(&server, &authority));
        let world = Self { authority, folder, server, cluster };
        world.plugin(&json!({}));
        world
    }

    /// Writes the kubeconfig, with these changes to `exec`.
    fn plugin(&self, changes: &Value) {
        let script = "echo run >> $RUNS; cat $ANSWER";
        let mut exec = json!({
            "apiVersion": V1, "interactiveMode": "Never", "command": "sh", "args": ["-c", script],
            "env": [
                {"name": "RUNS", "value": self.folder.path("runs")},
                {"name": "ANSWER", "value": self.folder.path("answer")},
            ],
        });
        for (key, value) in changes.as_object().unwrap() {
            exec[key] = value.clone();
        }
        self.user(&[format!("exec: {exec}")]);
    }

    fn user(&self, lines: &[String]) {
        let server = format!("server: https://{}", self.server.address);
        self.folder.kubeconfig(&[server, "certificate-authority: ca.crt".into()], lines);
    }

    /// What the plugin writes from now on.
    fn answer(&self, status: &Value) {
        let credential = json!({"apiVersion": V1, "kind": "ExecCredential", "status": status});
        let new = self.folder.write("new", &credential.to_string());
        fs::rename(new, self.folder.path("answer")).unwrap();
    }

    /// A token that expires after this.
    fn token_for(&self, token: &str, life: Duration) {
        let expiry = jiff::Timestamp::now() + jiff::SignedDuration::try_from(life).unwrap();
        self.answer(&json!({"token": token, "expirationTimestamp": expiry.to_string()}));
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.folder.path("runs")).unwrap_or_default().lines().count()
    }

    /// The `Authorization` that an attestation came with.
    async fn ask(&self) -> Result<String, (CallErrorKind, String)> {
        patient(&self.cluster).node("n1").await.map_err(|error| {
            assert!(!format!("{} {error:?}", words(&error)).contains("marker"), "{error:?}");
            (error.kind, words(&error))
        })?;
        Ok(self.server.last_head().headers[AUTHORIZATION].to_str().unwrap().to_owned())
    }

    async fn second_look(&self, used: &Arc<Access>) -> Option<Arc<Access>> {
        self.cluster.credentials.second_look(used).await.unwrap()
    }

    async fn access(&self) -> Arc<Access> {
        self.cluster.credentials.fresh().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_run_once_for_all() {
    let world = World::new().await;
    world.answer(&json!({"token": "marker-token"}));
    let asked = (0..50).map(|_| {
        let cluster = Arc::clone(&world.cluster);
        tokio::spawn(async move { patient(&cluster).node("n1").await })
    });
    join_all(asked).await.into_iter().for_each(|outcome| drop(outcome.unwrap().unwrap()));
    assert_eq!(world.ask().await.unwrap(), "Bearer marker-token");
    assert_eq!((world.runs(), world.server.accepted()), (1, 1));
    // Another kubeconfig with the same plugin needs no run; another plugin does, at once.
    world.user(&["# the same\n    ".to_owned() + &kubeconfig_exec(&world)]);
    world.ask().await.unwrap();
    assert_eq!(world.runs(), 1);
    world.answer(&json!({"token": "marker-other"}));
    world.plugin(&json!({"args": ["-c", "echo run >> $RUNS; cat $ANSWER; :"]}));
    assert_eq!(world.ask().await.unwrap(), "Bearer marker-other");
    assert_eq!((world.runs(), world.server.accepted()), (2, 1));
}

/// The line of the kubeconfig that names the plugin.
fn kubeconfig_exec(world: &World) -> String {
    let text = fs::read_to_string(world.folder.path("kubeconfig")).unwrap();
    text.lines().find(|line| line.contains("exec:")).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_plugin_may_answer_with_a_client_certificate() {
    let authority = Authority::new();
    let client_ca = Some(authority.pem.clone());
    let plan = Plan { client_ca, ..Plan::new(&authority, node_after(Duration::ZERO)) };
    let world = World::with(plan, authority).await;
    let certificate = |name| {
        let pair = world.authority.issue(name);
        json!({"clientCertificateData": pair.certificate, "clientKeyData": pair.key})
    };
    world.answer(&certificate("one"));
    patient(&world.cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
    assert!(!world.server.last_head().headers.contains_key(AUTHORIZATION));
    // Another one is another connection.
    world.answer(&certificate("two"));
    sleep(Duration::from_millis(1100)).await;
    assert!(world.second_look(&world.access().await).await.is_some());
    patient(&world.cluster).node("n1").await.unwrap();
    assert_eq!((world.runs(), world.server.accepted()), (2, 2));

    world.answer(&json!({"clientCertificateData": "marker", "clientKeyData": "marker"}));
    world.plugin(&json!({"provideClusterInfo": true}));
    let (kind, words) = world.ask().await.unwrap_err();
    assert_eq!(kind, CallErrorKind::CredentialsUnavailable);
    assert!(words.contains("a client certificate or a key that cannot be used"), "{words}");
    // Such an answer is not kept, for however long it says that it is good.
    world.answer(&certificate("three"));
    sleep(Duration::from_millis(1100)).await;
    patient(&world.cluster).node("n1").await.unwrap();
}

#[tokio::test]
async fn a_plugin_that_fails_is_named_and_not_quoted() {
    let world = World::new().await;
    for (changes, reason) in [
        (json!({"command": "psat-no-such-command"}), "exec plugin psat-no-such-command: is not there"),
        (json!({"command": "./kubeconfig"}), "kubeconfig: is not there, or is no program"),
        (json!({"args": ["-c", "echo marker; echo marker >&2; exit 7"]}), "ended with exit status 7"),
        (json!({"args": ["-c", "echo marker"]}), "wrote no ExecCredential"),
    ] {
        world.plugin(&changes);
        let (kind, words) = world.ask().await.unwrap_err();
        assert_eq!(kind, CallErrorKind::CredentialsUnavailable);
        assert!(words.contains(reason), "{words}");
    }
    // A crowd costs no more runs than one.
    world.plugin(&json!({"args": ["-c", "echo run >> $RUNS; exit 1"]}));
    let began = Instant::now();
    for outcome in join_all((0..20).map(|_| world.ask())).await {
        assert_eq!(outcome.unwrap_err().0, CallErrorKind::CredentialsUnavailable);
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!(world.runs() <= 2 * seconds, "{} runs in {seconds} s", world.runs());
}

#[tokio::test]
async fn a_plugin_in_the_middle_of_a_replacement_is_asked_again() {
    let world = World::new().await;
    world.answer(&json!({"token": "whole"}));
    let whole = fs::read_to_string(world.folder.path("answer")).unwrap();
    let mut outcomes = Vec::new();
    // A busy machine may be late with the other half.
    for attempt in 0..5 {
        world.folder.write("answer", &whole[..whole.len() / 2]);
        world.plugin(&json!({"args": ["-c", format!("cat $ANSWER; : {attempt}")]}));
        let (path, whole) = (world.folder.path("answer"), whole.clone());
        let completed = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            fs::write(path, whole).unwrap();
        });
        outcomes.push(world.ask().await);
        completed.join().unwrap();
    }
    assert!(outcomes.contains(&Ok("Bearer whole".to_owned())), "{outcomes:?}");
}

#[tokio::test]
async fn a_plugin_that_hangs_costs_the_deadline() {
    let world = World::new().await;
    world.plugin(&json!({"args": ["-c", "echo run >> $RUNS; sleep 2; cat $ANSWER"]}));
    world.answer(&json!({"token": "late"}));
    let began = Instant::now();
    let asked = (0..20)
        .map(|_| async { session(&world.cluster, Duration::from_millis(300)).node("n1").await.unwrap_err() });
    for error in join_all(asked).await {
        assert_eq!(error.kind, CallErrorKind::DeadlineExceeded);
        assert!(words(&error).contains("reading the credentials"), "{}", words(&error));
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    // What it says in the end is good for those who come later.
    assert_eq!(world.ask().await.unwrap(), "Bearer late");
    assert_eq!(world.runs(), 1);
}

#[tokio::test]
async fn a_plugin_that_hangs_holds_up_none_that_takes_its_place() {
    let world = World::new().await;
    world.answer(&json!({"token": "new"}));
    let hangs = "echo run >> $RUNS; while test -e $ANSWER; do sleep 0.1; done";
    world.plugin(&json!({"args": ["-c", hangs]}));
    let waiting = world.ask();
    let replaced = async {
        while world.runs() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        world.plugin(&json!({}));
        world.ask().await
    };
    let began = Instant::now();
    let (old, new) = tokio::join!(waiting, replaced);
    assert_eq!((old.unwrap(), new.unwrap()), ("Bearer new".to_owned(), "Bearer new".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(world.runs(), 2);

    // The same for one that is run while its answer before is in use.
    world.token_for("short", Duration::from_secs(2));
    let script = format!("if test -e $ANSWER.once; then {hangs}; fi; touch $ANSWER.once; cat $ANSWER");
    world.plugin(&json!({"args": ["-c", script]}));
    assert_eq!(world.ask().await.unwrap(), "Bearer short");
    while world.runs() == 2 {
        let _ = session(&world.cluster, Duration::from_millis(300)).node("n1").await;
    }
    world.answer(&json!({"token": "newer"}));
    world.plugin(&json!({}));
    let began = Instant::now();
    assert_eq!(world.ask().await.unwrap(), "Bearer newer");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // Both end with it.
    fs::remove_file(world.folder.path("answer")).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_plugin_inherits_no_connection() {
    let world = World::new().await;
    world.answer(&json!({"token": "t"}));
    world.ask().await.unwrap();
    world.plugin(&json!({"args": ["-c", "ls -l /proc/self/fd > $RUNS; cat $ANSWER"]}));
    world.ask().await.unwrap();
    let open = fs::read_to_string(world.folder.path("runs")).unwrap();
    assert!(open.contains("/dev/null"), "{open}");
    assert!(!open.contains("socket:") && !open.contains("anon_inode"), "{open}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_with_a_slash_is_one_of_the_kubeconfigs_folder() {
    let world = World::new().await;
    fs::create_dir(world.folder.path("bin")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", world.folder.path("bin/own")).unwrap();
    world.answer(&json!({"token": "own"}));
    for command in ["bin/own", "./bin/own", "/bin/sh"] {
        world.plugin(&json!({"command": command}));
        assert_eq!(world.ask().await.unwrap(), "Bearer own");
    }
    world.plugin(&json!({"command": "own"}));
    assert!(world.ask().await.unwrap_err().1.contains("is not there"));
}

#[tokio::test]
async fn a_credential_in_the_kubeconfig_goes_before_the_plugin() {
    let world = World::new().await;
    let exec = kubeconfig_exec(&world);
    world.user(&[exec, "token: inline".to_owned()]);
    assert_eq!(world.ask().await.unwrap(), "Bearer inline");
    assert_eq!(world.runs(), 0);
}

#[tokio::test]
async fn an_impersonated_user_is_named_in_headers() {
    let world = World::new().await;
    world.user(&["token: t, as: jane".replace(", ", "\n    "), "as-groups: [g1, g2]".to_owned()]);
    world.ask().await.unwrap();
    let headers = world.server.last_head().headers;
    assert_eq!(headers["impersonate-user"], "jane");
    assert_eq!(headers.get_all("impersonate-group").iter().collect::<Vec<_>>(), ["g1", "g2"]);
}
