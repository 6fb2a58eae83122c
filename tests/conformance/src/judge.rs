//! Holds what a door answered against what was expected.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use serde_json::{Map, Value};

use crate::format::{Expect, Note, Via};
use crate::notes::{matches, shown};
use crate::plan::Way;

/// Faults of the calling program begin here.
const CALLER_FAULTS: i32 = 1000;
const SHUTTING_DOWN: i32 = 14;
/// The checks that an explanation shows, each once.
const CHECKS: usize = 27;

/// What a door answered, and what the cluster saw of it.
#[derive(Debug)]
pub(crate) struct Observed<'a> {
    /// The code returned.
    pub(crate) code: i32,
    /// The document's bytes.
    pub(crate) document: &'a [u8],
    /// Requests by call; none where no cluster was running.
    pub(crate) calls: BTreeMap<&'static str, u64>,
    /// How it was asked.
    pub(crate) way: Way,
}

/// Everything that is not as expected, one entry each; empty = passed.
pub(crate) fn complaints(expect: &Expect, observed: &Observed, secrets: &[String]) -> Vec<String> {
    let mut judge = Judge::default();
    judge.same("code returned", &expect.code, &observed.code);
    // An explanation goes on where an attestation ends.
    let explained = observed.way == Way::Attest(Via::Explain);
    if !explained {
        judge.calls(expect, &observed.calls);
    }
    if observed.document.is_empty() && submit_refuses(observed) {
        return judge.0;
    }
    let text = String::from_utf8_lossy(observed.document);
    for secret in secrets.iter().chain(&expect.not_contains) {
        if text.contains(secret.as_str()) {
            judge.say(format!("document holds {}", shortened(secret)));
        }
    }
    match serde_json::from_slice::<Map<String, Value>>(observed.document) {
        Ok(document) => {
            let document = Value::Object(document);
            judge.document(expect, observed.code, &document);
            if explained && observed.code < CALLER_FAULTS {
                judge.steps(expect, &document);
            }
        }
        Err(error) => judge.say(format!("document is no JSON object: {error}")),
    }
    judge.0
}

/// A submission that is not accepted has no completion, and so no document.
fn submit_refuses(observed: &Observed) -> bool {
    observed.way == Way::Attest(Via::Queue)
        && (observed.code >= CALLER_FAULTS || observed.code == SHUTTING_DOWN)
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    if start.len() < text.len() { format!("{start:?}…") } else { format!("{start:?}") }
}

#[derive(Default)]
struct Judge(Vec<String>);

impl Judge {
    fn say(&mut self, complaint: String) {
        self.0.push(complaint);
    }

    fn same<T: PartialEq + Debug + ?Sized>(&mut self, what: &str, expected: &T, got: &T) {
        if expected != got {
            self.say(format!("{what}:\n  expected {expected:?}\n  got      {got:?}"));
        }
    }

    fn member(&mut self, document: &Value, pointer: &str, expected: &Value) {
        let got = document.pointer(pointer).unwrap_or(&Value::Null);
        if got != expected {
            let what = pointer.trim_start_matches('/').replace('/', ".");
            self.say(format!("{what}:\n  expected {expected}\n  got      {got}"));
        }
    }

    fn calls(&mut self, expect: &Expect, calls: &BTreeMap<&'static str, u64>) {
        for (call, wanted) in &expect.calls {
            let got = calls.get(call.as_str()).copied();
            if !got.is_some_and(|number| wanted.allows(number)) {
                self.say(format!("calls.{call}:\n  expected {wanted:?}\n  got      {got:?}"));
            }
        }
    }

    fn document(&mut self, expect: &Expect, returned: i32, document: &Value) {
        self.member(document, "/code", &returned.into());
        self.member(document, "/reason", &expect.reason.as_str().into());
        self.message(expect, document);
        if let Some(valid) = expect.valid {
            self.member(document, "/valid", &valid.into());
        }
        if let Some(notes) = &expect.notes {
            self.notes(notes, &document["notes"]);
        }
        if expect.valid.is_none() {
            self.attestation(expect, document);
        }
    }

