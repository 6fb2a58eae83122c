//! The steps `reach` and `tls`.

use devcluster::ListenerMode;
use rcgen::date_time_ymd;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::super::world::Pair;
use super::*;

/// A sound server with this certificate, looked at with that authority and these further lines in the kubeconfig.
async fn examine_pair(pair: Pair, authority: &Authority, lines: &[&str]) -> Checkup {
    let folder = Folder::new();
    let handler = answering(|request| sound(request.uri().path()));
    let server = Server::start(Plan { pair, ..Plan::new(authority, handler) }).await;
    folder.write("ca.crt", &authority.pem);
    let mut cluster = vec![format!("server: https://{}", server.address)];
    cluster.extend(lines.iter().map(|line| (*line).to_owned()));
    let kubeconfig = folder.kubeconfig(&cluster, &["token: t0".into()]);
    examine(&world::cluster(&kubeconfig), &config("")).await
}

const CA: &str = "certificate-authority: ca.crt";

#[tokio::test]
async fn a_server_that_is_down_is_not_reached() {
    let checkup = examine_world(World { listener: ListenerMode::Refuse, ..World::default() }).await;
    assert_eq!(outcomes(&checkup), "pfsssssss");
    expect_failure(
        &checkup,
        "reach",
        Reason::ApiUnreachable,
        "nothing listens at 127.0.0.1:",
        "Start the API server",
    );
    let skipped = checkup.steps.iter().filter(|step| step.outcome == Outcome::Skip);
    assert!(skipped.into_iter().all(|step| step.detail == "not looked at: `reach` failed"));
    assert!(checkup.server.is_some() && checkup.user.is_none() && checkup.server_version.is_none());
}

#[tokio::test]
async fn a_server_of_an_unknown_ca_is_told_by_its_issuer() {
    let name = |params: &mut rcgen::CertificateParams| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "the-server");
    };
    let pair = Authority::new().issue_with("127.0.0.1", name);
    let checkup = examine_pair(pair, &Authority::new(), &[CA]).await;
    assert_eq!(outcomes(&checkup), "ppfssssss");
    let detail = "certificate CN=the-server, which CN=rcgen self signed cert issued, is not vouched for by the configured CA (/";
    let remedy = "to the CA that issued the server's certificate (CN=rcgen self signed cert), if this is your API server.";
    expect_failure(&checkup, "tls", Reason::ApiUnreachable, detail, remedy);
}

#[tokio::test]
async fn a_renewed_ca_is_told_from_a_strange_one() {
    let same_name = |params: &mut rcgen::CertificateParams| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "the-server");
    };
    let checkup =
        examine_pair(Authority::new().issue_with("127.0.0.1", same_name), &Authority::new(), &[CA]).await;
    let detail = "CN=rcgen self signed cert), which has the same name and another key: ";
    expect_failure(&checkup, "tls", Reason::ApiUnreachable, detail, "Set `certificate-authority`");
    let checkup = examine_pair(Pair::self_signed("127.0.0.1"), &Authority::new(), &[CA]).await;
    expect_failure(
        &checkup,
        "tls",
        Reason::ApiUnreachable,
        "is not vouched for",
        "Set `certificate-authority`",
    );
}

#[tokio::test]
async fn a_server_that_breaks_off_for_the_client_certificate_is_told_so() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let handler = answering(|request| sound(request.uri().path()));
    let plan = Plan { client_ca: Some(authority.pem.clone()), ..Plan::new(&authority, handler) };
    let server = Server::start(plan).await;
    let stranger = Authority::new().issue("x");
    folder.write("ca.crt", &authority.pem);
    folder.write("client.crt", &stranger.certificate);
    folder.write("client.key", &stranger.key);
    let cluster = [format!("server: https://{}", server.address), CA.into()];
    let user = ["client-certificate: client.crt".to_owned(), "client-key: client.key".to_owned()];
    let checkup = examine(&world::cluster(&folder.kubeconfig(&cluster, &user)), &config("")).await;
    let failure = checkup.first_failure().unwrap_or_else(|| panic!("nothing failed: {checkup:#?}"));
    assert_eq!(failure.reason, Some(Reason::ApiUnreachable), "{checkup:#?}");
    let detail = "the server broke TLS off (DecryptError), having been shown client certificate ";
    assert!(failure.detail.starts_with(detail), "{checkup:#?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_tells_its_names() {
    let authority = Authority::new();
    let checkup = examine_pair(authority.issue("api.example"), &authority, &[CA]).await;
    let detail = "the server's certificate is not for 127.0.0.1, but for api.example";
    expect_failure(
        &checkup,
        "tls",
        Reason::ApiUnreachable,
        detail,
        "have:\ntls-server-name: \"api.example\"",
    );
    // And the remedy is one.
    let lines = [CA, "tls-server-name: \"api.example\""];
    assert!(examine_pair(authority.issue("api.example"), &authority, &lines).await.usable());
}

