//! The C ABI as a host in C uses it, and what each call must hold to.

mod attestor;
mod queue;

use std::ffi::{CStr, c_char};
use std::io::Write as _;
use std::ptr::{null, null_mut};

pub use attestor::Attestor;
use psat_attestor::ffi::constants::PSAT_NULL_POINTER;
use psat_attestor::ffi::{psat_queue_new, psat_string_free};
pub use queue::Queue;
use serde_json::Value;

use crate::server::SERVER;
use crate::{gives_away, json};

/// Makes every panic end the process: the library catches its own, and keeps them to itself.
pub fn report_panics() {
    // The first call puts the library's hook in place, which would stand before this one otherwise.
    // SAFETY: NULL is allowed.
    assert_eq!(unsafe { psat_queue_new(null_mut()) }, PSAT_NULL_POINTER);
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(std::io::stderr(), "{panic}\n{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }));
}

/// Bytes as C hands them over.
fn lent(bytes: Option<&[u8]>) -> (*const c_char, usize) {
    bytes.map_or((null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}

/// Takes a document over from the library, looks at it, and frees it.
fn read(json: *mut c_char, code: i32) -> Value {
    assert!(!json.is_null());
    // SAFETY: the library promises a text that ends in NUL and is freed by psat_string_free, once.
    let text = unsafe {
        let text = CStr::from_ptr(json).to_owned();
        psat_string_free(json);
        text
    };
    let text = text.to_str().expect("a document is UTF-8");
    assert!(!gives_away(&SERVER.token, text), "{text}");
    let document = json::document(text, code);
    assert!(!document["reason"].as_str().is_some_and(|reason| reason.contains("PANIC")), "{text}");
    document
}
