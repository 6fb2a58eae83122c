//! The API servers of the benchmark: `bench-server DIR AGENTS`.
//!
//! Two dev clusters run: `demo`, which has that many agents, and `hanging`, which never answers. What is needed to attest
//! is written into the directory, see [`files`]. Then each line on stdin is a command, and its answer one line on stdout;
//! the end of stdin ends the servers.

#![forbid(unsafe_code)]

mod agents;
mod files;

use std::path::PathBuf;
use std::process::ExitCode;

use devcluster::{Answer, Answers, DevCluster, Fault, World};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

/// What a line on stdin says, as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    /// `"counters"`: what `demo` has counted is answered.
    Counters,
    /// `{"latency_ms": 20}`: from now on every answer of `demo` waits this long.
    LatencyMs(u64),
}

fn main() -> ExitCode {
    let outcome = arguments().and_then(|(directory, agents)| {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(serve(directory, agents))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-server: {error}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<(PathBuf, usize), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, agents] = words.as_slice() else {
        return Err("usage: bench-server DIR AGENTS".to_owned());
    };
    let agents = agents.parse().map_err(|error| format!("{agents:?} agents: {error}"))?;
    Ok((PathBuf::from(directory), agents))
}

async fn serve(directory: PathBuf, agents: usize) -> Result<(), String> {
    let demo = DevCluster::start(agents::world(agents)).await;
    let hanging = DevCluster::start(hanging_world()).await;
    files::write(&directory, &demo, &hanging, agents)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    println!("{}", json!({"url": demo.url()}));

    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await.map_err(|error| error.to_string())? {
        match serde_json::from_str(&line).map_err(|error| format!("{line:?}: {error}"))? {
            Command::Counters => println!("{}", json!(demo.counters())),
            Command::LatencyMs(latency_ms) => {
                demo.set_world(World { latency_ms, ..demo.world() }).await;
                println!("{{}}");
            }
        }
    }
    Ok(())
}

fn hanging_world() -> World {
    let never = || vec![Answer { fault: Some(Fault::HangBeforeHeaders), ..Answer::default() }];
    let answers =
        Answers { token_review: never(), pod: never(), node: never(), jwks: never(), access_review: never() };
    World { answers, ..World::default() }
}
