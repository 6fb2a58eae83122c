//! A proxy between here and the server, and a plugin between the kubeconfig and the credential.

use super::super::proxy_server::{Manner, ProxyServer};
use super::super::world::Pair;
use super::*;

const CA: &str = "certificate-authority: ca.crt";

/// A sound server called `api.test` with this certificate, behind a proxy of this manner.
async fn examine_behind(manner: Manner, pair: Pair, authority: &Authority, user: &str) -> Checkup {
    let folder = Folder::new();
    let handler = answering(|request| sound(request.uri().path()));
    let server = Server::start(Plan { pair, ..Plan::new(authority, handler) }).await;
    let proxy = ProxyServer::start(manner, server.address, None).await;
    folder.write("ca.crt", &authority.pem);
    let cluster = [
        "server: https://api.test:6443".to_owned(),
        CA.to_owned(),
        format!("proxy-url: http://u:marker@{}", proxy.address),
    ];
    let kubeconfig = folder.kubeconfig(&cluster, &[user.to_owned()]);
    examine(&world::cluster(&kubeconfig), &config("")).await
}

#[tokio::test]
async fn a_server_behind_a_proxy_is_reached_through_it() {
    let authority = Authority::new();
    let checkup = examine_behind(Manner::Open, authority.issue("api.test"), &authority, "token: t0").await;
    let reach = checkup.steps.iter().find(|step| step.check == "reach").unwrap();
    assert_eq!(reach.outcome, Outcome::Pass);
    assert!(reach.detail.starts_with("the proxy http://127.0.0.1:"), "{}", reach.detail);
    assert!(reach.detail.ends_with(" connects to api.test:6443"), "{}", reach.detail);
    assert_eq!(&outcomes(&checkup)[..3], "ppp");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_not_taken_for_the_server() {
    let authority = Authority::new();
    for manner in [Manner::Refusing("502 Bad Gateway"), Manner::Demanding("Basic other")] {
        let checkup = examine_behind(manner, authority.issue("api.test"), &authority, "token: t0").await;
        assert!(outcomes(&checkup).starts_with("pf"), "{}", outcomes(&checkup));
        let detail = "leads through a proxy, which does not let it pass";
        expect_failure(
            &checkup,
            "reach",
            Reason::ApiUnreachable,
            detail,
            "Correct `proxy-url` in kubeconfig",
        );
        assert!(!format!("{checkup:?}").contains("marker"), "{checkup:?}");
    }
}

#[tokio::test]
async fn a_strange_certificate_is_looked_at_through_the_proxy() {
    let pair = Authority::new().issue_with("api.test", |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "the-server");
    });
    let checkup = examine_behind(Manner::Open, pair, &Authority::new(), "token: t0").await;
    let step = checkup.steps.iter().find(|step| step.check == "tls").unwrap();
    assert_eq!(step.outcome, Outcome::Fail);
    assert!(step.detail.contains("CN=the-server"), "{}", step.detail);
}

#[tokio::test]
async fn a_plugin_is_named_and_what_it_answers_is_not_shown() {
    let exec = |script: &str| {
        format!(
            "exec: {}",
            serde_json::json!({
                "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
                "args": ["-c", script],
            })
        )
    };
    let authority = Authority::new();
    let answers = r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"marker"}}'"#;
    let examined = async |script: &str| {
        examine_behind(Manner::Open, authority.issue("api.test"), &authority, &exec(script)).await
    };
    let checkup = examined(answers).await;
    let step = checkup.steps.iter().find(|step| step.check == "credentials").unwrap();
    assert_eq!(step.outcome, Outcome::Pass);
    assert!(step.detail.ends_with("bearer token (exec plugin sh)"), "{}", step.detail);

    let failing = examined("echo marker; exit 3").await;
    let detail = "exec plugin sh: ended with exit status 3";
    expect_failure(&failing, "credentials", Reason::CredentialsUnavailable, detail, "Run sh by hand");
    assert!(!format!("{checkup:?} {failing:?}").contains("marker"), "{checkup:?} {failing:?}");
}

#[tokio::test]
async fn a_proxy_that_is_down_is_told_from_one_that_refuses() {
    let (authority, folder) = (Authority::new(), Folder::new());
    folder.write("ca.crt", &authority.pem);
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cluster =
        ["server: https://api.test:6443".into(), CA.into(), format!("proxy-url: http://u:marker@{address}")];
    let checkup =
        examine(&world::cluster(&folder.kubeconfig(&cluster, &["token: t0".into()])), &config("")).await;
    assert_eq!(outcomes(&checkup), "pfsssssss", "{checkup:#?}");
    let detail = format!("nothing listens at the proxy's address, http://{address}: ");
    expect_failure(
        &checkup,
        "reach",
        Reason::ApiUnreachable,
        &detail,
        "Start the proxy, or correct `proxy-url` in",
    );
    assert!(!format!("{checkup:?}").contains("marker"), "{checkup:?}");
}

/// A server that answers in this way, looked at by a user who asks as another.
async fn examine_as_jane(handler: Handler) -> Checkup {
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    folder.write("ca.crt", &authority.pem);
    let cluster = [format!("server: https://{}", server.address), CA.into()];
    let kubeconfig = folder.kubeconfig(&cluster, &["token: t0".into(), "as: jane".into()]);
    examine(&world::cluster(&kubeconfig), &config("")).await
}

#[tokio::test]
async fn whoever_asks_as_somebody_else_is_told_as_both() {
    let checkup = examine_as_jane(answering(|request| sound(request.uri().path()))).await;
    assert_eq!(outcomes(&checkup), "ppppppppp", "{checkup:#?}");
    let detail = &step(&checkup, "credentials").detail;
    assert!(detail.ends_with(", asking as jane"), "{detail}");

    let forbidding = answering(|request| match request.uri().path() {
        "/version" => sound("/version"),
        _ => (403, String::new()),
    });
    let checkup = examine_as_jane(forbidding).await;
    let remedy = "the verb impersonate on users";
    expect_failure(&checkup, "token_review", Reason::ApiForbidden, "may not ask as jane", remedy);
}
