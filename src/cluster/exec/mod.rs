//! Exec plugins: a command that a kubeconfig names, and that answers with a credential.
//!
//! Plugins run as client-go runs them, but never with a terminal, within [`EXEC_TIME`], and with their output kept from
//! everybody: what they print may be a credential.
//!
//! ```text
//! Renewal ── when a plugin is run ── Plugin ── what is run ── process, answer
//! ```

mod answer;
mod cluster_info;
mod process;
mod renewal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::config::{ExecConfig, ExecInteractiveMode};
use tokio::sync::Semaphore;

pub(super) use answer::Credential;
pub(super) use cluster_info::ClusterInfo;
pub(super) use renewal::Renewal;

use answer::Answer;

use super::error::Fault;
use super::limits::EXEC_TIME;

/// What is run, with all that decides its answer. Two that are equal share it.
#[derive(PartialEq, Eq)]
pub(super) struct Plugin {
    version: Version,
    /// As the kubeconfig has it, or made absolute with its folder.
    command: PathBuf,
    arguments: Vec<String>,
    /// On top of the process's environment.
    environment: Vec<(String, String)>,
    limit: Duration,
}

/// The version of what is said to a plugin and answered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V1Beta1,
}

impl Version {
    const ALL: [Self; 2] = [Self::V1, Self::V1Beta1];

    fn name(self) -> &'static str {
        match self {
            Self::V1 => "client.authentication.k8s.io/v1",
            Self::V1Beta1 => "client.authentication.k8s.io/v1beta1",
        }
    }
}

impl Plugin {
    /// Takes `exec` of a kubeconfig in `folder`. The command is not looked for yet.
    pub(super) fn new(config: &ExecConfig, folder: &Path, cluster: &ClusterInfo<'_>) -> Result<Self, String> {
        let command = config.command.as_deref().filter(|command| !command.is_empty());
        let command = command.ok_or("`exec` has no `command`")?;
        let name = config.api_version.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or("`exec` has no `apiVersion`")?;
        let version = Version::ALL.into_iter().find(|version| version.name() == name);
        let version = version.ok_or_else(|| {
            let [one, other] = Version::ALL.map(Version::name);
            format!("`exec` has an `apiVersion` other than {one} and {other}")
        })?;
        match (&config.interactive_mode, version) {
            (Some(ExecInteractiveMode::Always), _) => {
                return Err(
                    "`exec` has the `interactiveMode` Always, and there is no terminal here".to_owned()
                );
            }
            (None, Version::V1) => return Err("`exec` has no `interactiveMode`".to_owned()),
            (Some(ExecInteractiveMode::Never | ExecInteractiveMode::IfAvailable), _)
            | (None, Version::V1Beta1) => {}
        }

        let mut environment = Vec::new();
        for variable in config.env.iter().flatten() {
            let name = variable.get("name").filter(|name| !name.is_empty() && !name.contains('='));
            let name = name.ok_or("`exec` has an `env` whose `name` is missing or no name")?;
            environment.push((name.clone(), variable.get("value").cloned().unwrap_or_default()));
        }
        let info = cluster.document(version.name(), config.provide_cluster_info);
        environment.push(("KUBERNETES_EXEC_INFO".to_owned(), info));
        let arguments = config.args.clone().unwrap_or_default();
        // Only a name without a slash is looked for in PATH.
        let command = if command.contains('/') { folder.join(command) } else { command.into() };
        Ok(Self { version, command, arguments, environment, limit: EXEC_TIME })
    }

    pub(super) fn command(&self) -> &Path {
        &self.command
    }

    /// Runs the command once and waits for its answer, no longer than the limit. It takes one of the `places`.
    fn run(&self, places: &Arc<Semaphore>) -> Result<Answer, Fault> {
        let fault = |problem| Fault::Plugin { command: self.command.clone(), problem };
        let path = env::var_os("PATH").unwrap_or_default();
        let program = program(&self.command, &path).map_err(|problem| fault(problem.into()))?;
        let mut environment: BTreeMap<OsString, OsString> = env::vars_os().collect();
        environment.extend(self.environment.iter().map(|(name, value)| (name.into(), value.into())));
        let output =
            process::output(&program, &self.command, &self.arguments, &environment, self.limit, places)
                .map_err(|problem| fault(problem.to_string().into()))?;
        Answer::parse(&output, self.version.name()).map_err(|problem| fault(problem.into()))
    }
}

/// The file to run: the command itself if there is a slash in it, else the first of that name in `path`. As in Go, one
/// that comes first because of a relative folder, which an empty one is too, is not run: it depends on where the process
/// was started.
fn program(command: &Path, path: &OsStr) -> Result<PathBuf, &'static str> {
    const NOT_THERE: &str = "is not there, or is no program";
    if command.as_os_str().as_bytes().contains(&b'/') {
        return Some(command.to_owned()).filter(|file| is_program(file)).ok_or(NOT_THERE);
    }
    let mut files = env::split_paths(path).map(|folder| Path::new(".").join(folder).join(command));
    let file = files.find(|file| is_program(file)).ok_or(NOT_THERE)?;
    if file.is_absolute() { Ok(file) } else { Err("is in a relative folder of PATH, and not run from there") }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("command", &self.command).finish_non_exhaustive()
    }
}
