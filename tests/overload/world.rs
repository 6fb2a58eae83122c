//! A dev cluster with a folder, crowds that are submitted to an attestor, and what the process holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use devcluster::{Counters, DevCluster, TokenRequest, World};
use psat_attestor::{Attestor, Delivery, Next, Queue};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Waits for a turn: the tests count what the process holds, and each may use the whole machine.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running dev cluster and the kubeconfig that leads to it.
pub(crate) struct Site {
    pub(crate) kubeconfig: PathBuf,
    cluster: DevCluster,
    _folder: TempDir,
    _runtime: Runtime,
}

impl Site {
    pub(crate) fn start(world: World) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let cluster = runtime.block_on(DevCluster::start(world));
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = cluster.write_kubeconfig(folder.path()).expect("a kubeconfig");
        Self { kubeconfig, cluster, _folder: folder, _runtime: runtime }
    }

    /// What an agent with this token sends to the cluster `demo`.
    pub(crate) fn payload(&self, request: &TokenRequest) -> String {
        json!({"cluster": "demo", "token": self.cluster.mint(request)}).to_string()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.cluster.counters()
    }
}

/// The settings of a cluster with this kubeconfig, and with these further ones.
pub(crate) fn cluster(kubeconfig: &Path, further: Value) -> Value {
    let mut cluster =
        json!({"service_account_allow_list": ["spire:spire-agent"], "kube_config_file": kubeconfig});
    if let (Some(cluster), Value::Object(further)) = (cluster.as_object_mut(), further) {
        cluster.extend(further);
    }
    cluster
}

/// An attestor for these clusters, by name.
pub(crate) fn attestor(clusters: &Value) -> Attestor {
    let config = json!({"trust_domain": "example.org", "clusters": clusters}).to_string();
    Attestor::new(config.as_bytes()).map_err(|answer| answer.document).expect("a sound configuration").0
}

/// The reasons by tag of as many submissions, made at once.
pub(crate) fn submit_all<'a>(
    attestor: &Attestor,
    count: u64,
    options: &str,
    payload: impl Fn(u64) -> &'a str,
) -> BTreeMap<u64, String> {
    submit_paced(attestor, count, Duration::ZERO, options, payload)
}

/// The same, one after the other in this pace.
pub(crate) fn submit_paced<'a>(
    attestor: &Attestor,
    count: u64,
    pace: Duration,
    options: &str,
    payload: impl Fn(u64) -> &'a str,
) -> BTreeMap<u64, String> {
    let queue = Arc::new(Queue::new());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let reasons = scope.spawn(|| collect(&queue));
        for tag in 0..count {
            let due = begun + pace * u32::try_from(tag).expect("a crowd of this world");
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let submitted = attestor.submit(payload(tag).as_bytes(), options.as_bytes(), &queue, tag, |_| ());
            submitted.expect("every submission is taken");
        }
        queue.close();
        let reasons = reasons.join().expect("completions can be read");
        assert_eq!(reasons.len() as u64, count, "each submission completes once");
        reasons
    })
}

/// Reads completions until the queue is closed and all are there.
fn collect(queue: &Queue) -> BTreeMap<u64, String> {
    let mut reasons = BTreeMap::new();
    loop {
        let deliveries = match queue.next(64, Some(Duration::from_mins(1))) {
            Next::Deliveries(deliveries) => deliveries,
            Next::Nothing => panic!("nothing completes any more, after {}", reasons.len()),
            Next::Closed => return reasons,
        };
        for delivery in deliveries {
            let Delivery::Completed(done) = delivery else { continue };
            let document: Value = serde_json::from_str(done.answer.document.as_str()).expect("JSON");
            let reason = document["reason"].as_str().expect("a reason").to_owned();
            assert!(reasons.insert(done.tag, reason).is_none(), "{} completes once", done.tag);
        }
    }
}

/// What the process holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    /// Bytes of memory in use.
    pub(crate) resident: usize,
}

impl Usage {
    /// Now; what is about to end is waited for, until no more is held than by `before`.
    pub(crate) fn now(before: Option<Self>) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::at_once();
            let more = |before: Self| now.threads > before.threads || now.descriptors > before.descriptors;
            if !before.is_some_and(more) || begun.elapsed() > Duration::from_secs(10) {
                return now;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn at_once() -> Self {
        let entries = |folder| std::fs::read_dir(folder).map_or(0, Iterator::count);
        let pages = std::fs::read_to_string("/proc/self/statm").ok();
        let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse().ok());
        Self {
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
            resident: pages.unwrap_or(0) * 4096,
        }
    }
}
