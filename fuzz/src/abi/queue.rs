//! A completion queue behind its pointer.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use psat_attestor::ffi::constants::{
    PSAT_CLOSED, PSAT_COMPLETION_ATTESTATION, PSAT_COMPLETION_EVENT, PSAT_NULL_POINTER, PSAT_OK,
};
use psat_attestor::ffi::{
    psat_completion_t, psat_queue_close, psat_queue_fd, psat_queue_free, psat_queue_new, psat_queue_next,
    psat_queue_t, psat_queue_wake, psat_string_free,
};

use super::read;

/// Completions that are taken at once.
const CAPACITY: usize = 3;

/// A queue, or the NULL pointer.
pub struct Queue {
    handle: *mut psat_queue_t,
    is_closed: bool,
    /// Tags and operations that are not completed yet.
    outstanding: Vec<(u64, u64)>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { handle: null_mut(), is_closed: false, outstanding: Vec::new() }
    }
}

impl Queue {
    /// Makes one.
    #[must_use]
    pub fn new() -> Self {
        let mut queue = Self::default();
        // SAFETY: the pointer is valid.
        let code = unsafe { psat_queue_new(&raw mut queue.handle) };
        assert_eq!(code, PSAT_OK);
        // SAFETY: the handle is live.
        assert!(unsafe { psat_queue_fd(queue.handle) } >= 0);
        queue
    }

    pub(super) fn handle(&self) -> *mut psat_queue_t {
        self.handle
    }

    /// Notes that a submission to this queue was accepted.
    pub(super) fn expect(&mut self, tag: u64, operation: u64) {
        assert!(!self.is_closed);
        self.outstanding.push((tag, operation));
    }

    /// Closes it.
    pub fn close(&mut self) {
        self.is_closed = true;
        // SAFETY: the handle is NULL or live.
        unsafe { psat_queue_close(self.handle) };
    }

    /// Ends a wait.
    pub fn wake(&self) {
        // SAFETY: the handle is NULL or live.
        unsafe { psat_queue_wake(self.handle) };
    }

    /// Takes what is there, and holds it against what was submitted. Whether more can come.
    pub fn next(&mut self, timeout_ms: i32) -> bool {
        let mut taken = [const { MaybeUninit::<psat_completion_t>::uninit() }; CAPACITY];
        let mut count = usize::MAX;
        let out = taken.as_mut_ptr().cast();
        // SAFETY: the handle is NULL or live, and there is room for as many as are asked for.
        let code = unsafe { psat_queue_next(self.handle, out, CAPACITY, timeout_ms, &raw mut count) };
        assert!(count <= CAPACITY && (code == PSAT_OK || count == 0));
        for completion in &taken[..count] {
            // SAFETY: the library has written as many as it says.
            self.judge(unsafe { completion.assume_init_ref() });
        }
        match code {
            PSAT_OK => true,
            PSAT_CLOSED => {
                assert!(self.is_closed);
                false
            }
            _ => {
                assert_eq!((code, self.handle), (PSAT_NULL_POINTER, null_mut()));
                false
            }
        }
    }

    fn judge(&mut self, completion: &psat_completion_t) {
        // SAFETY: the document is live and ends in NUL.
        assert_eq!(unsafe { CStr::from_ptr(completion.json) }.count_bytes(), completion.json_len);
        if completion.kind == PSAT_COMPLETION_EVENT {
            // SAFETY: the document is the library's, and freed once.
            unsafe { psat_string_free(completion.json) };
            return;
        }
        assert_eq!(completion.kind, PSAT_COMPLETION_ATTESTATION);
        let document = read(completion.json, completion.code);
        assert_eq!(document["operation"], completion.operation.to_string());
        let one = (completion.tag, completion.operation);
        let at = self.outstanding.iter().position(|own| *own == one).expect("somebody submitted this");
        self.outstanding.swap_remove(at);
    }

    /// Closes it and takes all that is to come, which is every submission that was accepted: its attestors are freed.
    pub fn empty(&mut self) {
        self.close();
        while self.next(-1) {}
        assert_eq!(self.outstanding, [], "not all is completed");
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the handle is NULL or live, and not used any more.
        unsafe { psat_queue_free(self.handle) };
    }
}
