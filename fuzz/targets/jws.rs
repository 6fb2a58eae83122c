//! A token against the cluster's keys: right is what one of them has signed under a fitting header, and nothing else;
//! and what its claims say is read as a plain reader reads it.
//!
//! An input is two bytes, a header up to the first line break, and claims. The bytes say who signs, and what is done to
//! the token afterwards.

#![no_main]

use std::sync::{Arc, LazyLock};

use fuzz::json::Members;
use fuzz::sign::Signer;
use fuzz::world;
use libfuzzer_sys::fuzz_target;
use psat_attestor::config::Config;
use psat_attestor::fuzzing::api::Token;
use psat_attestor::fuzzing::{Candidate, Keys, Standing, Verification};
use psat_attestor::outcome::ErrorStyle;
use serde_json::{Value, json};

/// One hour before the claims of the seeds expire.
const NOW: i64 = 1_799_996_400;

struct Cluster {
    config: Config,
    published: [Signer; 4],
    /// A key with a published name that is not published.
    foreign: Signer,
    keys: Keys,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let published = [
        Signer::new("ES256", Some("a")),
        Signer::new("ES256", None),
        Signer::new("ES384", Some("b")),
        Signer::new("RS256", Some("c")),
    ];
    let set = json!({"keys": published.each_ref().map(Signer::jwk)});
    Cluster {
        config: world::config("precise", json!({})),
        keys: Keys::parse(set.to_string().as_bytes()).expect("the set is good"),
        published,
        foreign: Signer::new("ES256", Some("a")),
    }
});

fuzz_target!(|input: &[u8]| {
    let [how, place, rest @ ..] = input else { return };
    let Cluster { published, foreign, keys, .. } = &*CLUSTER;
    let (header, claims) = split(rest);
    if how & 7 == 7 {
        // As it came: nobody has signed it.
        let token = String::from_utf8_lossy(rest);
        assert!(!matches!(keys.verify(&token), Verification::Verified(_)), "{token:?}");
        return;
    }
    let signer = published.get(usize::from(how & 7)).unwrap_or(foreign);
    let genuine = signer.token(header, claims);
    let token = spoilt(&genuine, how >> 3 & 3, *place);

    let verification = keys.verify(&token);
    let is_right = token == genuine && !std::ptr::eq(signer, foreign);
    match (&verification, fits(header, signer)) {
        (Verification::Verified(signed), fits) => {
            assert!(is_right, "accepted: {token}");
            assert!(fits.unwrap_or(true), "accepted under the header {:?}", String::from_utf8_lossy(header));
            assert_eq!(signed.as_bytes(), claims);
        }
        (_, Some(true)) => assert!(!is_right, "not accepted: {token} {verification:?}"),
        _ => {}
    }
    judge_candidate(token, claims, verification);
});

fn split(rest: &[u8]) -> (&[u8], &[u8]) {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    (&rest[..end], rest.get(end + 1..).unwrap_or_default())
}

fn spoilt(token: &str, how: u8, place: u8) -> String {
    let at = usize::from(place) * token.len() / 256;
    let mut bytes = token.as_bytes().to_vec();
    match how {
        // Another character, or another last bit of what it stands for.
        1 => bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' },
        2 => {
            if let Some(last) = bytes.last_mut() {
                *last = last.wrapping_add(1) & 0x7f;
            }
        }
        3 => bytes.truncate(at),
        _ => {}
    }
    String::from_utf8(bytes).expect("ASCII stays ASCII")
}

/// Whether the header lets this key speak for the token; `None` if a plain reader cannot read it.
fn fits(header: &[u8], signer: &Signer) -> Option<bool> {
    let members = Members::read(std::str::from_utf8(header).ok()?).filter(|members| !members.repeat())?;
    let text = |key| members.get(key).map(|value| serde_json::from_str::<String>(value.get()));
    let alg = text("alg")?.ok()?;
    let kid = text("kid").transpose().ok()?.filter(|kid| !kid.is_empty());
    let demands = members.get("crit").or(members.get("b64")).is_some();
    Some(!demands && alg == signer.alg && kid.as_deref().is_none_or(|kid| Some(kid) == signer.kid))
}

/// Rows 8 and 9, and the claims.
fn judge_candidate(token: String, claims: &[u8], verification: Verification) {
    let is_verified = matches!(verification, Verification::Verified(_));
    let cluster = Arc::clone(&CLUSTER.config.clusters["demo"]);
    let candidate = Candidate { cluster, token: Token::new(token) };
    let by_form = candidate.check_form(ErrorStyle::Precise).map(drop);
    let possible = !claims.is_empty() && candidate.token.expose().len() <= 16 * 1024;
    assert!(by_form.is_ok() || !(is_verified && possible), "{by_form:?}");
    match candidate.judge_signature(Some(verification), Some(NOW)) {
        Ok(Standing::Authentic(read)) => {
            assert!(is_verified);
            let Ok(said) = serde_json::from_slice::<Value>(claims) else { return };
            let own = &said["kubernetes.io"];
            assert_eq!(
                said["sub"],
                format!("system:serviceaccount:{}:{}", read.namespace, read.service_account)
            );
            assert_eq!(own["namespace"], read.namespace);
            assert_eq!(own["serviceaccount"]["name"], read.service_account);
            let pod = read.pod.expect("a token that is bound to no pod is refused");
            assert_eq!((&own["pod"]["name"], &own["pod"]["uid"]), (&json!(pod.name), &json!(pod.uid)));
            assert!(read.node.is_none_or(|node| own["node"]["name"] == node));
        }
        Ok(_) => {}
        Err(refusal) => {
            for text in [refusal.message(ErrorStyle::Precise, "demo").as_str(), &refusal.detail()] {
                assert!(text.len() <= 8192, "{text}");
            }
            assert!(refusal.is_by_token_alone());
        }
    }
}
