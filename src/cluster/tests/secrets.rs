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
fn what_cannot_be_used_is_named_and_not_quoted() {
    const V1: &str = "apiVersion: client.authentication.k8s.io/v1, command: aws";
    let exec = |fields: &str| format!("exec: {{args: [marker], {fields}}}");
    let proxy = |url: &str| format!("proxy-url: '{url}'");
    let secure = "insecure-skip-tls-verify: false".to_owned();
    for (cluster, user, reason) in [
        (proxy("ftp://u:marker@proxy"), "token: marker".to_owned(), "`proxy-url` has a scheme other than"),
        (proxy("u:marker@proxy"), "token: marker".to_owned(), "`proxy-url` has no scheme"),
        (proxy("http://u:mar ker@pro marker"), "token: marker".to_owned(), "`proxy-url` is not the URL"),
        (secure.clone(), exec("command: aws"), "no `apiVersion`"),
        (
            secure.clone(),
            exec("apiVersion: client.authentication.k8s.io/v1alpha1, command: aws"),
            "other than",
        ),
        (secure.clone(), exec("apiVersion: client.authentication.k8s.io/v1, command: ''"), "no `command`"),
        (secure.clone(), exec(V1), "no `interactiveMode`"),
        (secure.clone(), exec(&format!("{V1}, interactiveMode: Always")), "there is no terminal here"),
        (
            secure.clone(),
            exec(&format!("{V1}, interactiveMode: Never, env: [{{value: marker}}]")),
            "whose `name` is missing",
        ),
        (secure.clone(), "as-groups: [marker]".to_owned(), "need `as`"),
        (secure.clone(), "as: \"a\\nmarker\"".to_owned(), "`as` holds characters"),
        (
            secure,
            "auth-provider: {name: oidc, config: {client-secret: marker}}".to_owned(),
            "`auth-provider` (\"oidc\") is not supported",
        ),
    ] {
        let words = problem(&of(&[HTTPS, &cluster], &[&user]));
        assert!(words.contains(reason), "{words}");
    }
    let proxied = load_with(&of(&[HTTPS], &[]), &[("HTTPS_PROXY", "http://u:marker@proxy:x")]).unwrap_err();
    let words = format!("{proxied} {proxied:?}");
    assert!(words.contains("HTTPS_PROXY is not the URL") && !words.contains("marker"), "{words}");
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
    let text = of(
        &[HTTPS, "proxy-url: http://marker-user:marker-password@proxy"],
        &["token: marker-token", "client-certificate: pem", &format!("client-key-data: {key}")],
    );
    let settings = load(&text).unwrap();
    let shown = format!("{settings:?} {settings:#?}");
    assert!(!shown.contains("marker") && !shown.contains(&format!("{:?}", b"marker-key")[1..20]), "{shown}");
}

#[test]
fn a_plugin_shows_its_command_alone() {
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: aws, \
                args: [marker], env: [{name: A, value: marker}]}";
    let shown = format!("{:?}", load(&of(&[HTTPS], &[exec])).unwrap());
    assert!(shown.contains("aws") && !shown.contains("marker"), "{shown}");
}
