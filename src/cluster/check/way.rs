//! The way to the API server, looked at apart from the connections that attestations share: look-up and TCP, then TLS.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use hyper_rustls::MaybeHttpsStream;
use rustls::CertificateError;
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::super::connection::Opener;
use super::super::credentials::Access;
use super::super::error::{Fault, Named, alert_told, causes};
use super::super::limits::CONNECT_TIME;
use super::super::resolver::LookupFailed;
use super::super::route::Route;
use super::super::settings::{TlsSettings, Trust};

impl Opener {
    /// Looks the name up and connects, through the proxy if there is one. The answer is the address that did, unless that
    /// is the proxy's.
    pub(super) async fn reach(&self, until: Instant) -> Result<Option<SocketAddr>, Fault> {
        let mut route = self.route.clone();
        let connecting = async {
            poll_fn(|cx| route.poll_ready(cx)).await?;
            route.call(self.uri.clone()).await
        };
        match (self.in_time(until, connecting).await?, &self.route) {
            (MaybeHttpsStream::Http(stream), Route::Straight(_)) => Ok(stream.inner().peer_addr().ok()),
            _ => Ok(None),
        }
    }

    /// Connects up to the end of the TLS handshake. The answer is the server's certificates, none without TLS.
    pub(super) async fn certificates(&self, until: Instant) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let mut connector = self.connector.clone();
        let connecting = async {
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            connector.call(self.uri.clone()).await
        };
        let chain = match self.in_time(until, connecting).await? {
            MaybeHttpsStream::Http(_) => None,
            MaybeHttpsStream::Https(stream) => {
                stream.inner().get_ref().1.peer_certificates().map(<[_]>::to_vec)
            }
        };
        Ok(chain.unwrap_or_default().into_iter().map(CertificateDer::into_owned).collect())
    }

    /// One attempt ends after the time that attempts have, or earlier.
    async fn in_time<T, E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        until: Instant,
        connecting: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Fault> {
        let origin = self.origin();
        let latest = Instant::now() + CONNECT_TIME;
        match timeout_at(until.min(latest), connecting).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(error)) => Err(Fault::Connect { origin, source: error.into().into() }),
            Err(_) if until < latest => Err(Fault::TimeRanOut(super::super::error::Phase::Connection)),
            Err(_) => Err(Fault::ConnectTime { origin }),
        }
    }
}

/// The certificates that a server shows to whoever asks. No credential is shown to it, and nothing it says is believed.
pub(super) async fn shown_certificates(access: &Access, until: Instant) -> Vec<CertificateDer<'static>> {
    let server_name = access.tls.server_name.clone();
    let anyone = TlsSettings { trust: Trust::Anyone, identity: None, server_name };
    // A proxy on the way is trusted no more than otherwise.
    match Opener::new(&access.server, &anyone, access.transport.opener().route.clone()) {
        Ok(opener) => opener.certificates(until).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// What kept a connection from being made or used.
#[derive(Debug)]
pub(super) enum Trouble<'e> {
    /// The proxy on the way cannot be used, for this reason, or refuses.
    Proxy(Box<Self>),
    /// The name cannot be looked up.
    Lookup,
    /// Nothing listens there.
    Refused,
    /// Nobody answers there.
    NoAnswer,
    /// The server's certificate is not accepted.
    Certificate(&'e CertificateError),
    /// The server broke TLS off.
    Alert(String),
    /// What answers does not speak TLS.
    NotTls,
    /// Anything else about TLS.
    Tls,
    /// Anything else.
    Other,
}

impl<'e> Trouble<'e> {
    /// Finds the cause in the chain of a failed connection.
    pub(super) fn of(fault: &'e Fault) -> Self {
        match fault {
            Fault::ConnectTime { .. } => Self::NoAnswer,
            Fault::Connect { source, .. } => Self::in_chain(&**source),
            Fault::Broken { source } | Fault::Unprocessed { source } => Self::in_chain(&source.0),
            _ => Self::Other,
        }
    }

    fn in_chain(error: &'e (dyn Error + 'static)) -> Self {
        let trouble = causes(error).fold(Self::Other, |found, error| Self::here(error).unwrap_or(found));
        // What is behind it concerns the proxy, not the server.
        let of_proxy = causes(error).any(<dyn Error>::is::<Named>);
        if of_proxy { Self::Proxy(Box::new(trouble)) } else { trouble }
    }

    fn here(error: &'e (dyn Error + 'static)) -> Option<Self> {
        if error.is::<LookupFailed>() {
            return Some(Self::Lookup);
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(match error {
                rustls::Error::InvalidCertificate(error) => Self::Certificate(error),
                rustls::Error::AlertReceived(alert) => Self::Alert(format!("{alert:?}")),
                rustls::Error::InvalidMessage(_) => Self::NotTls,
                _ => Self::Tls,
            });
        }
        if let Some(alert) = alert_told(error) {
            return Some(Self::Alert(alert));
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused),
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Some(Self::NoAnswer)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper_util::client::legacy::connect::HttpConnector;
    use rustls::AlertDescription;

    use super::super::super::resolver::Resolver;
    use super::*;

    fn connect(source: impl Error + Send + Sync + 'static) -> Fault {
        Fault::Connect { origin: "https://a".into(), source: Arc::new(source) }
    }

    #[tokio::test]
    async fn a_name_that_is_not_known_is_told_from_an_address_where_nothing_listens() {
        let failing = |kind: io::ErrorKind| {
            let resolver = match kind {
                io::ErrorKind::NotFound => Resolver::asking(|_| Err(io::ErrorKind::NotFound.into())),
                _ => Resolver::asking(|_| Err(io::ErrorKind::TimedOut.into())),
            };
            HttpConnector::new_with_resolver(resolver)
        };
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::TimedOut] {
            let error = failing(kind).call("http://api.example:1".parse().unwrap()).await.unwrap_err();
            let fault = connect(error);
            assert!(matches!(Trouble::of(&fault), Trouble::Lookup), "{fault:?}");
        }
        let refused = connect(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(matches!(Trouble::of(&refused), Trouble::Refused));
        let silent = connect(io::Error::from(io::ErrorKind::TimedOut));
        assert!(matches!(Trouble::of(&silent), Trouble::NoAnswer));
        let other = connect(io::Error::other("something"));
        assert!(matches!(Trouble::of(&other), Trouble::Other));
    }

    #[test]
    fn an_alert_is_found_however_deep_it_is_wrapped() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateExpired);
        let text = alert.to_string();
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, alert));
        for error in [wrapped, io::Error::new(io::ErrorKind::InvalidData, text)] {
            let fault = connect(error);
            let found = Trouble::of(&fault);
            assert!(matches!(&found, Trouble::Alert(alert) if alert == "CertificateExpired"), "{found:?}");
        }
    }
}
