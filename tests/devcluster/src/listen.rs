//! The port: who accepts connections on it, and how.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{copy, sink};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::connection::serve;
use crate::shared::Shared;
use crate::world::ListenerMode;

const BACKLOG: u32 = 1024;

/// A change of mode.
pub(crate) struct ModeChange {
    pub(crate) mode: ListenerMode,
    /// Whether connections that are open live on.
    pub(crate) spares_connections: bool,
    /// Told when it is done.
    pub(crate) done: oneshot::Sender<()>,
}

/// A port of 127.0.0.1 that is ours.
pub(crate) struct Port {
    address: SocketAddr,
    mode: ListenerMode,
    socket: Socket,
}

enum Socket {
    /// Bound and not listening: connections are refused, and nobody else gets the port.
    Reserved(TcpSocket),
    Listening(TcpListener),
}

impl Port {
    /// Takes a port, 0 for any.
    pub(crate) fn open(port: u16, mode: ListenerMode) -> io::Result<Port> {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let address = socket.local_addr()?;
        Ok(Port { address, mode, socket: Socket::new(socket, mode)? })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    async fn switch(self, mode: ListenerMode) -> io::Result<Port> {
        let Port { address, socket, .. } = self;
        let socket = match socket {
            Socket::Listening(listener) if mode != ListenerMode::Refuse => Socket::Listening(listener),
            Socket::Reserved(socket) => Socket::new(socket, mode)?,
            Socket::Listening(listener) => {
                drop(listener);
                Socket::new(bind_again(address).await?, mode)?
            }
        };
        Ok(Port { address, mode, socket })
    }

    /// The next connection; waits for ever in the modes that accept none.
    async fn accept(&self) -> TcpStream {
        let accepts = !matches!(self.mode, ListenerMode::Refuse | ListenerMode::HangAccept);
        let Socket::Listening(listener) = &self.socket else {
            return std::future::pending().await;
        };
        loop {
            if !accepts {
                std::future::pending::<()>().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // Out of file descriptors, for one: it passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

impl Socket {
    fn new(socket: TcpSocket, mode: ListenerMode) -> io::Result<Socket> {
        Ok(match mode {
            ListenerMode::Refuse => Socket::Reserved(socket),
            _ => Socket::Listening(socket.listen(BACKLOG)?),
        })
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Takes a port back that was given up a moment ago.
async fn bind_again(address: SocketAddr) -> io::Result<TcpSocket> {
    for _ in 0..50 {
        if let Ok(socket) = bind(address) {
            return Ok(socket);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bind(address)
}

/// Receives connections until the other end of `changes` is dropped; then closes the port and all connections.
pub(crate) async fn receive(mut port: Port, shared: Arc<Shared>, mut changes: mpsc::Receiver<ModeChange>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some(ModeChange { mode, spares_connections, done }) = change else { break };
                if mode != port.mode {
                    if !spares_connections {
                        connections.shutdown().await;
                    }
                    port = match port.switch(mode).await {
                        Ok(port) => port,
                        // Somebody else took the port: there is no cluster any more.
                        Err(_) => return,
                    };
                }
                let _ = done.send(());
            }
            stream = port.accept() => match port.mode {
                ListenerMode::HangTls => {
                    connections.spawn(swallow(stream, Arc::clone(&shared)));
                }
                ListenerMode::ResetAccept => reset(&stream),
                ListenerMode::ResetTls => {
                    connections.spawn(reset_on_words(stream));
                }
                ListenerMode::Http1Only => {
                    connections.spawn(serve(stream, Arc::clone(&shared.keys.tls_http1_only), Arc::clone(&shared)));
                }
                _ => {
                    connections.spawn(serve(stream, Arc::clone(&shared.keys.tls), Arc::clone(&shared)));
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(port);
    connections.shutdown().await;
}

/// Makes the end of a connection a reset.
fn reset(stream: &TcpStream) {
    // Without this option the client sees a close instead.
    let _ = stream.set_zero_linger();
}

/// Resets a connection once the client has said something.
async fn reset_on_words(stream: TcpStream) {
    // A client that left needs no reset.
    let _ = stream.readable().await;
    reset(&stream);
}

/// Reads what the client sends and says nothing.
async fn swallow(mut stream: TcpStream, shared: Arc<Shared>) {
    let _open = shared.tally.connection();
    // Whether the client closes or resets makes no difference.
    let _ = copy(&mut stream, &mut sink()).await;
}
