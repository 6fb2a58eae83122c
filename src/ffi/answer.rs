//! Answers on their way to C: the document through an optional out-pointer, the code as the return value.

use std::ffi::c_char;
use std::ptr;

use crate::engine::{Answer, Document, plain};
use crate::outcome::{ErrorStyle, Reason};

use super::guard::guarded;

/// Runs `body` and answers with code and document. A panic is answered with `PANIC`.
///
/// # Safety
/// `json` is NULL or valid for a write.
pub(super) unsafe fn answer(json: *mut *mut c_char, body: impl FnOnce() -> Result<Answer, Reason>) -> i32 {
    // SAFETY: the caller of this function promises what `write` needs.
    unsafe { write(json, ptr::null_mut()) };
    let answer = guarded(|| body().unwrap_or_else(misuse));
    let answer = answer.unwrap_or_else(|| misuse(Reason::Panic));
    // SAFETY: as above.
    unsafe { hand_over(json, answer.document) };
    answer.code
}

/// Runs `body` and answers with a code alone.
pub(super) fn code(body: impl FnOnce() -> Result<(), Reason>) -> i32 {
    let reason = match guarded(body) {
        Some(Ok(())) => Reason::Ok,
        Some(Err(reason)) => reason,
        None => Reason::Panic,
    };
    reason.code(ErrorStyle::Precise)
}

/// Writes `value` unless the host does not want it.
///
/// # Safety
/// `out` is NULL or valid for a write.
pub(super) unsafe fn write<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, so valid for a write by the promise of this function's caller.
        unsafe { out.write(value) };
    }
}

/// Hands `document` to C, or drops it where the host does not want it.
///
/// # Safety
/// `json` is NULL or valid for a write.
unsafe fn hand_over(json: *mut *mut c_char, document: Document) {
    if !json.is_null() {
        // SAFETY: not NULL, so valid for a write by the promise of this function's caller.
        unsafe { json.write(document.into_raw()) };
    }
}

/// The answer to a call that is the calling program's fault.
fn misuse(reason: Reason) -> Answer {
    plain(reason, reason.row().meaning)
}
