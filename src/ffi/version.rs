//! Version functions and the release of documents.

use std::ffi::{CString, c_char};

use super::constants::PSAT_ABI_VERSION;
use super::guard::guarded;
use crate::engine::Document;

/// The version of the ABI that the library speaks.
///
/// Compare it with the `PSAT_ABI_VERSION` that your program was built with before you call anything else.
///
/// Threads: may be called at any time, in a forked child too.
#[unsafe(no_mangle)]
pub extern "C" fn psat_abi_version() -> u32 {
    PSAT_ABI_VERSION
}

/// The version of the library, such as "0.1.0".
///
/// Returns a static string: it is never freed.
///
/// Threads: may be called at any time, in a forked child too.
#[unsafe(no_mangle)]
pub extern "C" fn psat_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Frees a document that a function of this library handed out.
///
/// NULL is fine. Any other pointer must come from a `json` argument or from `psat_completion_t.json`, and is freed
/// once, its text as long as it was. `free()` of the C library must not be used.
///
/// Threads: any thread may free any document, in a forked child too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_string_free(json: *mut c_char) {
    guarded(|| {
        if !json.is_null() {
            // SAFETY: the C caller promises that `json` came from this library and is freed once; every document
            // that leaves it is a `CString` turned raw.
            drop(Document::reclaim(unsafe { CString::from_raw(json) }));
        }
    });
}
