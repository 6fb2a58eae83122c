//! The way to a server: straight, or through a proxy.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::error::{Fault, Named, ProxyRefusal};
use super::limits::{TCP_CONNECT_TIME, TCP_KEEPALIVE};
use super::proxy::{Kind, Login, Proxy};
use super::resolver::Resolver;
use super::settings::{Server, Trust};
use super::tls;

pub(super) type Tcp = HttpConnector<Resolver>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;
// The only names that these types have here.
type TunnelError = <Tunnel<HttpsConnector<Tcp>> as Service<Uri>>::Error;
type SocksError = <SocksV5<Tcp> as Service<Uri>>::Error;

/// The room that hyper-util has for all that it says to a SOCKS proxy.
const SOCKS_BYTES: usize = 262;

/// Makes a byte stream to a server; TLS with the server comes on top of it.
#[derive(Clone)]
pub(super) enum Route {
    Straight(Tcp),
    Tunnel(Tunnel<HttpsConnector<Tcp>>, Arc<str>),
    Socks(SocksV5<Tcp>, Arc<str>),
}

impl Route {
    /// To `server` through `proxy`, if there is one. `trust` decides about the certificate of a proxy that is spoken to
    /// over TLS.
    pub(super) fn new(
        server: &Server,
        proxy: Option<&Proxy>,
        trust: &Trust,
        resolver: Resolver,
    ) -> Result<Self, Fault> {
        let tcp = tcp(resolver);
        let Some(proxy) = proxy else { return Ok(Self::Straight(tcp)) };
        let shown: Arc<str> = format!("through the proxy {proxy}").into();
        let uri = proxy.uri().map_err(|_| Fault::Material("the proxy's address is not usable".to_owned()))?;
        if proxy.kind() == Kind::Socks5 {
            let host = server.host();
            let over = socks_bytes(host, proxy.login()).saturating_sub(SOCKS_BYTES);
            if over > 0 {
                return Err(Fault::Material(format!(
                    "the proxy {proxy} cannot be asked for {host}: its user, its password and that host have together \
                     {over} bytes more than can be sent to it"
                )));
            }
            let socks = SocksV5::new(uri, tcp);
            let socks = match proxy.login() {
                Some(login) => socks.with_auth(login.user.to_string(), login.password.to_string()),
                None => socks,
            };
            return Ok(Self::Socks(socks, shown));
        }
        // With TLS only where the URL's scheme is https, and then to the name in the URL.
        let names = Arc::new(DefaultServerNameResolver::default());
        let first_hop = HttpsConnector::new(tcp, tls::proxy_config(trust)?, false, names);
        let tunnel = Tunnel::new(uri, first_hop);
        let tunnel = match proxy.login() {
            Some(login) => tunnel.with_auth(login.header()),
            None => tunnel,
        };
        Ok(Self::Tunnel(tunnel, shown))
    }
}

/// How much is said to a SOCKS proxy on the way to a host: which login there is, the login, and where to connect to.
fn socks_bytes(host: &str, login: Option<&Login>) -> usize {
    let login = login.map_or(0, |login| 3 + login.user.len() + login.password.len());
    let host = match host.parse() {
        Ok(IpAddr::V4(_)) => 4,
        Ok(IpAddr::V6(_)) => 16,
        Err(_) => 1 + host.len(),
    };
    3 + login + 6 + host
}

fn tcp(resolver: Resolver) -> Tcp {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.set_keepalive_interval(Some(TCP_KEEPALIVE));
    tcp.set_connect_timeout(Some(TCP_CONNECT_TIME));
    tcp
}

impl Service<Uri> for Route {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Straight(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Tunnel(tunnel, _) => tunnel.poll_ready(cx).map_err(of_tunnel),
            Self::Socks(socks, _) => socks.poll_ready(cx).map_err(of_socks),
        }
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self {
            Self::Straight(tcp) => {
                let connecting = tcp.call(server);
                async { Ok(MaybeHttpsStream::Http(connecting.await?)) }.boxed()
            }
            Self::Tunnel(tunnel, shown) => {
                let (connecting, shown) = (tunnel.call(server), Arc::clone(shown));
                async { connecting.await.map_err(|error| Named::new(shown, of_tunnel(error)).into()) }.boxed()
            }
            Self::Socks(socks, shown) => {
                let (connecting, shown) = (socks.call(server), Arc::clone(shown));
                async {
                    let stream = connecting.await.map_err(|error| Named::new(shown, of_socks(error)))?;
                    Ok(MaybeHttpsStream::Http(stream))
                }
                .boxed()
            }
        }
    }
}

/// What kept a proxy from being asked or from answering; else its answer.
fn of_tunnel(error: TunnelError) -> BoxError {
    match error {
        TunnelError::ConnectFailed(error) => error,
        TunnelError::Io(error) => error.into(),
        TunnelError::TunnelUnexpectedEof => error.into(),
        refusal => ProxyRefusal(refusal.into()).into(),
    }
}

/// The same for SOCKS.
fn of_socks(error: SocksError) -> BoxError {
    match error {
        SocksError::Inner(error) => error.into(),
        SocksError::Io(error) => error.into(),
        refusal => ProxyRefusal(refusal.into()).into(),
    }
}
