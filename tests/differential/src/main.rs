//! `differential`: generated cases, put to this library in `error_style` `upstream` and to the plugin that is built into
//! SPIRE. docs/testing.md tells how.

#![forbid(unsafe_code)]

mod case;
mod facts;
mod generate;
mod judge;
mod outcome;
mod rules;
mod stage;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rules::Rule;
use stage::Stage;
use tally::Tally;
use tokio::runtime::Runtime;

const USAGE: &str = "\
differential [--seed N] [--cases N] [--case N] [--jobs N] [--upstream PROGRAM]

  --seed      of the cases (default 1): the same seed gives the same cases
  --cases     how many (default 1000)
  --case      this one alone, with both answers
  --jobs      how many are asked about at the same time (default: two for each processor)
  --upstream  the program of tests/differential/upstream (default: target/differential/upstream)";

struct Arguments {
    seed: u64,
    cases: u64,
    case: Option<u64>,
    jobs: usize,
    upstream: PathBuf,
}

fn main() -> ExitCode {
    let done = match arguments() {
        Ok(Some(arguments)) => run(&arguments),
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(format!("{error}\n{USAGE}")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt};
    let mut arguments = Arguments {
        seed: 1,
        cases: 1000,
        case: None,
        // Some cases wait.
        jobs: std::thread::available_parallelism().map_or(2, |processors| 2 * processors.get()),
        upstream: PathBuf::from("target/differential/upstream"),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seed") => arguments.seed = parser.value()?.parse()?,
            Long("cases") => arguments.cases = parser.value()?.parse()?,
            Long("case") => arguments.case = Some(parser.value()?.parse()?),
            Long("jobs") => arguments.jobs = parser.value()?.parse()?,
            Long("upstream") => arguments.upstream = parser.value()?.into(),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(arguments))
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let rules = Rule::read_all()?;
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    if let Some(number) = arguments.case {
        let mut stage = Stage::set(&runtime, &arguments.upstream)?;
        let case = generate::case(arguments.seed, number);
        let verdict = judge::judge(&mut stage, &rules, &case)?;
        println!("seed {}, case {number}\n{}", arguments.seed, judge::shown(&case, &verdict, &rules));
        return Ok(verdict.rules.is_some());
    }
    let begun = Instant::now();
    let tally = all(arguments, &rules, &runtime)?;
    let sound = tally.tell(&rules, arguments.cases);
    println!("seed {}, {:.0} s", arguments.seed, begun.elapsed().as_secs_f64());
    Ok(sound)
}

fn all(arguments: &Arguments, rules: &[Rule], runtime: &Runtime) -> Result<Tally, String> {
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let work = || -> Result<(), String> {
        let mut stage = Stage::set(runtime, &arguments.upstream)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= arguments.cases {
                return Ok(());
            }
            let case = generate::case(arguments.seed, number);
            let verdict =
                judge::judge(&mut stage, rules, &case).map_err(|error| format!("case {number}: {error}"))?;
            if verdict.rules.is_none() {
                println!(
                    "UNEXPLAINED --seed {} --case {number}\n{}",
                    arguments.seed,
                    judge::shown(&case, &verdict, rules)
                );
            }
            tally.lock().expect("no worker panics here").count(&verdict);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    Ok(tally.into_inner().expect("no worker panics here"))
}
