//! Tokens that try to be taken for more than they are.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::super::jws::Jws;
use super::super::set::KeySet;
use super::super::verification::{Unverified, Verification, Why};
use super::signer::{CLAIMS, Signer, encode, jws, set};

fn unverified(verification: Verification) -> Why {
    match verification {
        Verification::Unverified(Unverified { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

fn is_verified(verification: &Verification) -> bool {
    matches!(verification, Verification::Verified(_))
}

fn is_wrong(verification: &Verification) -> bool {
    matches!(verification, Verification::Wrong)
}

fn header(value: &Value) -> String {
    value.to_string()
}

#[test]
fn every_algorithm_of_kubernetes_is_verified_and_its_claims_are_those_signed() {
    let [rsa, _] = Signer::shared_rsa();
    let signers = ["ES256", "ES384", "ES512"].map(Signer::ec);
    for signer in signers.iter().chain([rsa]) {
        let set = set(&[signer.jwk(Some("k"))]);
        match set.verify(jws(&signer.token(Some("k"))), true) {
            Verification::Verified(claims) => assert_eq!(claims.as_bytes(), CLAIMS.as_bytes()),
            other => panic!("{}: {other:?}", signer.alg()),
        }
    }
}

#[test]
fn one_changed_bit_anywhere_is_noticed() {
    let signer = Signer::ec("ES256");
    let set = set(&[signer.jwk(Some("k"))]);
    let token = signer.token(Some("k"));
    let [head, claims, signature]: [&str; 3] =
        token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let other_claims = encode(CLAIMS.replace("spire-agent", "spire-admin"));
    assert!(is_wrong(&set.verify(jws(&format!("{head}.{other_claims}.{signature}")), true)));
    let spaced = encode(r#"{"alg": "ES256","kid":"k"}"#);
    assert!(
        is_wrong(&set.verify(jws(&format!("{spaced}.{claims}.{signature}")), true)),
        "same meaning, other bytes"
    );
    for empty in ["", "AA", &encode([0; 64]), &encode([255; 64]), &encode([0; 65])] {
        assert!(is_wrong(&set.verify(jws(&format!("{head}.{claims}.{empty}")), true)), "{empty}");
    }
}

#[test]
fn no_signature_and_a_shared_secret_are_no_algorithms_here() {
    let [rsa, _] = Signer::shared_rsa();
    let set = set(&[rsa.jwk(Some("k"))]);
    let none = format!("{}.{}.", encode(r#"{"alg":"none","kid":"k"}"#), encode(CLAIMS));
    assert_eq!(unverified(set.verify(jws(&none), true)), Why::OtherAlgorithm);

    // The classic: the public key, which everybody knows, as the secret.
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"k"}"#), encode(CLAIMS));
    for secret in
        [rsa.public_der(), rsa.jwk(Some("k")).to_string().into_bytes(), rsa.numbers()[0].clone().into()]
    {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let token = format!("{signed}.{}", encode(tag));
        assert_eq!(unverified(set.verify(jws(&token), true)), Why::OtherAlgorithm);
    }
}

#[test]
fn an_alg_other_than_the_keys_is_unverified_and_never_wrong() {
    let (ec, [rsa, _]) = (Signer::ec("ES256"), Signer::shared_rsa());
    let set = set(&[ec.jwk(Some("ec")), rsa.jwk(Some("rsa"))]);
    for (kid, alg) in [
        ("ec", "RS256"),
        ("ec", "ES384"),
        ("ec", "ES512"),
        ("ec", "es256"),
        ("ec", "PS256"),
        ("ec", "EdDSA"),
        ("rsa", "ES256"),
        ("rsa", "RS384"),
        ("rsa", "RS512"),
        ("rsa", "PS256"),
        ("rsa", ""),
    ] {
        for signer in [&ec, rsa] {
            let token = signer.token_with(&header(&json!({"alg": alg, "kid": kid})), CLAIMS);
            assert_eq!(unverified(set.verify(jws(&token), true)), Why::OtherAlgorithm, "{kid} {alg}");
        }
    }
}

#[test]
fn a_key_of_another_cluster_is_unknown_or_wrong_and_never_right() {
    let (ours, theirs) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let set = set(&[ours.jwk(Some("ours"))]);
    assert_eq!(unverified(set.verify(jws(&theirs.token(Some("theirs"))), true)), Why::UnknownKid);
    assert!(is_wrong(&set.verify(jws(&theirs.token(Some("ours"))), true)), "theirs under our name");
    assert!(is_wrong(&set.verify(jws(&theirs.token(None)), true)), "theirs without a name");
    assert_eq!(
        unverified(set.verify(jws(&ours.token(Some("theirs"))), true)),
        Why::UnknownKid,
        "ours under their name: the kid decides which keys are tried"
    );
}

#[test]
fn all_keys_under_a_kid_are_tried() {
    let signers = [Signer::ec("ES256"), Signer::ec("ES256"), Signer::ec("ES384")];
    let entries: Vec<Value> = signers.iter().map(|signer| signer.jwk(Some("same"))).collect();
    let set = set(&entries);
    for signer in &signers {
        assert!(is_verified(&set.verify(jws(&signer.token(Some("same"))), true)));
    }
    assert!(is_wrong(&set.verify(jws(&Signer::ec("ES256").token(Some("same"))), true)));
}

#[test]
fn without_a_kid_all_keys_are_tried_and_a_key_without_kid_is_named_by_none() {
    let (named, nameless) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let set = set(&[named.jwk(Some("k")), nameless.jwk(None)]);
    for signer in [&named, &nameless] {
        assert!(is_verified(&set.verify(jws(&signer.token(None)), true)));
        let empty = signer.token_with(&header(&json!({"alg": "ES256", "kid": ""})), CLAIMS);
        assert!(is_verified(&set.verify(jws(&empty), true)), "an empty kid is none");
    }
    assert_eq!(unverified(set.verify(jws(&nameless.token(Some("x"))), true)), Why::UnknownKid);
    assert!(is_wrong(&set.verify(jws(&nameless.token(Some("k"))), true)));
}

#[test]
fn a_key_replaced_under_its_kid_is_found_in_the_new_set_and_until_then_not_wrong() {
    let (before, after) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let (old, new) = (set(&[before.jwk(Some("k"))]), set(&[after.jwk(Some("k"))]));
    let token = after.token(Some("k"));
    let verification = old.verify(jws(&token), false);
    let Verification::Unverified(unverified) = verification else { panic!("{verification:?}") };
    assert_eq!(unverified, Unverified { why: Why::OldKeys, kid: None }, "a forger may name it as well");
    assert!(unverified.why.may_be_outdated());
    assert!(is_verified(&new.verify(jws(&token), true)));
    assert!(is_wrong(&new.verify(jws(&before.token(Some("k"))), true)), "the old one counts no more");
}

#[test]
fn a_key_that_cannot_be_used_may_have_signed() {
    let (known, unknown) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let mut weak = Signer::shared_rsa()[0].jwk(Some("k"));
    weak["n"] = encode([0xc5; 128]).into();
    let set = set(&[known.jwk(Some("k")), weak]);
    assert!(is_verified(&set.verify(jws(&known.token(Some("k"))), true)));
    assert_eq!(unverified(set.verify(jws(&unknown.token(Some("k"))), true)), Why::UnusableKey);
    assert_eq!(unverified(set.verify(jws(&unknown.token(None)), true)), Why::UnusableKey);
}

#[test]
fn a_token_is_tried_with_few_keys() {
    let signers: Vec<Signer> = (0..9).map(|_| Signer::ec("ES256")).collect();
    let entries: Vec<Value> = signers.iter().map(|signer| signer.jwk(Some("k"))).collect();
    assert!(is_verified(&set(&entries[..8]).verify(jws(&signers[7].token(Some("k"))), true)));
    assert_eq!(unverified(set(&entries).verify(jws(&signers[0].token(Some("k"))), true)), Why::TooManyKeys);
    assert_eq!(unverified(set(&entries).verify(jws(&signers[0].token(None)), true)), Why::TooManyKeys);
}

#[test]
fn a_header_that_demands_more_is_unverified_though_its_signature_is_right() {
    let signer = Signer::ec("ES256");
    let set = set(&[signer.jwk(Some("k"))]);
    for demand in [
        r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#,
        r#"{"alg":"ES256","kid":"k","crit":[]}"#,
        r#"{"alg":"ES256","kid":"k","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"ES256","kid":"k","b64":true}"#,
    ] {
        assert_eq!(
            unverified(set.verify(jws(&signer.token_with(demand, CLAIMS)), true)),
            Why::Demands,
            "{demand}"
        );
    }
    let harmless =
        r#"{"typ":"JWT","jku":"https://attacker.example/jwks","jwk":{"kty":"oct"},"kid":"k","alg":"ES256"}"#;
    assert!(
        is_verified(&set.verify(jws(&signer.token_with(harmless, CLAIMS)), true)),
        "no address is followed"
    );
}

#[test]
fn a_header_that_reads_in_two_ways_is_unverified_though_its_signature_is_right() {
    let signer = Signer::ec("ES256");
    let set = set(&[signer.jwk(Some("k"))]);
    for ambiguous in [
        r#"{"alg":"none","alg":"ES256","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"x","\u006bid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","typ":"a","typ":"b"}"#,
        r#"{"alg":["ES256"],"kid":"k"}"#,
        r#"{"alg":"ES256","kid":["k"]}"#,
        r#"{"alg":"ES256","kid":null}"#,
        r#"{"alg":"ES256","kid":"k"}{}"#,
        r#"["ES256","k"]"#,
        "\"ES256\"",
        "null",
        "",
    ] {
        assert_eq!(
            unverified(set.verify(jws(&signer.token_with(ambiguous, CLAIMS)), true)),
            Why::Form,
            "{ambiguous}"
        );
    }
}

#[test]
fn every_other_spelling_of_a_part_is_no_token() {
    let signer = Signer::ec("ES256");
    let set = set(&[signer.jwk(Some("k"))]);
    // Claims of 2 bytes end in 4 spare bits, which a lax decoder drops.
    let token = signer.token_with(r#"{"alg":"ES256","kid":"k"}"#, "{}");
    assert!(is_verified(&set.verify(jws(&token), true)));
    let [head, claims, signature]: [&str; 3] =
        token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    assert_eq!(claims, "e30");
    for other in [
        format!("{head}.e30=.{signature}"),
        format!("{head}.e31.{signature}"),
        format!("{head}.e3 0.{signature}"),
        format!("{head}=.{claims}.{signature}"),
        format!("{head}.{claims}.{signature}=="),
        format!("{head}.{claims}.{signature}\n"),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{head}.{claims}"),
        format!(".{head}.{claims}.{signature}"),
        head.to_owned(),
        String::new(),
    ] {
        assert!(Jws::decode(&other).is_err(), "{other}");
    }
    let spare = format!("{}{}", &signature[..signature.len() - 1], next_letter(signature));
    assert!(Jws::decode(&format!("{head}.{claims}.{spare}")).is_err(), "spare bits");
}

/// The last letter with one of its spare bits set: 64 bytes leave four of them.
fn next_letter(part: &str) -> char {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = ALPHABET.find(part.chars().last().unwrap()).unwrap();
    char::from(ALPHABET.as_bytes()[last | 1])
}

#[test]
fn a_flood_of_invented_kids_is_unknown_each_time() {
    let (ours, theirs) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let set = set(&[ours.jwk(Some("k"))]);
    for number in 0..100 {
        let kid = format!("invented-{number}");
        let verification = set.verify(jws(&theirs.token(Some(&kid))), true);
        let Verification::Unverified(unverified) = verification else { panic!("{verification:?}") };
        assert_eq!(unverified, Unverified { why: Why::UnknownKid, kid: Some(kid) });
    }
}

#[test]
fn whether_it_has_signed_is_told_by_keys_that_the_token_names_alone() {
    let (ours, theirs) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let set = set(&[ours.jwk(Some("k")), theirs.jwk(None)]);
    let has_signed = |signer: &Signer, kid| set.has_signed(&jws(&signer.token(kid)));
    assert_eq!(has_signed(&ours, Some("k")), Some(true));
    assert_eq!(has_signed(&theirs, Some("k")), Some(false));
    for kid in [None, Some("other")] {
        assert_eq!((has_signed(&ours, kid), has_signed(&theirs, kid)), (None, None), "{kid:?}");
    }
}

#[test]
fn claims_are_shown_by_no_formatter() {
    let signer = Signer::ec("ES256");
    let set: KeySet = set(&[signer.jwk(Some("k"))]);
    let shown = format!("{:?}", set.verify(jws(&signer.token(Some("k"))), true));
    assert_eq!(shown, "Verified(SignedClaims([hidden]))");
}
