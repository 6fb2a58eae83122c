//! What this room reads from elsewhere, each by itself and without a connection. Not in shipped builds.

use std::path::Path;

use super::answer;
use super::api::{Node, Pod, TokenReviewStatus};
use super::connection::Opener;
use super::environment::Environment;
use super::error::Fault;
use super::files::Files;
use super::kubeconfig;
use super::resolver::Resolver;
use super::route::Route;
use super::settings::Trust;
use crate::outcome::cause_chain;

/// `status` of a TokenReview's answer.
///
/// # Errors
/// What the operator would read.
pub fn token_review(body: &[u8]) -> Result<TokenReviewStatus, String> {
    answer::token_review(body).map_err(words)
}

/// The pod in an answer, with those of its labels that have one of these keys.
///
/// # Errors
/// What the operator would read.
pub fn pod(body: &[u8], namespace: &str, name: &str, labels: &[String]) -> Result<Pod, String> {
    answer::pod(body, namespace, name, labels).map_err(words)
}

/// The node in an answer. Labels as in [`pod`].
///
/// # Errors
/// What the operator would read.
pub fn node(body: &[u8], name: &str, labels: &[String]) -> Result<Node, String> {
    answer::node(body, name, labels).map_err(words)
}

/// What a kubeconfig comes to.
#[derive(PartialEq, Eq)]
pub struct Loaded {
    /// The settings as a log would show them.
    pub shown: String,
    /// The `Authorization` header.
    pub authorization: Option<Vec<u8>>,
    /// Client certificate and key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Reads the kubeconfig at `path` and what it names, and makes what a connection needs. Runs no exec plugin, and reads
/// the system's roots never.
///
/// # Errors
/// What the operator would read.
pub fn load_kubeconfig(path: &Path) -> Result<Loaded, String> {
    let mut settings =
        kubeconfig::load(path, &Environment::of_process(), &mut Files::default()).map_err(words)?;
    if settings.tls.trust != Trust::System {
        Route::new(&settings.server, settings.proxy.as_ref(), &settings.tls.trust, Resolver::default())
            .and_then(|route| Opener::new(&settings.server, &settings.tls, route))
            .map_err(words)?;
    }
    // Some of these headers come in no certain order.
    let impersonation = std::mem::take(&mut settings.impersonation);
    let mut impersonation: Vec<_> = impersonation.iter().map(|header| format!("{header:?}")).collect();
    impersonation.sort();
    Ok(Loaded {
        shown: format!("{settings:?} {impersonation:?}"),
        authorization: settings.authorization.as_ref().map(|one| one.header.as_bytes().to_vec()),
        identity: settings.tls.identity.as_ref().map(|(chain, key)| (chain.clone(), key.0.to_vec())),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn words(fault: Fault) -> String {
    cause_chain(&fault)
}
