//! A server of HTTP/2 that is told what to do with each stream.

use std::sync::Arc;

use bytes::Bytes;
use h2::server::{Connection, handshake};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::super::Cluster;
use super::{Authority, Folder, Plan, answering, cluster, server_config};

/// Does this with every connection. The cluster leads there.
pub(crate) async fn h2_server<F>(
    act: impl Fn(Connection<TlsStream<TcpStream>, Bytes>) -> F + Send + Sync + 'static,
) -> (Arc<Cluster>, Folder)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (authority, folder) = (Authority::new(), Folder::new());
    let plan = Plan { alpn: &["h2"], ..Plan::new(&authority, answering(|_| (500, String::new()))) };
    let acceptor = TlsAcceptor::from(Arc::new(server_config(&plan)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    folder.write("ca.crt", &authority.pem);
    let server = format!("server: https://{}", listener.local_addr().unwrap());
    let cluster = cluster(&folder.kubeconfig(&[server, "certificate-authority: ca.crt".into()], &[]));
    let act = Arc::new(act);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, act) = (acceptor.clone(), Arc::clone(&act));
            tokio::spawn(async move {
                act(handshake(acceptor.accept(tcp).await.unwrap()).await.unwrap()).await;
            });
        }
    });
    (cluster, folder)
}
