//! A kubeconfig: no error and no formatter gives a credential away, and what is read says the same when it is written out
//! and read again.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use kube::config::Kubeconfig;
use libfuzzer_sys::fuzz_target;
use psat_attestor::fuzzing::load_kubeconfig;
use serde_json::Value;

/// A shorter one is a word, and may stand in other words.
const SHORTEST_SECRET: usize = 16;

/// Names, paths and addresses of the file may be told whole.
const OTHER_WORDS: usize = 4096;

/// YAML has no longer keys than 1024 characters, with their quotes, on the line of their value, as JSON has them.
const LONGEST_KEY: usize = 1000;

/// Where the kubeconfig is written to. Other files beside it are not there.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("psat-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder.join("kubeconfig")
});

fuzz_target!(|input: &[u8]| {
    // Nothing but the kubeconfig is to be read: a device could wait for ever.
    if [b"/dev".as_slice(), b"/proc", b"/sys"].iter().any(|folder| holds(input, folder)) {
        return;
    }
    fs::write(&*FILE, input).expect("a file can be written");
    let loaded = load_kubeconfig(&FILE);
    let text = String::from_utf8_lossy(input);
    let parsed = Kubeconfig::from_yaml(text.trim_start_matches('\u{feff}')).ok();
    let written = parsed.and_then(|config| serde_json::to_value(config).ok());
    let secrets = written.as_ref().map(secrets).unwrap_or_default();
    let shown = match &loaded {
        Ok(loaded) => &loaded.shown,
        Err(words) => words,
    };
    assert!(shown.len() <= OTHER_WORDS + 4 * input.len(), "{} bytes", shown.len());
    for secret in &secrets {
        assert!(!shown.contains(secret), "{secret:?} in {shown}");
    }
    let (Ok(loaded), Some(written)) = (loaded, written) else { return };
    if longest_key(&written) > LONGEST_KEY {
        return;
    }
    fs::write(&*FILE, written.to_string()).expect("a file can be written");
    match load_kubeconfig(&FILE) {
        Ok(again) => assert!(loaded == again, "{} became {}", loaded.shown, again.shown),
        Err(words) => panic!("{} became: {words}", loaded.shown),
    }
});

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn longest_key(value: &Value) -> usize {
    let longest = |(key, value): (&String, &Value)| key.len().max(longest_key(value));
    match value {
        Value::Array(items) => items.iter().map(longest_key).max().unwrap_or(0),
        Value::Object(members) => members.iter().map(longest).max().unwrap_or(0),
        _ => 0,
    }
}

/// The credentials in a kubeconfig, but for those that something else in it repeats, which may be told.
fn secrets(config: &Value) -> Vec<String> {
    let (mut secrets, mut others) = (Vec::new(), Vec::new());
    collect(config, "", &mut secrets, &mut others);
    secrets
        .retain(|secret| secret.len() >= SHORTEST_SECRET && !others.iter().any(|text| text.contains(secret)));
    secrets
}

fn collect(value: &Value, key: &str, secrets: &mut Vec<String>, others: &mut Vec<String>) {
    match value {
        Value::String(text) if matches!(key, "token" | "password" | "client-key-data") => {
            secrets.push(text.trim().to_owned());
        }
        Value::String(text) => others.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, secrets, others)),
        Value::Object(members) => {
            for (key, value) in members {
                others.push(key.clone());
                collect(value, key, secrets, others);
            }
        }
        _ => {}
    }
}
