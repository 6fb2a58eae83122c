//! Holds the data against the table of reasons: nothing that can happen may go without a case, and no case may
//! contradict the table.

use std::collections::{BTreeMap, BTreeSet};

use psat_attestor::outcome::{Row, TABLE};

use crate::cluster::{is_understood, placeholders};
use crate::format::{Base, Case, Expect, Via};
use crate::plan::{Run, Style, Way, runs_of};

/// The rows of the table of checks and the reasons that they end in.
const ROWS: [(u8, &[&str]); 26] = [
    (1, &["NOT_CONFIGURED"]),
    (2, &["PAYLOAD_MISSING"]),
    (3, &["PAYLOAD_TOO_LARGE"]),
    (4, &["PAYLOAD_MALFORMED"]),
    (5, &["CLUSTER_MISSING"]),
    (6, &["TOKEN_MISSING"]),
    (7, &["CLUSTER_UNKNOWN"]),
    (8, &["TOKEN_MALFORMED"]),
    (9, &["SIGNATURE_INVALID"]),
    (10, &["OVERLOADED"]),
    (11, &["TOKEN_REJECTED", "TOKEN_EXPIRED", "AUDIENCE_MISMATCH"]),
    (12, &["TOKEN_NOT_AUTHENTICATED"]),
    (13, &["AUDIENCE_MISMATCH"]),
    (14, &["NOT_A_SERVICE_ACCOUNT"]),
    (15, &["SERVICE_ACCOUNT_NOT_ALLOWED"]),
    (16, &["TOKEN_NOT_POD_BOUND"]),
    (17, &["POD_NOT_FOUND"]),
    (18, &["POD_UID_MISMATCH"]),
    (19, &["POD_SERVICE_ACCOUNT_MISMATCH"]),
    (20, &["POD_TERMINATED"]),
    (21, &["POD_NOT_SCHEDULED"]),
    (22, &["NODE_CLAIM_MISMATCH"]),
    (23, &["NODE_NOT_FOUND"]),
    (24, &["NODE_UID_EMPTY"]),
    (25, &["ID_INVALID"]),
    (26, &["NODE_UID_MISMATCH", "OK"]),
];

/// Reasons that no case can bring about: they need a second hand on the attestor, a misuse of the
/// pointers, a fault inside the library, or a process short of threads. Other tests do that.
const ELSEWHERE: [&str; 8] = [
    "CANCELED",
    "SHUTTING_DOWN",
    "INTERNAL_PANIC",
    "NULL_POINTER",
    "CLOSED",
    "FORKED",
    "PANIC",
    "RUNTIME_UNAVAILABLE",
];

/// The upstream plugin answers a name that has not four parts with this code, and the table can hold but one.
const NAME_WITHOUT_FOUR_PARTS: (&str, i32) = ("NOT_A_SERVICE_ACCOUNT", 13);

/// Everything that is missing from the data or wrong with it; empty = fine.
pub(crate) fn gaps(base: &Base, cases: &[Case]) -> Vec<String> {
    let mut found = Survey::default();
    let mut names = BTreeSet::new();
    for case in cases {
        if !names.insert(case.title()) {
            found.gaps.push(format!("{}: a name that stands twice", case.title()));
        }
        match runs_of(base, case) {
            Ok(runs) => runs.iter().for_each(|run| found.visit(base, run)),
            Err(error) => found.gaps.push(format!("{}: {error}", case.title())),
        }
    }
    found.finish()
}

#[derive(Default)]
struct Survey {
    rows: BTreeSet<(u8, bool)>,
    reasons: BTreeSet<(String, bool)>,
    gaps: Vec<String>,
}

impl Survey {
    fn visit(&mut self, base: &Base, run: &Run) {
        if let Err(gap) = self.check(base, run) {
            self.gaps.push(format!("{run}: {gap}"));
        }
    }

