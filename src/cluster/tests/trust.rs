//! Which servers are trusted, and as whom they know us.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::api::{CallErrorKind, ClusterApi};
use super::world::{Authority, Folder, Pair, Plan, Server, cluster, node_after, patient, words};

/// A server with this certificate, asked with these further lines in the kubeconfig's cluster.
async fn ask(pair: Pair, lines: &[&str]) -> Result<(), (CallErrorKind, String)> {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan { pair, ..Plan::new(&authority, node_after(Duration::ZERO)) }).await;
    let mut cluster_lines = vec![format!("server: https://{}", server.address)];
    cluster_lines.extend(lines.iter().map(|line| (*line).to_owned()));
    let cluster = cluster(&folder.kubeconfig(&cluster_lines, &["token: t0".into()]));
    match patient(&cluster).node("n1").await {
        Ok(_) => Ok(()),
        Err(error) => Err((error.kind, words(&error))),
    }
}

fn inline(pem: &str) -> String {
    format!("certificate-authority-data: {}", BASE64_STANDARD.encode(pem))
}

#[tokio::test]
async fn a_server_of_another_ca_or_name_is_refused() {
    let authority = Authority::new();
    ask(authority.issue("127.0.0.1"), &[&inline(&authority.pem)]).await.unwrap();
    for (pair, reason) in [
        (Authority::new().issue("127.0.0.1"), "invalid peer certificate: BadSignature"),
        (authority.issue("127.0.0.2"), "not valid for name"),
    ] {
        let (kind, words) = ask(pair, &[&inline(&authority.pem)]).await.unwrap_err();
        assert_eq!(kind, CallErrorKind::Unreachable);
        assert!(words.contains(reason), "{words}");
    }
}

#[tokio::test]
async fn tls_server_name_names_the_certificate() {
    let authority = Authority::new();
    let ca = inline(&authority.pem);
    ask(authority.issue("api.example"), &[&ca, "tls-server-name: api.example"]).await.unwrap();
    assert!(ask(authority.issue("127.0.0.1"), &[&ca, "tls-server-name: api.example"]).await.is_err());
    ask(authority.issue("127.0.0.1"), &[&ca, "tls-server-name: ''"]).await.unwrap();
    let (kind, _) = ask(authority.issue("127.0.0.1"), &[&ca, "tls-server-name: 'a b'"]).await.unwrap_err();
    assert_eq!(kind, CallErrorKind::CredentialsUnavailable);
}

#[tokio::test]
async fn one_bad_certificate_in_a_bundle_is_passed_over() {
    let authority = Authority::new();
    let bad = "-----BEGIN CERTIFICATE-----\nbWFya2Vy\n-----END CERTIFICATE-----\n";
    let worse = "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n";
    for bundle in [
        format!("{bad}{}", authority.pem),
        format!("{}{bad}", authority.pem),
        format!("{worse}{}", authority.pem),
    ] {
        ask(authority.issue("127.0.0.1"), &[&inline(&bundle)]).await.unwrap();
    }
    for hopeless in [bad, worse, "no PEM at all"] {
        let (kind, words) = ask(authority.issue("127.0.0.1"), &[&inline(hopeless)]).await.unwrap_err();
        assert_eq!(kind, CallErrorKind::CredentialsUnavailable);
        assert!(words.contains("kubeconfig: the certificate authority holds no usable PEM"), "{words}");
    }
}

#[tokio::test]
async fn a_self_signed_serving_certificate_is_its_own_ca() {
    let pair = Pair::self_signed("127.0.0.1");
    let ca = inline(&pair.certificate);
    ask(pair, &[&ca]).await.unwrap();
    // The name is looked at all the same, and another certificate of that kind is a stranger.
    let pair = Pair::self_signed("127.0.0.2");
    let ca = inline(&pair.certificate);
    assert!(ask(pair, &[&ca]).await.unwrap_err().1.contains("not valid for name"));
    let (_, words) = ask(Pair::self_signed("127.0.0.1"), &[&ca]).await.unwrap_err();
    assert!(words.contains("CaUsedAsEndEntity"), "{words}");
}

#[tokio::test]
async fn a_serving_certificate_that_is_given_needs_no_issuer() {
    let authority = Authority::new();
    let pair = authority.issue("127.0.0.1");
    let ca = inline(&pair.certificate);
    ask(pair, &[&ca]).await.unwrap();
    let (_, words) = ask(authority.issue("127.0.0.1"), &[&ca]).await.unwrap_err();
    assert!(words.contains("invalid peer certificate"), "{words}");
    let pair = authority.issue("127.0.0.2");
    let ca = inline(&pair.certificate);
    assert!(ask(pair, &[&ca]).await.unwrap_err().1.contains("not valid for name"));
    let pair =
        authority.issue_with("127.0.0.1", |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let ca = inline(&pair.certificate);
    assert!(ask(pair, &[&ca]).await.unwrap_err().1.contains("expired"));
}

#[tokio::test]
async fn insecure_skip_tls_verify_takes_any_certificate_and_no_ca() {
    ask(Pair::self_signed("elsewhere"), &["insecure-skip-tls-verify: true"]).await.unwrap();
    let ca = inline(&Authority::new().pem);
    let both = ask(Pair::self_signed("127.0.0.1"), &["insecure-skip-tls-verify: true", &ca]).await;
    assert_eq!(both.unwrap_err().0, CallErrorKind::CredentialsUnavailable);
}

#[tokio::test]
async fn a_client_certificate_is_shown_from_files_and_inline() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let plan =
        Plan { client_ca: Some(authority.pem.clone()), ..Plan::new(&authority, node_after(Duration::ZERO)) };
    let server = Server::start(plan).await;
    folder.write("ca.crt", &authority.pem);
    let client = authority.issue("reviewer");
    folder.write("client.crt", &client.certificate);
    folder.write("client.key", &client.key);
    let encode = |text: &str| BASE64_STANDARD.encode(text);
    let lines = [format!("server: https://{}", server.address), "certificate-authority: ca.crt".into()];
    for user in [
        ["client-certificate: client.crt".to_owned(), "client-key: client.key".to_owned()],
        [
            format!("client-certificate-data: {}", encode(&client.certificate)),
            format!("client-key-data: {}", encode(&client.key)),
        ],
    ] {
        let cluster = cluster(&folder.kubeconfig(&lines, &user));
        patient(&cluster).node("n1").await.map_err(|error| words(&error)).unwrap();
    }

    let cluster_without = cluster(&folder.kubeconfig(&lines, &[]));
    assert_eq!(patient(&cluster_without).node("n1").await.unwrap_err().kind, CallErrorKind::Unreachable);

    let other = authority.issue("other").key;
    for (user, reason) in [
        (
            ["client-certificate: client.crt".to_owned(), format!("client-key-data: {}", encode(&other))],
            "TLS",
        ),
        (
            ["client-certificate: client.crt".to_owned(), "client-key: ca.crt".to_owned()],
            "no PEM private key",
        ),
        (
            ["client-certificate: client.key".to_owned(), "client-key: client.key".to_owned()],
            "no PEM certificate",
        ),
        (["client-certificate: client.crt".to_owned(), String::new()], "no `client-key`"),
    ] {
        let cluster = cluster(&folder.kubeconfig(&lines, &user));
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::CredentialsUnavailable);
        assert!(words(&error).contains(reason), "{}", words(&error));
    }
}
