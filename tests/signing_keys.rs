//! Signing keys at work in an attestor: forgeries cost nothing, and keep nobody out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use devcluster::{Algorithm, Answer, ClusterKey, DevCluster, Keys, SignatureState, TokenRequest, World};
use psat_attestor::{Attestor, Delivery, Next, Queue};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

struct Scene {
    runtime: Runtime,
    cluster: DevCluster,
    attestor: Attestor,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new(world: World, settings: &Value) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let cluster = runtime.block_on(DevCluster::start(world));
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = cluster.write_kubeconfig(folder.path()).expect("a kubeconfig");
        let mut demo = json!({
            "service_account_allow_list": ["spire:spire-agent"],
            "kube_config_file": kubeconfig,
        });
        demo.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
        let config = json!({"trust_domain": "example.org", "clusters": {"demo": demo}});
        let Ok((attestor, _)) = Attestor::new(config.to_string().as_bytes()) else {
            panic!("the configuration is good");
        };
        let scene = Self { runtime, cluster, attestor, _folder: folder };
        scene.wait_for_keys();
        scene
    }

    /// Lets one agent attest, and the keys come.
    fn wait_for_keys(&self) {
        for _ in 0..400 {
            assert_eq!(self.attest(&self.genuine())["reason"], "OK");
            if self.stats()["signing_keys"]["state"] == "known" {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the keys did not come: {}", self.stats());
    }

    fn genuine(&self) -> String {
        self.cluster.mint(&TokenRequest { alg: Algorithm::Es256, ..TokenRequest::default() })
    }

    fn attest(&self, token: &str) -> Value {
        let answer = self.attestor.attest(&payload(token), br#"{"timeout_ms": 3000}"#);
        serde_json::from_str(answer.document.as_str()).expect("a document")
    }

    fn submit(&self, queue: &Arc<Queue>, tag: u64, token: &str, options: &[u8]) {
        self.attestor.submit(&payload(token), options, queue, tag, |_| ()).expect("the attestor is open");
    }

    /// The cluster's part of the statistics.
    fn stats(&self) -> Value {
        let stats: Value = serde_json::from_str(self.attestor.stats().document.as_str()).expect("a document");
        stats["clusters"]["demo"].clone()
    }

    fn set_world(&self, world: World) {
        self.runtime.block_on(self.cluster.set_world(world));
    }
}

fn payload(token: &str) -> Vec<u8> {
    json!({"cluster": "demo", "token": token}).to_string().into_bytes()
}

/// Takes that many completions; the answer is what each tag was told.
fn reasons(queue: &Queue, count: usize) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    let latest = Instant::now() + Duration::from_mins(1);
    while told.len() < count {
        assert!(Instant::now() < latest, "{} of {count} completions came", told.len());
        let Next::Deliveries(deliveries) = queue.next(64, Some(Duration::from_secs(1))) else { continue };
        for delivery in deliveries {
            let Delivery::Completed(completed) = delivery else { panic!("nothing else was asked for") };
            let document: Value =
                serde_json::from_str(completed.answer.document.as_str()).expect("a document");
            told.push((completed.tag, document["reason"].as_str().expect("a word").to_owned()));
        }
    }
    told
}

/// Tokens of a key that nobody knows, each under a kid of its own.
fn invented(number: usize) -> impl Iterator<Item = String> {
    let world = World::default();
    let keys = Keys::generate();
    (0..number).map(move |number| {
        let header = Some(json!({"kid": format!("invented-{number}")}));
        keys.signing()
            .mint(&world, &TokenRequest { alg: Algorithm::Es256, header, ..TokenRequest::default() })
    })
}

/// A world in which TokenReview takes its time.
fn slow_review(world: World, delay_ms: u64) -> World {
    let mut world = world;
    world.answers.token_review = vec![Answer { delay_ms, ..Answer::default() }];
    world
}

#[test]
fn a_token_of_another_configured_cluster_is_told_so() {
    let elsewhere = Elsewhere::new(&["edge".to_owned()]);
    let token = elsewhere.mint(SignatureState::Valid);
    assert!(!elsewhere.explain("demo", &token).to_string().contains("edge"), "no keys of it are at hand");
    elsewhere.wait_for_keys("edge", &token);
    let document = elsewhere.explain("demo", &token);
    let said = step(&document, "signature")["detail"].as_str().unwrap_or_default();
    assert!(said.ends_with("; a signing key of cluster \"edge\" made it"), "{said}");
    let remedy = step(&document, "token_review")["remedy"].as_str().unwrap_or_default();
    assert!(remedy.ends_with(":\ncluster = \"edge\""), "{document:#}");
}

#[test]
fn a_forgery_is_tried_with_the_keys_of_a_few_other_clusters() {
    let names: Vec<String> = (0..17).map(|number| format!("edge-{number}")).collect();
    let elsewhere = Elsewhere::new(&names);
    let genuine = elsewhere.mint(SignatureState::Valid);
    for name in &names {
        elsewhere.wait_for_keys(name, &genuine);
    }
    let document = elsewhere.explain("demo", &elsewhere.mint(SignatureState::Broken));
    let said = step(&document, "signature")["detail"].as_str().unwrap_or_default();
    assert!(
        said.ends_with(
            "; 16 other clusters have a key of that name, none of which made it; no more were looked at"
        ),
        "{said}"
    );
}

/// The cluster `demo`, and another one that is configured under some names.
struct Elsewhere {
    there: DevCluster,
    attestor: Attestor,
    _here: Scene,
    _folders: [tempfile::TempDir; 2],
}

impl Elsewhere {
    fn new(names: &[String]) -> Self {
        let here = Scene::new(World::default(), &json!({}));
        let there = here.runtime.block_on(DevCluster::start_with(Keys::generate(), World::default()));
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let home = here.cluster.write_kubeconfig(folders[0].path()).expect("a kubeconfig");
        let away = there.write_kubeconfig(folders[1].path()).expect("a kubeconfig");
        let settings = |kubeconfig| json!({"service_account_allow_list": ["spire:spire-agent"], "kube_config_file": kubeconfig});
        let mut clusters = json!({"demo": settings(&home)});
        for name in names {
            clusters[name] = settings(&away);
        }
        let config = json!({"trust_domain": "example.org", "clusters": clusters}).to_string();
        let Ok((attestor, _)) = Attestor::new(config.as_bytes()) else {
            panic!("the configuration is good");
        };
        Self { there, attestor, _here: here, _folders: folders }
    }

    /// A token of the other cluster.
    fn mint(&self, signature: SignatureState) -> String {
        self.there.mint(&TokenRequest { alg: Algorithm::Es256, signature, ..TokenRequest::default() })
    }

    /// Explains a genuine token until it is known to be one.
    fn wait_for_keys(&self, cluster: &str, genuine: &str) {
        let known = || step(&self.explain(cluster, genuine), "signature")["outcome"] == "pass";
        assert!((0..20).any(|_| known()), "the keys of {cluster} did not come");
    }

    fn explain(&self, cluster: &str, token: &str) -> Value {
        let payload = json!({"cluster": cluster, "token": token}).to_string();
        let answer = self.attestor.explain(payload.as_bytes(), b"");
        serde_json::from_str(answer.document.as_str()).expect("a document")
    }
}

fn step<'d>(document: &'d Value, check: &str) -> &'d Value {
    let steps = document["steps"].as_array().expect("steps");
    steps.iter().find(|step| step["check"] == check).expect("every check has a step")
}

