//! Name look-ups, one at a time.
//!
//! A look-up cannot be cancelled. Whoever comes while one hangs joins it, so that a stalled resolver holds one blocking
//! thread and not one per attempt.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::vec;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::oneshot;
use tower_service::Service;

use super::blocking;

type Lookup = Shared<BoxFuture<'static, Result<Vec<SocketAddr>, Arc<io::Error>>>>;

/// Looks one API server's name up. Clones share what is under way.
#[derive(Clone)]
pub(super) struct Resolver {
    under_way: Arc<Mutex<Option<UnderWay>>>,
    ask: Ask,
}

/// Blocks until the answer is there.
type Ask = fn(&str) -> io::Result<Vec<SocketAddr>>;

struct UnderWay {
    name: String,
    lookup: Lookup,
    /// Dropped by the thread when it is done.
    running: Weak<()>,
}

/// Marks a failure as one of the look-up, and not of a connection.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct LookupFailed(Arc<io::Error>);

impl Default for Resolver {
    /// Asks the system.
    fn default() -> Self {
        Self::asking(|name| Ok((name, 0).to_socket_addrs()?.collect()))
    }
}

impl Resolver {
    pub(super) fn asking(ask: Ask) -> Self {
        Self { under_way: Arc::default(), ask }
    }

    fn lookup(&self, name: &str) -> Lookup {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer that is already there is an old one.
        if let Some(same) =
            under_way.as_ref().filter(|one| one.name == name && one.running.strong_count() > 0)
        {
            return same.lookup.clone();
        }
        let (ask, host) = (self.ask, name.to_owned());
        let (found, answer) = oneshot::channel();
        let running = Arc::new(());
        let still_running = Arc::downgrade(&running);
        let started = blocking::spawn("psat-lookup", move || {
            let addresses = ask(&host);
            drop(running);
            // Nobody may wait any more.
            let _ = found.send(addresses);
        });
        let lookup = async move {
            started?;
            answer.await.unwrap_or_else(|_| Err(io::Error::other("the look-up ended without a result")))
        };
        let lookup = lookup.map(|answer| answer.map_err(Arc::new)).boxed().shared();
        *under_way = Some(UnderWay { name: name.to_owned(), lookup: lookup.clone(), running: still_running });
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
                Err(error) => Err(io::Error::new(error.kind(), LookupFailed(error))),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;

    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn slowly(name: &str) -> io::Result<Vec<SocketAddr>> {
        ASKED.fetch_add(1, SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        if name == "known" {
            Ok(vec![([127, 0, 0, 1], 1).into()])
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    #[tokio::test]
    async fn a_lookup_is_joined_while_it_runs_and_repeated_afterwards() {
        let resolver = Resolver::asking(slowly);
        let abandoned = resolver.lookup("known");
        drop(abandoned);
        let (one, two) = (resolver.lookup("known"), resolver.clone().lookup("known"));
        assert_eq!(one.await.unwrap(), two.await.unwrap());
        assert_eq!(ASKED.load(SeqCst), 1);
        resolver.lookup("known").await.unwrap();
        assert_eq!(resolver.lookup("unknown").await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(ASKED.load(SeqCst), 3);
    }
}
