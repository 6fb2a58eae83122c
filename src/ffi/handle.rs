//! Handles: what an opaque pointer points to, and how a call gets hold of it.

use std::slice;
use std::sync::Arc;

use super::process::Process;
use crate::outcome::Reason;

/// Something that C holds a pointer to.
///
/// A handle is reference-counted: a call holds its own reference, so another thread may free the handle meanwhile.
pub(super) struct Handle<T> {
    pub(super) inner: T,
    /// The process that made it: a forked child has none of the threads that a handle needs.
    process: Process,
}

impl<T> Handle<T> {
    /// A pointer for C, which owns one reference.
    pub(super) fn give(inner: T) -> *const Self {
        Arc::into_raw(Arc::new(Self { inner, process: Process::this() }))
    }

    /// A reference of the call's own.
    ///
    /// # Errors
    /// `NULL_POINTER`, or `FORKED` in a child of the process that made the handle.
    ///
    /// # Safety
    /// `handle` is NULL or came from [`Handle::give`] and is not freed.
    pub(super) unsafe fn borrow(handle: *const Self) -> Result<Arc<Self>, Reason> {
        if handle.is_null() {
            return Err(Reason::NullPointer);
        }
        // SAFETY: not NULL, so it came from `give`, that is from `Arc::into_raw`, and C's reference is still held.
        let handle = unsafe {
            Arc::increment_strong_count(handle);
            Arc::from_raw(handle)
        };
        if handle.process == Process::this() { Ok(handle) } else { Err(Reason::Forked) }
    }

    /// Takes C's reference back. `None` for NULL, and in a forked child, where the handle is leaked on purpose: its
    /// threads do not exist there, and a lock may be held for ever.
    ///
    /// # Safety
    /// `handle` is NULL or came from [`Handle::give`], is not freed, and is not used afterwards.
    pub(super) unsafe fn take_back(handle: *const Self) -> Option<Arc<Self>> {
        if handle.is_null() {
            return None;
        }
        // SAFETY: not NULL, so it came from `give`; C gives its reference up.
        let handle = unsafe { Arc::from_raw(handle) };
        if handle.process != Process::this() {
            std::mem::forget(handle);
            return None;
        }
        Some(handle)
    }
}

/// The bytes that C lends for the call.
///
/// # Errors
/// `NULL_POINTER` for NULL with a length, or a length that no object can have.
///
/// # Safety
/// `data` is NULL or valid for reads of `len` bytes, unchanged until the call returns.
pub(super) unsafe fn bytes<'call>(data: *const std::ffi::c_char, len: usize) -> Result<&'call [u8], Reason> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() || isize::try_from(len).is_err() {
        return Err(Reason::NullPointer);
    }
    // SAFETY: not NULL and of a possible length, so valid for reads by the promise of this function's caller.
    Ok(unsafe { slice::from_raw_parts(data.cast(), len) })
}
