//! The host program, and what it says.

use std::io;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::plan::Plan;

/// The running program. Dropping it ends it.
pub(crate) struct Host {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// One line of it.
pub(crate) enum Said {
    /// Nothing is made yet.
    Ready,
    /// Nothing is asked yet.
    Made,
    /// Nothing is under way; so many bytes of the heap are in use.
    Pause {
        done: u64,
        heap: u64,
        stats: Value,
    },
    /// Nothing is left.
    Freed,
    /// Something is wrong.
    Complaint(String),
    /// How often the operator did something.
    Deed {
        what: String,
        count: u64,
    },
    /// How often a kind of attestation ended in one way.
    Outcome {
        kind: String,
        outcome: String,
        count: u64,
    },
    Ledger(Ledger),
}

/// How often the submissions were completed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) total: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// All complaints, those that were not printed too.
    pub(crate) complaints: u64,
}

impl Host {
    /// Starts it, outside of any cluster and without proxies.
    pub(crate) fn start(program: &Path, folder: &Path, plan: &Plan) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg(folder)
            .args([plan.total, plan.rounds, plan.seed].map(|number| number.to_string()))
            .env("SOAK_SPOIL", plan.spoil.map_or("", |spoil| spoil.word))
            .env_remove("HTTPS_PROXY")
            .env_remove("https_proxy")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().expect("was asked for");
        let output = BufReader::new(child.stdout.take().expect("was asked for")).lines();
        Ok(Self { child, input, output })
    }

    pub(crate) fn process(&self) -> io::Result<u32> {
        self.child.id().ok_or_else(|| io::Error::other("the host has ended"))
    }

    /// The next line; `None` at the end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Said>> {
        let Some(line) = self.output.next_line().await? else { return Ok(None) };
        said(&line).map(Some).ok_or_else(|| io::Error::other(format!("the host says {line:?}")))
    }

    pub(crate) async fn go_on(&mut self) -> io::Result<()> {
        self.input.write_all(b"go on\n").await
    }

    /// Whether it ended well.
    pub(crate) async fn end(mut self) -> io::Result<bool> {
        Ok(self.child.wait().await?.success())
    }
}

fn said(line: &str) -> Option<Said> {
    let (word, rest) = line.split_once('\t')?;
    let words: Vec<&str> = rest.split('\t').collect();
    Some(match (word, words.as_slice()) {
        ("ready", _) => Said::Ready,
        ("made", _) => Said::Made,
        ("freed", _) => Said::Freed,
        ("complaint", _) => Said::Complaint(rest.to_owned()),
        ("pause", [done, heap, stats]) => Said::Pause {
            done: done.parse().ok()?,
            heap: heap.parse().ok()?,
            stats: serde_json::from_str(stats).ok()?,
        },
        ("deed", [what, count]) => Said::Deed { what: (*what).to_owned(), count: count.parse().ok()? },
        ("outcome", [kind, outcome, count]) => Said::Outcome {
            kind: (*kind).to_owned(),
            outcome: (*outcome).to_owned(),
            count: count.parse().ok()?,
        },
        ("ledger", words) => {
            let numbers: Vec<u64> = words.iter().map_while(|word| word.parse().ok()).collect();
            let [total, lost, doubled, complaints] = numbers.try_into().ok()?;
            Said::Ledger(Ledger { total, lost, doubled, complaints })
        }
        _ => return None,
    })
}