#[tokio::test]
async fn the_name_that_only_an_api_server_has_is_preferred() {
    let authority = Authority::new();
    let pair = authority.issue_with("::1", |params| {
        let name = |name: &str| rcgen::SanType::DnsName(name.try_into().unwrap());
        params.subject_alt_names.extend([name("api.example"), name("kubernetes.default.svc")]);
    });
    let checkup = examine_pair(pair, &authority, &[CA]).await;
    let remedy = "If this is your API server, let the cluster in kubeconfig /";
    expect_failure(&checkup, "tls", Reason::ApiUnreachable, "is not for 127.0.0.1", remedy);
    let remedy = step(&checkup, "tls").remedy.as_deref().unwrap_or_default();
    assert!(remedy.ends_with(":\ntls-server-name: \"kubernetes.default.svc\""), "{remedy}");
}

#[tokio::test]
async fn a_serving_certificate_out_of_time_tells_when() {
    let authority = Authority::new();
    let past = authority.issue_with("127.0.0.1", |params| params.not_after = date_time_ymd(2021, 2, 3));
    let checkup = examine_pair(past, &authority, &[CA]).await;
    expect_failure(&checkup, "tls", Reason::ApiUnreachable, " expired on 2021-02-03T00:00:00Z", "Renew");
    let coming = authority.issue_with("127.0.0.1", |params| params.not_before = date_time_ymd(2121, 2, 3));
    let checkup = examine_pair(coming, &authority, &[CA]).await;
    expect_failure(&checkup, "tls", Reason::ApiUnreachable, "not valid yet before 2121-02-03", "clock");
}

#[tokio::test]
async fn a_server_that_anybody_could_be_is_a_warning() {
    let authority = Authority::new();
    let checkup = examine_pair(authority.issue("x"), &authority, &["insecure-skip-tls-verify: true"]).await;
    assert_eq!(outcomes(&checkup), "ppwpppppp", "{checkup:#?}");
    assert!(step(&checkup, "tls").detail.contains("insecure-skip-tls-verify"), "{checkup:#?}");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    let (authority, folder) = (Authority::new(), Folder::new());
    folder.write("ca.crt", &authority.pem);
    let kubeconfig =
        folder.kubeconfig(&[format!("server: https://{address}"), CA.into()], &["token: t0".into()]);
    let checkup = examine(&world::cluster(&kubeconfig), &config("")).await;
    answering.abort();
    expect_failure(&checkup, "tls", Reason::ApiUnreachable, "does not speak TLS", "secure port");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_fails_in_time() {
    for listener in [ListenerMode::HangTls, ListenerMode::HangAccept] {
        let dev = DevCluster::start(World { listener, ..World::default() }).await;
        let folder = Folder::new();
        let cluster = world::cluster(&dev.write_kubeconfig(&folder.path("")).unwrap());
        let begun = Instant::now();
        let checkup = cluster.check(&config(""), begun + Duration::from_millis(300)).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(outcomes(&checkup), "ppfssssss", "{checkup:#?}");
        let detail = "takes connections and then says nothing";
        expect_failure(&checkup, "tls", Reason::DeadlineExceeded, detail, "Check routes");
    }
}

#[tokio::test]
async fn plain_http_is_a_warning() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&[format!("server: http://{address}")], &[]);
    let cluster = world::cluster(&kubeconfig);
    let checkup = cluster.check(&config(""), Instant::now() + Duration::from_millis(300)).await;
    assert_eq!(outcomes(&checkup), "wpwsfssss", "{checkup:#?}");
    assert!(step(&checkup, "tls").detail.contains("plain http"), "{checkup:#?}");
}

#[tokio::test]
async fn plain_http_to_a_port_of_https_is_cured_by_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request.").await;
            let _ = stream.shutdown().await;
        }
    });
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&[format!("server: http://{address}")], &[]);
    let checkup = examine(&world::cluster(&kubeconfig), &config("")).await;
    answering.abort();
    let failure = checkup.first_failure().unwrap_or_else(|| panic!("nothing failed: {checkup:#?}"));
    assert_eq!(failure.check, "token_review");
    let remedy = failure.remedy.as_deref().unwrap_or_default();
    assert!(remedy.starts_with("Let `server` in kubeconfig /"), "{remedy}");
    assert!(remedy.contains(" begin with https://"), "{remedy}");
}
