//! Name look-ups, one at a time.
//!
//! A look-up cannot be cancelled. Whoever comes while one hangs joins it, so that a stalled resolver holds one blocking
//! thread and not one per attempt.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::vec;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use hyper_util::client::legacy::connect::dns::Name;
use tokio::task::AbortHandle;
use tower_service::Service;

type Lookup = Shared<BoxFuture<'static, Result<Vec<SocketAddr>, Arc<io::Error>>>>;

/// Looks one API server's name up. Clones share what is under way.
#[derive(Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<Option<UnderWay>>>);

struct UnderWay {
    name: String,
    lookup: Lookup,
    thread: AbortHandle,
}

impl Resolver {
    fn lookup(&self, name: &str) -> Lookup {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer that is already there is an old one.
        if let Some(same) = under_way
            .as_ref()
            .filter(|one| one.name == name && !one.thread.is_finished())
        {
            return same.lookup.clone();
        }
        let host = name.to_owned();
        let task = tokio::task::spawn_blocking(move || Ok((host.as_str(), 0).to_socket_addrs()?.collect()));
        let thread = task.abort_handle();
        let lookup = task
            .map(|ended| {
                ended
                    .unwrap_or_else(|ended| Err(io::Error::other(ended)))
                    .map_err(Arc::new)
            })
            .boxed()
            .shared();
        *under_way = Some(UnderWay {
            name: name.to_owned(),
            lookup: lookup.clone(),
            thread,
        });
        lookup
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lookup = self.lookup(name.as_str());
        async move {
            match lookup.await {
                Ok(addresses) => Ok(addresses.into_iter()),
                Err(error) => Err(io::Error::new(error.kind(), error)),
            }
        }
        .boxed()
    }
}
