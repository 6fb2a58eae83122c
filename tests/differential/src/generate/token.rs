//! The token, which the cluster then judges itself.

use devcluster::{Algorithm, SignatureState, TokenRequest};
use fastrand::Rng;
use serde_json::json;

use super::{Deviation, any};
use crate::case::Case;

pub(super) const ALL: &[Deviation] = &[
    ("token is no token", 4, |case, rng| {
        case.status = None;
        let long = "a".repeat(17 * 1024);
        let raw = any(
            rng,
            [
                "x",
                "a.b",
                "a.b.c",
                "...",
                "e30.e30.e30",
                "eyJhbGciOiJub25lIn0.e30.",
                "a b.c",
                "\"\\\u{1}é",
                &long,
            ],
        );
        case.token.raw = Some(raw.to_owned());
    }),
    ("token has spaces around it", 4, |case, rng| {
        let token = any(rng, [" ", "\t", "x", "x\n", " x", "\u{a0}x"]);
        case.token.raw = Some(token.to_owned());
    }),
    ("token has expired", 3, |case, _| genuine(case, |token| token.expires_in = -4000)),
    ("token is for another audience", 4, |case, rng| {
        let several = rng.bool();
        genuine(case, |token| {
            token.audience = if several { vec!["a".into(), "b\"c".into()] } else { vec!["a".into()] }
        });
    }),
    ("token is unbound", 4, |case, _| {
        genuine(case, |token| token.pod = None);
    }),
    ("token of another account", 4, |case, rng| {
        let (namespace, account) =
            any(rng, [("default", "default"), ("spire", "nobody"), ("spire", "spire-server")]);
        genuine(case, |token| {
            (token.namespace, token.service_account) = (namespace.to_owned(), account.to_owned());
        });
    }),
    ("token of another pod", 3, |case, _| genuine(case, |token| token.pod = Some("another".to_owned()))),
    ("token of a pod that is gone", 2, |case, _| genuine(case, |token| token.pod = Some("gone".to_owned()))),
    ("signature", 4, |case, rng| {
        let broken = rng.bool();
        genuine(case, |token| {
            token.signature = if broken { SignatureState::Broken } else { SignatureState::Empty }
        });
    }),
    ("unknown key", 2, |case, _| genuine(case, |token| (token.alg, token.key) = (Algorithm::Es256, 1))),
    ("claims", 4, claims),
];

/// The cluster says what it finds.
fn genuine(case: &mut Case, change: impl FnOnce(&mut TokenRequest)) {
    case.status = None;
    change(&mut case.token);
}

fn claims(case: &mut Case, rng: &mut Rng) {
    let claims = [
        json!({"kubernetes.io": null}),
        json!({"kubernetes.io": {"pod": "x"}}),
        json!({"kubernetes.io": {"pod": {"name": 1}}}),
        json!({"kubernetes.io": {"pod": {"uid": "x"}}}),
        json!({"kubernetes.io": {"serviceaccount": {"uid": "x"}}}),
        json!({"aud": "spire-server"}),
        json!({"aud": 1}),
        json!({"exp": "x"}),
        json!({"exp": null}),
        json!({"sub": "system:serviceaccount:a:b"}),
        json!({"iss": "https://elsewhere"}),
    ];
    let claims = any(rng, claims);
    genuine(case, |token| token.claims = Some(claims));
}