    fn check(&mut self, base: &Base, run: &Run) -> Result<(), String> {
        is_understood(base, run)?;
        let names = placeholders();
        run.config(base, &names)?;
        run.payload(base, &names)?;
        run.options(&names)?;
        let expect = run.expect(base, &names)?;
        let upstream = run.style == Style::Upstream;
        agrees_with_the_table(&expect, upstream)?;
        is_complete(&expect, run.case.is_about_configuration())?;
        // With keys it may be another row that speaks first.
        let rows = if run.way == Way::Attest(Via::Keys) { &[][..] } else { run.case.rows.as_slice() };
        for &row in rows {
            let (_, reasons) = ROWS
                .iter()
                .find(|(number, _)| *number == row)
                .ok_or_else(|| format!("there is no row {row}"))?;
            if reasons.contains(&expect.reason.as_str()) {
                self.rows.insert((row, upstream));
            } else if !upstream {
                return Err(format!("row {row} does not end in {}", expect.reason));
            }
        }
        self.reasons.insert((expect.reason, upstream));
        Ok(())
    }

    fn finish(mut self) -> Vec<String> {
        for (row, reasons) in ROWS {
            for upstream in [false, true] {
                // A configuration is what sets the style: without one there is none.
                let there_is_none = row == 1 && upstream;
                if !there_is_none && !self.rows.contains(&(row, upstream)) {
                    let style = if upstream { "upstream" } else { "precise" };
                    self.gaps
                        .push(format!("row {row} ({}) has no case in style {style}", reasons.join(", ")));
                }
            }
        }
        for row in TABLE.iter().filter(|row| !ELSEWHERE.contains(&row.word)) {
            for upstream in [false, true] {
                let needed = !upstream || row.precise != row.upstream;
                if needed && !self.reasons.contains(&(row.word.to_owned(), upstream)) {
                    let style = if upstream { "upstream" } else { "precise" };
                    self.gaps.push(format!("{} has no case in style {style}", row.word));
                }
            }
        }
        self.gaps
    }
}

fn agrees_with_the_table(expect: &Expect, upstream: bool) -> Result<(), String> {
    let row: &Row = TABLE
        .iter()
        .find(|row| row.word == expect.reason)
        .ok_or_else(|| format!("the table has no {}", expect.reason))?;
    let code = if upstream { row.upstream } else { row.precise };
    let exception = upstream && NAME_WITHOUT_FOUR_PARTS == (row.word, expect.code);
    if code == expect.code || exception {
        Ok(())
    } else {
        Err(format!("{} has code {code} in this style, the case says {}", row.word, expect.code))
    }
}

fn is_complete(expect: &Expect, about_configuration: bool) -> Result<(), String> {
    if about_configuration {
        return expect.valid.map_or_else(|| Err("`valid` is missing".to_owned()), |_| Ok(()));
    }
    let beginning = expect.message_begins.as_deref().unwrap_or_default();
    let message = expect.message.is_some() || !beginning.is_empty();
    match expect.code {
        0 if message => Err("a success has no message".to_owned()),
        0 if expect.spiffe_id.is_none() || expect.selectors.is_none() => {
            Err("a success has an identity and selectors".to_owned())
        }
        1..1000 if !message => Err("a refusal has a message".to_owned()),
        _ => Ok(()),
    }
}

/// How many cases name each row, for `--list`.
pub(crate) fn cases_by_row(cases: &[Case]) -> BTreeMap<u8, usize> {
    let mut counts: BTreeMap<u8, usize> = ROWS.iter().map(|(row, _)| (*row, 0)).collect();
    for row in cases.iter().flat_map(|case| &case.rows) {
        *counts.entry(*row).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_data_has_no_gaps_and_contradicts_no_table() {
        let (base, cases) = crate::read::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("readable data");
        let gaps = gaps(&base, &cases);
        assert!(gaps.is_empty(), "\n{}", gaps.join("\n"));
    }

    #[test]
    fn every_gap_is_named() {
        let (base, _) = crate::read::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("readable data");
        let gaps = gaps(&base, &[]);
        assert!(gaps.iter().any(|gap| gap == "row 18 (POD_UID_MISMATCH) has no case in style upstream"));
        assert!(gaps.iter().any(|gap| gap == "OPTIONS_MALFORMED has no case in style precise"));
        assert!(!gaps.iter().any(|gap| gap.starts_with("row 1 (") && gap.contains("upstream")));
    }
}
