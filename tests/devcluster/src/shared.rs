//! What all connections of a cluster share.

use std::sync::{Arc, PoisonError, RwLock};

use crate::counters::Tally;
use crate::keys::Keys;
use crate::live::Live;
use crate::world::World;

/// What all connections of a cluster share.
pub(crate) struct Shared {
    pub(crate) keys: Arc<Keys>,
    pub(crate) tally: Tally,
    live: RwLock<Arc<Live>>,
}

impl Shared {
    pub(crate) fn new(keys: Arc<Keys>, world: World) -> Shared {
        let live = RwLock::new(Arc::new(Live::new(world, Arc::clone(&keys))));
        Shared { keys, tally: Tally::default(), live }
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
