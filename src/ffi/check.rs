//! `psat_attestor_check`

use std::ffi::c_char;

use super::answer::answer;
use super::attestor::{as_handle, psat_attestor_t};
use super::handle::{Handle, bytes};

/// Looks at the configured clusters and waits for the answer: can they be used, and if not, why, and what helps?
///
/// `options` is NULL with 0, or a JSON object from the host: `timeout_ms`, for all of it (absent = `attest_timeout_ms`), and
/// `clusters`, a list of names (absent or empty = all). It is borrowed for the call. `*json` becomes a document with, for
/// each cluster, the `steps` that an attestation needs, in the order in which it needs them; `json` may be NULL. It is for
/// operators and may name addresses, files and users; it never holds a credential. Nothing is attested, and no slot is taken.
///
/// Returns 0 if all can be used, else the code of the first failed step of the first that cannot; 3 (`CLUSTER_UNKNOWN`),
/// 9 (`NOT_CONFIGURED`), 14 (`SHUTTING_DOWN`: also when the attestor is shut down meanwhile), or from 1000 a fault of the
/// calling program.
///
/// Threads: any number at once; the calling thread sleeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_check(
    attestor: *mut psat_attestor_t,
    options: *const c_char,
    options_len: usize,
    json: *mut *mut c_char,
) -> i32 {
    // SAFETY: the C caller promises that `attestor` is NULL or a live attestor, that `options` is NULL or valid for reads of
    // `options_len` bytes, and that `json` is NULL or valid for a write.
    unsafe {
        answer(json, || {
            let handle = Handle::borrow(as_handle(attestor))?;
            Ok(handle.inner.0.check(bytes(options, options_len)?))
        })
    }
}
