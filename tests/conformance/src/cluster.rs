//! The dev cluster of one run: its world, its kubeconfig, its token. Nothing else here knows the dev cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use devcluster::{Answers, DevCluster, TokenRequest, World};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::format::Base;
use crate::plan::Run;
use crate::text::Names;

/// A running cluster and a directory with what its configuration names.
pub(crate) struct Stage<'r> {
    runtime: &'r Runtime,
    cluster: DevCluster,
    directory: TempDir,
    /// `${token}` and its parts, `${kubeconfig}`, `${dir}` and `${server}`.
    pub(crate) names: Names,
    /// The token, as sent.
    pub(crate) token: String,
}

impl<'r> Stage<'r> {
    /// Sets up the world of a run. Answers that are other than the true ones are set last, since they may hold the
    /// token, and a token is only made by a running cluster.
    pub(crate) fn set(runtime: &'r Runtime, base: &Base, run: &Run) -> Result<Self, String> {
        let mut names = Names::default();
        let blank = placeholders();
        let mut world: World = typed("world", &blank.fill_value(&run.world(base))?)?;
        world.answers = Answers::default();
        let cluster = runtime.block_on(DevCluster::start(world));

        let request: TokenRequest = typed("token", &blank.fill_value(&run.token(base))?)?;
        let token = cluster.mint(&request);
        name_token(&mut names, &token);
        let directory = TempDir::new().map_err(|error| error.to_string())?;
        names.set("dir", directory.path().to_string_lossy());
        let kubeconfig = cluster.write_kubeconfig(directory.path()).map_err(|error| error.to_string())?;
        names.set("kubeconfig", kubeconfig.to_string_lossy());
        names.set("server", cluster.url());

        for (name, text) in &run.case.files {
            let path: PathBuf = directory.path().join(name);
            std::fs::write(&path, names.fill(text)?)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        runtime.block_on(cluster.set_world(typed("world", &names.fill_value(&run.world(base))?)?));
        Ok(Self { runtime, cluster, directory, names, token })
    }

    /// Requests by call, so far.
    pub(crate) fn calls(&self) -> BTreeMap<&'static str, u64> {
        let counters = self.cluster.counters();
        [
            ("token_review", counters.token_review),
            ("pod", counters.pod),
            ("node", counters.node),
            ("jwks", counters.jwks),
        ]
        .into()
    }

    /// Takes the cluster down.
    pub(crate) fn strike(self) -> Result<(), String> {
        self.runtime.block_on(self.cluster.stop());
        self.directory.close().map_err(|error| error.to_string())
    }
}

/// Stand-ins for the names that a run gives meaning to.
pub(crate) fn placeholders() -> Names {
    let mut names = Names::default();
    name_token(&mut names, "<header>.<payload>.<signature>");
    for name in ["dir", "kubeconfig", "server"] {
        names.set(name, format!("<{name}>"));
    }
    names
}

/// The token and, as far as there are any, its parts.
fn name_token(names: &mut Names, token: &str) {
    names.set("token", token);
    let parts = ["token:header", "token:payload", "token:signature"];
    for (name, part) in parts.into_iter().zip(token.trim().split('.')) {
        names.set(name, part);
    }
}

/// Makes sure that the cluster understands a run's world and token.
pub(crate) fn is_understood(base: &Base, run: &Run) -> Result<(), String> {
    let blank = placeholders();
    typed::<World>("world", &blank.fill_value(&run.world(base))?)?;
    typed::<TokenRequest>("token", &blank.fill_value(&run.token(base))?).map(drop)
}

fn typed<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{what}: {error}"))
}
