//! What one run has left, and what it says about the library.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::host::{Ledger, Outcomes};
use crate::usage::Usage;

/// Everything that was seen of one run.
#[derive(Default)]
pub(crate) struct Record {
    /// Before anything was made.
    pub(crate) ready: Usage,
    /// Before anything was asked.
    pub(crate) made: Usage,
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// After all was freed.
    pub(crate) freed: Usage,
    pub(crate) complaints: Vec<String>,
    /// How often the operator, the driver or the host did something beside the attestations.
    pub(crate) deeds: BTreeMap<String, u64>,
    pub(crate) outcomes: Outcomes,
    pub(crate) ledger: Ledger,
    pub(crate) ended_well: bool,
}

/// A moment in which nothing was under way.
pub(crate) struct Checkpoint {
    pub(crate) done: u64,
    /// Bytes of the heap that are in use.
    pub(crate) heap: u64,
    pub(crate) usage: Usage,
    pub(crate) stats: Value,
}

/// A statement, and what speaks against it.
pub(crate) struct Verdict {
    pub(crate) statement: &'static str,
    pub(crate) fault: Option<String>,
}

pub(crate) const COMPLETES_ONCE: &str = "each submission completes once";
pub(crate) const PERMITTED: &str = "every answer is one that is permitted";
pub(crate) const FREED: &str = "no document is alive";

/// What must have come for a run to count: the mix is what it says.
const REASONS: [&str; 9] = [
    "CANCELED",
    "DEADLINE_EXCEEDED",
    "API_UNREACHABLE",
    "API_THROTTLED",
    "API_ERROR",
    "API_BAD_RESPONSE",
    "SIGNATURE_INVALID",
    "SERVICE_ACCOUNT_NOT_ALLOWED",
    "CLUSTER_UNKNOWN",
];

/// Four clusters have 4 connections of HTTP/2 each, or over HTTP/1.1, as the stormy one, 16 that are kept.
const MOST_CONNECTIONS: usize = 3 * 4 + 16;

/// More memory than this, and more than this share of it, is growth.
const GROWTH_KIB: u64 = 2048;
const GROWTH_PERCENT: u64 = 5;

impl Record {
    /// Whether this is all that may be held while nothing is asked.
    pub(crate) fn is_at_rest(&self, usage: Usage) -> bool {
        usage.holds_as_much_as(self.made) && usage.connections <= MOST_CONNECTIONS
    }

    /// Whether nothing is left.
    pub(crate) fn is_back(&self, usage: Usage) -> bool {
        usage.holds_as_much_as(self.ready) && usage.connections == self.ready.connections
    }

    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        let Ledger { total, lost, doubled, complaints } = self.ledger;
        let resident: Vec<u64> = self.checkpoints.iter().map(|point| point.usage.resident_kib).collect();
        let verdict =
            |statement, holds: bool, fault: String| Verdict { statement, fault: (!holds).then_some(fault) };
        vec![
            verdict(
                COMPLETES_ONCE,
                self.ended_well && total > 0 && lost + doubled == 0,
                format!("of {total}, {lost} were lost and {doubled} doubled; the host ended well: {}", self.ended_well),
            ),
            verdict(PERMITTED, complaints == 0 && self.complaints.is_empty(), format!("{complaints} complaints")),
            self.at_all_checkpoints(FREED, |point| number(&point.stats, "documents_alive") == Some(0)),
            self.at_all_checkpoints("nothing waits", |point| number(&point.stats, "queued_bytes") == Some(0)),
            self.at_all_checkpoints("nothing panics", |point| number(&point.stats, "panics_caught") == Some(0)),
            self.at_all_checkpoints(
                "threads and descriptors are as many as when nothing was asked, connections within their bounds",
                |point| self.is_at_rest(point.usage),
            ),
            Verdict { statement: "memory is flat", fault: growth(&resident) },
            verdict(
                "threads, descriptors and connections are gone in the end",
                self.is_back(self.freed),
                format!("{:?}, and at the start {:?}", self.freed, self.ready),
            ),
            Verdict { statement: "everything of the mix was met", fault: self.missed() },
        ]
    }

    fn at_all_checkpoints(&self, statement: &'static str, holds: impl Fn(&Checkpoint) -> bool) -> Verdict {
        let broken: Vec<String> = self
            .checkpoints
            .iter()
            .filter(|point| !holds(point))
            .map(|point| point.done.to_string())
            .collect();
        let fault = (!broken.is_empty()).then(|| format!("not after {}", broken.join(", ")));
        Verdict {
            statement,
            fault: fault.or_else(|| self.checkpoints.is_empty().then(|| "never looked".to_owned())),
        }
    }

    /// What did not come, or was not done.
    fn missed(&self) -> Option<String> {
        let came = |reason: &str| {
            self.outcomes.values().any(|outcomes| outcomes.get(reason).is_some_and(|&n| n > 0))
        };
        let reasons = REASONS.iter().filter(|reason| !came(reason)).map(|reason| (*reason).to_owned());
        let attested = self.outcomes.iter().filter_map(|(kind, outcomes)| {
            let never = |(outcome, count): (&String, &u64)| outcome.starts_with("OK=") && *count == 0;
            outcomes.iter().any(never).then(|| format!("{kind}, attested"))
        });
        let deeds = self.deeds.iter().filter(|(_, count)| **count == 0).map(|(deed, _)| deed.clone());
        let missed: Vec<String> = reasons.chain(attested).chain(deeds).collect();
        (!missed.is_empty()).then(|| missed.join("; "))
    }
}

pub(crate) fn number(stats: &Value, key: &str) -> Option<u64> {
    stats[key].as_u64()
}

/// How memory has grown, by checkpoint, from the middle third to the last: what it takes at first does not count.
fn growth(resident_kib: &[u64]) -> Option<String> {
    let third = resident_kib.len() / 3;
    if third == 0 {
        return Some("too few checkpoints".to_owned());
    }
    let (earlier, last) = resident_kib[resident_kib.len() - 2 * third..].split_at(third);
    let (earlier, last) = (median(earlier), median(last));
    let bound = earlier + earlier * GROWTH_PERCENT / 100 + GROWTH_KIB;
    (last > bound).then(|| format!("{last} KiB after {earlier} KiB"))
}

fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_grows_steadily_is_not_flat() {
        let grows: Vec<u64> = (0..30).map(|checkpoint| 20_000 + 400 * checkpoint).collect();
        assert!(growth(&grows).is_some());
    }

    #[test]
    fn memory_that_grows_at_first_and_then_wavers_is_flat() {
        let wavers: Vec<u64> =
            (0..30).map(|checkpoint| 20_000 + 1000 * checkpoint.min(6) + 900 * (checkpoint % 2)).collect();
        assert_eq!(growth(&wavers), None);
    }

    #[test]
    fn a_single_high_mark_is_no_growth() {
        let mut mark = [20_000; 30];
        mark[29] = 90_000;
        assert_eq!(growth(&mark), None);
    }

    #[test]
    fn memory_that_was_hardly_looked_at_is_not_flat() {
        assert!(growth(&[1, 1]).is_some());
    }

    #[test]
    fn an_empty_record_speaks_for_nothing() {
        let unfounded = Record::default().verdicts().into_iter().filter(|verdict| verdict.fault.is_none());
        let statements: Vec<&str> = unfounded.map(|verdict| verdict.statement).collect();
        assert_eq!(
            statements,
            [
                "every answer is one that is permitted",
                "threads, descriptors and connections are gone in the end"
            ]
        );
    }
}