    /// Every check has its step; the first that fails has the reason of the whole, and something to do about it.
    fn steps(&mut self, expect: &Expect, document: &Value) {
        let steps = document["steps"].as_array().map_or(&[][..], Vec::as_slice);
        if steps.len() != CHECKS {
            self.say(format!("steps: expected {CHECKS}\n  got      {}", document["steps"]));
        }
        for step in steps {
            let outcome = step["outcome"].as_str().unwrap_or_default();
            let told = matches!(outcome, "pass" | "skip")
                || step["remedy"].as_str().is_some_and(|text| !text.is_empty());
            let known = matches!(outcome, "pass" | "fail" | "warn" | "skip");
            if !known || !told || step["detail"].as_str().is_none_or(str::is_empty) {
                self.say(format!("steps: this one is not complete: {step}"));
            }
        }
        let failed = steps.iter().find(|step| step["outcome"] == "fail");
        match (failed, expect.code) {
            (Some(step), 1..) => self.member(step, "/reason", &expect.reason.as_str().into()),
            (Some(step), _) => self.say(format!("steps: one fails in a success: {step}")),
            // What stops an attestation from outside is no check.
            (None, 1..)
                if !matches!(expect.reason.as_str(), "CANCELED" | "INTERNAL_PANIC" | "SHUTTING_DOWN") =>
            {
                let withheld = steps.iter().all(|step| step["outcome"] == "skip");
                if !withheld {
                    self.say(format!("steps: none fails, and the reason is {}", expect.reason));
                }
            }
            (None, _) => {}
        }
    }

    fn message(&mut self, expect: &Expect, document: &Value) {
        let got = &document["message"];
        if let Some(message) = &expect.message {
            self.member(document, "/message", &message.as_str().into());
        } else if let Some(beginning) = &expect.message_begins {
            if !got.as_str().is_some_and(|message| message.starts_with(beginning.as_str())) {
                self.say(format!("message:\n  expected {beginning:?} and more\n  got      {got}"));
            }
        } else if expect.code == 0 && expect.valid.is_none() && !got.is_null() {
            self.say(format!("message: a success has none\n  got      {got}"));
        }
    }

    fn attestation(&mut self, expect: &Expect, document: &Value) {
        if expect.code == 0 {
            self.attributes(expect, document);
            self.warnings(expect, &document["diagnostics"]["warnings"]);
        } else if document.get("agent_attributes").is_some() {
            self.say("agent_attributes: a failure has none".to_owned());
        }
        if let Some(lookup) = &expect.lookup {
            self.member(document, "/diagnostics/lookup", &lookup.as_str().into());
        }
        for (key, value) in &expect.diagnostics {
            self.member(document, &format!("/diagnostics/{key}"), value);
        }
        let detail = document["diagnostics"]["detail"].as_str().unwrap_or_default();
        for part in &expect.detail_contains {
            if !detail.contains(part.as_str()) {
                self.say(format!("diagnostics.detail:\n  expected …{part}…\n  got      {detail:?}"));
            }
        }
    }

    fn attributes(&mut self, expect: &Expect, document: &Value) {
        self.member(document, "/agent_attributes/can_reattest", &true.into());
        if let Some(id) = &expect.spiffe_id {
            self.member(document, "/agent_attributes/spiffe_id", &id.as_str().into());
        }
        let Some(selectors) = &expect.selectors else {
            return;
        };
        let got = texts(&document["agent_attributes"]["selector_values"]);
        if *selectors != got {
            self.say(format!("selectors:{}", difference(selectors, &got)));
        }
    }

    fn warnings(&mut self, expect: &Expect, got: &Value) {
        let got = texts(got);
        let fits = got.len() == expect.warnings.len()
            && got.iter().zip(&expect.warnings).all(|(text, word)| text.starts_with(word.as_str()));
        if !fits {
            self.say(format!("warnings:\n  expected {:?}\n  got      {got:?}", expect.warnings));
        }
    }

