//! An API server that does not answer, or not what it should.

use devcluster::{Answer, Fault, Permission};
use fastrand::Rng;
use serde_json::json;

use super::{Deviation, any};
use crate::case::Case;

/// For calls that are never answered. Those before must be answered in it, on a busy machine too.
const PATIENCE_MS: u64 = 5_000;

pub(super) const ALL: &[Deviation] = &[
    ("a status", 12, |case, rng| {
        let status = any(rng, [400, 401, 403, 404, 409, 410, 422, 500, 501, 502]);
        answer(case, rng, Answer { status: Some(status), ..Answer::default() });
    }),
    ("a status that may pass", 2, |case, rng| {
        let status = any(rng, [429, 503, 504]);
        case.passing_failure = rng.bool();
        let at_once = [("retry-after".to_owned(), "0".to_owned())];
        let headers = at_once.into_iter().filter(|_| status == 429).collect();
        answer(case, rng, Answer { status: Some(status), headers, ..Answer::default() });
    }),
    ("a redirect", 2, |case, rng| {
        let status = any(rng, [301, 302, 307]);
        let headers = [("location".to_owned(), "https://127.0.0.1:1/".to_owned())].into();
        answer(case, rng, Answer { status: Some(status), headers, ..Answer::default() });
    }),
    ("a body", 8, |case, rng| {
        let text = any(
            rng,
            [
                "",
                "null",
                "[]",
                "{",
                "{}",
                "1",
                "<html>",
                "\"x\"",
                "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"m\",\"code\":500}",
            ],
        );
        let content_type = Some("application/json".to_owned());
        answer(case, rng, Answer { text: Some(text.to_owned()), content_type, ..Answer::default() });
    }),
    ("another object", 6, |case, rng| {
        let body = any(
            rng,
            [
                json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}),
                json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}}),
                json!({"metadata": {"name": "x"}}),
                json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x", "uid": "y"}}),
                json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "x", "uid": "y"}}),
            ],
        );
        answer(case, rng, Answer { body: Some(body), ..Answer::default() });
    }),
    ("a broken connection", 2, |case, rng| {
        let faults = [
            Fault::ResetBeforeHeaders,
            Fault::ResetInBody,
            Fault::TruncatedBody,
            Fault::CloseBeforeHeaders,
            Fault::Garbage,
        ];
        let mut fault = any(rng, faults);
        if rng.u8(..16) == 0 {
            fault = Fault::HangBeforeHeaders;
            case.timeout_ms = PATIENCE_MS;
        }
        answer(case, rng, Answer { fault: Some(fault), ..Answer::default() });
    }),
    ("a missing permission", 5, |case, rng| {
        case.status = None;
        let missing = any(rng, [Permission::TokenReviews, Permission::Pods, Permission::Nodes]);
        case.world.reviewer.permissions.retain(|permission| *permission != missing);
    }),
];

/// Scripts an answer to one of the three calls.
fn answer(case: &mut Case, rng: &mut Rng, answer: Answer) {
    let answers = &mut case.world.answers;
    let script = match rng.u8(..3) {
        0 => &mut answers.token_review,
        1 => &mut answers.pod,
        _ => &mut answers.node,
    };
    *script = vec![answer];
}
