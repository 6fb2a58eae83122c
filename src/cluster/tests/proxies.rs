//! API servers behind a proxy.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::super::Cluster;
use super::super::api::{CallErrorKind, ClusterApi};
use super::super::credentials::Source;
use super::super::environment::Environment;
use super::proxy_server::{Manner, ProxyServer};
use super::world::{
    Authority, Folder, Plan, Server, cluster, cluster_of, node_after, patient, server_config, session, words,
};

/// A server that is called `api.test`, which only a proxy can find.
struct World {
    authority: Authority,
    folder: Folder,
    server: Server,
}

impl World {
    async fn new() -> Self {
        let (authority, folder) = (Authority::new(), Folder::new());
        folder.write("ca.crt", &authority.pem);
        let plan =
            Plan { pair: authority.issue("api.test"), ..Plan::new(&authority, node_after(Duration::ZERO)) };
        Self { server: Server::start(plan).await, authority, folder }
    }

    async fn proxy(&self, manner: Manner) -> ProxyServer {
        ProxyServer::start(manner, self.server.address, None).await
    }

    fn kubeconfig(&self, proxy_url: &str) -> std::path::PathBuf {
        let proxy = format!("proxy-url: \"{proxy_url}\"");
        let lines = ["server: https://api.test:6443".into(), "certificate-authority: ca.crt".into(), proxy];
        self.folder.kubeconfig(&lines, &["token: t0".into()])
    }

    fn cluster(&self, proxy_url: &str) -> Arc<Cluster> {
        cluster(&self.kubeconfig(proxy_url))
    }

