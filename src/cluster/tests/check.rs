//! What a check tells of a cluster, and that every remedy is for the true cause.

use std::sync::Arc;
use std::time::Duration;

use devcluster::{DevCluster, World};
use tokio::time::Instant;

use super::super::{Checkup, Cluster};
use super::world::{Folder, cluster};
use crate::config::{ClusterConfig, check};

/// The configuration of a cluster `demo` with these further members.
fn config(members: &str) -> Arc<ClusterConfig> {
    let text = format!(
        r#"{{"trust_domain":"example.org","clusters":{{"demo":{{"service_account_allow_list":["spire:spire-agent"]{members}}}}}}}"#
    );
    let checked = check(text.as_bytes());
    Arc::clone(&checked.config.expect("a valid configuration").clusters["demo"])
}

async fn examine(cluster: &Arc<Cluster>, members: &str) -> Checkup {
    cluster.check(&config(members), Instant::now() + Duration::from_secs(20)).await
}

#[tokio::test]
async fn smoke() {
    let dev = DevCluster::start(World::default()).await;
    let folder = Folder::new();
    let path = dev.write_kubeconfig(folder.path("").as_path()).unwrap();
    let checkup = examine(&cluster(&path), "").await;
    println!("{}", serde_json::to_string_pretty(&checkup).unwrap());
    assert!(checkup.usable());
}
