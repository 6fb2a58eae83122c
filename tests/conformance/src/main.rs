//! `conformance`: the behaviour in data, run through every door of the library. README.md describes the data, the
//! output and the protocol of doors that are programs.

mod cluster;
mod coverage;
mod door;
mod door_process;
mod door_rust;
mod format;
mod judge;
mod notes;
mod plan;
mod read;
mod run;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use door::DoorName;
use format::{Base, Case};
use plan::Run;

const USAGE: &str = "\
conformance [--door rust] [--door LABEL=PROGRAM]… [--filter TEXT] [--jobs N] [--data DIRECTORY] [--list]

  --door      rust = in process; LABEL=PROGRAM = a program that speaks the protocol of README.md
  --filter    only cases whose file/name holds TEXT
  --jobs      workers, each with a door of its own (default 4)
  --data      where the *.json are (default: beside this crate)
  --list      print the cases and do nothing";

struct Arguments {
    doors: Vec<DoorName>,
    filter: Option<String>,
    jobs: usize,
    data: PathBuf,
    list: bool,
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt};
    let mut arguments = Arguments {
        doors: Vec::new(),
        filter: None,
        jobs: 4,
        data: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        list: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("door") => arguments.doors.push(DoorName::parse(&parser.value()?.string()?)?),
            Long("filter") => arguments.filter = Some(parser.value()?.string()?),
            Long("jobs") => arguments.jobs = parser.value()?.parse()?,
            Long("data") => arguments.data = PathBuf::from(parser.value()?),
            Long("list") => arguments.list = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(arguments))
}

fn list(base: &Base, cases: &[Case]) -> Result<(), String> {
    let mut total = 0;
    for case in cases {
        let runs = plan::runs_of(base, case)?.len();
        total += runs;
        println!("{} rows {:?}, {runs} runs", case.title(), case.rows);
    }
    println!("cases by row: {:?}", coverage::cases_by_row(cases));
    println!("{} cases, {total} runs", cases.len());
    Ok(())
}

/// Runs everything that was asked for; the number of runs, and of what failed.
fn conform(arguments: &Arguments) -> Result<(usize, usize), String> {
    let (base, mut cases) = read::read(&arguments.data)?;
    let gaps = coverage::gaps(&base, &cases);
    for gap in &gaps {
        println!("GAP  {gap}");
    }
    if let Some(filter) = &arguments.filter {
        cases.retain(|case| case.title().contains(filter.as_str()));
    }
    if arguments.list {
        list(&base, &cases)?;
        return Ok((0, gaps.len()));
    }
    if arguments.doors.is_empty() {
        return Err(format!("no door is named\n\n{USAGE}"));
    }
    let per_case: Vec<Vec<Run>> =
        cases.iter().map(|case| plan::runs_of(&base, case)).collect::<Result<_, _>>()?;
    let runs = per_case.concat();
    if runs.is_empty() {
        return Err("no case fits the filter".to_owned());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let (mut all, mut failed) = (0, gaps.len());
    for door in &arguments.doors {
        let begun = Instant::now();
        let outcome = run::through(door, &base, &runs, &runtime, arguments.jobs);
        for failure in &outcome.failures {
            println!("FAIL {failure}\n");
        }
        println!(
            "conformance: {}: {} cases, {} runs, {} failed ({:.1} s)",
            door.label,
            outcome.cases,
            outcome.runs,
            outcome.failures.len(),
            begun.elapsed().as_secs_f32(),
        );
        all += outcome.runs;
        failed += outcome.failures.len();
    }
    runtime.shutdown_background();
    Ok((all, failed))
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("conformance: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match conform(&arguments) {
        Ok((runs, failed)) => {
            println!("{} passed, {failed} failed", runs.saturating_sub(failed));
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}
