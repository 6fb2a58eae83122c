//! An attestor behind its pointer.

use std::ffi::c_char;
use std::ptr::null_mut;

use psat_attestor::ffi::constants::{PSAT_CLOSED, PSAT_NULL_POINTER, PSAT_OK, PSAT_OPTIONS_MALFORMED};
use psat_attestor::ffi::{
    psat_attestor_attest, psat_attestor_cancel, psat_attestor_check, psat_attestor_configure,
    psat_attestor_events, psat_attestor_explain, psat_attestor_free, psat_attestor_new,
    psat_attestor_shutdown, psat_attestor_stats, psat_attestor_submit, psat_attestor_t,
};

use super::queue::Queue;
use super::{lent, read};

const DEADLINE_EXCEEDED: i32 = 4;
const SHUTTING_DOWN: i32 = 14;

/// What an attestation, or a look at clusters, may answer.
const CODES: [i32; 11] = [0, 3, 4, 5, 7, 8, 9, 13, 14, 16, PSAT_OPTIONS_MALFORMED];

/// An attestor, or the NULL pointer.
pub struct Attestor {
    handle: *mut psat_attestor_t,
    is_shut: bool,
    /// The operations that it has accepted.
    operations: Vec<u64>,
}

impl Default for Attestor {
    fn default() -> Self {
        Self { handle: null_mut(), is_shut: false, operations: Vec::new() }
    }
}

impl Attestor {
    /// Makes one, which stays NULL if the configuration is refused.
    #[must_use]
    pub fn new(config: Option<&[u8]>) -> Self {
        let mut attestor = Self::default();
        let mut json = null_mut();
        let (config, length) = lent(config);
        // SAFETY: all pointers are valid.
        let code = unsafe { psat_attestor_new(config, length, &raw mut attestor.handle, &raw mut json) };
        read(json, code);
        assert!(matches!(code, PSAT_OK | 3), "{code}");
        assert_eq!(attestor.handle.is_null(), code != PSAT_OK);
        attestor
    }

    /// Replaces the configuration.
    pub fn configure(&self, config: Option<&[u8]>) {
        let (config, length) = lent(config);
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code = unsafe { psat_attestor_configure(self.handle, config, length, &raw mut json) };
        read(json, code);
        self.expect(code, &[PSAT_OK, 3]);
    }

    /// Attests, or explains, and waits.
    pub fn attest(&self, explain: bool, payload: Option<&[u8]>, options: Option<&[u8]>) {
        let ((payload, payload_len), (options, options_len)) = (lent(payload), lent(options));
        let function = if explain { psat_attestor_explain } else { psat_attestor_attest };
        let mut json: *mut c_char = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code =
            unsafe { function(self.handle, payload, payload_len, options, options_len, &raw mut json) };
        read(json, code);
        self.expect(code, &CODES);
    }

    /// Begins an attestation whose answer comes to `queue`.
    pub fn submit(&mut self, queue: &mut Queue, payload: Option<&[u8]>, options: Option<&[u8]>, tag: u64) {
        let ((payload, payload_len), (options, options_len)) = (lent(payload), lent(options));
        let mut operation = 0;
        // SAFETY: the handles are NULL or live, all else is valid.
        let code = unsafe {
            psat_attestor_submit(
                self.handle,
                payload,
                payload_len,
                options,
                options_len,
                queue.handle(),
                tag,
                &raw mut operation,
            )
        };
        if code == PSAT_OK {
            assert!(!self.is_shut);
            queue.expect(tag, operation);
            self.operations.push(operation);
        } else if queue.handle().is_null() {
            assert_eq!(code, PSAT_NULL_POINTER);
        } else {
            self.expect(code, &[PSAT_CLOSED, PSAT_OPTIONS_MALFORMED]);
        }
    }

    /// Cancels one of the operations that were accepted here, or one that never was.
    pub fn cancel(&self, which: usize) {
        let operations = self.operations.as_slice();
        let operation = operations.get(which % operations.len().max(1)).copied().unwrap_or(u64::MAX);
        // SAFETY: the handle is NULL or live.
        self.expect(unsafe { psat_attestor_cancel(self.handle, operation) }, &[PSAT_OK]);
    }

    /// Looks at the clusters.
    pub fn check(&self, options: Option<&[u8]>) {
        let (options, length) = lent(options);
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code = unsafe { psat_attestor_check(self.handle, options, length, &raw mut json) };
        read(json, code);
        self.expect(code, &CODES);
    }

    /// Reads the counters, after a shutdown too.
    pub fn stats(&self) {
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code = unsafe { psat_attestor_stats(self.handle, &raw mut json) };
        let document = read(json, code);
        assert_eq!(code, if self.handle.is_null() { PSAT_NULL_POINTER } else { PSAT_OK });
        assert!(code != PSAT_OK || document["panics_caught"] == 0, "{document}");
    }

    /// Sends events to `queue`.
    pub fn events(&self, queue: &Queue, level: i32) {
        // SAFETY: the handles are NULL or live.
        let code = unsafe { psat_attestor_events(self.handle, queue.handle(), level) };
        self.expect(code, &[PSAT_OK, PSAT_CLOSED, PSAT_OPTIONS_MALFORMED, PSAT_NULL_POINTER]);
    }

    /// Shuts down, with a millisecond for it or with time enough.
    pub fn shutdown(&mut self, shortly: bool) {
        // SAFETY: the handle is NULL or live.
        let code = unsafe { psat_attestor_shutdown(self.handle, u32::from(shortly)) };
        if self.handle.is_null() {
            assert_eq!(code, PSAT_NULL_POINTER);
        } else {
            assert!(code == PSAT_OK || code == DEADLINE_EXCEEDED && shortly, "{code}");
            self.is_shut = true;
        }
    }

    /// Whether `code` is one of these, or says what is wrong with the handle.
    fn expect(&self, code: i32, codes: &[i32]) {
        if self.handle.is_null() {
            assert_eq!(code, PSAT_NULL_POINTER);
        } else if self.is_shut {
            // A fault of the caller may be told first.
            let is_callers = code >= PSAT_NULL_POINTER && codes.contains(&code);
            assert!(code == SHUTTING_DOWN || is_callers, "{code}");
        } else {
            assert!(codes.contains(&code), "{code}");
        }
    }
}

impl Drop for Attestor {
    fn drop(&mut self) {
        // SAFETY: the handle is NULL or live, and not used any more.
        unsafe { psat_attestor_free(self.handle) };
    }
}
