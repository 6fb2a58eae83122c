//! `Attestor::check` as a host sees it: several clusters, one document, one time limit.

use std::path::Path;
use std::time::{Duration, Instant};

use devcluster::{DevCluster, ListenerMode, Permission, World};
use psat_attestor::{Answer, Attestor};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Dev clusters by name, and an attestor that is configured for them.
struct Setting {
    attestor: Attestor,
    // They run while this lives.
    _clusters: Vec<DevCluster>,
    folder: TempDir,
}

impl Setting {
    async fn of<const N: usize>(worlds: [(&str, World); N]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut clusters = Vec::new();
        let mut configured = serde_json::Map::new();
        for (name, world) in worlds {
            let home = folder.path().join(name);
            std::fs::create_dir(&home).expect("a folder in it");
            let cluster = DevCluster::start(world).await;
            let kubeconfig = cluster.write_kubeconfig(&home).expect("a kubeconfig");
            configured.insert(name.to_owned(), settings(&kubeconfig));
            clusters.push(cluster);
        }
        let config = json!({"trust_domain": "example.org", "clusters": configured}).to_string();
        let (attestor, _) = Attestor::new(config.as_bytes()).expect("a valid configuration");
        Self { attestor, _clusters: clusters, folder }
    }

    /// The answer's code, and its document.
    fn check(&self, options: &Value) -> (i32, Value) {
        // A blocking call, beside the runtime that the dev clusters need.
        let Answer { code, document } =
            tokio::task::block_in_place(|| self.attestor.check(options.to_string().as_bytes()));
        let document: Value = serde_json::from_str(document.as_str()).expect("a JSON document");
        assert_eq!(document["code"], code);
        (code, document)
    }
}

fn settings(kubeconfig: &Path) -> Value {
    json!({"service_account_allow_list": ["spire:spire-agent"], "kube_config_file": kubeconfig})
}

fn without(missing: Permission) -> World {
    let mut world = World::default();
    world.reviewer.permissions.retain(|permission| *permission != missing);
    world
}

