//! What one run has left, and what it says about the library.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::host::Ledger;
use crate::usage::Usage;

/// How often each outcome came, by kind.
pub(crate) type Outcomes = BTreeMap<String, BTreeMap<String, u64>>;

/// Everything that was seen of one run.
#[derive(Default)]
pub(crate) struct Record {
    /// Before anything was made.
    pub(crate) ready: Usage,
    /// Before anything was asked.
    pub(crate) made: Usage,
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// After all was freed, if the host came that far.
    pub(crate) freed: Option<Usage>,
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

/// What must have come of the stormy cluster for a run to count: the mix is what it says.
const OF_A_STORM: [&str; 10] = [
    "OK=",
    "CANCELED",
    "DEADLINE_EXCEEDED",
    "SIGNATURE_INVALID",
    "API_UNREACHABLE",
    "API_UNAUTHENTICATED",
    "API_FORBIDDEN",
    "API_THROTTLED",
    "API_ERROR",
    "API_BAD_RESPONSE",
];

/// Four clusters have 4 connections of HTTP/2 each, or over HTTP/1.1, as the stormy one, 16 that are kept.
const MOST_CONNECTIONS: usize = 3 * 4 + 16;

/// More memory than this, on top of this share of it, is growth.
const GROWTH: u64 = 2 << 20;
const GROWTH_PERCENT: u64 = 5;

impl Record {
    /// Whether this is all that may be held while nothing is asked.
    pub(crate) fn is_at_rest(&self, usage: Usage) -> bool {
        usage.holds_no_more_than(self.made) && usage.connections <= MOST_CONNECTIONS
    }

    /// Whether nothing is left.
    pub(crate) fn is_back(&self, usage: Usage) -> bool {
        usage.holds_no_more_than(self.ready) && usage.connections == self.ready.connections
    }

    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        let Ledger { total, lost, doubled, complaints } = self.ledger;
        let verdict =
            |statement, holds: bool, fault: String| Verdict { statement, fault: (!holds).then_some(fault) };
        vec![
            verdict(
                COMPLETES_ONCE,
                self.ended_well && total > 0 && lost + doubled == 0,
                format!("of {total}, {lost} were lost and {doubled} doubled; the host ended well: {}", self.ended_well),
            ),
            verdict(PERMITTED, total > 0 && complaints == 0, format!("{complaints} complaints")),
            self.at_all_checkpoints(FREED, |point| number(&point.stats, "documents_alive") == Some(0)),
            self.at_all_checkpoints("nothing waits", |point| number(&point.stats, "queued_bytes") == Some(0)),
            self.at_all_checkpoints("nothing panics", |point| number(&point.stats, "panics_caught") == Some(0)),
            self.at_all_checkpoints(
                "threads and descriptors are no more than when nothing was asked, connections within their bounds",
                |point| self.is_at_rest(point.usage),
            ),
            Verdict { statement: "memory is flat", fault: self.growth(|point| point.usage.resident.saturating_sub(self.made.resident)) },
            Verdict { statement: "the heap in use is flat", fault: self.growth(|point| point.heap) },
            verdict(
                "threads, descriptors and connections are gone in the end",
                self.freed.is_some_and(|usage| self.is_back(usage)),
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

    fn growth(&self, bytes: impl Fn(&Checkpoint) -> u64) -> Option<String> {
        growth(&self.checkpoints.iter().map(bytes).collect::<Vec<u64>>())
    }

    /// What did not come, or was not done.
    fn missed(&self) -> Option<String> {
        let came = |wanted: &str| {
            let stormy = self.outcomes.iter().filter(|(kind, _)| kind.starts_with("stormy"));
            let mut outcomes = stormy.flat_map(|(_, outcomes)| outcomes);
            outcomes.any(|(outcome, count)| outcome.starts_with(wanted) && *count > 0)
        };
        let outcomes =
            OF_A_STORM.iter().filter(|outcome| !came(outcome)).map(|outcome| (*outcome).to_owned());
        let never = |outcomes: &BTreeMap<String, u64>| outcomes.values().all(|count| *count == 0);
        let kinds =
            self.outcomes.iter().filter(|(_, outcomes)| never(outcomes)).map(|(kind, _)| kind.clone());
        let deeds = self.deeds.iter().filter(|(_, count)| **count == 0).map(|(deed, _)| deed.clone());
        let missed: Vec<String> = outcomes.chain(kinds).chain(deeds).collect();
        (!missed.is_empty()).then(|| missed.join("; "))
    }
}

pub(crate) fn number(stats: &Value, key: &str) -> Option<u64> {
    stats[key].as_u64()
}

/// How memory has grown, by checkpoint, from the middle third to the last: what it takes at first does not count.
fn growth(bytes: &[u64]) -> Option<String> {
    let third = bytes.len() / 3;
    if third == 0 {
        return Some("too few checkpoints".to_owned());
    }
    let (earlier, last) = bytes[bytes.len() - 2 * third..].split_at(third);
    let (earlier, last) = (median(earlier), median(last));
    let bound = earlier + earlier * GROWTH_PERCENT / 100 + GROWTH;
    (last > bound).then(|| format!("{} KiB after {} KiB", last >> 10, earlier >> 10))
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
        let grows: Vec<u64> = (0..30).map(|checkpoint| (20_000 + 400 * checkpoint) << 10).collect();
        assert!(growth(&grows).is_some());
    }

    #[test]
    fn memory_that_grows_at_first_and_then_wavers_is_flat() {
        let wavers: Vec<u64> = (0..30)
            .map(|checkpoint| (20_000 + 1000 * checkpoint.min(6) + 900 * (checkpoint % 2)) << 10)
            .collect();
        assert_eq!(growth(&wavers), None);
    }

    #[test]
    fn a_single_high_mark_is_no_growth() {
        let mut mark = [20 << 20; 30];
        mark[29] = 90 << 20;
        assert_eq!(growth(&mark), None);
    }

    #[test]
    fn memory_that_was_hardly_looked_at_is_not_flat() {
        assert!(growth(&[1, 1]).is_some());
    }

    #[test]
    fn an_empty_record_speaks_for_nothing() {
        let verdicts = Record::default().verdicts();
        let unfounded: Vec<&str> = verdicts
            .iter()
            .filter(|verdict| verdict.fault.is_none())
            .map(|verdict| verdict.statement)
            .collect();
        assert_eq!(unfounded, [""; 0]);
    }
}
