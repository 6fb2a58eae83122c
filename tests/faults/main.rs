//! The fault matrix: every kind of fault at every call, over HTTP/2 and HTTP/1.1.
//!
//! Each case has a server and an attestor of its own. An attestation ends with the right reason and within its time
//! while the fault lasts; the next one succeeds once the fault is gone; where a retry helps, one that meets the fault once
//! succeeds; and nothing is left behind. `cargo test --test fault_matrix -- WORD` runs the rows whose names hold the word.

mod case;
mod process;
mod report;
mod table;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use tokio::runtime::Handle;

use process::Usage;
use table::{Call, Protocol, Row, table};

/// Cases at the same time. They wait more than they work.
const AT_ONCE: usize = 8;

const COLUMNS: [(Call, Protocol); 6] = {
    use Call::{Node, Pod, TokenReview};
    use Protocol::{H1, H2};
    [(TokenReview, H2), (TokenReview, H1), (Pod, H2), (Pod, H1), (Node, H2), (Node, H1)]
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        // For tools that ask every test program: there is one table and no single test.
        return ExitCode::SUCCESS;
    }
    let word = arguments.iter().find(|argument| !argument.starts_with('-'));
    let rows: Vec<Row> =
        table().into_iter().filter(|row| word.is_none_or(|word| row.name.contains(word.as_str()))).collect();

    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime for the servers");
    // What is made once in a process is made now, and not counted as left behind.
    let mut failures = attest_without_fault(runtime.handle());
    let before = Usage::now();
    let outcomes = run_all(&rows, runtime.handle());
    failures.extend(before.left_behind());
    failures.extend(report::failures(&rows, &outcomes));

    report::print(&rows, &outcomes);
    for failure in &failures {
        println!("FAILED {failure}");
    }
    let (cases, impossible) = report::count(&outcomes);
    let (word, verdict) = match failures.len() {
        0 => ("ok", "all right".to_owned()),
        many => ("FAILED", format!("{many} failures")),
    };
    let took = begun.elapsed().as_secs();
    println!("fault matrix: {cases} cases, {impossible} impossible, {verdict} ({took} s)");
    let failed = failures.len().min(cases);
    println!("test result: {word}. {} passed; {failed} failed", cases - failed);
    ExitCode::from(u8::from(!failures.is_empty()))
}

fn attest_without_fault(runtime: &Handle) -> Vec<String> {
    let harmless = table::harmless();
    let cases = COLUMNS.iter().map(|(call, protocol)| case::run(&harmless, *protocol, *call, runtime));
    cases.filter_map(Result::err).collect()
}

/// What became of a case.
enum Outcome {
    Right,
    Wrong(String),
    Impossible(&'static str),
}

/// Runs all cases, several at a time. The outcomes are by row and column.
fn run_all(rows: &[Row], runtime: &Handle) -> Vec<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<Outcome>>> =
        (0..rows.len() * COLUMNS.len()).map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let at = next.fetch_add(1, SeqCst)
                    && let Some(outcome) = outcomes.get(at)
                {
                    let (row, (call, protocol)) = (&rows[at / COLUMNS.len()], COLUMNS[at % COLUMNS.len()]);
                    *outcome.lock().expect("no case panics") = Some(outcome_of(row, protocol, call, runtime));
                }
            });
        }
    });
    let mut outcomes = outcomes
        .into_iter()
        .map(|outcome| outcome.into_inner().expect("no case panics").expect("every case has run"));
    rows.iter().map(|_| outcomes.by_ref().take(COLUMNS.len()).collect()).collect()
}

fn outcome_of(row: &Row, protocol: Protocol, call: Call, runtime: &Handle) -> Outcome {
    match (row.impossible)(protocol, call) {
        Some(why) => Outcome::Impossible(why),
        None => case::run(row, protocol, call, runtime).map_or_else(Outcome::Wrong, |()| Outcome::Right),
    }
}