fn outcome<'d>(document: &'d Value, cluster: &str, check: &str) -> &'d Value {
    let steps = document["clusters"][cluster]["steps"].as_array().expect("steps");
    &steps.iter().find(|step| step["check"] == check).expect("the step")["outcome"]
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_can_be_used_are_told_with_what_was_seen() {
    let setting = Setting::of([("one", World::default()), ("two", World::default())]).await;
    let (code, document) = setting.check(&json!({}));
    assert_eq!((code, &document["reason"], &document["config_generation"]), (0, &json!("OK"), &json!(1)));
    assert_eq!(document.get("message"), None);
    for name in ["one", "two"] {
        let cluster = &document["clusters"][name];
        assert_eq!(cluster["usable"], true);
        assert_eq!(
            (&cluster["server_version"], &cluster["user"]),
            (&json!("v1.37.2"), &json!("psat-reviewer"))
        );
        assert!(cluster["server"].as_str().is_some_and(|server| server.starts_with("https://127.0.0.1:")));
        assert!(cluster["elapsed_us"].as_u64().is_some_and(|elapsed| elapsed > 0));
        assert_eq!(cluster["steps"].as_array().map(Vec::len), Some(9));
        assert_eq!(cluster["steps"][0].as_object().map(serde_json::Map::len), Some(3), "{cluster:#}");
    }
    let (code, document) = setting.check(&json!({"clusters": ["two", "two"]}));
    assert_eq!((code, document["clusters"].as_object().map(serde_json::Map::len)), (0, Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_failure_of_the_first_unusable_cluster_has_the_code() {
    let setting = Setting::of([
        ("a", World::default()),
        ("b", without(Permission::Pods)),
        ("c", World { listener: ListenerMode::Refuse, ..World::default() }),
    ])
    .await;
    let (code, document) = setting.check(&json!({}));
    assert_eq!((code, &document["reason"]), (9, &json!("API_FORBIDDEN")));
    assert_eq!(document["message"], "cluster \"b\" cannot be used: check \"pods\" failed");
    let usable = |name: &str| document["clusters"][name]["usable"].as_bool();
    assert_eq!((usable("a"), usable("b"), usable("c")), (Some(true), Some(false), Some(false)));
    assert_eq!(outcome(&document, "c", "reach"), "fail");
    let (code, document) = setting.check(&json!({"clusters": ["c"]}));
    assert_eq!((code, &document["reason"]), (14, &json!("API_UNREACHABLE")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_leaves_the_others_their_time() {
    let hanging = || World { listener: ListenerMode::HangTls, ..World::default() };
    let setting = Setting::of([("a", hanging()), ("b", World::default()), ("c", hanging())]).await;
    let begun = Instant::now();
    let (code, document) = setting.check(&json!({"timeout_ms": 700}));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!((code, &document["reason"]), (4, &json!("DEADLINE_EXCEEDED")));
    assert_eq!(document["clusters"]["b"]["usable"], true);
    for name in ["a", "c"] {
        assert_eq!(
            (outcome(&document, name, "reach"), outcome(&document, name, "tls")),
            (&json!("pass"), &json!("fail"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_makes_the_next_check_pass() {
    let setting = Setting::of([("demo", World::default())]).await;
    let authority = setting.folder.path().join("demo/ca.crt");
    let genuine = std::fs::read_to_string(&authority).expect("the CA");
    let other = setting.folder.path().join("other");
    std::fs::create_dir(&other).expect("a folder");
    let stranger = DevCluster::start_with(devcluster::Keys::generate(), World::default()).await;
    std::fs::write(&authority, stranger.ca_pem()).expect("another CA");
    let (code, document) = setting.check(&json!({}));
    assert_eq!((code, outcome(&document, "demo", "tls")), (14, &json!("fail")));
    std::fs::write(&authority, genuine).expect("the genuine CA");
    assert_eq!(setting.check(&json!({})).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_time_at_all_is_told_as_that() {
    let setting = Setting::of([("demo", World::default())]).await;
    let (code, document) = setting.check(&json!({"timeout_ms": 0}));
    assert_eq!((code, outcome(&document, "demo", "credentials")), (4, &json!("fail")));
    let detail = document["clusters"]["demo"]["steps"][0]["detail"].as_str();
    assert_eq!(detail, Some("not looked at: no time was left for it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_no_cluster_is_naming_all() {
    let broken = World { listener: ListenerMode::Refuse, ..World::default() };
    let setting = Setting::of([("demo", broken)]).await;
    let (code, document) = setting.check(&json!({"clusters": []}));
    assert_eq!((code, &document["reason"]), (14, &json!("API_UNREACHABLE")));
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_hang_leave_the_last_one_its_turn() {
    let hanging = DevCluster::start(World { listener: ListenerMode::HangTls, ..World::default() }).await;
    let sound = DevCluster::start(World::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = |cluster: &DevCluster, name: &str| {
        let home = folder.path().join(name);
        std::fs::create_dir(&home).expect("a folder in it");
        settings(&cluster.write_kubeconfig(&home).expect("a kubeconfig"))
    };
    let (hangs, answers) = (kubeconfig(&hanging, "hanging"), kubeconfig(&sound, "sound"));
    let mut clusters: serde_json::Map<String, Value> =
        (0..16).map(|number| (format!("hanging-{number:02}"), hangs.clone())).collect();
    clusters.insert("last".to_owned(), answers);
    let config = json!({"trust_domain": "example.org", "clusters": clusters}).to_string();
    let (attestor, _) = Attestor::new(config.as_bytes()).expect("a valid configuration");
    let answer = tokio::task::block_in_place(|| attestor.check(br#"{"timeout_ms": 4000}"#));
    let document: Value = serde_json::from_str(answer.document.as_str()).expect("a JSON document");
    let usable: Vec<&String> = document["clusters"]
        .as_object()
        .expect("the clusters")
        .iter()
        .filter_map(|(name, report)| (report["usable"] == true).then_some(name))
        .collect();
    assert_eq!(usable, ["last"], "{document:#}");
}
