//! Making one connection: look-up, TCP, TLS, and the HTTP version that ALPN settles.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::Uri;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::Connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls_pki_types::ServerName;
use tower_service::Service;

use super::error::{Fault, HttpFault};
use super::limits::{CONNECT_TIME, CONNECTION_WINDOW, PING_INTERVAL, STREAM_WINDOW, STREAMS_PER_CONNECTION};
use super::route::Route;
use super::settings::{Server, TlsSettings};
use super::tls;

/// The body of every request: whole, and known before the head is sent.
pub(super) type RequestBody = Full<Bytes>;

/// Makes connections to one API server.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) connector: HttpsConnector<Route>,
    /// What the connector begins with: the way to the server, without TLS.
    pub(super) route: Route,
    pub(super) uri: Uri,
    origin: Arc<str>,
}

/// A connection that was made.
pub(super) struct Opened {
    pub(super) sender: NewSender,
    pub(super) driver: Driver,
}

/// Where its requests are put in.
pub(super) enum NewSender {
    H2(http2::SendRequest<RequestBody>),
    H1(http1::SendRequest<RequestBody>),
}

/// Does a connection's work while it is polled, and ends with it. Tells how many streams the server takes on it,
/// whenever that has changed.
pub(super) type Driver = Pin<Box<dyn Stream<Item = usize> + Send>>;

impl Opener {
    pub(super) fn new(server: &Server, tls: &TlsSettings, route: Route) -> Result<Self, Fault> {
        let name = tls.server_name.as_deref().unwrap_or(server.host()).to_owned();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(tls)?)
            .https_or_http()
            .with_server_name_resolver(move |_: &Uri| ServerName::try_from(name.clone()))
            .enable_all_versions()
            .wrap_connector(route.clone());
        let uri = server.uri().map_err(|_| Fault::Material("`server` is not a URL".to_owned()))?;
        Ok(Self { connector, route, uri, origin: server.origin().into() })
    }

    pub(super) fn origin(&self) -> Arc<str> {
        Arc::clone(&self.origin)
    }

    /// One attempt, within its time.
    pub(super) async fn open(mut self) -> Result<Opened, Fault> {
        let origin = self.origin();
        match tokio::time::timeout(CONNECT_TIME, self.connect()).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(Fault::Connect { origin, source: error.into() }),
            Err(_) => Err(Fault::ConnectTime { origin }),
        }
    }

    async fn connect(&mut self) -> Result<Opened, Box<dyn std::error::Error + Send + Sync>> {
        poll_fn(|cx| self.connector.poll_ready(cx)).await?;
        let stream = self.connector.call(self.uri.clone()).await?;
        if stream.connected().is_negotiated_h2() {
            let (sender, mut connection) =
                h2_settings().handshake::<_, RequestBody>(stream).await.map_err(HttpFault)?;
            let mut told = STREAMS_PER_CONNECTION;
            let driver = stream::poll_fn(move |cx| {
                if Pin::new(&mut connection).poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                let before = std::mem::replace(&mut told, connection.current_max_send_streams());
                if told == before { Poll::Pending } else { Poll::Ready(Some(told)) }
            });
            Ok(Opened { sender: NewSender::H2(sender), driver: Box::pin(driver) })
        } else {
            let (sender, mut connection) =
                http1::handshake::<_, RequestBody>(stream).await.map_err(HttpFault)?;
            let driver = stream::poll_fn(move |cx| Pin::new(&mut connection).poll(cx).map(|_| None));
            Ok(Opened { sender: NewSender::H1(sender), driver: Box::pin(driver) })
        }
    }
}

fn h2_settings() -> http2::Builder<TokioExecutor> {
    let mut settings = http2::Builder::new(TokioExecutor::new());
    settings
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .keep_alive_while_idle(true)
        // Until the server tells what it takes.
        .initial_max_send_streams(STREAMS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    settings
}
