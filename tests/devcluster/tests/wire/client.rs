//! A plain HTTP client over TLS: one connection, so that tests see what happens to it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use devcluster::DevCluster;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

pub(crate) const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
pub(crate) const POD: &str = "/api/v1/namespaces/spire/pods/agent-1";
pub(crate) const NODE: &str = "/api/v1/nodes/node-1";
pub(crate) const KEYS: &str = "/openid/v1/jwks";

/// What HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    H1,
    H2,
}

/// Both of them.
pub(crate) const BOTH: [Protocol; 2] = [Protocol::H1, Protocol::H2];

enum Sender {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

/// One connection with what the kubeconfig gives.
pub(crate) struct Client {
    sender: Sender,
    bearer: Option<String>,
    authority: String,
    content_type: &'static str,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

/// The value of a key in a kubeconfig.
pub(crate) fn setting(kubeconfig: &str, key: &str) -> Option<String> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "))?;
    Some(line.trim_matches('"').to_owned())
}

fn decoded(kubeconfig: &str, key: &str) -> Option<Vec<u8>> {
    setting(kubeconfig, key).map(|text| STANDARD.decode(text).expect("base64"))
}

fn tls(kubeconfig: &str, protocols: &[&str]) -> ClientConfig {
    let authority = decoded(kubeconfig, "certificate-authority-data").expect("a CA");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority).expect("a certificate")).expect("a root");
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_root_certificates(roots);
    let mut config = match decoded(kubeconfig, "client-certificate-data") {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let key = decoded(kubeconfig, "client-key-data").expect("a key");
            let chain = vec![CertificateDer::from_pem_slice(&certificate).expect("a certificate")];
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(&key).expect("a key"))
                .expect("a client identity")
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

impl Client {
    /// Connects as the cluster's kubeconfig says.
    pub(crate) async fn connect(cluster: &DevCluster, protocol: Protocol) -> Client {
        Client::try_connect(cluster, protocol).await.expect("a connection")
    }

    pub(crate) async fn try_connect(cluster: &DevCluster, protocol: Protocol) -> Result<Client, Error> {
        let kubeconfig = cluster.kubeconfig();
        let offered: &[&str] = if protocol == Protocol::H1 { &["http/1.1"] } else { &["h2", "http/1.1"] };
        let tcp = TcpStream::connect(cluster.address()).await?;
        tcp.set_nodelay(true)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(tls(&kubeconfig, offered)));
        let stream = connector.connect(ServerName::from(cluster.address().ip()), tcp).await?;
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let sender = if agreed.as_deref() == Some(b"h2") {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Sender::H2(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Sender::H1(sender)
        };
        Ok(Client {
            content_type: "application/json",
            sender,
            bearer: setting(&kubeconfig, "token"),
            authority: cluster.address().to_string(),
        })
    }

    pub(crate) fn is_h2(&self) -> bool {
        matches!(self.sender, Sender::H2(_))
    }

    /// Sends this bearer token from now on.
    pub(crate) fn with_bearer(mut self, token: &str) -> Client {
        self.bearer = Some(token.to_owned());
        self
    }

    /// Says from now on that bodies are of this type.
    pub(crate) fn with_content_type(mut self, content_type: &'static str) -> Client {
        self.content_type = content_type;
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answered, Error> {
        self.send(Method::GET, path, "application/json", "").await
    }

    pub(crate) async fn get_as(&mut self, path: &str, accept: &str) -> Result<Answered, Error> {
        self.send(Method::GET, path, accept, "").await
    }

    /// Asks for a review of a token.
    pub(crate) async fn review(&mut self, token: &str, audiences: &[&str]) -> Result<Answered, Error> {
        let request = serde_json::json!({
            "kind": "TokenReview",
            "apiVersion": "authentication.k8s.io/v1",
            "spec": {"token": token, "audiences": audiences},
        });
        self.send(Method::POST, REVIEWS, "application/json", &request.to_string()).await
    }

    /// The `status` of the review of a token for `spire-server`.
    pub(crate) async fn verdict(&mut self, token: &str) -> Value {
        let answer = self.review(token, &["spire-server"]).await.expect("an answer");
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["status"].clone()
    }

    /// Sends one request; whatever takes longer than five seconds counts as hanging.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        accept: &str,
        body: &str,
    ) -> Result<Answered, Error> {
        let uri = match self.sender {
            Sender::H1(_) => path.to_owned(),
            Sender::H2(_) => format!("https://{}{path}", self.authority),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("accept", accept)
            .header("content-type", self.content_type);
        if let Sender::H1(_) = self.sender {
            request = request.header("host", &self.authority);
        }
        if let Some(token) = &self.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::from(body.to_owned())).expect("a request");
        let exchange = async {
            let response = match &mut self.sender {
                Sender::H1(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await?
                }
                Sender::H2(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await?
                }
            };
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answered { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(Duration::from_secs(5), exchange).await?
    }
}
