//! What a kubeconfig may say, and what is made of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::api::CallErrorKind;
use super::super::environment::Environment;
use super::super::error::Fault;
use super::super::files::Files;
use super::super::kubeconfig;
use super::super::settings::{Settings, Trust};
use super::world::{self, Folder};

pub(super) fn load(text: &str) -> Result<Settings, Fault> {
    load_with(text, &[])
}

pub(super) fn load_with(
    text: &str,
    variables: &'static [(&'static str, &'static str)],
) -> Result<Settings, Fault> {
    let folder = Folder::new();
    let path = folder.write("kubeconfig", text);
    folder.write("pem", "PEM");
    kubeconfig::load(&path, &Environment::fixed(variables), &mut Files::default())
}

pub(super) fn of(cluster: &[&str], user: &[&str]) -> String {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    world::kubeconfig(&owned(cluster), &owned(user))
}

fn settings(cluster: &[&str], user: &[&str]) -> Settings {
    load(&of(cluster, user)).unwrap()
}

/// The text of the error, once it is sure that it and its Debug hold no marker.
pub(super) fn problem(text: &str) -> String {
    let fault = load(text).unwrap_err();
    assert_eq!(fault.kind(), CallErrorKind::CredentialsUnavailable);
    let words = fault.to_string();
    assert!(!format!("{words} {fault:?}").contains("marker"), "{fault:?}");
    words
}

fn authorization(settings: &Settings) -> Option<&str> {
    settings.authorization.as_ref().map(|one| one.header.to_str().unwrap())
}

pub(super) const HTTPS: &str = "server: https://api.example:6443";

#[test]
fn empty_strings_are_unset() {
    let settings = settings(
        &[
            HTTPS,
            "certificate-authority: ''",
            "certificate-authority-data: ''",
            "tls-server-name: ''",
            "proxy-url: ''",
        ],
        &[
            "token: ''",
            "tokenFile: ''",
            "username: ''",
            "password: ''",
            "client-certificate: ''",
            "client-certificate-data: ''",
            "client-key: ''",
            "client-key-data: ''",
            "as: ''",
            "as-uid: ''",
            "as-groups: []",
            "as-user-extra: {}",
        ],
    );
    assert_eq!(authorization(&settings), None);
    assert_eq!(settings.tls.trust, Trust::System);
    assert!(settings.tls.identity.is_none() && settings.tls.server_name.is_none());
}

#[test]
fn inline_data_may_be_broken_into_lines() {
    let data = BASE64_STANDARD.encode("some longer text that is folded");
    let (left, right) = data.split_at(10);
    let lines = ["certificate-authority-data: |", &format!("  {left}"), &format!("  {right}")];
    let folded = ["certificate-authority-data: >", &format!("  {left}"), &format!("  {right}")];
    for lines in [&lines[..], &folded[..]] {
        let settings = settings(&[&[HTTPS], lines].concat(), &[]);
        assert_eq!(settings.tls.trust, Trust::Roots(b"some longer text that is folded".to_vec()));
    }
    assert!(problem(&of(&[HTTPS, "certificate-authority-data: '%marker'"], &[])).contains("is not base64"));
}

#[test]
fn inline_data_beside_a_file_is_one_too_many() {
    const CHAIN: [&str; 2] = ["client-certificate: pem", "client-key: pem"];
    for (cluster, user, what) in [
        (
            &["certificate-authority: pem", "certificate-authority-data: bWFya2Vy"][..],
            &[][..],
            "certificate-authority",
        ),
        (
            &["certificate-authority: missing", "certificate-authority-data: '%'"],
            &[],
            "certificate-authority",
        ),
        (
            &[],
            &["client-certificate: pem", "client-certificate-data: UEVN", "client-key: pem"],
            "client-certificate",
        ),
        (&[], &[CHAIN[0], CHAIN[1], "client-key-data: bWFya2Vy"], "client-key"),
    ] {
        let words = problem(&of(&[&[HTTPS], cluster].concat(), user));
        assert!(words.contains(&format!("both `{what}` and `{what}-data`")), "{words}");
        assert!(!words.contains("bWFya2Vy"), "{words}");
    }
    // Without a certificate keys are not looked at.
    assert!(settings(&[HTTPS], &["client-key: pem", "client-key-data: UEVN"]).tls.identity.is_none());
}

#[test]
fn a_token_is_trimmed_and_a_token_file_wins() {
    let folder = Folder::new();
    let file = folder.write("token", "\n from-file \n");
    let line = format!("tokenFile: {}", file.display());
    assert_eq!(authorization(&settings(&[HTTPS], &["token: inline"])), Some("Bearer inline"));
    assert_eq!(authorization(&settings(&[HTTPS], &["token: inline", &line])), Some("Bearer from-file"));
    folder.write("token", " \n");
    assert!(problem(&of(&[HTTPS], &["token: marker", &line])).contains("is empty"));
    folder.write("token", "marker\nmarker");
    assert!(problem(&of(&[HTTPS], &[&line])).contains("no header can carry"));
    std::fs::write(&file, b"marker\xff").unwrap();
    assert!(problem(&of(&[HTTPS], &[&line])).contains("is not UTF-8"));
}

