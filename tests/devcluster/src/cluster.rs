//! A running dev cluster.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::counters::Counters;
use crate::keys::Keys;
use crate::kubeconfig;
use crate::listen::{ModeChange, Port, receive};
use crate::shared::Shared;
use crate::token::TokenRequest;
use crate::world::World;

/// A running dev cluster. Dropping it stops it: the port is closed and all connections end, as soon as the runtime
/// that it was started on gets to it; [`DevCluster::stop`] waits for that.
pub struct DevCluster {
    shared: Arc<Shared>,
    address: SocketAddr,
    changes: mpsc::Sender<ModeChange>,
    task: JoinHandle<()>,
}

impl DevCluster {
    /// Starts a cluster on a free port of 127.0.0.1 with the keys of this process. It runs on the tokio runtime of
    /// the caller.
    ///
    /// # Panics
    /// When no port can be bound, or [`World::check`] refuses the world.
    pub async fn start(world: World) -> DevCluster {
        DevCluster::start_with(Keys::shared(), world).await
    }

    /// The same with these keys. Costs well under a millisecond.
    ///
    /// # Panics
    /// When no port can be bound, or [`World::check`] refuses the world.
    pub async fn start_with(keys: Arc<Keys>, world: World) -> DevCluster {
        DevCluster::start_on(0, keys, world).await.expect("127.0.0.1 has a free port")
    }

    /// The same on a chosen port; 0 = any.
    ///
    /// # Errors
    /// When the port cannot be bound, or [`World::check`] refuses the world.
    #[expect(clippy::unused_async, reason = "it must run inside a tokio runtime, and async says so")]
    pub async fn start_on(port: u16, keys: Arc<Keys>, world: World) -> io::Result<DevCluster> {
        world.check().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let port = Port::open(port, world.listener)?;
        let address = port.address();
        let (changes, received) = mpsc::channel(1);
        let shared = Arc::new(Shared::new(keys, world, changes.downgrade()));
        let task = tokio::spawn(receive(port, Arc::clone(&shared), received));
        Ok(DevCluster { shared, address, changes, task })
    }

    /// Replaces the world, from the next request on; scripts begin anew. Returns when the listener is in its mode.
    ///
    /// # Panics
    /// When [`World::check`] refuses the world.
    pub async fn set_world(&self, world: World) {
        world.check().expect("the new world can be served");
        let mode = world.listener;
        self.shared.replace(world);
        let (done, is_done) = oneshot::channel();
        if self.changes.send(ModeChange { mode, spares_connections: false, done }).await.is_ok() {
            // Fails only when the port was lost, and then the next request says so.
            let _ = is_done.await;
        }
    }

    /// The world of this moment.
    #[must_use]
    pub fn world(&self) -> World {
        self.shared.live().world.clone()
    }

    /// `https://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.shared.keys.ca_pem
    }

    /// A kubeconfig for the reviewer that needs no other file: credentials that are files are inline here.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        kubeconfig::render(&self.shared.live(), &self.url())
    }

    /// Writes `kubeconfig`, `ca.crt` and the files of the reviewer's credential into a directory, each with mode
    /// 0600, each replaced atomically, and returns the kubeconfig's path.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_kubeconfig(&self, directory: &Path) -> io::Result<PathBuf> {
        kubeconfig::write(&self.shared.live(), &self.url(), directory)
    }

    /// Writes `token`, `ca.crt` and `namespace` as a pod of the reviewer's service account finds them, for
    /// in-cluster configurations.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_service_account(&self, directory: &Path) -> io::Result<()> {
        kubeconfig::write_service_account(&self.shared.live(), directory)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.tally.read()
    }

    /// A token of this cluster, as the world of this moment has it.
    #[must_use]
    pub fn mint(&self, request: &TokenRequest) -> String {
        self.shared.keys.signing.mint(&self.shared.live().world, request)
    }

    /// Stops the cluster and waits until its port is closed and its connections have ended.
    pub async fn stop(mut self) {
        // Without its sender, the task ends by itself, in order.
        self.changes = mpsc::channel(1).0;
        let _ = (&mut self.task).await;
    }
}

impl Drop for DevCluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}