    /// One whose proxy is named by the environment.
    fn cluster_in(&self, variables: &[(&'static str, String)]) -> Arc<Cluster> {
        let leaked: Vec<(&'static str, &'static str)> =
            variables.iter().map(|(name, value)| (*name, &*value.clone().leak())).collect();
        cluster_of(Source::Kubeconfig(self.kubeconfig("")), Environment::fixed(leaked.leak()))
    }
}

#[tokio::test]
async fn a_server_is_reached_through_the_proxy_of_the_kubeconfig() {
    let world = World::new().await;
    let proxy = world.proxy(Manner::Open).await;
    let cluster = world.cluster(&format!("http://{}", proxy.address));
    for _ in 0..3 {
        patient(&cluster).node("n1").await.unwrap();
    }
    assert_eq!((proxy.tunnels(), world.server.accepted()), (1, 1));
    assert_eq!(proxy.asked(), ["CONNECT api.test:6443 HTTP/1.1\r\nHost: api.test:6443\r\n\r\n"]);
    // The tunnel carries what the server speaks.
    assert_eq!(world.server.last_head().version, http::Version::HTTP_2);
}

#[tokio::test]
async fn the_environment_names_a_proxy_and_what_needs_none() {
    let world = World::new().await;
    let proxy = world.proxy(Manner::Open).await;
    let address = proxy.address.to_string();
    for (name, value) in [("HTTPS_PROXY", address.clone()), ("https_proxy", format!("http://{address}"))] {
        patient(&world.cluster_in(&[(name, value)])).node("n1").await.unwrap();
    }
    assert_eq!(proxy.tunnels(), 2);
    // Without one, nobody knows the name.
    for no_proxy in ["*", "api.test:6443", "10.0.0.0/8,.test"] {
        let cluster =
            world.cluster_in(&[("HTTPS_PROXY", address.clone()), ("NO_PROXY", no_proxy.to_owned())]);
        assert_eq!(patient(&cluster).node("n1").await.unwrap_err().kind, CallErrorKind::Unreachable);
    }
    assert_eq!(proxy.tunnels(), 2);
}

#[tokio::test]
async fn a_pod_of_the_cluster_has_a_proxy_too() {
    let world = World::new().await;
    let proxy = world.proxy(Manner::Open).await;
    world.folder.write("token", "t");
    let address: &'static str = proxy.address.to_string().leak();
    let variables: &'static [(&str, &str)] = vec![
        ("KUBERNETES_SERVICE_HOST", "api.test"),
        ("KUBERNETES_SERVICE_PORT", "443"),
        ("HTTPS_PROXY", address),
    ]
    .leak();
    let cluster = cluster_of(Source::InCluster(world.folder.path("")), Environment::fixed(variables));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(proxy.tunnels(), 1);
}

#[tokio::test]
async fn a_proxy_that_demands_a_login_gets_it() {
    let world = World::new().await;
    // marker-user:marker-p@ss
    let proxy = world.proxy(Manner::Demanding("Basic bWFya2VyLXVzZXI6bWFya2VyLXBAc3M=")).await;
    let right = world.cluster(&format!("http://marker-user:marker-p%40ss@{}", proxy.address));
    patient(&right).node("n1").await.unwrap();
    assert!(patient(&right).node("n1").await.is_ok());
    assert_eq!(proxy.tunnels(), 1);
    // The API server does not get it.
    assert!(!world.server.last_head().headers.contains_key("proxy-authorization"));

    for login in ["", "marker-user:marker-wrong@"] {
        let cluster = world.cluster(&format!("http://{login}{}", proxy.address));
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unreachable);
        let shown = words(&error);
        let expected = format!(
            "through the proxy http://{}: it refuses: tunnel error: proxy authorization",
            proxy.address
        );
        assert!(shown.contains(&expected), "{shown}");
        assert!(!format!("{shown} {error:?}").contains("marker"), "{shown} {error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_is_named() {
    let world = World::new().await;
    let refusing = world.proxy(Manner::Refusing("502 Bad Gateway")).await;
    let garbage = world.proxy(Manner::Refusing("\u{0}marker")).await;
    let gone = world.proxy(Manner::Open).await;
    let address_of_gone = gone.address;
    drop(gone);
    tokio::task::yield_now().await;
    for (scheme, address, reason) in [
        ("http", refusing.address, "unsuccessful"),
        ("http", garbage.address, "unsuccessful"),
        ("http", address_of_gone, "Connection refused"),
        ("socks5", address_of_gone, "Connection refused"),
    ] {
        let cluster = world.cluster(&format!("{scheme}://{address}"));
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unreachable);
        let shown = words(&error);
        assert!(shown.contains(&format!("through the proxy {scheme}://{address}")), "{shown}");
        assert!(shown.contains(reason) && !shown.contains("marker"), "{shown}");
    }
    assert_eq!(world.server.accepted(), 0);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_not_asked_again_for_the_same() {
    const LOGIN: &str = "marker-u:marker-p@";
    let world = World::new().await;
    for (manner, scheme, login, reason, connections) in [
        (Manner::Demanding("Basic dTpw"), "http", LOGIN, "tunnel error: proxy authorization required", 1),
        (Manner::Refusing("403 Forbidden"), "http", LOGIN, "tunnel error: unsuccessful", 1),
        (Manner::Refusing("503 Service Unavailable"), "http", "", "tunnel error: unsuccessful", 1),
        (Manner::Socks(Some(("u", "p"))), "socks5", LOGIN, "SOCKS error: credentials not accepted", 1),
        (Manner::SocksRefusing(2), "socks5", "", "SOCKS error: connection not allowed", 1),
        (Manner::SocksRefusing(99), "socks5", "", "SOCKS error: failed parsing server response", 1),
        // What hangs up may be about to start again.
        (Manner::Closing, "http", LOGIN, "", 3),
        (Manner::Closing, "socks5", LOGIN, "", 3),
    ] {
        let proxy = world.proxy(manner).await;
        let cluster = world.cluster(&format!("{scheme}://{login}{}", proxy.address));
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unreachable);
        let shown = words(&error);
        assert!(shown.contains(&format!("through the proxy {scheme}://{}: ", proxy.address)), "{shown}");
        assert!(shown.contains(reason), "{shown}");
        assert_eq!(shown.contains("it refuses"), connections == 1, "{shown}");
        assert!(!format!("{shown} {error:?}").contains("marker"), "{shown} {error:?}");
        assert_eq!(proxy.accepted(), connections, "{shown}");
    }
    assert_eq!(world.server.accepted(), 0);
}

#[tokio::test]
async fn a_proxy_that_hangs_costs_the_deadline() {
    let world = World::new().await;
    let proxy = world.proxy(Manner::Silent).await;
    let cluster = world.cluster(&format!("http://{}", proxy.address));
    let began = Instant::now();
    let error = session(&cluster, Duration::from_millis(300)).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::DeadlineExceeded);
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn a_proxy_may_be_spoken_to_over_tls() {
    let world = World::new().await;
    let tls = |pair| {
        let plan = Plan { alpn: &[], pair, ..Plan::new(&world.authority, node_after(Duration::ZERO)) };
        Some(TlsAcceptor::from(Arc::new(server_config(&plan))))
    };
    let login = Manner::Demanding("Basic dTpw");
    let proxy =
        ProxyServer::start(login, world.server.address, tls(world.authority.issue("127.0.0.1"))).await;
    let cluster = world.cluster(&format!("https://u:p@{}", proxy.address));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(proxy.tunnels(), 1);
    // Nobody but those who vouch for the API server vouches for it.
    for stranger in [Authority::new().issue("127.0.0.1"), world.authority.issue("127.0.0.2")] {
        let proxy = ProxyServer::start(Manner::Open, world.server.address, tls(stranger)).await;
        let cluster = world.cluster(&format!("https://{}", proxy.address));
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert!(words(&error).contains("invalid peer certificate"), "{}", words(&error));
        assert_eq!(proxy.tunnels(), 0);
    }
}

#[tokio::test]
async fn a_proxy_may_speak_socks() {
    let world = World::new().await;
    for (login, user_info) in [(None, ""), (Some(("u", "marker-p")), "u:marker-p@")] {
        let proxy = world.proxy(Manner::Socks(login)).await;
        let cluster = world.cluster(&format!("socks5://{user_info}{}", proxy.address));
        patient(&cluster).node("n1").await.unwrap();
        assert_eq!((proxy.tunnels(), proxy.asked()), (1, vec!["api.test:6443".to_owned()]));
    }
    let proxy = world.proxy(Manner::Socks(Some(("u", "p")))).await;
    let cluster = world.cluster(&format!("socks5://u:marker-wrong@{}", proxy.address));
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    let shown = format!("{} {error:?}", words(&error));
    assert!(shown.contains(&format!("through the proxy socks5://{}", proxy.address)), "{shown}");
    assert!(!shown.contains("marker"), "{shown}");
}

#[tokio::test]
async fn a_login_that_socks_cannot_carry_is_an_error_of_the_kubeconfig() {
    let world = World::new().await;
    // As much as goes with `api.test`, and one more.
    let (user, password) = ("u".repeat(41), "p".repeat(200));
    let right: &'static str = password.clone().leak();
    let proxy = world.proxy(Manner::Socks(Some((user.clone().leak(), right)))).await;
    let cluster = world.cluster(&format!("socks5://{user}:{password}@{}", proxy.address));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(proxy.tunnels(), 1);

    let cluster = world.cluster(&format!("socks5://{user}:{password}p@{}", proxy.address));
    let error = patient(&cluster).node("n1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::CredentialsUnavailable);
    let shown = words(&error);
    let expected = format!("the proxy socks5://{} cannot be asked for api.test: ", proxy.address);
    assert!(shown.contains(&expected) && shown.contains("together 1 bytes more"), "{shown}");
    assert!(!format!("{shown} {error:?}").contains("ppp"), "{shown}");
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn another_proxy_is_another_connection() {
    let world = World::new().await;
    let (one, other) = (world.proxy(Manner::Open).await, world.proxy(Manner::Open).await);
    let cluster = world.cluster(&format!("http://{}", one.address));
    patient(&cluster).node("n1").await.unwrap();
    world.kubeconfig(&format!("http://{}", other.address));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!((one.tunnels(), other.tunnels()), (1, 1));
    world.kubeconfig(&format!("http://u:p@{}", other.address));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!((one.tunnels(), other.tunnels()), (1, 2));
}