#[test]
fn basic_authentication_excludes_tokens() {
    let settings = settings(&[HTTPS], &["username: u", "password: p"]);
    assert_eq!(authorization(&settings), Some("Basic dTpw"));
    assert!(!format!("{settings:?}").contains("dTpw"));
    assert_eq!(authorization(&self::settings(&[HTTPS], &["password: p"])), None);
    for token in ["token: marker", "tokenFile: pem"] {
        let words = problem(&of(&[HTTPS], &["username: marker", "password: marker", token]));
        assert!(words.contains("both a token and"), "{words}");
    }
}

#[test]
fn a_server_gets_a_scheme_and_keeps_its_path() {
    for (lines, origin, base) in [
        (&["server: https://a"][..], "https://a", ""),
        (&["server: HTTPS://A:1/x/y//?q#f"][..], "https://A:1", "/x/y"),
        (&["server: https://[::1]:6443/"][..], "https://[::1]:6443", ""),
        (&["server: a:1"][..], "http://a:1", ""),
        (&["server: localhost:8443", "insecure-skip-tls-verify: true"][..], "https://localhost:8443", ""),
        (&["server: 10.0.0.1:6443", "certificate-authority: pem"][..], "https://10.0.0.1:6443", ""),
    ] {
        let settings = settings(lines, &[]);
        assert_eq!((settings.server.origin().as_str(), settings.server.base_path.as_str()), (origin, base));
    }
    for server in [
        "''",
        "https://",
        "ftp://marker",
        "https://u:marker@a",
        "https://u:12/marker@a",
        "https://u:12/x/marker@a/y?q",
        "u:12/marker@a",
        "https://a:marker",
        "a:1/marker",
        "'https://a b marker'",
        "'a/ marker'",
    ] {
        let words = problem(&of(&[&format!("server: {server}")], &[]));
        assert!(words.contains("`server`"), "{server}: {words}");
    }
}

#[test]
fn credentials_never_go_over_plain_http() {
    for user in [&["token: marker"][..], &["username: marker"][..]] {
        assert!(problem(&of(&["server: http://a"], user)).contains("plain http"));
    }
    let words = problem(&of(&["server: a:1"], &["tokenFile: pem"]));
    assert!(words.contains("plain http"), "{words}");
    let words = problem(&of(&["server: http://a"], &["client-certificate: pem", "client-key: pem"]));
    assert!(words.contains("plain http"), "{words}");
}

#[test]
fn a_kubeconfig_without_a_usable_context_is_an_error() {
    for (text, reason) in [
        ("", "is empty"),
        ("{}", "is empty"),
        ("---\n", "is empty"),
        ("# nothing\n", "is empty"),
        ("contexts: [{name: c, context: {cluster: k}}]", "no `current-context`"),
        ("current-context: c", "context \"c\" is not there"),
        ("current-context: c\ncontexts: [{name: c}]", "context \"c\" is not there"),
        ("current-context: c\ncontexts: [{name: c, context: {cluster: ''}}]", "names no cluster"),
        ("current-context: c\ncontexts: [{name: c, context: {cluster: k}}]", "cluster \"k\" is not there"),
        (
            "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: [{name: k, cluster: {server: https://a}}]",
            "user \"u\" is not there",
        ),
        (
            "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\nclusters: [{name: k, cluster: {}}]",
            "has no `server`",
        ),
        (
            "current-context: c\ncontexts: [{name: c, context: {cluster: k}}, {name: c, context: {cluster: l}}]",
            "more than once",
        ),
    ] {
        let words = problem(text);
        assert!(words.contains(reason), "{text}: {words}");
    }
}

#[test]
fn a_context_without_user_asks_anonymously() {
    let text = "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n\
                clusters: [{name: k, cluster: {server: https://a}}]\n";
    assert!(load(text).unwrap().authorization.is_none());
    let text = text.replace("{cluster: k}", "{cluster: k, user: u}");
    assert!(load(&format!("{text}users: [{{name: u, user: {{}}}}]")).unwrap().authorization.is_none());
    assert!(load(&format!("{text}users: [{{name: u}}]")).unwrap().authorization.is_none());
}

#[test]
fn json_and_a_byte_order_mark_are_fine() {
    let text = r#"{"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k"}}],
                   "clusters":[{"name":"k","cluster":{"server":"https://a"}}]}"#;
    load(text).unwrap();
    load(&format!("\u{feff}{text}")).unwrap();
}

#[test]
fn an_ipv6_address_gets_brackets_in_cluster() {
    let folder = Folder::new();
    folder.write("token", "t");
    folder.write("ca.crt", "PEM");
    let environment =
        Environment::fixed(&[("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443")]);
    let settings =
        super::super::in_cluster::load(&folder.path(""), &environment, &mut Files::default()).unwrap();
    assert_eq!(settings.server.origin(), "https://[fd00::1]:443");
}
