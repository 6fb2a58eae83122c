//! Performs the runs of one door over a few workers and reports what failed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::cluster::Stage;
use crate::door::{Door, DoorName, Reply, Request};
use crate::format::Base;
use crate::judge::{Observed, complaints};
use crate::plan::{Run, Way};

/// A text shorter than this may stand in a document by chance.
const SHORTEST_SECRET: usize = 16;

/// How long the first attestation of a cluster waits for its signing keys.
const WAIT_FOR_KEYS_US: u64 = 250_000;
/// How often a run is put that the machine was too slow for.
const TRIES: usize = 5;

/// How the runs of one door went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) cases: usize,
    pub(crate) runs: usize,
    pub(crate) failures: Vec<String>,
}

/// Performs all runs through one door.
pub(crate) fn through(name: &DoorName, base: &Base, runs: &[Run], runtime: &Runtime, jobs: usize) -> Outcome {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let fail = |index, failure| {
        failures.lock().expect("no worker panics here").push((index, failure));
    };
    let work = || {
        let mut worker = Worker { name, base, runtime, door: None };
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(run) = runs.get(index) else { break worker };
            if let Err(failure) = worker.perform(run) {
                fail(index, failure);
            }
        }
    };
    // Documents are counted by process, and a process may be shared: no door ends before all have done their work.
    let workers: Vec<Worker> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.clamp(1, runs.len().max(1))).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    for mut worker in workers {
        if let Err(failure) = worker.finish() {
            fail(usize::MAX, failure);
        }
    }
    let mut failures = failures.into_inner().expect("no worker panics here");
    failures.sort_by_key(|(index, _)| *index);
    Outcome {
        cases: runs.iter().map(|run| run.case.title()).collect::<BTreeSet<_>>().len(),
        runs: runs.len(),
        failures: failures.into_iter().map(|(_, failure)| failure).collect(),
    }
}

/// Why a run failed.
struct Failure {
    text: String,
    /// The machine was too slow for it to mean anything.
    too_slow: bool,
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { text, too_slow: false }
    }
}

/// Whether an attestation may have gone without the cluster's keys only because they took longer than the first one of a
/// cluster waits for them, as on a machine that does much else.
fn waited_for_keys_in_vain(reply: &Reply, observed: &Observed) -> bool {
    let document: Value = serde_json::from_slice(&reply.document).unwrap_or_default();
    let elapsed = document["diagnostics"]["elapsed_us"].as_u64().unwrap_or_default();
    observed.calls.get("jwks").is_some_and(|calls| *calls > 0) && elapsed >= WAIT_FOR_KEYS_US
}

struct Worker<'a> {
    name: &'a DoorName,
    base: &'a Base,
    runtime: &'a Runtime,
    door: Option<Box<dyn Door>>,
}

