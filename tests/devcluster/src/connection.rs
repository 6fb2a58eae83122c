//! One connection: TLS, then h2 or HTTP/1.1, and the endings that faults ask for.

use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::caller::Presented;
use crate::exchange::exchange;
use crate::shared::Shared;

/// What kube-apiserver allows on one connection.
const MAX_CONCURRENT_STREAMS: u32 = 100;

/// Streams that a client may have reset before they were looked at. Go's server, and so kube-apiserver, closes a
/// connection when more than four times its streams wait so (golang.org/x/net/http2, `scheduleHandler`).
const MAX_RESET_STREAMS: usize = 4 * MAX_CONCURRENT_STREAMS as usize;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How a connection ends when a fault asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// TCP FIN, without a TLS alert.
    Close,
    /// TCP RST.
    Reset,
    /// These bytes inside TLS, and an orderly close.
    Say(&'static [u8]),
    /// Gracefully: GOAWAY, or `connection: close`.
    WindDown,
    /// Not at all: nothing is read or written any more.
    FallSilent,
}

/// The other side of a connection, as requests and answers see it.
pub(crate) struct Peer {
    pub(crate) presented: Presented,
    /// Requests being answered.
    pub(crate) streams: AtomicU64,
    is_h2: bool,
    endings: mpsc::UnboundedSender<Ending>,
}

impl Peer {
    pub(crate) fn is_h2(&self) -> bool {
        self.is_h2
    }

    /// Asks for an ending; the task of the connection brings it about.
    pub(crate) fn request(&self, ending: Ending) {
        // A connection that has ended already needs none.
        let _ = self.endings.send(ending);
    }

    /// Asks for an ending and waits to be dropped by it.
    pub(crate) async fn end<T>(&self, ending: Ending) -> T {
        self.request(ending);
        pending().await
    }

    /// Lets what is being answered finish, and takes nothing more.
    pub(crate) fn wind_down(&self) {
        self.request(Ending::WindDown);
    }
}

/// Serves one accepted connection until it ends.
pub(crate) async fn serve(tcp: TcpStream, tls: Arc<ServerConfig>, shared: Arc<Shared>) {
    let _open = shared.tally.connection();
    // A socket that refuses this option still works.
    let _ = tcp.set_nodelay(true);
    let handshake = TlsAcceptor::from(tls).accept(tcp);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIME, handshake).await else {
        return;
    };

    let (_, session) = stream.get_ref();
    let (endings, mut requested) = mpsc::unbounded_channel();
    let peer = Arc::new(Peer {
        presented: Presented::of(session.peer_certificates(), &shared.keys),
        streams: AtomicU64::new(0),
        is_h2: session.alpn_protocol() == Some(b"h2"),
        endings,
    });
    let stream = SharedStream::new(stream);
    if let Some(ending) = converse(stream.clone(), peer, &mut requested, &shared).await {
        stream.end(ending).await;
    }
}

/// Speaks HTTP until the client is done or an ending is asked for.
async fn converse(
    stream: SharedStream,
    peer: Arc<Peer>,
    requested: &mut mpsc::UnboundedReceiver<Ending>,
    shared: &Arc<Shared>,
) -> Option<Ending> {
    let is_h2 = peer.is_h2;
    let service = service_fn(|request| {
        let (peer, shared) = (Arc::clone(&peer), Arc::clone(shared));
        async move { exchange(&shared, &peer, request).await }
    });
    let builder = protocol(is_h2);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            _ = connection.as_mut() => return None,
            Some(ending) = requested.recv() => match ending {
                Ending::WindDown => connection.as_mut().graceful_shutdown(),
                ending => return Some(ending),
            },
        }
    }
}

fn protocol(is_h2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS);
    if is_h2 { builder.http2_only() } else { builder.http1_only() }
}

/// A TLS stream that can still be reached when the HTTP connection on it is gone, for its last words.
#[derive(Clone)]
struct SharedStream(Arc<Mutex<TlsStream<TcpStream>>>);

impl SharedStream {
    fn new(stream: TlsStream<TcpStream>) -> SharedStream {
        SharedStream(Arc::new(Mutex::new(stream)))
    }

    fn stream(&self) -> MutexGuard<'_, TlsStream<TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a connection whose HTTP side is gone: dropping the last handle closes the socket.
    async fn end(mut self, ending: Ending) {
        match ending {
            Ending::Close | Ending::WindDown => {}
            Ending::Reset => {
                // Without this option the client sees a close instead.
                let _ = self.stream().get_ref().0.set_zero_linger();
            }
            Ending::Say(words) => {
                // The client may have left already.
                let _ = self.write_all(words).await;
                let _ = self.shutdown().await;
            }
            Ending::FallSilent => pending().await,
        }
    }
}

impl AsyncRead for SharedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(context, buffer)
    }
}

impl AsyncWrite for SharedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(context)
    }
}
