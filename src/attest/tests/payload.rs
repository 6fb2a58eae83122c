//! Rows 2 to 8: what can be told from the payload alone.

use serde_json::json;

use crate::attest::{Candidate, Refusal, Standing, admit};
use crate::config::{self, Config};
use crate::outcome::{ErrorStyle, Reason};

/// A token that nobody objects to by its form.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";

fn config(verify_signature: &str) -> Config {
    let cluster = json!({"service_account_allow_list": ["a:b"], "verify_signature": verify_signature});
    let document = json!({"trust_domain": "example.org", "clusters": {"demo": cluster}});
    config::check(document.to_string().as_bytes()).config.expect("a valid configuration")
}

fn candidate(verify_signature: &str, token: &str) -> Candidate {
    let payload = json!({"cluster": "demo", "token": token}).to_string();
    admit(&config(verify_signature), payload.as_bytes()).expect("it names all")
}

fn admitted(payload: &[u8]) -> Result<Candidate, Refusal> {
    admit(&config("auto"), payload)
}

#[test]
fn rows_2_to_7_are_judged_by_the_payload() {
    for (payload, reason) in [
        ("", Reason::PayloadMissing),
        ("{", Reason::PayloadMalformed),
        ("[]", Reason::PayloadMalformed),
        (r#"{"cluster":1}"#, Reason::PayloadMalformed),
        (r#"{"cluster":"demo","token":"t"} {}"#, Reason::PayloadMalformed),
        (r#"{"cluster":"demo","cluster":"demo","token":"t"}"#, Reason::PayloadMalformed),
        ("null", Reason::ClusterMissing),
        ("{}", Reason::ClusterMissing),
        (r#"{"cluster":null,"token":"t"}"#, Reason::ClusterMissing),
        (r#"{"cluster":"","token":"t"}"#, Reason::ClusterMissing),
        (r#"{"Cluster":"demo","token":"t"}"#, Reason::ClusterMissing),
        (r#"{"cluster":"demo"}"#, Reason::TokenMissing),
        (r#"{"cluster":"demo","token":" \t\r\n"}"#, Reason::TokenMissing),
        (r#"{"cluster":"other","token":"t"}"#, Reason::ClusterUnknown),
    ] {
        let refusal = admitted(payload.as_bytes()).expect_err("it is refused");
        assert_eq!(refusal.reason(), reason, "{payload}");
    }
    let candidate = admitted(br#"{"more":[1],"token":"\r\nt\n","cluster":"demo"}"#).expect("it names all");
    assert_eq!((candidate.cluster.name.as_str(), candidate.token.expose()), ("demo", "t"));
}

#[test]
fn row_3_a_payload_has_64_kib_at_most() {
    let padded = |bytes: usize| {
        let payload = json!({"cluster": "demo", "token": TOKEN}).to_string();
        format!("{payload}{}", " ".repeat(bytes - payload.len()))
    };
    assert!(admitted(padded(65_536).as_bytes()).is_ok());
    let refusal = admitted(padded(65_537).as_bytes()).expect_err("it is too large");
    assert_eq!(refusal.reason(), Reason::PayloadTooLarge);
    assert_eq!(refusal.detail(), "the payload has 65537 bytes");
}

#[test]
fn row_4_what_is_malformed_is_told_by_its_place_and_kind() {
    for (payload, detail) in [
        (&b"{\n  marker}"[..], "it is not JSON (line 2, column 3)"),
        (b"{", "it ends too early (line 1, column 1)"),
        (br#"{"token":1}"#, "a value has the wrong type, or a key stands twice (line 1, column 10)"),
        (b"{\"token\":\"\xff\"}", "it is not UTF-8"),
    ] {
        assert_eq!(admitted(payload).expect_err("it is malformed").detail(), detail);
    }
}

#[test]
fn row_8_a_token_has_16_kib_at_most() {
    let of_length = |bytes: usize| format!("{TOKEN}{}", "A".repeat(bytes - TOKEN.len()));
    assert!(candidate("auto", &of_length(16_384)).check_form(ErrorStyle::Precise).is_ok());
    let too_long = of_length(16_385);
    let refusal = candidate("auto", &too_long).check_form(ErrorStyle::Precise).err().expect("it is too long");
    assert_eq!(refusal.reason(), Reason::TokenMalformed);
    assert_eq!(refusal.detail(), "the token was refused by its form: it is longer than 16 KiB");
}

#[test]
fn row_8_is_the_api_servers_where_upstreams_answers_are_wanted_and_nothing_is_verified() {
    for (style, verify_signature, judged) in [
        (ErrorStyle::Precise, "auto", true),
        (ErrorStyle::Precise, "off", true),
        (ErrorStyle::Upstream, "auto", true),
        (ErrorStyle::Upstream, "off", false),
    ] {
        let candidate = candidate(verify_signature, "no.token");
        assert_eq!(candidate.check_form(style).is_err(), judged, "{style:?} {verify_signature}");
    }
}

#[test]
fn row_9_is_judged_unless_verify_signature_is_off() {
    let auto = candidate("auto", TOKEN);
    assert!(auto.is_to_be_verified());
    assert!(matches!(auto.judge_signature(None, None), Ok(Standing::KeysUnknown)));
    let off = candidate("off", TOKEN);
    assert!(!off.is_to_be_verified());
    assert!(matches!(off.judge_signature(None, None), Ok(Standing::NotJudged)));
}
