//! What an agent sends: rows 2 to 8 of the checks say the same as a second, plain reading of the payload.

#![no_main]

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};

use fuzz::json::Members;
use fuzz::{gives_away, world};
use libfuzzer_sys::fuzz_target;
use psat_attestor::config::Config;
use psat_attestor::fuzzing::api::WITHHELD;
use psat_attestor::fuzzing::{Refusal, admit};
use psat_attestor::outcome::{ErrorStyle, Reason};
use serde_json::json;

/// No text for an agent or an operator is longer: words of the table, and names that are cut after 128 characters.
const LONGEST_TEXT: usize = 4096;

/// More than the library has words for bad payloads and tokens.
const MOST_TEXTS: usize = 40;

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

static CONFIG: LazyLock<Config> = LazyLock::new(|| world::config("precise", json!({})));

fuzz_target!(|payload: &[u8]| {
    let read = read(payload);
    match (admit(&CONFIG, payload), &read) {
        (Ok(candidate), Ok(token)) => {
            assert_eq!(candidate.cluster.name, "demo");
            assert_eq!(candidate.token.expose(), token);
            match candidate.check_form(ErrorStyle::Precise) {
                Ok(_) => assert!(may_be_jws(token), "the form of {token:?} was taken"),
                Err(refusal) => {
                    assert_eq!(refusal.reason(), Reason::TokenMalformed);
                    judge_words(&refusal, token);
                }
            }
        }
        (Err(refusal), Err((reason, token))) => {
            assert_eq!(refusal.reason(), *reason);
            judge_words(&refusal, token);
        }
        (Ok(_), Err((reason, _))) => panic!("admitted, although {}", reason.word()),
        (Err(refusal), Ok(_)) => panic!("refused: {refusal:?}"),
    }
});

/// The token of a payload for `demo`, or why it has none; beside the reason, the token as far as it was read.
fn read(payload: &[u8]) -> Result<String, (Reason, String)> {
    let refuse = |reason| Err((reason, String::new()));
    if payload.is_empty() {
        return refuse(Reason::PayloadMissing);
    }
    if payload.len() > 64 * 1024 {
        return refuse(Reason::PayloadTooLarge);
    }
    let Ok(text) = std::str::from_utf8(payload) else { return refuse(Reason::PayloadMalformed) };
    if text.trim_matches([' ', '\t', '\r', '\n']) == "null" {
        return refuse(Reason::ClusterMissing);
    }
    let Some(members) = Members::read(text).filter(|members| !members.repeat()) else {
        return refuse(Reason::PayloadMalformed);
    };
    let (Ok(cluster), Ok(token)) = (members.text("cluster"), members.text("token")) else {
        return refuse(Reason::PayloadMalformed);
    };
    let token = token.unwrap_or_default().trim_matches([' ', '\t', '\r', '\n']).to_owned();
    match cluster.unwrap_or_default().as_str() {
        "" => Err((Reason::ClusterMissing, token)),
        _ if token.is_empty() => Err((Reason::TokenMissing, token)),
        "demo" => Ok(token),
        _ => Err((Reason::ClusterUnknown, token)),
    }
}

/// Three parts of base64url, as far as that can be told from the characters.
fn may_be_jws(token: &str) -> bool {
    let of_alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let parts: Vec<&str> = token.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.len() % 4 != 1 && part.chars().all(of_alphabet))
}

fn judge_words(refusal: &Refusal, token: &str) {
    for style in [ErrorStyle::Precise, ErrorStyle::Upstream] {
        judge_text(refusal.message(style, "demo").as_str(), token);
    }
    judge_text(&refusal.detail(), token);
}

/// Names stand in quotes, and hold nothing of the token; everything else is words of the library, which are few.
fn judge_text(text: &str, token: &str) {
    assert!(text.len() <= LONGEST_TEXT, "{} bytes", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
    let name = text.find('"').zip(text.rfind('"')).map_or(0..0, |(begin, end)| begin..end);
    let shown = text[name.clone()].trim_matches('"').trim_end_matches('…');
    // Escapes are the library's, and a token may look like them, or like what stands for a name that is not told.
    let is_own = shown.contains('\\') || shown.contains(WITHHELD);
    assert!(is_own || !gives_away(token, shown), "{text}");

    let words = [&text[..name.start], &text[name.end..]].concat().replace(|c: char| c.is_ascii_digit(), "");
    let mut seen = SEEN.lock().expect("nobody panics while adding");
    seen.insert(words);
    assert!(seen.len() <= MOST_TEXTS, "{seen:?}");
}
