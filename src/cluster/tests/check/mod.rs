//! What a check tells of a cluster: every step, and that each remedy is for the true cause.

use std::sync::Arc;
use std::time::Duration;

use devcluster::{DevCluster, World};
use tokio::time::Instant;

use super::super::{Checkup, Cluster};
use super::world::{self, Authority, Folder, Handler, Plan, Server, answering};
use crate::config::{ClusterConfig, check};
use crate::outcome::Reason;
use crate::step::{Outcome, Step};

mod advice;
mod api;
mod between;
mod connection;
mod credentials;
mod limits;
mod nobody;
mod permissions;
mod silence;

/// The configuration of a cluster `demo` with these further members, such as `,"lookup":"claims"`.
fn config(members: &str) -> Arc<ClusterConfig> {
    let accounts = r#""service_account_allow_list":["spire:spire-agent"]"#;
    config_of(&format!("{accounts}{members}"))
}

fn config_of(members: &str) -> Arc<ClusterConfig> {
    let text = format!(r#"{{"trust_domain":"example.org","clusters":{{"demo":{{{members}}}}}}}"#);
    let checked = check(text.as_bytes());
    Arc::clone(&checked.config.expect("a valid configuration").clusters["demo"])
}

async fn examine(cluster: &Arc<Cluster>, config: &ClusterConfig) -> Checkup {
    cluster.check(config, Instant::now() + Duration::from_secs(20)).await
}

/// A dev cluster of this world, looked at with the kubeconfig that it writes.
async fn examine_world(world: World) -> Checkup {
    let dev = DevCluster::start(world).await;
    let folder = Folder::new();
    let kubeconfig = dev.write_kubeconfig(&folder.path("")).unwrap();
    examine(&world::cluster(&kubeconfig), &config("")).await
}

/// A server that answers as this handler does, looked at with a token.
async fn examine_handler(handler: Handler, config: &ClusterConfig) -> Checkup {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    examine(&world::cluster(&folder.lead_to(&server, &authority)), config).await
}

/// What an API server answers that has nothing to complain of, by path.
fn sound(path: &str) -> (u16, String) {
    let review = |kind: &str, group: &str, status: &str| {
        (201, format!(r#"{{"kind":"{kind}","apiVersion":"{group}.k8s.io/v1","status":{status}}}"#))
    };
    match path.rsplit('/').next().unwrap_or_default() {
        "version" => (200, r#"{"major":"1","minor":"37","gitVersion":"v1.37.2"}"#.to_owned()),
        "selfsubjectreviews" => {
            review("SelfSubjectReview", "authentication", r#"{"userInfo":{"username":"jane"}}"#)
        }
        "tokenreviews" => review("TokenReview", "authentication", r#"{"error":"invalid bearer token"}"#),
        "selfsubjectaccessreviews" => {
            review("SelfSubjectAccessReview", "authorization", r#"{"allowed":true}"#)
        }
        "jwks" => (200, r#"{"keys":[{"kty":"RSA","alg":"RS256"}]}"#.to_owned()),
        _ => (404, String::new()),
    }
}

/// A sound API server but for the paths that end in `name`.
fn sound_but(name: &'static str, status: u16, body: &'static str) -> Handler {
    answering(move |request| match request.uri().path() {
        path if path.ends_with(name) => (status, body.to_owned()),
        path => sound(path),
    })
}

fn step<'c>(checkup: &'c Checkup, check: &str) -> &'c Step {
    checkup.steps.iter().find(|step| step.check == check).unwrap_or_else(|| panic!("{check}: {checkup:?}"))
}

/// All outcomes as one word: `p`ass, `f`ail, `w`arn, `s`kip, in the order of the steps.
fn outcomes(checkup: &Checkup) -> String {
    let letter = |step: &Step| match step.outcome {
        Outcome::Pass => 'p',
        Outcome::Fail => 'f',
        Outcome::Warn => 'w',
        Outcome::Skip => 's',
    };
    checkup.steps.iter().map(letter).collect()
}

/// Holds the first failure: which it is, and what its detail and its remedy say.
fn expect_failure(checkup: &Checkup, check: &str, reason: Reason, detail: &str, remedy: &str) {
    let failure = checkup.first_failure().unwrap_or_else(|| panic!("nothing failed: {checkup:#?}"));
    assert_eq!((failure.check, failure.reason), (check, Some(reason)), "{checkup:#?}");
    assert!(failure.detail.contains(detail), "{detail:?} is not in {:?}", failure.detail);
    let said = failure.remedy.as_deref().unwrap_or_default();
    assert!(said.contains(remedy), "{remedy:?} is not in {said:?}");
}

#[tokio::test]
async fn a_cluster_that_can_be_used_passes_every_step() {
    let dev = DevCluster::start(World::default()).await;
    let folder = Folder::new();
    let cluster = world::cluster(&dev.write_kubeconfig(&folder.path("")).unwrap());
    let checkup = examine(&cluster, &config("")).await;

    let checks: Vec<&str> = checkup.steps.iter().map(|step| step.check).collect();
    let order = [
        "credentials",
        "reach",
        "tls",
        "api_version",
        "token_review",
        "pods",
        "nodes",
        "signing_keys",
        "clock",
    ];
    assert_eq!(checks, order);
    assert_eq!(outcomes(&checkup), "ppppppppp", "{checkup:#?}");
    assert!(checkup.usable());
    assert_eq!(checkup.server.as_deref(), Some(dev.url().as_str()));
    assert_eq!(checkup.server_version.as_deref(), Some("v1.37.2"));
    assert_eq!(checkup.user.as_deref(), Some("psat-reviewer"));
    assert!(checkup.steps.iter().all(|step| step.reason.is_none() && step.remedy.is_none()));

    let counters = dev.counters();
    assert_eq!((counters.token_review, counters.access_review, counters.jwks), (1, 2, 1));
    assert_eq!((counters.pod, counters.node), (0, 0), "no object is read");
}
