//! One line of what `explain` and `check` tell an operator: what was looked at, how it stands, and what to do about it.

use serde::Serialize;

use crate::outcome::Reason;

/// How a thing that was looked at stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Attestation fails because of it.
    Fail,
    /// Attestation succeeds, but it should be known.
    Warn,
    /// Not looked at; the detail says why.
    Skip,
}

/// One thing that was looked at. Holds no credential; it is for operators and may name addresses, files and users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which check it is, a stable word such as `service_account_allowed`.
    pub check: &'static str,
    /// How it stands.
    pub outcome: Outcome,
    /// The reason that an attestation ends with because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What was seen, and what was wanted where that differs.
    pub detail: String,
    /// What to do. Either a sentence, or a sentence that ends in a colon and, from the next line on, the very thing to use:
    /// a line of configuration (`path = JSON value`), a manifest in YAML, or a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Step {
    /// As it should be.
    #[must_use]
    pub fn pass(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Pass, reason: None, detail: detail.into(), remedy: None }
    }

    /// Attestation fails because of it.
    #[must_use]
    pub fn fail(
        check: &'static str,
        reason: Reason,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (detail, remedy) = (detail.into(), Some(remedy.into()));
        Self { check, outcome: Outcome::Fail, reason: Some(reason), detail, remedy }
    }

    /// It should be known.
    #[must_use]
    pub fn warn(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (detail, remedy) = (detail.into(), Some(remedy.into()));
        Self { check, outcome: Outcome::Warn, reason: None, detail, remedy }
    }

    /// Not looked at, and why.
    #[must_use]
    pub fn skip(check: &'static str, why: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Skip, reason: None, detail: why.into(), remedy: None }
    }

    /// Whether attestation fails because of it.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome == Outcome::Fail
    }
}

/// A sentence, and the thing to use on the lines after it.
#[must_use]
pub fn with_block(sentence: &str, block: &str) -> String {
    format!("{sentence}:\n{}", block.trim_end())
}
