//! Many attestations through the shipped library while everything goes wrong: is anything lost, doubled, or left behind?
//!
//! `soak HOST` runs the dev clusters and the program HOST (`host/`), which is a process of its own so that what it holds
//! is the library's. First it shows that what must be noticed is: runs in which the host goes wrong on purpose.

mod field;
mod host;
mod kinds;
mod plan;
mod record;
mod rotation;
mod run;
mod usage;
mod weather;

use std::io;
use std::process::ExitCode;

use lexopt::prelude::*;
use tokio::time::Instant;

use host::Ledger;
use plan::{Plan, Spoil};
use record::{COMPLETES_ONCE, FREED, PERMITTED, Record, Verdict};
use run::{print_checkpoint, run};

const HELP: &str = "usage: soak HOST [--count N] [--seed N]

Attests N times (100,000) through the program HOST, which is linked with the library, on dev clusters that misbehave, and
prints what HOST holds at 30 moments, what became of the attestations, and the sum: N passed, N failed. In fewer than
100,000, not everything that may happen does, and that fails too.
";

const SPOILS: [Spoil; 4] = [
    Spoil { word: "leak", found: "documents that are not freed are found out", fails: FREED },
    Spoil { word: "double", found: "completions that come twice are found out", fails: COMPLETES_ONCE },
    Spoil { word: "lose", found: "completions that never come are found out", fails: COMPLETES_ONCE },
    Spoil {
        word: "mistake",
        found: "an answer that belongs to another agent is found out",
        fails: PERMITTED,
    },
];

/// Attestations of a run that is spoilt.
const FEW: u64 = 3000;

const ROUNDS: u64 = 30;

#[tokio::main]
async fn main() -> ExitCode {
    let plan = match arguments(lexopt::Parser::from_env()) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return trouble(&error),
    };
    match soak(plan).await {
        Ok(verdicts) => {
            let failed = verdicts.iter().filter(|verdict| verdict.fault.is_some()).count();
            println!("{} passed, {failed} failed", verdicts.len() - failed);
            ExitCode::from(u8::from(failed > 0))
        }
        Err(error) => trouble(&error),
    }
}

fn trouble(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("soak: {error}");
    ExitCode::from(2)
}

fn arguments(mut parser: lexopt::Parser) -> Result<Option<Plan>, lexopt::Error> {
    let mut program = None;
    let mut plan = Plan { program: "".into(), total: 100_000, rounds: ROUNDS, seed: 1, spoil: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("count") => plan.total = parser.value()?.parse()?,
            Long("seed") => plan.seed = parser.value()?.parse()?,
            Value(path) => program = Some(path),
            other => return Err(other.unexpected()),
        }
    }
    plan.program = program.ok_or("a host is needed")?.into();
    Ok(Some(plan))
}

/// The spoilt runs, and then the one that counts.
async fn soak(plan: Plan) -> io::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for spoil in &SPOILS {
        verdicts.push(spoilt(&plan, spoil).await?);
    }
    println!("\nseed {}; memory in KiB, in moments in which nothing is under way", plan.seed);
    println!("     done    memory      heap  threads  descriptors  connections  documents");
    let begun = Instant::now();
    let record = run(&plan, print_checkpoint).await?;
    let took = begun.elapsed().as_secs();
    let Ledger { total, lost, doubled, .. } = record.ledger;
    println!(
        "{total} attestations in {took} s, {} a second: {lost} lost, {doubled} doubled",
        total / took.max(1)
    );
    print(&record);
    verdicts.extend(record.verdicts());
    for Verdict { statement, fault } in &verdicts {
        match fault {
            None => println!("ok      {statement}"),
            Some(fault) => println!("FAILED  {statement}: {fault}"),
        }
    }
    Ok(verdicts)
}

/// A host that goes wrong on purpose is found out.
async fn spoilt(plan: &Plan, spoil: &'static Spoil) -> io::Result<Verdict> {
    println!("a host that goes wrong on purpose: {}", spoil.word);
    let few =
        Plan { program: plan.program.clone(), total: FEW, rounds: 3, seed: plan.seed, spoil: Some(spoil) };
    let verdicts = run(&few, |_| ()).await?.verdicts();
    let found = verdicts.iter().any(|verdict| verdict.statement == spoil.fails && verdict.fault.is_some());
    Ok(Verdict { statement: spoil.found, fault: (!found).then(|| "it was not".to_owned()) })
}

fn print(record: &Record) {
    println!("\noutcomes");
    for (kind, outcomes) in &record.outcomes {
        println!("  {kind}");
        for (outcome, count) in outcomes.iter().filter(|(_, count)| **count > 0) {
            println!("  {count:>9} {outcome}");
        }
    }
    println!("beside");
    for (deed, count) in &record.deeds {
        println!("  {count:>9} {deed}");
    }
    for complaint in &record.complaints {
        println!("complaint: {complaint}");
    }
    println!();
}
