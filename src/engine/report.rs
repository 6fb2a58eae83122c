//! The shapes of documents: what is said of an attestation, of a configuration, and of a call that went wrong.

use std::time::Duration;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::document::{Answer, Document};
use super::options::Options;
use crate::attest::{AgentAttributes, Findings, Refusal, Trail};
use crate::cluster::CallRecord;
use crate::config::Note;
use crate::outcome::{AgentSafe, ErrorStyle, Reason, grpc};
use crate::step::Step;

/// What an attestation's document is made from.
#[derive(Debug)]
pub(crate) struct Attestation<'a> {
    pub(crate) operation: u64,
    pub(crate) generation: u64,
    pub(crate) style: ErrorStyle,
    /// The configured cluster that was named, if any.
    pub(crate) cluster: Option<&'a str>,
    pub(crate) options: &'a Options,
    pub(crate) findings: Findings,
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) elapsed: Duration,
}

impl Attestation<'_> {
    /// The answer for `verdict`.
    pub(crate) fn answer(&self, verdict: &Result<AgentAttributes, Refusal>) -> Answer {
        let refusal = verdict.as_ref().err();
        let code = refusal.map_or(grpc::OK, |refusal| refusal.code(self.style));
        let message = refusal.map(|refusal| refusal.message(self.style, self.cluster.unwrap_or_default()));
        let document = Document::of(&AttestationDocument {
            code,
            reason: refusal.map_or(Reason::Ok, Refusal::reason).word(),
            message: message.as_ref().map(AgentSafe::as_str),
            agent_attributes: verdict.as_ref().ok(),
            operation: self.operation,
            config_generation: self.generation,
            steps: self.findings.trail.as_ref().map(Trail::steps),
            diagnostics: self.diagnostics(refusal),
        });
        Answer { code, document }
    }

    /// What a log record says of this attestation.
    pub(crate) fn fields<'f>(&'f self, verdict: &'f Result<AgentAttributes, Refusal>) -> impl Serialize + 'f {
        let refusal = verdict.as_ref().err();
        AttestationFields {
            operation: self.operation,
            code: refusal.map_or(grpc::OK, |refusal| refusal.code(self.style)),
            reason: refusal.map_or(Reason::Ok, Refusal::reason).word(),
            spiffe_id: verdict.as_ref().ok().map(|attributes| attributes.spiffe_id.as_str()),
            diagnostics: self.diagnostics(refusal),
        }
    }

    fn diagnostics(&self, refusal: Option<&Refusal>) -> Diagnostics<'_> {
        Diagnostics {
            cluster: self.cluster,
            lookup: self.findings.lookup,
            credential_id: self.findings.credential_id.as_deref(),
            elapsed_us: micros(self.elapsed),
            api_calls: ApiCalls(&self.calls),
            warnings: &self.findings.warnings,
            detail: refusal.map(Refusal::detail),
            options: self.options,
        }
    }
}

#[derive(Serialize)]
struct AttestationFields<'a> {
    #[serde(serialize_with = "as_text")]
    operation: u64,
    code: i32,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<&'a str>,
    #[serde(flatten)]
    diagnostics: Diagnostics<'a>,
}

#[derive(Serialize)]
struct AttestationDocument<'a> {
    code: i32,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_attributes: Option<&'a AgentAttributes>,
    #[serde(serialize_with = "as_text")]
    operation: u64,
    config_generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<&'a [Step]>,
    diagnostics: Diagnostics<'a>,
}

/// Numbers of 64 bits are not safe with every reader of JSON.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[derive(Serialize)]
struct Diagnostics<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_id: Option<&'a str>,
    elapsed_us: u64,
    api_calls: ApiCalls<'a>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(flatten)]
    options: &'a Options,
}

struct ApiCalls<'a>(&'a [CallRecord]);

impl Serialize for ApiCalls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ApiCall {
            call: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
            attempts: u32,
            elapsed_us: u64,
        }
        let mut calls = serializer.serialize_seq(Some(self.0.len()))?;
        for record in self.0 {
            calls.serialize_element(&ApiCall {
                call: record.call.word(),
                status: record.status,
                attempts: record.attempts,
                elapsed_us: micros(record.elapsed),
            })?;
        }
        calls.end()
    }
}

/// The document of `validate`, `new` and `configure`.
#[derive(Serialize)]
pub(crate) struct Validation<'a> {
    pub(crate) code: i32,
    pub(crate) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'a str>,
    pub(crate) valid: bool,
    /// The configuration in force after the call; 0 = none.
    pub(crate) config_generation: u64,
    pub(crate) notes: &'a [Note],
}

/// The answer of an operation whose work is lost: nothing else is known of it.
pub(crate) fn lost(reason: Reason, operation: u64) -> Answer {
    let refusal = if reason == Reason::ShuttingDown { Refusal::ShuttingDown } else { Refusal::InternalPanic };
    Attestation {
        operation,
        generation: 0,
        style: ErrorStyle::Precise,
        cluster: None,
        options: &Options::default(),
        findings: Findings::default(),
        calls: Vec::new(),
        elapsed: Duration::ZERO,
    }
    .answer(&Err(refusal))
}

/// An answer that has a reason and a message alone: a fault of the caller, a panic, a call after shutdown.
pub(crate) fn plain(reason: Reason, message: &str) -> Answer {
    #[derive(Serialize)]
    struct Plain<'a> {
        code: i32,
        reason: &'static str,
        message: &'a str,
    }
    // Reasons that are answered in this way have the same code in both styles.
    let code = reason.code(ErrorStyle::Precise);
    Answer { code, document: Document::of(&Plain { code, reason: reason.word(), message }) }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
