//! Which entries of a key set can be used, and which sets.

use aws_lc_rs::rsa::KeySize;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::key::Entry;
use super::super::set::KeySet;
use super::super::verification::Verification;
use super::signer::{Signer, encode, jws, set};

fn is_usable(jwk: &Value) -> bool {
    Entry::read(jwk).is_some_and(|entry| entry.key.is_some())
}

fn with(mut jwk: Value, key: &str, value: Value) -> Value {
    jwk[key] = value;
    jwk
}

fn without(mut jwk: Value, key: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(key);
    jwk
}

#[test]
fn what_need_not_be_said_may_be_missing() {
    let (ec, [rsa, _]) = (Signer::ec("ES256"), Signer::shared_rsa());
    for jwk in [ec.jwk(Some("k")), rsa.jwk(Some("k"))] {
        assert!(is_usable(&jwk));
        for absent in ["use", "alg", "kid"] {
            assert!(is_usable(&without(jwk.clone(), absent)), "without {absent}");
        }
        assert!(is_usable(&with(jwk.clone(), "key_ops", json!(["verify", "sign"]))));
        assert!(is_usable(&with(jwk, "x5c", json!(["ignored"]))));
    }
}

#[test]
fn what_is_for_something_else_is_no_signing_key() {
    let jwk = Signer::ec("ES256").jwk(Some("k"));
    assert!(Entry::read(&with(jwk.clone(), "use", json!("enc"))).is_none());
    for (key, value) in [
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("alg", json!(1)),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("kty", json!("OKP")),
        ("kty", json!("oct")),
        ("kty", json!("ec")),
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("crv", json!("secp256k1")),
        ("crv", json!("Ed25519")),
    ] {
        let entry = Entry::read(&with(jwk.clone(), key, value.clone())).expect("it may have signed a token");
        assert!(entry.key.is_none(), "{key} {value}");
        assert_eq!(entry.kid.as_deref(), Some("k"));
    }
    for absent in ["kty", "crv", "x", "y"] {
        assert!(!is_usable(&without(jwk.clone(), absent)), "without {absent}");
    }
    for not_an_object in [json!(1), json!("k"), json!([]), Value::Null] {
        assert!(!is_usable(&not_an_object), "{not_an_object}");
    }
}

#[test]
fn a_point_lies_on_its_curve_and_has_its_full_length() {
    for alg in ["ES256", "ES384", "ES512"] {
        let signer = Signer::ec(alg);
        let (jwk, [x, y]) = (signer.jwk(None), signer.numbers());
        for (key, wrong) in [
            ("x", y.clone()),
            ("y", x.clone()),
            ("x", format!("{x}=")),
            ("x", format!("{x}AAAA")),
            ("x", format!("AAAA{x}")),
            ("x", x[4..].to_owned()),
            ("x", String::new()),
            ("x", encode([0; 32])),
            ("y", encode([255; 66])),
        ] {
            assert!(!is_usable(&with(jwk.clone(), key, json!(wrong))), "{alg} {key} {wrong}");
        }
    }
}

#[test]
fn rsa_has_2048_to_8192_bits() {
    let [signer, _] = Signer::shared_rsa();
    let jwk = signer.jwk(None);
    // Odd numbers of a length: whether they are products of two primes is not asked, nor can it be.
    let of_bits = |bits: usize| {
        let mut number = vec![0xff; bits.div_ceil(8)];
        number[0] >>= number.len() * 8 - bits;
        with(jwk.clone(), "n", json!(encode(number)))
    };
    for (bits, usable) in [
        (1024, false),
        (2047, false),
        (2048, true),
        (3072, true),
        (4096, true),
        (8192, true),
        (8193, false),
        (16384, false),
        (65536, false),
    ] {
        assert_eq!(is_usable(&of_bits(bits)), usable, "{bits} bits");
    }
    let larger = Signer::rsa(KeySize::Rsa3072);
    assert!(matches!(
        set(&[larger.jwk(Some("k"))]).verify(jws(&larger.token(Some("k"))), true),
        Verification::Verified(_)
    ));
    let [n, _] = signer.numbers();
    assert!(!is_usable(&with(jwk.clone(), "n", json!(format!("{n}=")))));
    let even = with(jwk.clone(), "n", json!(encode([0xf0; 256])));
    assert!(!is_usable(&even), "no product of two odd primes is even");
    let modulus = URL_SAFE_NO_PAD.decode(n).unwrap();
    let padded = with(jwk, "n", json!(encode([&[0], modulus.as_slice()].concat())));
    assert!(is_usable(&padded), "a sign byte is passed over");
}

#[test]
fn a_public_exponent_is_odd_and_small() {
    let jwk = Signer::shared_rsa()[0].jwk(None);
    let of = |e: &[u8]| is_usable(&with(jwk.clone(), "e", json!(encode(e))));
    for good in [&[3][..], &[1, 0, 1], &[0, 1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(of(good), "{good:?}");
    }
    for bad in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1], &[0xff; 256], &[0xff; 4096]] {
        assert!(!of(bad), "{bad:?}");
    }
}

#[test]
fn a_set_is_an_object_with_a_list_of_keys_one_of_which_can_be_used() {
    let jwk = Signer::ec("ES256").jwk(Some("k"));
    let parse = |document: &str| KeySet::parse(document.as_bytes());
    for document in
        ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[]"#, "<html>", "[[]]"]
    {
        assert!(parse(document).is_err(), "{document}");
    }
    let useless = json!({"keys": [with(jwk.clone(), "use", json!("enc")), {"kty": "OKP"}, 7]});
    assert_eq!(parse(&useless.to_string()).unwrap_err(), "the key set has no key that can be used");
    assert_eq!(parse(r#"{"keys":[]}"#).unwrap_err(), "the key set has no key that can be used");

    let mixed = json!({"keys": [{"kty": "OKP", "kid": "x"}, jwk, null], "more": true});
    assert_eq!(parse(&mixed.to_string()).unwrap().usable(), 1, "the others are passed over");
    let many = |number| json!({"keys": vec![&jwk; number]}).to_string();
    assert_eq!(parse(&many(100)).unwrap().usable(), 100);
    assert_eq!(parse(&many(101)).unwrap_err(), "the key set has more than 100 keys");
}

#[test]
fn sets_are_the_same_by_their_keys_and_not_by_their_spelling() {
    let (one, other) = (Signer::ec("ES256"), Signer::ec("ES256"));
    let same = without(without(one.jwk(Some("k")), "alg"), "use");
    assert_eq!(set(&[one.jwk(Some("k"))]), set(&[same]));
    assert_ne!(set(&[one.jwk(Some("k"))]), set(&[other.jwk(Some("k"))]));
    assert_ne!(set(&[one.jwk(Some("k"))]), set(&[one.jwk(Some("l"))]));
}
