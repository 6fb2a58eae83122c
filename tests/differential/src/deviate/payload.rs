//! What an agent sends.

use fastrand::Rng;

use super::Deviation;
use crate::case::{Case, Payload, TOKEN, pick};

pub(super) const ALL: &[Deviation] = &[
    ("no payload", 2, |case, rng| {
        case.payload = if rng.bool() { Payload::default() } else { Payload::of("") };
    }),
    ("payload is another value", 4, |case, rng| {
        case.payload = Payload::of(pick(
            rng,
            &["null", " null\n", "{}", "[]", "\"x\"", "1", "true", "[{}]", "-", "nul"],
        ));
    }),
    ("payload is broken", 6, broken),
    ("no cluster in the payload", 4, |case, rng| {
        let token = format!("\"{TOKEN}\"");
        let members = match pick(rng, &["", "null", "\"\""]) {
            "" => vec![("token", &*token)],
            cluster => vec![("cluster", cluster), ("token", &*token)],
        };
        case.payload = Payload::of(Payload::object(&members));
    }),
    ("no token in the payload", 4, |case, rng| {
        let cluster = format!("{:?}", case.names.cluster);
        let members = match pick(rng, &["", "null", "\"\""]) {
            "" => vec![("cluster", &*cluster)],
            token => vec![("cluster", &*cluster), ("token", token)],
        };
        case.payload = Payload::of(Payload::object(&members));
    }),
    ("a member has another type", 5, |case, rng| {
        let value = pick(rng, &["1", "true", "[]", "{}", "[\"a\"]", "{\"a\":\"b\"}", "-0.5e3"]);
        let (cluster, token) = (format!("{:?}", case.names.cluster), format!("\"{TOKEN}\""));
        let members = if rng.bool() {
            [("cluster", value), ("token", &*token)]
        } else {
            [("cluster", &*cluster), ("token", value)]
        };
        case.payload = Payload::of(Payload::object(&members));
    }),
    ("unknown cluster", 6, |case, rng| {
        let long = format!("\"{}\"", "c".repeat(127 + rng.usize(..3)));
        let name = pick(
            rng,
            &[
                "\"Demo\"",
                "\"demo \"",
                "\"a\\\"b\\\\\"",
                "\"\\u0000\\n\\u007f\\u200b\"",
                "\"é’\\ud83d\\ude00\"",
                "\"\\ufeff\\ufffd\"",
                &long,
            ],
        );
        case.payload = Payload::of(Payload::object(&[("cluster", name), ("token", &format!("\"{TOKEN}\""))]));
        case.payload.form = (name.len() > 130).then_some("unknown cluster's name is cut");
    }),
    ("a key in another case", 5, another_case),
    ("a key twice", 4, |case, rng| {
        let (cluster, token) = (format!("{:?}", case.names.cluster), format!("\"{TOKEN}\""));
        let twice = match rng.u8(..4) {
            0 => ("cluster", &*cluster),
            1 => ("cluster", "\"beside\""),
            2 => ("tok\\u0065n", "\"x\""),
            _ => ("more", "1"),
        };
        let members = [("more", "null"), ("cluster", &*cluster), ("token", &*token), twice];
        case.payload =
            Payload { form: Some("payload has a key twice"), ..Payload::of(Payload::object(&members)) };
    }),
    ("text that is no Unicode", 3, no_unicode),
    ("deep nesting", 2, |case, _| {
        let deep = "[".repeat(500) + &"]".repeat(500);
        let members = [
            ("cluster", &*format!("{:?}", case.names.cluster)),
            ("more", &*deep),
            ("token", &*format!("\"{TOKEN}\"")),
        ];
        case.payload = Payload::of(Payload::object(&members));
    }),
    ("large payload", 2, |case, rng| {
        let bytes = case.payload.bytes.get_or_insert_default();
        let size = if rng.bool() { 65 * 1024 } else { 60 * 1024 };
        bytes.extend(std::iter::repeat_n(b' ', size));
    }),
];

fn broken(case: &mut Case, rng: &mut Rng) {
    let mut bytes = case.payload.bytes.take().unwrap_or_default();
    let half = bytes.len() / 2;
    match rng.u8(..7) {
        0 => bytes.truncate(half),
        1 => bytes.extend(b"x"),
        2 => bytes.extend(b"{}"),
        3 => bytes.splice(..0, "\u{feff}".bytes()).for_each(drop),
        4 => bytes = Payload::object(&[("cluster", "\"a\tb\"")]),
        5 => bytes = Payload::object(&[("cluster", "\"\\x\"")]),
        _ => bytes = Payload::object(&[("cluster", "'demo'"), ("token", "01")]),
    }
    case.payload = Payload::of(bytes);
}

/// Go takes a key in any case, the last one counts; here it is an unknown one.
fn another_case(case: &mut Case, rng: &mut Rng) {
    let (cluster, token) = (format!("{:?}", case.names.cluster), format!("\"{TOKEN}\""));
    let exact = [("cluster", &*cluster), ("token", &*token)];
    let odd = match rng.u8(..6) {
        0 => [("Cluster", &*cluster), ("token", &*token)],
        1 => [("cluster", &*cluster), ("TOKEN", &*token)],
        2 => [("clu\u{17f}ter", &*cluster), ("to\u{212a}en", &*token)],
        _ => exact,
    };
    let (mut members, mut kept) = (odd.to_vec(), odd.to_vec());
    if odd == exact {
        members.push(
            *rng.choice(&[("Cluster", "\"beside\""), ("Token", "\"x\""), ("tokeN", "1")]).expect("a choice"),
        );
    }
    kept.retain(|(key, _)| exact.iter().any(|(name, _)| name == key));
    case.payload = Payload::of(Payload::object(&members));
    case.payload.form = Some("payload has a key in another case");
    case.payload.taken_for = Some(Payload::object(&kept));
}

fn no_unicode(case: &mut Case, rng: &mut Rng) {
    let (cluster, token) = (format!("{:?}", case.names.cluster), format!("\"{TOKEN}\""));
    let surrogate = rng.bool();
    let key = if surrogate { "\\ud800" } else { "a?" };
    let member =
        if rng.bool() { (key, "1") } else { ("more", if surrogate { "\"\\udc00x\"" } else { "\"a?\"" }) };
    let mut bytes = Payload::object(&[("cluster", &*cluster), ("token", &*token), member]);
    if !surrogate {
        bytes.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    }
    case.payload = Payload { form: Some("payload has text that is no Unicode"), ..Payload::of(bytes) };
}
