//! A server that can be told what to answer.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::certificates::{Authority, Pair};

pub(crate) type Handler =
    Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Full<Bytes>>> + Send + Sync>;

/// A handler that answers each request from its head.
pub(crate) fn answering(
    answer: impl Fn(&Request<Bytes>) -> (u16, String) + Send + Sync + 'static,
) -> Handler {
    Arc::new(move |request| {
        let (status, body) = answer(&request);
        Box::pin(async move { Response::builder().status(status).body(Full::from(body)).unwrap() })
    })
}

/// The node that [`node_after`] knows.
pub(crate) const NODE: &str =
    r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"n1","uid":"u1"}}"#;

/// A handler that knows the node `n1`, after a while.
pub(crate) fn node_after(delay: Duration) -> Handler {
    Arc::new(move |_| {
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            Response::new(Full::from(NODE))
        })
    })
}

/// A handler that knows the node `n1`, once the gate is open.
pub(crate) fn node_behind(gate: &watch::Sender<bool>) -> Handler {
    let gate = gate.subscribe();
    Arc::new(move |_| {
        let mut gate = gate.clone();
        Box::pin(async move {
            gate.wait_for(|open| *open).await.unwrap();
            Response::new(Full::from(NODE))
        })
    })
}

/// How a server is made.
pub(crate) struct Plan {
    pub(crate) alpn: &'static [&'static str],
    pub(crate) pair: Pair,
    pub(crate) client_ca: Option<String>,
    /// That may be open on an HTTP/2 connection.
    pub(crate) streams: u32,
    pub(crate) handler: Handler,
}

impl Plan {
    pub(crate) fn new(authority: &Authority, handler: Handler) -> Self {
        let pair = authority.issue("127.0.0.1");
        Self { alpn: &["h2", "http/1.1"], pair, client_ca: None, streams: 100, handler }
    }
}

/// Who is at the other end of a connection; an extension of each head.
#[derive(Clone)]
pub(crate) struct Peer {
    /// When the connection was ready for requests.
    pub(crate) accepted: Instant,
    /// The client's certificate, DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    under_way: Arc<AtomicUsize>,
    pub(crate) heads: Arc<Mutex<Vec<http::request::Parts>>>,
    turning_away: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
    retire: watch::Sender<bool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub(crate) async fn start(plan: Plan) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), plan).await
    }

    pub(crate) async fn start_at(address: SocketAddr, plan: Plan) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_config(&plan)));
        let [accepted, open, under_way] = <[Arc<AtomicUsize>; 3]>::default();
        let heads = Arc::<Mutex<Vec<_>>>::default();
        let retire = watch::Sender::new(false);
        let retiring = retire.subscribe();
        let (count, seen, handler) = (Arc::clone(&accepted), Arc::clone(&heads), plan.handler);
        let (open_now, under_way_now) = (Arc::clone(&open), Arc::clone(&under_way));
        let turning_away = Arc::<AtomicBool>::default();
        let turned_away = Arc::clone(&turning_away);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((tcp, _)) = listener.accept().await else {
                    return;
                };
                let is_turned_away = turned_away.load(SeqCst);
                count.fetch_add(1, SeqCst);
                if is_turned_away {
                    continue;
                }
                let (acceptor, seen, handler) = (acceptor.clone(), Arc::clone(&seen), Arc::clone(&handler));
                let (retiring, under_way) = (retiring.clone(), Arc::clone(&under_way_now));
                let open = Counted::new(&open_now);
                connections.spawn(async move {
                    let _open = open;
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        serve(tls, seen, under_way, handler, plan.streams, retiring).await;
                    }
                });
            }
        });
        Self { address, accepted, open, under_way, heads, turning_away, accepting, retire }
    }

    /// Says GOAWAY on the HTTP/2 connections that there are. Those that come are served.
    pub(crate) fn retire_connections(&self) {
        self.retire.send_replace(true);
    }

    /// Closes connections that come from now on, before TLS, or does so no more.
    pub(crate) fn turn_away(&self, turned_away: bool) {
        self.turning_away.store(turned_away, SeqCst);
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    /// Connections that are there now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(SeqCst)
    }

    /// Requests that are being answered now.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(SeqCst)
    }

    /// How many requests have come so far.
    pub(crate) fn asked(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    pub(crate) fn last_head(&self) -> http::request::Parts {
        self.heads.lock().unwrap().last().unwrap().clone()
    }
}

/// One that counts while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

pub(crate) fn server_config(plan: &Plan) -> rustls::ServerConfig {
    let provider = Arc::new(default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match &plan.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(plan.pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(plan.pair.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = plan.alpn.iter().map(|one| one.as_bytes().to_vec()).collect();
    config
}

async fn serve(
    tls: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    seen: Arc<Mutex<Vec<http::request::Parts>>>,
    under_way: Arc<AtomicUsize>,
    handler: Handler,
    streams: u32,
    mut retiring: watch::Receiver<bool>,
) {
    retiring.mark_unchanged();
    let seen_from = Peer {
        accepted: Instant::now(),
        certificate: tls.get_ref().1.peer_certificates().map(|chain| chain[0].to_vec()),
    };
    let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, handler, peer) = (Arc::clone(&seen), Arc::clone(&handler), seen_from.clone());
        let under_way = Counted::new(&under_way);
        async move {
            let _under_way = under_way;
            let (mut head, body) = request.into_parts();
            head.extensions.insert(peer);
            seen.lock().unwrap().push(head.clone());
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(handler(Request::from_parts(head, body)).await)
        }
    });
    let io = TokioIo::new(tls);
    let _ = if h2 {
        let mut settings = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        settings.max_concurrent_streams(streams);
        let mut connection = pin!(settings.serve_connection(io, service));
        loop {
            tokio::select! {
                ended = &mut connection => break ended,
                Ok(()) = retiring.changed() => connection.as_mut().graceful_shutdown(),
            }
        }
    } else {
        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
    };
}
