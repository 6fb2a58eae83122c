//! What a kubeconfig asks for in vain, and that none of its errors gives a secret away.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::environment::Environment;
use super::super::files::Files;
use super::super::kubeconfig;
use super::kubeconfigs::{HTTPS, load, load_with, of, problem};
use super::world::Folder;

#[test]
fn what_is_not_supported_yet_is_named() {
    for (cluster, user, reason) in [
        ("proxy-url: http://u:marker@proxy", "token: marker", "`proxy-url` is not supported yet"),
        (
            "insecure-skip-tls-verify: false",
            "exec: {command: marker, args: [marker], env: [{name: marker, value: marker}]}",
            "`exec` is not supported yet",
        ),
        ("insecure-skip-tls-verify: false", "as: marker", "impersonation"),
        ("insecure-skip-tls-verify: false", "as-groups: [marker]", "impersonation"),
        (
            "insecure-skip-tls-verify: false",
            "auth-provider: {name: oidc, config: {client-secret: marker}}",
            "`auth-provider` (\"oidc\") is not supported",
        ),
    ] {
        let words = problem(&of(&[HTTPS, cluster], &[user]));
        assert!(words.contains(reason), "{words}");
    }
    let proxied = load_with(&of(&[HTTPS], &[]), &[("HTTPS_PROXY", "http://u:marker@proxy:1")]).unwrap_err();
    let words = format!("{proxied} {proxied:?}");
    assert!(words.contains("HTTPS_PROXY") && words.contains("not supported yet"), "{words}");
    assert!(!words.contains("marker"), "{words}");
}

#[test]
fn a_parser_error_is_a_place_and_no_text() {
    for text in [
        "users: marker",
        "users: [{name: u, user: {token: [marker]}}]",
        "users: [{name: u, user: {token: {marker: marker}}}]",
        "users: [{name: u, user: {password: marker",
        "token: \"marker",
        "token: &marker *marker2\nusers: *marker",
        "users: [{name: u, user: {exec: {interactiveMode: marker}}}]",
        "users: [{name: u, user: {exec: {env: [marker]}}}]",
        "clusters: [{name: k, cluster: {insecure-skip-tls-verify: marker}}]",
        "clusters: [{name: k, cluster: {server: https://a, server: marker}}]",
        "marker: !!binary marker\n\tmarker",
        "kind: a\n---\nkind: marker",
        "%marker\n---\n",
    ] {
        problem(text);
    }
    let words = problem("users:\n- name: u\n  user: {token: [marker]}\n");
    assert!(words.contains("line 3, column"), "{words}");
    let bytes = b"users: marker\xff";
    let folder = Folder::new();
    std::fs::write(folder.path("kubeconfig"), bytes).unwrap();
    let path = folder.path("kubeconfig");
    let fault = kubeconfig::load(&path, &Environment::fixed(&[]), &mut Files::default()).unwrap_err();
    assert!(fault.to_string().contains("is not UTF-8 text"));
}

#[test]
fn hostile_documents_end_in_an_error() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (next, one) in ('b'..='j').zip('a'..='i') {
        let eight = vec![format!("*{one}"); 8].join(",");
        writeln!(bomb, "{next}: &{next} [{eight}]").unwrap();
    }
    problem(&bomb);
    problem(&"[".repeat(100_000));
    problem(&"{a: ".repeat(100_000));
    problem("\0");
}

#[test]
fn settings_show_no_secret() {
    let key = BASE64_STANDARD.encode("marker-key");
    let text =
        of(&[HTTPS], &["token: marker-token", "client-certificate: pem", &format!("client-key-data: {key}")]);
    let settings = load(&text).unwrap();
    let shown = format!("{settings:?} {settings:#?}");
    assert!(!shown.contains("marker") && !shown.contains(&format!("{:?}", b"marker-key")[1..20]), "{shown}");
}
