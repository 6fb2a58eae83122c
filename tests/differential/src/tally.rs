//! Where the cases ended, and what explained the differences.

use std::collections::BTreeMap;

use crate::judge::Verdict;
use crate::outcome::ENDS;
use crate::rules::Rule;

/// From so many cases on, SPIRE's plugin must have ended everywhere where it can.
const ENOUGH: u64 = 1000;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By where SPIRE ended; at the end those of unknown words.
    ends: BTreeMap<Option<usize>, BTreeMap<String, u64>>,
    rules: BTreeMap<usize, u64>,
    explained: u64,
    unexplained: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        let reasons = self.ends.entry(verdict.theirs.end()).or_default();
        *reasons.entry(verdict.reason.clone()).or_default() += 1;
        match &verdict.rules {
            None => self.unexplained += 1,
            Some(rules) => {
                self.explained += u64::from(!rules.is_empty());
                for rule in rules {
                    *self.rules.entry(*rule).or_default() += 1;
                }
            }
        }
    }

    /// Prints everything; whether all is as it should be.
    pub(crate) fn tell(&self, rules: &[Rule], cases: u64) -> bool {
        println!("Where SPIRE's plugin ended, and this library's reasons there:");
        for (end, reasons) in &self.ends {
            let name = end.map_or("words that are not known", |end| ENDS[end].0);
            let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            println!("  {name:14} {}", reasons.join(", "));
        }
        println!("Differences on purpose, by the rules of rules.json:");
        for (place, rule) in rules.iter().enumerate() {
            println!("  {:6} {}", self.rules.get(&place).unwrap_or(&0), rule.name);
        }
        let mut complaints = Vec::new();
        if self.ends.contains_key(&None) {
            complaints.push("SPIRE's plugin ended with words that are not known here".to_owned());
        }
        let missing = (0..ENDS.len()).filter(|end| !self.ends.contains_key(&Some(*end)));
        complaints.extend(
            missing.filter(|_| cases >= ENOUGH).map(|end| format!("no case ended at {}", ENDS[end].0)),
        );
        for complaint in &complaints {
            println!("FAILED {complaint}");
        }
        println!("{cases} cases, {} unexplained differences, {} explained", self.unexplained, self.explained);
        self.unexplained == 0 && complaints.is_empty()
    }
}
