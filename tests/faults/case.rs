//! One case: an attestor and a server of its own, while the fault lasts, once it is gone, and where it comes once.

use std::time::{Duration, Instant};

use devcluster::{Answer, DevCluster, ListenerMode, TokenRequest, World};
use psat_attestor::Attestor;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::table::{Call, End, Protocol, Row, What};

/// Of an attestation that meets what hangs.
const SHORT: Duration = Duration::from_millis(700);

/// Of one that is to have time for all its tries, pauses of a second included.
const LONG: Duration = Duration::from_secs(20);

/// When a listener is as it should be again: after the first try, and before the third.
const RECOVERY: Duration = Duration::from_millis(100);

/// A server and an attestor that asks it, call by call.
struct Case<'a> {
    row: &'a Row,
    protocol: Protocol,
    call: Call,
    runtime: &'a Handle,
    cluster: DevCluster,
    attestor: Attestor,
    payload: String,
}

/// How one attestation ended.
struct Ended {
    reason: String,
    /// Of the call that the fault is at.
    tries: Option<u64>,
    document: String,
}

/// Runs the case. The error says what was not right.
pub(crate) fn run(row: &Row, protocol: Protocol, call: Call, runtime: &Handle) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let cluster = runtime.block_on(DevCluster::start(World::default()));
    let kubeconfig = cluster.write_kubeconfig(folder.path()).map_err(|error| error.to_string())?;
    // A try may take longer than HTTP/2 needs to find out that a connection is dead.
    let config = json!({"trust_domain": "example.org", "engine": {"worker_threads": 1}, "clusters": {"demo": {
        "service_account_allow_list": ["spire:spire-agent"], "kube_config_file": kubeconfig,
        "lookup": "sequential", "call_timeout_ms": 25_000,
    }}});
    let (attestor, _) =
        Attestor::new(config.to_string().as_bytes()).map_err(|answer| answer.document.as_str().to_owned())?;
    let token = cluster.mint(&TokenRequest::default());
    let payload = json!({"cluster": "demo", "token": token}).to_string();
    let case = Case { row, protocol, call, runtime, cluster, attestor, payload };

    case.while_it_lasts()?;
    case.once_it_is_gone()?;
    if row.rescued {
        case.where_it_comes_once()?;
    }
    case.nothing_is_left()
}

impl Case<'_> {
    fn while_it_lasts(&self) -> Result<(), String> {
        self.set_world(self.faulty(&[]));
        let hangs = matches!(self.row.end, End::TimeIsUp);
        let ended = self.attest("while it lasts", if hangs { SHORT } else { LONG })?;
        let (reason, tries) = match self.row.end {
            End::Attested => ("OK", None),
            End::Reason(reason, tries) => (reason, Some(tries)),
            End::ByCall(reason) => (reason(self.call), Some(1)),
            End::TimeIsUp => ("DEADLINE_EXCEEDED", Some(1)),
        };
        if ended.reason != reason {
            return Err(format!("while it lasts: not {reason}: {}", ended.document));
        }
        // A call whose connection said goodbye a moment ago may have been put into it before.
        let unsent = u64::from(matches!(self.row.what, What::Connections(_)));
        match (tries, ended.tries) {
            (Some(wanted), Some(tries)) if (wanted.into()..=u64::from(wanted) + unsent).contains(&tries) => {
                Ok(())
            }
            (Some(wanted), _) => Err(format!("while it lasts: not {wanted} tries: {}", ended.document)),
            (None, _) => Ok(()),
        }
    }

    fn once_it_is_gone(&self) -> Result<(), String> {
        self.set_world(self.sound());
        // A dead connection of HTTP/2 is found out by its pings, within 20 s.
        self.attest("once it is gone", 2 * LONG)?.is_ok("once it is gone")
    }

    fn where_it_comes_once(&self) -> Result<(), String> {
        let name = "where it comes once";
        self.set_world(self.faulty(&[Answer::default()]));
        let ended = std::thread::scope(|scope| {
            if matches!(self.row.what, What::Connections(_)) {
                scope.spawn(|| {
                    std::thread::sleep(RECOVERY);
                    self.set_world(self.sound());
                });
            }
            self.attest(name, LONG)
        });
        ended?.is_ok(name)
    }

    /// Every connection ends with the attestor.
    fn nothing_is_left(self) -> Result<(), String> {
        drop(self.attestor);
        let begun = Instant::now();
        // A connection that has fallen silent does not see its client go.
        let silent = u64::from(self.row.name == "black hole");
        while self.cluster.counters().connections_open > silent {
            if begun.elapsed() > Duration::from_secs(5) {
                return Err(format!("connections are left: {:?}", self.cluster.counters()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.runtime.block_on(self.cluster.stop());
        Ok(())
    }

    fn attest(&self, name: &str, time: Duration) -> Result<Ended, String> {
        let options = json!({"timeout_ms": time.as_millis()}).to_string();
        let begun = Instant::now();
        let answer = self.attestor.attest(self.payload.as_bytes(), options.as_bytes());
        let took = begun.elapsed();
        let text = answer.document.as_str();
        if took > time + slack() {
            return Err(format!("{name}: took {took:?} of {time:?}: {text}"));
        }
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("{name}: {error}: {text}"))?;
        let calls = document["diagnostics"]["api_calls"].as_array();
        let call = calls.into_iter().flatten().find(|call| call["call"] == self.call.word());
        Ok(Ended {
            reason: document["reason"].as_str().unwrap_or_default().to_owned(),
            tries: call.and_then(|call| call["attempts"].as_u64()),
            document: text.to_owned(),
        })
    }

    fn set_world(&self, world: World) {
        self.runtime.block_on(self.cluster.set_world(world));
    }

    /// A world without fault.
    fn sound(&self) -> World {
        let listener = match self.protocol {
            Protocol::H2 => ListenerMode::Normal,
            Protocol::H1 => ListenerMode::Http1Only,
        };
        World { listener, ..World::default() }
    }

    /// A world in which the call meets the fault, and afterwards these answers.
    fn faulty(&self, afterwards: &[Answer]) -> World {
        let mut world = self.sound();
        match (&self.row.what, self.call) {
            (What::Answers(answer), call) => {
                *call.script(&mut world.answers) = [&[answer()], afterwards].concat();
            }
            (What::Connections(mode), Call::TokenReview) => world.listener = *mode,
            // The call before is the last on its connection, and the next connection fails.
            (What::Connections(mode), call) => {
                let before = if call == Call::Pod { Call::TokenReview } else { Call::Pod };
                let last = Answer { listener_after: Some(*mode), ..Answer::default() };
                before.script(&mut world.answers).push(last);
            }
        }
        world
    }
}

impl Ended {
    fn is_ok(&self, name: &str) -> Result<(), String> {
        if self.reason == "OK" { Ok(()) } else { Err(format!("{name}: not OK: {}", self.document)) }
    }
}

/// What a slow machine may add to a deadline, as for the C tests.
fn slack() -> Duration {
    let set = std::env::var("PSAT_TEST_SLACK_MS").ok().and_then(|text| text.parse().ok());
    Duration::from_millis(set.unwrap_or(150))
}
