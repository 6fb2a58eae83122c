//! `options`: what the host, never the agent, says about one attestation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attest::JsonFault;

/// The known options; unknown keys are ignored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Options {
    #[serde(default, skip_serializing)]
    timeout_ms: Option<u64>,
    /// The agent's address. Echoed, decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peer: Option<Box<str>>,
    /// A W3C trace context. Echoed, decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Box<str>>,
    /// The host's name for the request. Echoed, decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<Box<str>>,
    /// Where this attestation is to panic.
    #[cfg(feature = "fault-injection")]
    #[serde(default, skip_serializing)]
    pub(crate) panic_in: Option<PanicIn>,
}

/// The places where tests can cause a panic.
#[cfg(feature = "fault-injection")]
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PanicIn {
    /// While the attestation is judged.
    Check,
    /// In the task that makes the connection which the attestation waits for.
    Connection,
    /// While the attestation's answer is written.
    Completion,
}

impl Options {
    /// Reads `document`, which may be empty.
    ///
    /// # Errors
    /// It is not a JSON object, or a known key has a value of the wrong type.
    pub fn parse(document: &[u8]) -> Result<Self, JsonFault> {
        if document.is_empty() {
            return Ok(Self::default());
        }
        // A sequence would pass for the struct otherwise.
        let starts_object = document.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        let parsed = serde_json::from_slice::<Self>(document).map_err(|e| JsonFault::of(&e))?;
        if starts_object { Ok(parsed) } else { Err(JsonFault::no_object()) }
    }

    /// The time that the host allows, if it says so.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }

    /// Whether this attestation is to panic at `place`.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn panics_in(&self, place: PanicIn) -> bool {
        self.panic_in == Some(place)
    }

    /// Panics if this attestation is to panic at `place`.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn panic_here(&self, place: PanicIn) {
        assert!(!self.panics_in(place), "injected fault");
    }

    /// Bytes held while the attestation waits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        [&self.peer, &self.traceparent, &self.request_id].into_iter().flatten().map(|text| text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_null_and_unknown_keys_mean_the_defaults() {
        for text in ["", "{}", r#"{"timeout_ms":null,"peer":null}"#, r#"{"color":"red","deep":{"a":[1]}}"#] {
            let options = Options::parse(text.as_bytes()).expect(text);
            assert_eq!(options.timeout(), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_such_object_is_the_callers_fault() {
        for text in [
            "null",
            "[]",
            "[5]",
            "5",
            "{",
            r#"{"timeout_ms":"5"}"#,
            r#"{"timeout_ms":-1}"#,
            r#"{"peer":5}"#,
            "{} x",
        ] {
            assert!(Options::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_timeout_is_in_milliseconds() {
        let options = Options::parse(br#"{"timeout_ms":1500}"#).expect("valid options");
        assert_eq!(options.timeout(), Some(Duration::from_millis(1500)));
    }
}
