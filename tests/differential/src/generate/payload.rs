//! What an agent sends.

use fastrand::Rng;
use serde_json::json;

use super::{Deviation, accepted, any, text};
use crate::case::{Case, Payload, TOKEN, TOKEN_VALUE};

pub(super) const ALL: &[Deviation] = &[
    ("no payload", 2, |case, rng| {
        case.payload = if rng.bool() { Payload::default() } else { Payload::of("") };
    }),
    ("payload is another value", 4, |case, rng| {
        let values = ["null", " null\n", "{}", "[]", "\"x\"", "1", "true", "[{}]", "-", "nul"];
        case.payload = Payload::of(any(rng, values));
    }),
    ("payload is broken", 6, broken),
    ("payload has other bytes", 10, other_bytes),
    ("no cluster in the payload", 4, |case, rng| {
        let without = [("token", TOKEN_VALUE)];
        let empty = |value| vec![("cluster", value), ("token", TOKEN_VALUE)];
        case.payload = Payload::object(&any(rng, [without.to_vec(), empty("null"), empty("\"\"")]));
    }),
    ("no token in the payload", 4, |case, rng| {
        let cluster = &*case.cluster_value();
        let without = [("cluster", cluster)];
        let empty = |value| vec![("cluster", cluster), ("token", value)];
        case.payload = Payload::object(&any(rng, [without.to_vec(), empty("null"), empty("\"\"")]));
    }),
    ("a member has another type", 5, |case, rng| {
        let value = any(rng, ["1", "true", "[]", "{}", "[\"a\"]", "{\"a\":\"b\"}", "-0.5e3"]);
        let cluster = &*case.cluster_value();
        let (cluster, token) = if rng.bool() { (value, TOKEN_VALUE) } else { (cluster, value) };
        case.payload = Payload::object(&[("cluster", cluster), ("token", token)]);
    }),
    ("unknown cluster", 6, unknown_cluster),
    ("a key in another case", 5, another_case),
    ("a key twice", 4, |case, rng| {
        let cluster = &*case.cluster_value();
        let twice =
            [("cluster", cluster), ("cluster", "\"beside\""), ("tok\\u0065n", "\"x\""), ("more", "1")];
        let members = [("more", "null"), ("cluster", cluster), ("token", TOKEN_VALUE), any(rng, twice)];
        let payload = Payload::object(&members);
        case.payload = Payload { form: Some("payload has a key twice"), ..payload };
    }),
    ("text that is no Unicode", 3, no_unicode),
    ("deep nesting", 2, |case, _| {
        let (cluster, deep) = (&*case.cluster_value(), &*("[".repeat(500) + &"]".repeat(500)));
        case.payload = Payload::object(&[("cluster", cluster), ("more", deep), ("token", TOKEN_VALUE)]);
    }),
    ("large payload", 2, |case, rng| {
        let size = any(rng, [60 * 1024, 65 * 1024]);
        case.payload.bytes.get_or_insert_default().extend(std::iter::repeat_n(b' ', size));
    }),
];

fn broken(case: &mut Case, rng: &mut Rng) {
    let mut bytes = case.payload.bytes.take().unwrap_or_default();
    let half = bytes.len() / 2;
    case.payload = match rng.u8(..7) {
        0 => Payload::object(&[("cluster", "\"a\tb\"")]),
        1 => Payload::object(&[("cluster", "\"\\x\"")]),
        2 => Payload::object(&[("cluster", "'demo'"), ("token", "01")]),
        other => {
            match other {
                3 => bytes.truncate(half),
                4 => bytes.extend(b"x"),
                5 => bytes.extend(b"{}"),
                _ => drop(bytes.splice(..0, "\u{feff}".bytes())),
            }
            Payload::of(bytes)
        }
    };
}

/// A sound payload with bytes that mean something in JSON, put in or in place of others.
fn other_bytes(case: &mut Case, rng: &mut Rng) {
    let mut bytes = accepted::payload(rng, case.names.cluster).bytes.unwrap_or_default();
    for _ in 0..any(rng, [1, 1, 2]) {
        let mut edited = bytes.clone();
        let at = rng.usize(..=edited.len());
        let replaced = (at + rng.usize(..3)).min(edited.len());
        let byte = any(rng, *b"{}[],:\"\\\n\x01/0129e+-.tfnu");
        edited.splice(at..replaced, [byte].into_iter().take(rng.usize(..2)));
        // Other tokens are the business of `token`.
        if edited.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()) {
            bytes = edited;
        }
    }
    case.payload = Payload::of(bytes);
}

fn unknown_cluster(case: &mut Case, rng: &mut Rng) {
    let long = "c".repeat(any(rng, [127, 128, 129]));
    let (one, two) = (text(rng), text(rng));
    let name = any(rng, ["Demo", "demo ", "a\"b\\", "\0\n\u{7f}\u{200b}", &one, &two, &long]);
    case.payload = Payload::object(&[("cluster", &json!(name).to_string()), ("token", TOKEN_VALUE)]);
    if name.chars().count() > 128 {
        case.payload.form = Some("unknown cluster's name is cut");
    }
}

/// Go takes a key in any case, the last one counts; here it is an unknown one.
fn another_case(case: &mut Case, rng: &mut Rng) {
    let cluster = &*case.cluster_value();
    let exact = [("cluster", cluster), ("token", TOKEN_VALUE)];
    let beside = |odd| [exact.to_vec(), vec![odd]].concat();
    let members = any(
        rng,
        [
            vec![("Cluster", cluster), exact[1]],
            vec![exact[0], ("TOKEN", TOKEN_VALUE)],
            vec![("clu\u{17f}ter", cluster), ("to\u{212a}en", TOKEN_VALUE)],
            beside(("Cluster", "\"beside\"")),
            beside(("Token", "\"x\"")),
            beside(("tokeN", "1")),
        ],
    );
    let kept: Vec<_> = members.iter().copied().filter(|member| exact.contains(member)).collect();
    case.payload = Payload {
        form: Some("payload has a key in another case"),
        taken_for: Payload::object(&kept).bytes,
        ..Payload::object(&members)
    };
}

fn no_unicode(case: &mut Case, rng: &mut Rng) {
    let odd = any(rng, [("\\ud800", "1"), ("more", "\"\\udc00x\""), ("a?", "1"), ("more", "\"a?\"")]);
    let cluster = case.cluster_value();
    let mut payload = Payload::object(&[("cluster", &cluster), ("token", TOKEN_VALUE), odd]);
    payload.bytes.iter_mut().flatten().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    case.payload = Payload { form: Some("payload has text that is no Unicode"), ..payload };
}
