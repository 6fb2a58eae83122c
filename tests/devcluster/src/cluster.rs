//! A running dev cluster.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::counters::Counters;
use crate::keys::Keys;
use crate::token::TokenRequest;
use crate::world::World;

/// A running dev cluster. Dropping it stops it: the port is closed and all connections end.
pub struct DevCluster {}

impl DevCluster {
    /// Starts a cluster on a free port of 127.0.0.1 with the keys of this process. It runs on the tokio runtime of
    /// the caller.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start(world: World) -> DevCluster {
        DevCluster::start_with(Keys::shared(), world).await
    }

    /// The same with these keys. Costs well under a millisecond.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start_with(keys: Arc<Keys>, world: World) -> DevCluster {
        let _ = (keys, world);
        todo!()
    }

    /// The same on a chosen port; 0 = any.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start_on(port: u16, keys: Arc<Keys>, world: World) -> io::Result<DevCluster> {
        let _ = (port, keys, world);
        todo!()
    }

    /// Replaces the world, from the next request on; scripts begin anew. Returns when the listener is in its mode.
    pub async fn set_world(&self, world: World) {
        let _ = world;
    }

    /// The world of this moment.
    #[must_use]
    pub fn world(&self) -> World {
        todo!()
    }

    /// `https://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        todo!()
    }

    /// The certificate authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        todo!()
    }

    /// A kubeconfig for the reviewer that needs no other file: credentials that are files are inline here.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        todo!()
    }

    /// Writes `kubeconfig` and the files that it names into a directory, each with mode 0600, each replaced
    /// atomically, and returns the kubeconfig's path.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_kubeconfig(&self, dir: &Path) -> io::Result<PathBuf> {
        let _ = dir;
        todo!()
    }

    /// Writes `token`, `ca.crt` and `namespace` as a pod finds them, for in-cluster configurations.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_service_account(&self, dir: &Path) -> io::Result<()> {
        let _ = dir;
        todo!()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        todo!()
    }

    /// A token of this cluster.
    #[must_use]
    pub fn mint(&self, request: &TokenRequest) -> String {
        let _ = request;
        todo!()
    }

    /// Stops the cluster and waits until its port is closed and its connections have ended.
    pub async fn stop(self) {}
}
