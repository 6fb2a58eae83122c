//! The step `credentials`.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use devcluster::{Credential, Reviewer};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::api::ahead_by;
use super::*;

/// A kubeconfig for a dev cluster, with another user than the one that it writes.
async fn examine_user(user: &[&str], files: &[(&str, &str)]) -> Checkup {
    let (dev, folder) = (DevCluster::start(World::default()).await, Folder::new());
    dev.write_kubeconfig(&folder.path("")).unwrap();
    for (name, text) in files {
        folder.write(name, text);
    }
    let user: Vec<String> = user.iter().map(|line| (*line).to_owned()).collect();
    let cluster = [format!("server: {}", dev.url()), "certificate-authority: ca.crt".into()];
    examine(&world::cluster(&folder.kubeconfig(&cluster, &user)), &config("")).await
}

fn certificate(change: impl FnOnce(&mut rcgen::CertificateParams)) -> [(&'static str, String); 2] {
    let pair = Authority::new().issue_with("x", |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
        change(params);
    });
    [("client.crt", pair.certificate), ("client.key", pair.key)]
}

const CERTIFICATE: [&str; 2] = ["client-certificate: client.crt", "client-key: client.key"];

async fn examine_certificate(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Checkup {
    let [certificate, key] = certificate(change);
    examine_user(&CERTIFICATE, &[(certificate.0, &certificate.1), (key.0, &key.1)]).await
}

fn token(claims: &str) -> String {
    format!(
        "{}.{}.marker-signature",
        BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#),
        BASE64_URL_SAFE_NO_PAD.encode(claims)
    )
}

fn in_seconds(seconds: i64) -> i64 {
    Timestamp::now().as_second() + seconds
}

#[tokio::test]
async fn an_expired_client_certificate_fails_first_though_the_server_says_so_last() {
    let checkup = examine_certificate(|params| params.not_after = rcgen::date_time_ymd(2021, 2, 3)).await;
    assert_eq!(outcomes(&checkup), "fppsfssss", "{checkup:#?}");
    let detail = "client.crt) expired on 2021-02-03T00:00:00Z";
    expect_failure(
        &checkup,
        "credentials",
        Reason::ApiUnauthenticated,
        detail,
        "Put a valid certificate into /",
    );
    let review = step(&checkup, "token_review");
    assert!(review.detail.contains(detail) && review.detail.contains("answered 401"), "{}", review.detail);
    let early = examine_certificate(|params| params.not_before = rcgen::date_time_ymd(2121, 2, 3)).await;
    expect_failure(
        &early,
        "credentials",
        Reason::ApiUnauthenticated,
        "is not valid before 2121-02-03",
        "Put",
    );
}

#[tokio::test]
async fn an_expired_token_is_renewed_by_the_remedy() {
    let text = token(r#"{"exp":1612310400,"sub":"system:serviceaccount:spire:spire-server"}"#);
    let checkup = examine_user(&["tokenFile: reviewer.token"], &[("reviewer.token", &text)]).await;
    let remedy = "into the file:\n(umask 077 && kubectl create token spire-server --namespace spire > /";
    expect_failure(&checkup, "credentials", Reason::ApiUnauthenticated, "expired on 2021-02-03", remedy);
    assert!(!format!("{checkup:?}").contains("marker"), "{checkup:#?}");

    let checkup = examine_user(&[&format!("token: {}", token(r#"{"exp":1612310400}"#))], &[]).await;
    expect_failure(
        &checkup,
        "credentials",
        Reason::ApiUnauthenticated,
        "bearer token (kubeconfig /",
        "a valid `token` into",
    );
}

#[tokio::test]
async fn what_ends_soon_is_a_warning() {
    let in_three_days = Duration::from_secs(u64::try_from(in_seconds(3 * 24 * 3600)).unwrap());
    let ends = rcgen::date_time_ymd(1970, 1, 1) + in_three_days;
    let checkup = examine_certificate(|params| params.not_after = ends).await;
    let warned = step(&checkup, "credentials");
    assert_eq!(warned.outcome, Outcome::Warn, "{checkup:#?}");
    assert!(warned.detail.contains("client certificate CN=jane") && warned.detail.contains("expires on"));

    let soon = format!("token: {}", token(&format!(r#"{{"exp":{}}}"#, in_seconds(30))));
    assert_eq!(step(&examine_user(&[&soon], &[]).await, "credentials").outcome, Outcome::Warn);
    let later = format!("token: {}", token(&format!(r#"{{"exp":{}}}"#, in_seconds(300))));
    assert_eq!(step(&examine_user(&[&later], &[]).await, "credentials").outcome, Outcome::Pass);
}

#[tokio::test]
async fn a_credential_of_another_cluster_is_named() {
    for (credential, detail) in [
        (
            Credential::UnknownCertificate,
            "does not accept the client certificate CN=psat-reviewer (kubeconfig /",
        ),
        (Credential::UnknownToken, "does not accept the bearer token"),
    ] {
        let reviewer = Reviewer { credential, ..Reviewer::default() };
        let checkup = examine_world(World { reviewer, ..World::default() }).await;
        assert_eq!(outcomes(&checkup), "pppsfssss", "{checkup:#?}");
        expect_failure(&checkup, "token_review", Reason::ApiUnauthenticated, detail, "of another cluster");
    }
}

#[tokio::test]
async fn unavailable_credentials_end_it_with_file_and_fault() {
    let folder = Folder::new();
    let missing = folder.path("nowhere");
    let nothing = folder.write("nothing", "");
    let half = folder.kubeconfig(&["server: https://127.0.0.1:1".into()], &["tokenFile: gone".into()]);
    for (path, detail, remedy) in [
        (missing, "reading kubeconfig /", "correct `clusters.demo.kube_config_file`"),
        (nothing, "nothing: is empty", "Correct kubeconfig /"),
        (half, "/gone: No such file", "/gone, or correct kubeconfig /"),
    ] {
        let checkup = examine(&world::cluster(&path), &config("")).await;
        assert_eq!(outcomes(&checkup), "fssssssss");
        expect_failure(&checkup, "credentials", Reason::CredentialsUnavailable, detail, remedy);
        assert_eq!((checkup.server, checkup.user), (None, None));
    }
}

#[tokio::test]
async fn one_valid_credential_of_two_is_enough() {
    let [certificate, key] = certificate(|params| params.not_after = rcgen::date_time_ymd(2021, 2, 3));
    let user = [CERTIFICATE[0], CERTIFICATE[1], "token: devcluster-reviewer"];
    let checkup = examine_user(&user, &[(certificate.0, &certificate.1), (key.0, &key.1)]).await;
    assert_eq!(outcomes(&checkup), "wpppppppp", "{checkup:#?}");
    assert!(step(&checkup, "credentials").detail.contains("expired on 2021-02-03"), "{checkup:#?}");
}

#[tokio::test]
async fn the_servers_clock_decides_and_not_this_machines() {
    let checkup = examine_expired(answering(|request| sound(request.uri().path()))).await;
    assert_eq!(outcomes(&checkup), "wpppppppp", "{checkup:#?}");
    let detail = &step(&checkup, "credentials").detail;
    assert!(detail.ends_with("expired on 2021-02-03T00:00:00Z; yet the API server accepts it"), "{detail}");
    assert!(checkup.usable());
}

#[tokio::test]
async fn a_clock_that_explains_it_is_pointed_at() {
    let checkup = examine_expired(ahead_by(-3600)).await;
    let detail = &step(&checkup, "credentials").detail;
    assert!(detail.ends_with("; yet the API server accepts it: see `clock`"), "{detail}");
}

/// A server that answers in this way, looked at with a token that has expired by this machine's clock.
pub(super) async fn examine_expired(handler: Handler) -> Checkup {
    let expired = format!("token: {}", token(r#"{"exp":1612310400}"#));
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::start(Plan::new(&authority, handler)).await;
    folder.write("ca.crt", &authority.pem);
    let cluster = [format!("server: https://{}", server.address), "certificate-authority: ca.crt".into()];
    examine(&world::cluster(&folder.kubeconfig(&cluster, &[expired])), &config("")).await
}

#[tokio::test]
async fn whoever_is_forbidden_something_was_let_in() {
    let checkup = examine_expired(sound_but("/tokenreviews", 403, "")).await;
    assert_eq!(outcomes(&checkup), "wpppfpppp", "{checkup:#?}");
    let checkup = examine_expired(sound_but("/tokenreviews", 503, "")).await;
    expect_failure(&checkup, "credentials", Reason::ApiUnauthenticated, "expired on 2021-02-03", "");
}

/// The certificate without its version, which makes it one of version 1.
fn of_version_1(pem: &str) -> String {
    let mut der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
    // Two sequences whose lengths have two bytes and one, and then the version: [0] { INTEGER 2 }.
    let begins = (&der[..2], &der[4..6], &der[7..12]);
    assert_eq!(begins, (&[0x30, 0x82][..], &[0x30, 0x81][..], &[0xa0, 3, 2, 1, 2][..]));
    der.drain(7..12);
    let whole = u16::from_be_bytes([der[2], der[3]]) - 5;
    der[2..4].copy_from_slice(&whole.to_be_bytes());
    der[6] -= 5;
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}

#[tokio::test]
async fn a_client_certificate_that_tls_cannot_take_is_told_why() {
    let [certificate, key] = certificate(|_| ());
    let [_, other_key] = self::certificate(|_| ());
    let first = of_version_1(&certificate.1);
    for (certificate, key, remedy) in [
        (&first, &key.1, "a client certificate of X.509 version 3"),
        (&certificate.1, &other_key.1, "the client key that belongs to its client certificate"),
    ] {
        let checkup = examine_user(&CERTIFICATE, &[("client.crt", certificate), ("client.key", key)]).await;
        let detail = "cannot be used for TLS";
        expect_failure(&checkup, "credentials", Reason::CredentialsUnavailable, detail, remedy);
    }
}
