//! A proxy: real sockets, and every name leads to one server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How a proxy behaves.
#[derive(Clone)]
pub(super) enum Manner {
    /// Opens a tunnel for whoever asks.
    Open,
    /// Opens one for those who bring this `Proxy-Authorization`.
    Demanding(&'static str),
    /// Answers with this status line.
    Refusing(&'static str),
    /// Reads the request and says nothing.
    Silent,
    /// Hangs up once it is asked.
    Closing,
    /// Speaks SOCKS 5, and wants this login.
    Socks(Option<(&'static str, &'static str)>),
    /// Speaks SOCKS 5, and answers requests with this reply.
    SocksRefusing(u8),
}

/// A running proxy; it ends when dropped.
pub(super) struct ProxyServer {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    tunnels: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl ProxyServer {
    /// A proxy whose tunnels all lead to `server`; spoken to over TLS if there is an acceptor.
    pub(super) async fn start(manner: Manner, server: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, tunnels) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let counted = Arc::clone(&accepted);
        let one = Connection { manner, server, tunnels: Arc::clone(&tunnels), asked: Arc::clone(&asked) };
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                counted.fetch_add(1, SeqCst);
                let (one, tls) = (one.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => one.serve(tcp).await,
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => one.serve(stream).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, accepted, tunnels, asked, accepting }
    }

    /// How many connections were made to it.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    /// How many tunnels were opened.
    pub(super) fn tunnels(&self) -> usize {
        self.tunnels.load(SeqCst)
    }

    /// The heads of the requests, or the names that were asked for over SOCKS.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Connection {
    manner: Manner,
    server: SocketAddr,
    tunnels: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Connection {
    async fn serve(self, mut client: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let socks = match self.manner {
            Manner::Closing => return client.read(&mut [0; 1024]).await.ok().map(drop),
            Manner::Socks(login) => Some((login, 0)),
            Manner::SocksRefusing(reply) => Some((None, reply)),
            _ => None,
        };
        if let Some((login, reply)) = socks {
            let name = socks_request(&mut client, login).await?;
            self.asked.lock().unwrap().push(name);
            client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
            return if reply == 0 { self.tunnel(client).await } else { None };
        }
        let head = head(&mut client).await?;
        self.asked.lock().unwrap().push(head.clone());
        let answer = match self.manner {
            Manner::Demanding(login) if !head.contains(&format!("\r\nProxy-Authorization: {login}\r\n")) => {
                "407 Proxy Authentication Required"
            }
            Manner::Refusing(status) => status,
            Manner::Silent => return std::future::pending().await,
            _ => {
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
                return self.tunnel(client).await;
            }
        };
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 6\r\n\r\nmarker");
        client.write_all(answer.as_bytes()).await.ok()
    }

    async fn tunnel(&self, mut client: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        self.tunnels.fetch_add(1, SeqCst);
        let mut server = TcpStream::connect(self.server).await.ok()?;
        copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
    }
}

/// What stands before the first empty line.
async fn head(client: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(client.read_u8().await.ok()?));
    }
    Some(head)
}

/// The greeting, the login and the request of RFC 1928 and 1929. The answer is the name that is asked for, with its port.
async fn socks_request(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    login: Option<(&str, &str)>,
) -> Option<String> {
    let _version = client.read_u8().await.ok()?;
    let methods = text(client).await?;
    let wanted = if login.is_some() { 2 } else { 0 };
    assert!(methods.as_bytes().contains(&wanted), "{methods:?}");
    client.write_all(&[5, wanted]).await.ok()?;
    if let Some((user, password)) = login {
        let _version = client.read_u8().await.ok()?;
        let right = text(client).await? == user && text(client).await? == password;
        client.write_all(&[1, u8::from(!right)]).await.ok()?;
        if !right {
            return None;
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await.ok()?;
    assert_eq!(request, [5, 1, 0, 3], "a connection to a name");
    let name = text(client).await?;
    Some(format!("{name}:{}", client.read_u16().await.ok()?))
}

async fn text(client: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let length = client.read_u8().await.ok()?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
