//! The binary: `exec`, `serve`, `token`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn devcluster() -> Command {
    Command::new(env!("CARGO_BIN_EXE_devcluster"))
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn run(arguments: &[&str]) -> Output {
    devcluster().args(arguments).output().expect("the command runs")
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

#[test]
fn exec_gives_its_child_a_cluster_and_takes_its_status() {
    let script = r#"
        test "$KUBECONFIG" = "$DEVCLUSTER_DIR/kubeconfig" || exit 101
        for file in "$KUBECONFIG" "$DEVCLUSTER_CONFIG" "$DEVCLUSTER_PAYLOAD" "$DEVCLUSTER_PAYLOAD_REFUSED"; do
            test "$(stat -c %a "$file")" = 600 || exit 102
        done
        echo "$DEVCLUSTER_DIR"
        exit 7"#;
    let output = run(&["exec", "--latency-ms", "1", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    let directory = text(&output.stdout);
    assert!(!Path::new(directory.trim()).exists(), "{directory} is gone");
}

#[test]
fn exec_reports_a_child_that_a_signal_ended() {
    assert_eq!(run(&["exec", "--", "sh", "-c", "kill -TERM $$"]).status.code(), Some(143));
}

#[test]
fn serve_runs_until_it_is_told_to_stop_and_token_mints_from_its_directory() {
    let temporary = tempfile::tempdir().expect("a directory");
    let directory = temporary.path().join("new");
    let mut server = devcluster()
        .args(["serve", "--dir"])
        .arg(&directory)
        .stdout(Stdio::null())
        .spawn()
        .expect("the command runs");
    let begun = Instant::now();
    while !directory.join("signing-keys.json").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the files appear");
        std::thread::sleep(Duration::from_millis(10));
    }
    let config = json(&directory.join("config.json"));
    let kubeconfig = directory.canonicalize().expect("the directory").join("kubeconfig");
    assert_eq!(config["clusters"]["demo"]["kube_config_file"], kubeconfig.to_string_lossy().as_ref());
    let token = fs::read_to_string(directory.join("token")).expect("a token");
    assert_eq!(json(&directory.join("payload.json"))["token"], token.as_str());
    for entry in fs::read_dir(&directory).expect("the directory") {
        let entry = entry.expect("a file");
        assert_eq!(entry.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{entry:?}");
    }

    let minted = devcluster()
        .args(["token", "--request", r#"{"alg": "ES256"}"#, "--dir"])
        .arg(&directory)
        .output()
        .expect("the command runs");
    assert!(minted.status.success(), "{}", text(&minted.stderr));
    assert_eq!(text(&minted.stdout).trim().split('.').count(), 3);

    let id = server.id().to_string();
    assert!(Command::new("kill").arg(&id).status().expect("kill runs").success());
    assert!(server.wait().expect("an end").success(), "SIGTERM is an orderly end");
}

#[test]
fn mistakes_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = directory.path().join("world.json");
    fs::write(&world, r#"{"pods": [], "latncy_ms": 1}"#).expect("a file");
    let world = world.to_string_lossy();
    for (arguments, part) in [
        (["exec", "--dir", "x"].as_slice(), "invalid option '--dir'"),
        (&["exec"], "needs a command"),
        (&["start"], "no command \"start\""),
        (&["token"], "needs --dir"),
        (&["token", "--dir", "x", "--request", "{\"pods\": 1}"], "unknown field `pods`"),
        (&["serve", "--port", "high"], "high"),
        (&["exec", "--world", &world, "true"], "unknown field `latncy_ms`"),
        (&["exec", "--", "/no/such/program"], "/no/such/program"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    assert!(text(&run(&["--help"]).stdout).starts_with("A small Kubernetes API server"));
}
