//! What the commands do.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

use devcluster::{DevCluster, Keys, TokenRequest, World};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Options;
use crate::directory::Directory;

/// Runs a cluster until it is told to stop.
pub(crate) fn serve(directory: &Path, options: &Options) -> Result<ExitCode, String> {
    runtime()?.block_on(async {
        let directory = Directory::create(directory)?;
        let cluster = start(&directory, options).await?;
        println!("dev cluster at {}", cluster.url());
        println!("  kubeconfig        {}", directory.kubeconfig().display());
        println!("  configuration     {}", directory.config().display());
        println!("  payload           {}", directory.payload().display());
        println!("  refused payload   {}", directory.refused_payload().display());
        println!("Ctrl-C stops it.");
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cluster.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Runs a command beside a cluster and answers with the command's status.
pub(crate) fn exec(options: &Options, program: &OsStr, arguments: &[OsString]) -> Result<ExitCode, String> {
    runtime()?.block_on(async {
        let temporary = tempfile::Builder::new()
            .prefix("devcluster-")
            .tempdir()
            .map_err(|error| format!("a temporary directory: {error}"))?;
        let directory = Directory::create(temporary.path())?;
        let cluster = start(&directory, options).await?;
        let child = Command::new(program)
            .args(arguments)
            .env("DEVCLUSTER_DIR", directory.root())
            .env("DEVCLUSTER_CONFIG", directory.config())
            .env("DEVCLUSTER_PAYLOAD", directory.payload())
            .env("DEVCLUSTER_PAYLOAD_REFUSED", directory.refused_payload())
            .env("KUBECONFIG", directory.kubeconfig())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let status = finish(child).await?;
        cluster.stop().await;
        Ok(exit_code(status))
    })
}

/// Mints a token of the cluster that a directory belongs to.
pub(crate) fn token(directory: &Path, request: &TokenRequest) -> Result<ExitCode, String> {
    println!("{}", Directory::open(directory).mint(request)?);
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<Runtime, String> {
    Runtime::new().map_err(|error| error.to_string())
}

async fn start(directory: &Directory, options: &Options) -> Result<DevCluster, String> {
    let mut world = match &options.world {
        None => World::default(),
        Some(path) => read_world(path)?,
    };
    world.latency_ms = options.latency_ms.unwrap_or(world.latency_ms);
    let keys = Keys::shared();
    let cluster = DevCluster::start_on(options.port, keys.clone(), world)
        .await
        .map_err(|error| format!("port {}: {error}", options.port))?;
    directory.fill(&cluster, &keys)?;
    Ok(cluster)
}

fn read_world(path: &PathBuf) -> Result<World, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    World::from_json(&text).map_err(|error| named(&error))
}

/// Waits for a child. SIGTERM is passed on; SIGINT reaches it by itself, from the terminal.
async fn finish(mut child: Child) -> Result<ExitStatus, String> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    loop {
        tokio::select! {
            status = child.wait() => return status.map_err(|error| error.to_string()),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
                if let Some(pid) = pid {
                    // A child that has ended in this moment needs no signal.
                    let _ = kill_process(pid, Signal::TERM);
                }
            }
        }
    }
}

/// The child's status, or 128 and its signal as shells say it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