    fn notes(&mut self, wanted: &[Note], got: &Value) {
        let got: &[Value] = got.as_array().map_or(&[], Vec::as_slice);
        for note in wanted {
            if !got.iter().any(|candidate| matches(note, candidate)) {
                self.say(format!("notes: missing {}", shown(note)));
            }
        }
        for candidate in got {
            if !wanted.iter().any(|note| matches(note, candidate)) {
                self.say(format!("notes: not expected {candidate}"));
            }
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    list.as_array().map(|items| items.iter().map(text).collect()).unwrap_or_default()
}

/// Both lists line by line: `-` is expected and missing, `+` is there and not expected.
fn difference(expected: &[String], got: &[String]) -> String {
    let mut lines = String::new();
    for line in 0..expected.len().max(got.len()) {
        match (expected.get(line), got.get(line)) {
            (Some(wanted), Some(found)) if wanted == found => {
                let _ = write!(lines, "\n    {wanted}");
            }
            (wanted, found) => {
                for (sign, text) in [('-', wanted), ('+', found)] {
                    if let Some(text) = text {
                        let _ = write!(lines, "\n  {sign} {text}");
                    }
                }
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(expect: Value, code: i32, document: &Value, way: Way) -> Vec<String> {
        let expect: Expect = serde_json::from_value(expect).expect("an expectation");
        let bytes = if document.is_null() { Vec::new() } else { document.to_string().into_bytes() };
        let observed = Observed { code, document: &bytes, calls: [("pod", 2)].into(), way };
        complaints(&expect, &observed, &["secret".to_owned()])
    }

    fn blocking(expect: Value, code: i32, document: &Value) -> Vec<String> {
        judged(expect, code, document, Way::Attest(Via::Blocking))
    }

    fn success() -> Value {
        json!({"code": 0, "reason": "OK", "diagnostics": {"warnings": ["NODE_UID_STALE: x"]},
            "agent_attributes": {"spiffe_id": "id", "selector_values": ["a", "b"], "can_reattest": true}})
    }

    #[test]
    fn a_success_as_expected_passes() {
        let expect = json!({"code": 0, "reason": "OK", "spiffe_id": "id", "selectors": ["a", "b"],
            "warnings": ["NODE_UID_STALE"], "calls": {"pod": [1, 2]}});
        assert!(blocking(expect, 0, &success()).is_empty());
    }

    #[test]
    fn order_of_selectors_warnings_and_calls_are_held_against_the_case() {
        let expect = json!({"code": 0, "reason": "OK", "selectors": ["b", "a"], "calls": {"pod": 1}});
        let complaints = blocking(expect, 0, &success());
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints.iter().any(|text| text.contains("- b\n  + a")), "{complaints:?}");
    }

    #[test]
    fn code_returned_and_code_written_must_agree() {
        let document = json!({"code": 7, "reason": "X", "message": "m"});
        let complaints = blocking(json!({"code": 5, "reason": "X", "message": "m"}), 5, &document);
        assert_eq!(complaints, ["code:\n  expected 5\n  got      7"]);
    }

    #[test]
    fn a_secret_anywhere_in_the_document_is_found() {
        let document =
            json!({"code": 7, "reason": "X", "message": "m", "diagnostics": {"detail": "a secret"}});
        let complaints = blocking(json!({"code": 7, "reason": "X", "message": "m"}), 7, &document);
        assert_eq!(complaints, ["document holds \"secret\""]);
    }

    #[test]
    fn only_a_refused_submission_may_come_without_a_document() {
        let expect = json!({"code": 1004, "reason": "OPTIONS_MALFORMED"});
        assert!(judged(expect.clone(), 1004, &Value::Null, Way::Attest(Via::Queue)).is_empty());
        assert!(!blocking(expect, 1004, &Value::Null).is_empty());
        let refused = json!({"code": 7, "reason": "X", "message": "m"});
        assert!(!judged(refused, 7, &Value::Null, Way::Attest(Via::Queue)).is_empty());
    }

    #[test]
    fn notes_must_match_both_ways() {
        let document = json!({"code": 3, "reason": "CONFIG_INVALID", "message": "m", "valid": false, "notes": [
            {"severity": "error", "path": "a.b", "message": "Unknown key"}]});
        let expect =
            |notes: Value| json!({"code": 3, "reason": "CONFIG_INVALID", "valid": false, "notes": notes});
        let right = json!([{"severity": "error", "path_begins": "a", "message_contains": "unknown"}]);
        assert!(judged(expect(right), 3, &document, Way::Validate).is_empty());
        let wrong = json!([{"severity": "error", "path": "a"}]);
        assert_eq!(judged(expect(wrong), 3, &document, Way::Validate).len(), 2);
    }
}
