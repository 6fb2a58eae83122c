//! What all connections of a cluster share.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot};

use crate::counters::Tally;
use crate::keys::Keys;
use crate::listen::ModeChange;
use crate::live::Live;
use crate::world::{ListenerMode, World};

/// What all connections of a cluster share.
pub(crate) struct Shared {
    pub(crate) keys: Arc<Keys>,
    pub(crate) tally: Tally,
    live: RwLock<Arc<Live>>,
    /// Weak, since the port is closed when the last of those who can change it is gone.
    listener: mpsc::WeakSender<ModeChange>,
}

impl Shared {
    pub(crate) fn new(keys: Arc<Keys>, world: World, listener: mpsc::WeakSender<ModeChange>) -> Shared {
        let live = RwLock::new(Arc::new(Live::new(world, Arc::clone(&keys))));
        Shared { keys, tally: Tally::default(), live, listener }
    }

    /// Receives connections so from now on, and spares those that are open.
    pub(crate) async fn receive_as(&self, mode: ListenerMode) {
        let (done, is_done) = oneshot::channel();
        let change = ModeChange { mode, spares_connections: true, done };
        // A cluster that is being stopped receives none.
        if let Some(listener) = self.listener.upgrade()
            && listener.send(change).await.is_ok()
        {
            let _ = is_done.await;
        }
    }

    /// The world of this moment. A request keeps the one that it began with.
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, world: World) {
        let live = Arc::new(Live::new(world, Arc::clone(&self.keys)));
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }
}
