//! Documents: the JSON that a host gets, and the count of those it still holds.

use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Documents that exist: with the host, in queues, on their way. Process-wide.
static ALIVE: AtomicU64 = AtomicU64::new(0);

/// Room for most documents.
const USUAL_BYTES: usize = 1024;

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
        let mut text = Vec::with_capacity(USUAL_BYTES);
        let written = serde_json::to_writer(&mut text, value).ok();
        let text = written.and_then(|()| CString::new(text).ok());
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
