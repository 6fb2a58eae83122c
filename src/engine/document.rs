//! Documents: the JSON that a host gets, and the count of those it still holds.

use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::options::Options;
use crate::attest::{AgentAttributes, Findings, Refusal};
use crate::cluster::CallRecord;
use crate::config::Note;
use crate::outcome::{ErrorStyle, Reason, grpc};

/// Documents that exist: with the host, in queues, on their way. Process-wide.
static ALIVE: AtomicU64 = AtomicU64::new(0);

/// How many documents exist now, in the whole process.
#[must_use]
pub fn documents_alive() -> u64 {
    ALIVE.load(Ordering::Relaxed)
}

/// One JSON document, NUL-terminated, counted while it lives.
#[derive(Debug)]
pub struct Document {
    text: CString,
    counted: Counted,
}

/// One place in the count of documents.
#[derive(Debug)]
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Document {
    pub(crate) fn of(value: &impl Serialize) -> Self {
        // The types here have string keys alone, and JSON escapes NUL: neither step can fail.
        let text = serde_json::to_vec(value).ok().and_then(|text| CString::new(text).ok());
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self { text: text.unwrap_or_default(), counted: Counted }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.to_str().unwrap_or_default()
    }

    /// Hands the text to C. It stays counted until [`Document::reclaim`].
    pub(crate) fn into_raw(self) -> *mut c_char {
        std::mem::forget(self.counted);
        self.text.into_raw()
    }

    /// Takes back what [`Document::into_raw`] handed out.
    pub(crate) fn reclaim(text: CString) -> Self {
        Self { text, counted: Counted }
    }
}

/// How a call or an operation ended: a code, and the document that says it in full.
#[derive(Debug)]
pub struct Answer {
    /// 0, a gRPC status code, or from 1000 a fault of the calling program.
    pub code: i32,
    /// The document; its `code` is the same.
    pub document: Document,
}

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
            message: message.as_ref().map(crate::outcome::AgentSafe::as_str),
            agent_attributes: verdict.as_ref().ok(),
            operation: &self.operation.to_string(),
            config_generation: self.generation,
            diagnostics: self.diagnostics(refusal),
        });
        Answer { code, document }
    }
}

impl Attestation<'_> {
    /// What a log record says of this attestation.
    pub(crate) fn fields<'f>(&'f self, verdict: &'f Result<AgentAttributes, Refusal>) -> impl Serialize + 'f {
        let refusal = verdict.as_ref().err();
        AttestationFields {
            operation: self.operation.to_string(),
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
    operation: String,
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
    operation: &'a str,
    config_generation: u64,
    diagnostics: Diagnostics<'a>,
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
