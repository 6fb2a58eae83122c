//! The C ABI by a sequence of calls: every call answers with one of its codes and a document that says the same, every
//! submission is completed once, no document repeats the token, and nothing is left at the end.
//!
//! An input is two bytes for the server's moods, and then bytes for one call after the other. Attestors and queues are
//! numbered; a number that has none is the NULL pointer.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use fuzz::abi::{Attestor, Queue, report_panics};
use fuzz::server::SERVER;
use libfuzzer_sys::fuzz_target;
use psat_attestor::documents_alive;
use serde_json::{Value, json};

/// What a sequence may end with: more calls take longer and show no more.
const MOST_CALLS: usize = 24;

/// How long all of a sequence may take. Each call of it has 0.2 s at most.
const LONGEST: Duration = Duration::from_secs(30);

fuzz_target!(init: report_panics(), |input: &[u8]| {
    let Some((moods, bytes)) = input.split_first_chunk() else { return };
    SERVER.set_moods(u16::from_le_bytes(*moods));
    let begun = Instant::now();
    let mut host = Host { bytes, ..Host::default() };
    for _ in 0..MOST_CALLS {
        if host.bytes.is_empty() {
            break;
        }
        host.call();
    }
    host.end();
    while documents_alive() > 0 && begun.elapsed() < LONGEST {
        std::thread::yield_now();
    }
    assert_eq!(documents_alive(), 0);
    assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
});

/// A host that does whatever its bytes say.
#[derive(Default)]
struct Host<'a> {
    bytes: &'a [u8],
    attestors: [Attestor; 2],
    queues: [Queue; 2],
    submitted: u64,
}

impl Host<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    fn call(&mut self) {
        let (what, which) = (self.byte(), self.byte());
        let (a, q, rest) = (usize::from(which & 1), usize::from(which >> 1 & 1), which >> 2);
        match what % 16 {
            0 => self.attestors[a] = Attestor::new(self.config()),
            1 => {
                let config = self.config();
                self.attestors[a].configure(config);
            }
            kind @ 2..=3 => {
                let (payload, options) = (self.payload(), self.options());
                self.attestors[a].attest(kind == 3, payload.as_deref(), options.as_deref());
            }
            4..=6 => {
                let (payload, options) = (self.payload(), self.options());
                self.submitted += 1;
                let queue = &mut self.queues[q];
                self.attestors[a].submit(queue, payload.as_deref(), options.as_deref(), self.submitted);
            }
            7 => {
                self.queues[q].next(i32::from(rest & 7));
            }
            8 => {
                let operation = usize::from(self.byte());
                self.attestors[a].cancel(operation);
            }
            9 => {
                let options = self.options();
                self.attestors[a].check(options.as_deref());
            }
            10 => self.attestors[a].stats(),
            11 => {
                let level = i32::from(self.byte() % 8);
                self.attestors[a].events(&self.queues[q], level);
            }
            12 => self.attestors[a].shutdown(rest == 0),
            13 => self.queues[q] = Queue::new(),
            14 if rest & 1 == 1 => self.queues[q].close(),
            14 => self.queues[q].wake(),
            _ if rest & 1 == 1 => self.attestors[a] = Attestor::default(),
            _ => self.queues[q] = Queue::default(),
        }
    }

    /// Frees the attestors, and empties the queues.
    fn end(mut self) {
        self.attestors = <[Attestor; 2]>::default();
        self.queues.iter_mut().for_each(Queue::empty);
    }

    /// One of the configurations, none, or a bad one.
    fn config(&mut self) -> Option<&'static [u8]> {
        match usize::from(self.byte() % 6) {
            4 => None,
            5 => Some(b"{\"clusters\":[]}"),
            which => Some(CONFIGS[which].as_bytes()),
        }
    }

    /// The server's token, a forged one, one that nobody knows of, and what is no payload.
    fn payload(&mut self) -> Option<Vec<u8>> {
        let token = &SERVER.token;
        let payload = |cluster: &str, token: &str| {
            Some(json!({"cluster": cluster, "token": token}).to_string().into_bytes())
        };
        match self.byte() % 8 {
            0..3 => payload("demo", token),
            3 => payload("other", token),
            4 => payload("demo", &format!("{}A", &token[..token.len() - 1])),
            5 => payload(&token[..40], token),
            6 => None,
            _ => Some(self.bytes.to_vec()),
        }
    }

    fn options(&mut self) -> Option<Vec<u8>> {
        let options = match self.byte() {
            0..64 => return None,
            time @ 64..160 => json!({"timeout_ms": time / 4, "peer": "192.0.2.1"}),
            160..224 => json!({"timeout_ms": 150, "request_id": "r", "clusters": ["demo"]}),
            _ => json!([]),
        };
        Some(options.to_string().into_bytes())
    }
}

/// One cluster, two of which one does not answer, none, and the one that does not answer.
static CONFIGS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let served = kubeconfig("served", &format!("http://{}", SERVER.address));
    let nobody = kubeconfig("nobody", "http://127.0.0.1:1");
    let engine = json!({"worker_threads": 1, "attest_timeout_ms": 150});
    let cluster = |kubeconfig| {
        let allowed = ["spire:spire-agent"];
        json!({"service_account_allow_list": allowed, "kube_config_file": kubeconfig, "max_in_flight": 2})
    };
    let config = |style: &str, clusters: Value| {
        let domain = "example.org";
        json!({"trust_domain": domain, "error_style": style, "engine": engine, "clusters": clusters})
    };
    [
        config("precise", json!({"demo": cluster(&served)})),
        config("upstream", json!({"demo": cluster(&served), "other": cluster(&nobody)})),
        json!({"engine": engine}),
        config("precise", json!({"demo": cluster(&nobody)})),
    ]
    .map(|config| config.to_string())
});

/// Writes the kubeconfig of a server that is asked without credentials.
fn kubeconfig(name: &str, server: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("psat-fuzz-{}-{name}", std::process::id()));
    let config = json!({
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
    });
    std::fs::write(&path, config.to_string()).expect("a file can be written");
    path
}