impl Worker<'_> {
    fn perform(&mut self, run: &Run) -> Result<(), String> {
        let mut tries = 1;
        loop {
            match self.perform_once(run) {
                Err(Failure { too_slow: true, .. }) if tries < TRIES => tries += 1,
                outcome => return outcome.map_err(|failure| failure.text),
            }
        }
    }

    fn perform_once(&mut self, run: &Run) -> Result<(), Failure> {
        let told = |error: String| format!("{} {run}\n{}", self.name.label, indented(&error));
        let stage = Stage::set(self.runtime, self.base, run).map_err(told)?;
        let result = self.through_the_door(run, &stage);
        if result.is_err() {
            // A program may be left in the middle of an answer.
            self.door = None;
        }
        let struck = stage.strike();
        result.and(struck.map_err(Failure::from)).map_err(|failure| Failure {
            text: format!("{} {run}\n{}", self.name.label, indented(&failure.text)),
            ..failure
        })
    }

    fn through_the_door(&mut self, run: &Run, stage: &Stage) -> Result<(), Failure> {
        let names = &stage.names;
        let request = Request {
            config: run.config(self.base, names)?,
            payload: run.payload(self.base, names)?,
            options: run.options(names)?,
        };
        let expect = run.expect(self.base, names)?;
        let mut secrets = secrets_of(&stage.token);
        for marker in &run.case.markers {
            secrets.push(names.fill(marker)?);
        }
        let door = match &mut self.door {
            Some(door) => door,
            closed => closed.insert(self.name.open()?),
        };
        let reply = match run.way {
            Way::Attest(via) => door.attest(via, &request),
            Way::Validate => door.validate(request.config.as_deref()),
        }?;
        let observed =
            Observed { code: reply.code, document: &reply.document, calls: stage.calls(), way: run.way };
        let complaints = complaints(&expect, &observed, &secrets);
        if complaints.is_empty() {
            return Ok(());
        }
        let text = explained(&complaints, &request, &reply, &observed, run, stage.token.trim());
        Err(Failure { text, too_slow: waited_for_keys_in_vain(&reply, &observed) })
    }

    fn finish(&mut self) -> Result<(), String> {
        let Some(mut door) = self.door.take() else {
            return Ok(());
        };
        let told = |error: String| format!("{} at its end\n{}", self.name.label, indented(&error));
        let reply = door.finish().map_err(told)?;
        let stats: Value = serde_json::from_slice(&reply.document).unwrap_or_default();
        if reply.code == 0 && stats["documents_alive"] == 0 {
            Ok(())
        } else {
            let document = String::from_utf8_lossy(&reply.document);
            Err(told(format!("documents_alive must be 0: code {}, {document}", reply.code)))
        }
    }
}

/// The token as it is trimmed, and each of its parts.
fn secrets_of(token: &str) -> Vec<String> {
    let whole = token.trim();
    let mut secrets: Vec<String> = [whole].into_iter().chain(whole.split('.')).map(str::to_owned).collect();
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    secrets.dedup();
    secrets
}

/// The complaints, and what they are about. The token's text would hide the rest: its name stands for it.
fn explained(
    complaints: &[String],
    request: &Request,
    reply: &Reply,
    observed: &Observed,
    run: &Run,
    token: &str,
) -> String {
    let named = |text: &str| {
        if token.is_empty() { text.to_owned() } else { text.replace(token, "${token}") }
    };
    let blob = |bytes: Option<&Vec<u8>>| {
        let text = bytes.map(|bytes| named(&String::from_utf8_lossy(bytes)));
        text.map_or_else(|| "NULL".to_owned(), |text| shortened(&text))
    };
    let mut text = complaints.join("\n");
    let _ = write!(
        text,
        "\nconfig: {}\npayload: {}",
        blob(request.config.as_ref()),
        blob(request.payload.as_ref())
    );
    if request.options.is_some() {
        let _ = write!(text, "\noptions: {}", blob(request.options.as_ref()));
    }
    for (what, patch) in [
        ("world", &run.case.world),
        ("review", &run.case.review),
        ("pod", &run.case.pod),
        ("node", &run.case.node),
        ("token", &run.case.token),
    ] {
        if !patch.is_null() {
            let _ = write!(text, "\n{what} patched with: {}", shortened(&patch.to_string()));
        }
    }
    let document = serde_json::from_slice::<Value>(&reply.document)
        .and_then(|document| serde_json::to_string_pretty(&document))
        .unwrap_or_else(|_| String::from_utf8_lossy(&reply.document).into_owned());
    let _ = write!(text, "\ncalls: {:?}\nreturned {} and this document: ", observed.calls, reply.code);
    text + &named(&document)
}

fn shortened(text: &str) -> String {
    const ENOUGH: usize = 700;
    let start: String = text.chars().take(ENOUGH).collect();
    if start.len() == text.len() { start } else { format!("{start}… ({} bytes)", text.len()) }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tokens_are_no_secrets_and_long_ones_are_with_their_parts() {
        assert!(secrets_of("a.b.c").is_empty());
        let (payload, signature) = ("p".repeat(16), "s".repeat(20));
        let token = format!("h.{payload}.{signature}");
        assert_eq!(secrets_of(&format!(" {token}\n")), [token, payload, signature]);
        assert_eq!(secrets_of(&"x".repeat(16)), ["x".repeat(16)]);
    }
}
