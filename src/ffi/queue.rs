//! `psat_queue_*`

use std::ffi::{c_char, c_int};
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{code, write};
use super::constants::{PSAT_COMPLETION_ATTESTATION, PSAT_COMPLETION_EVENT, PSAT_OK};
use super::guard::guarded;
use super::handle::Handle;
use crate::engine::{Completed, Delivery, Document, Next, Queue};
use crate::outcome::Reason;

/// A completion queue. Opaque.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub struct psat_queue_t(Arc<Queue>);

/// One finished operation, or one event. The layout is frozen.
#[repr(C)]
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub struct psat_completion_t {
    /// `PSAT_COMPLETION_ATTESTATION` or `PSAT_COMPLETION_EVENT`. Free and skip kinds that you do not know.
    pub kind: u32,
    /// The operation's code, the same as `code` in the document; 0 for an event.
    pub code: i32,
    /// The tag that came with the submission; 0 for an event.
    pub tag: u64,
    /// The operation's ID, as `psat_attestor_submit` wrote it; 0 for an event.
    pub operation: u64,
    /// The document, NUL-terminated. Yours: free it with `psat_string_free`.
    pub json: *mut c_char,
    /// The document's length in bytes, without the NUL.
    pub json_len: usize,
}

impl psat_completion_t {
    fn of(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Completed(Completed { tag, operation, answer }) => Self {
                tag,
                operation,
                ..Self::carrying(PSAT_COMPLETION_ATTESTATION, answer.code, answer.document)
            },
            Delivery::Event(document) => Self::carrying(PSAT_COMPLETION_EVENT, PSAT_OK, document),
        }
    }

    fn carrying(kind: u32, code: i32, document: Document) -> Self {
        let json_len = document.as_str().len();
        Self { kind, code, tag: 0, operation: 0, json: document.into_raw(), json_len }
    }
}

type QueueHandle = *mut psat_queue_t;

/// Makes a completion queue.
///
/// Any number of attestors may complete into it, and any number of threads may empty it. Free it with
/// `psat_queue_free`; queue and attestors may be freed in either order.
///
/// Returns 0, or `PSAT_NULL_POINTER` if `out` is NULL. `*out` is NULL unless 0 is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_queue_new(out: *mut *mut psat_queue_t) -> i32 {
    // SAFETY: the C caller promises that `out` is NULL or valid for a write.
    unsafe { write(out, ptr::null_mut()) };
    code(|| {
        if out.is_null() {
            return Err(Reason::NullPointer);
        }
        let queue = Handle::give(psat_queue_t(Arc::new(Queue::new())));
        // SAFETY: as above.
        unsafe { write(out, as_c(queue)) };
        Ok(())
    })
}

/// A descriptor that is readable while completions or events wait, after `psat_queue_wake` until the next
/// `psat_queue_next`, and for ever after `psat_queue_close`. On a closed queue, let `psat_queue_next` wait for what is
/// still outstanding.
///
/// For poll, epoll, kqueue and event loops, level-triggered. Poll it, never read or write or close it. It is
/// close-on-exec and valid until `psat_queue_free`.
///
/// Returns -1 for NULL, in a forked child, where the platform has no such descriptor, and where none is left.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_queue_fd(queue: *const psat_queue_t) -> c_int {
    // SAFETY: the C caller promises that `queue` is NULL or a live queue.
    let fd = guarded(|| unsafe { borrow(queue) }.ok()?.as_fd().map(|fd| fd.as_raw_fd()));
    fd.flatten().unwrap_or(-1)
}

/// Takes finished operations, and after them events.
///
/// Waits up to `timeout_ms` milliseconds for the first (0 polls, a negative number waits for ever) and takes at most
/// `capacity` of those that wait into `out`. `*count` is how many were taken, and is 0 after a timeout and after
/// `psat_queue_wake`; with a `capacity` of 0 it is 0 at once. Each completion goes to one caller, which owns its `json`.
///
/// Returns 0; `PSAT_CLOSED` once the queue is closed, nothing waits in it and nothing is outstanding;
/// `PSAT_NULL_POINTER` if `queue`, `out` or `count` is NULL; `PSAT_FORKED` in a forked child.
///
/// Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_queue_next(
    queue: *mut psat_queue_t,
    out: *mut psat_completion_t,
    capacity: usize,
    timeout_ms: i32,
    count: *mut usize,
) -> i32 {
    // SAFETY: the C caller promises that `count` is NULL or valid for a write.
    unsafe { write(count, 0) };
    code(|| {
        if out.is_null() || count.is_null() {
            return Err(Reason::NullPointer);
        }
        // SAFETY: the C caller promises that `queue` is NULL or a live queue.
        let queue = unsafe { borrow(queue) }?;
        if capacity == 0 {
            return Ok(());
        }
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let taken = match queue.next(capacity, timeout) {
            Next::Deliveries(taken) => taken,
            Next::Nothing => return Ok(()),
            Next::Closed => return Err(Reason::Closed),
        };
        let taken_count = taken.len();
        for (index, completed) in taken.into_iter().enumerate() {
            // SAFETY: the C caller promises room for `capacity` completions at `out`; at most that many were taken.
            unsafe { out.add(index).write(psat_completion_t::of(completed)) };
        }
        // SAFETY: as above.
        unsafe { write(count, taken_count) };
        Ok(())
    })
}

/// Ends the current `psat_queue_next`, or the following one, with a count of 0. Several calls before that count as
/// one.
///
/// NULL and a forked child do nothing.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_queue_wake(queue: *mut psat_queue_t) {
    guarded(|| {
        // SAFETY: the C caller promises that `queue` is NULL or a live queue.
        if let Ok(queue) = unsafe { borrow(queue) } {
            queue.wake();
        }
    });
}

/// Refuses new submissions to this queue, and ends events. Operations that were accepted before still complete into it.
///
/// NULL and a forked child do nothing; closing again does nothing.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_queue_close(queue: *mut psat_queue_t) {
    guarded(|| {
        // SAFETY: the C caller promises that `queue` is NULL or a live queue.
        if let Ok(queue) = unsafe { borrow(queue) } {
            queue.close();
        }
    });
}

/// Closes a queue and frees it, with the completions that wait in it. Later completions for it are freed as they come.
///
/// NULL does nothing; in a forked child the queue is leaked on purpose.
///
/// Threads: no thread may be inside `psat_queue_next` of this queue, and no call may start on it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_queue_free(queue: *mut psat_queue_t) {
    guarded(|| {
        // SAFETY: the C caller promises that `queue` is NULL or a live queue that is not used any more.
        if let Some(handle) = unsafe { Handle::take_back(as_handle(queue)) } {
            handle.inner.0.abandon();
        }
    });
}

/// The queue behind C's pointer.
///
/// # Safety
/// `queue` is NULL or a live queue.
pub(super) unsafe fn borrow(queue: *const psat_queue_t) -> Result<Arc<Queue>, Reason> {
    // SAFETY: the promise is passed on.
    let handle = unsafe { Handle::borrow(as_handle(queue)) }?;
    Ok(Arc::clone(&handle.inner.0))
}

/// C knows the handle under the name of what is inside it.
fn as_handle(queue: *const psat_queue_t) -> *const Handle<psat_queue_t> {
    queue.cast()
}

fn as_c(handle: *const Handle<psat_queue_t>) -> QueueHandle {
    handle.cast_mut().cast()
}
