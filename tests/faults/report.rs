//! The outcomes as a table, and what was not right.

use std::fmt::Write as _;

use crate::table::{Call, End, Row};
use crate::{COLUMNS, Outcome};

/// The cases that ran, and those that cannot be.
pub(crate) fn count(outcomes: &[Vec<Outcome>]) -> (usize, usize) {
    let all = outcomes.iter().flatten();
    let impossible = all.clone().filter(|outcome| matches!(outcome, Outcome::Impossible(_))).count();
    (all.count() - impossible, impossible)
}

/// A sentence for each case that was not right.
pub(crate) fn failures(rows: &[Row], outcomes: &[Vec<Outcome>]) -> Vec<String> {
    let mut failures = Vec::new();
    for (row, outcomes) in rows.iter().zip(outcomes) {
        for ((call, protocol), outcome) in COLUMNS.iter().zip(outcomes) {
            if let Outcome::Wrong(why) = outcome {
                failures.push(format!("{} at {} over {protocol:?}: {why}", row.name, call.word()));
            }
        }
    }
    failures
}

pub(crate) fn print(rows: &[Row], outcomes: &[Vec<Outcome>]) {
    let head = COLUMNS.map(|(call, protocol)| format!("{} {protocol:?}", call.word()));
    println!("{:26}{:34}{}", "fault", "while it lasts", head.join("  "));
    let mut reasons = Vec::new();
    for (row, outcomes) in rows.iter().zip(outcomes) {
        let mut line = format!("{:26}{:34}", row.name, told(row));
        for (outcome, head) in outcomes.iter().zip(&head) {
            write!(line, "{:1$}", cell(outcome, &mut reasons), head.len() + 2).expect("text takes text");
        }
        println!("{}", line.trim_end());
    }
    for (number, why) in reasons.iter().enumerate() {
        println!("({}) impossible: {why}", number + 1);
    }
}

fn cell(outcome: &Outcome, reasons: &mut Vec<&'static str>) -> String {
    match outcome {
        Outcome::Right => "right".to_owned(),
        Outcome::Wrong(_) => "WRONG".to_owned(),
        Outcome::Impossible(why) => {
            let known = reasons.iter().position(|reason| reason == why);
            let number = known.unwrap_or_else(|| {
                reasons.push(why);
                reasons.len() - 1
            });
            format!("({})", number + 1)
        }
    }
}

/// What the row expects.
fn told(row: &Row) -> String {
    let rescued = if row.rescued { ", once: OK" } else { "" };
    match row.end {
        End::Attested => "OK".to_owned(),
        End::Reason(reason, tries) => format!("{reason} ×{tries}{rescued}"),
        End::ByCall(reason) => Call::ALL.map(reason)[1..].join(" "),
        End::TimeIsUp => "DEADLINE_EXCEEDED".to_owned(),
    }
}