#[test]
fn a_thousand_forgeries_make_no_call_and_take_no_slot() {
    let scene = Scene::new(World::default(), &json!({"max_in_flight": 1, "max_queued": 0}));
    let before = scene.cluster.counters().token_review;
    let request = TokenRequest { signature: SignatureState::Broken, ..TokenRequest::default() };
    let forged = scene.cluster.mint(&request);
    let told = (0..1000).filter(|_| scene.attest(&forged)["reason"] == "SIGNATURE_INVALID").count();
    assert_eq!(scene.attest("no token")["reason"], "TOKEN_MALFORMED");
    let counted = json!({"SIGNATURE_INVALID": told, "TOKEN_MALFORMED": 1});
    assert_eq!(scene.stats()["refused_without_call"], counted);
    // Keys that were read more than 10 s ago are read again before they refuse anybody: on a slow machine that happens.
    let reviewed = scene.cluster.counters().token_review - before;
    assert_eq!(told + usize::try_from(reviewed).expect("a few"), 1000);
    assert!(told >= 950, "{told}");
    assert_eq!(scene.stats()["peak_in_flight"], 1, "one agent attested at the beginning");
}

#[test]
fn a_flood_of_invented_kids_keeps_no_genuine_agent_out() {
    let scene = Scene::new(World::default(), &json!({"max_in_flight": 8}));
    scene.set_world(slow_review(World::default(), 100));
    let queue = Arc::new(Queue::new());
    // In one lane these would hold every slot for four seconds, and who waits for more than one is turned away.
    for token in invented(320) {
        scene.submit(&queue, 1, &token, br#"{"timeout_ms": 30000}"#);
    }
    for _ in 0..40 {
        scene.submit(&queue, 0, &scene.genuine(), br#"{"timeout_ms": 2000}"#);
    }
    let told = reasons(&queue, 360);
    let genuine: Vec<_> = told.iter().filter(|(tag, _)| *tag == 0).map(|(_, reason)| reason).collect();
    assert!(genuine.iter().all(|reason| *reason == "OK"), "{genuine:?}");
    assert!(told.iter().all(|(tag, reason)| *tag == 0 || reason == "TOKEN_REJECTED"), "{told:?}");
    let stats = scene.stats();
    assert_eq!(stats["unknown_lane"]["peak_in_flight"], 4, "{stats}");
}

#[test]
fn a_key_that_was_replaced_locks_nobody_out_though_a_flood_fills_the_lane() {
    let scene = Scene::new(World::default(), &json!({"max_in_flight": 8, "max_queued": 64}));
    let key = ClusterKey { number: 1, ..Algorithm::Es256.into() };
    scene.set_world(slow_review(World { signing_keys: vec![key], ..World::default() }, 20));
    let queue = Arc::new(Queue::new());
    let request = TokenRequest { alg: Algorithm::Es256, key: 1, ..TokenRequest::default() };

    let mut flood = 0;
    let latest = Instant::now() + Duration::from_secs(40);
    loop {
        assert!(Instant::now() < latest, "an agent of the new key is still kept out");
        for token in invented(40) {
            scene.submit(&queue, 1, &token, br#"{"timeout_ms": 30000}"#);
            flood += 1;
        }
        let answer = scene.attest(&scene.cluster.mint(&request));
        let reason = answer["reason"].as_str().expect("a word");
        if reason == "OK" {
            break;
        }
        assert_eq!(reason, "OVERLOADED", "an agent retries after that, and after no other");
        std::thread::sleep(Duration::from_millis(100));
    }
    // From now on TokenReview has vouched for the key, or the new keys are known: no agent waits behind the flood.
    for token in invented(40) {
        scene.submit(&queue, 1, &token, br#"{"timeout_ms": 30000}"#);
        flood += 1;
    }
    for _ in 0..20 {
        assert_eq!(scene.attest(&scene.cluster.mint(&request))["reason"], "OK");
    }
    assert!(reasons(&queue, flood).iter().all(|(_, reason)| reason != "OK"));
}

#[test]
fn a_new_key_is_vouched_for_by_its_first_agent() {
    let scene = Scene::new(World::default(), &json!({"max_in_flight": 8}));
    let key = ClusterKey { number: 2, published: false, ..Algorithm::Es256.into() };
    scene.set_world(World { signing_keys: vec![Algorithm::Es256.into(), key], ..World::default() });
    let request = TokenRequest { alg: Algorithm::Es256, key: 2, ..TokenRequest::default() };
    let peak = |stats: &Value| stats["unknown_lane"]["peak_in_flight"].clone();
    assert_eq!(peak(&scene.stats()), 0);
    let explained = scene.attestor.explain(&payload(&scene.cluster.mint(&request)), b"");
    let explained: Value = serde_json::from_str(explained.document.as_str()).expect("a document");
    assert_eq!(
        step(&explained, "slot")["detail"],
        "one of 4 (for tokens that cannot be judged: a quarter of max_in_flight, 4 at least)"
    );
    assert_eq!(scene.attest(&scene.cluster.mint(&request))["reason"], "OK");
    assert_eq!(peak(&scene.stats()), 1, "the first goes through the lane of unknown tokens");

    let queue = Arc::new(Queue::new());
    scene.set_world(slow_review(scene.cluster.world(), 50));
    for _ in 0..8 {
        scene.submit(&queue, 0, &scene.cluster.mint(&request), b"");
    }
    assert!(reasons(&queue, 8).iter().all(|(_, reason)| reason == "OK"));
    assert_eq!(peak(&scene.stats()), 1, "the others do not");
}
