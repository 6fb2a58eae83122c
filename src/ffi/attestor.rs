//! `psat_config_validate` and `psat_attestor_*`

use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

use super::answer::{answer, code, write};
use super::guard::guarded;
use super::handle::{Handle, bytes};
use super::queue::{self, psat_queue_t};
use crate::engine::{Answer, Attestor, Level, validate};
use crate::outcome::{ErrorStyle, Reason};

/// An attestor. Opaque.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub struct psat_attestor_t(pub(super) Attestor);

/// Checks a configuration. Makes nothing and touches no network.
///
/// `config` is a JSON document of `config_len` bytes, which need not end in NUL; NULL with 0 is an empty one.
/// `*json` becomes a document with `valid` and `notes`; `json` may be NULL.
///
/// Returns 0 if it is valid, 3 (`CONFIG_INVALID`) if not, or `PSAT_NULL_POINTER` if `config` is NULL with a length.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_config_validate(
    config: *const c_char,
    config_len: usize,
    json: *mut *mut c_char,
) -> i32 {
    // SAFETY: the C caller promises that `json` is NULL or valid for a write, and that `config` is NULL or valid for
    // reads of `config_len` bytes.
    unsafe { answer(json, || Ok(validate(bytes(config, config_len)?))) }
}

/// Makes an attestor, with threads of its own. Touches no network.
///
/// `config` is a JSON document of `config_len` bytes, which need not end in NUL. NULL with 0, or a document with
/// `engine` alone, makes an attestor that has yet to be configured: until then it answers 9 (`NOT_CONFIGURED`).
/// `*out` becomes the attestor, NULL unless 0 is returned; free it with `psat_attestor_free`. `*json` becomes a document
/// with `notes`, on success too; `json` may be NULL.
///
/// Returns 0, 3 (`CONFIG_INVALID`), 13 (`RUNTIME_UNAVAILABLE`: threads or descriptors are short), or
/// `PSAT_NULL_POINTER` if `out` is NULL, or `config` is NULL with a length.
///
/// Threads: any. After `fork`, make a new attestor in the child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_new(
    config: *const c_char,
    config_len: usize,
    out: *mut *mut psat_attestor_t,
    json: *mut *mut c_char,
) -> i32 {
    let make = || {
        if out.is_null() {
            return Err(Reason::NullPointer);
        }
        // SAFETY: the C caller promises that `config` is NULL or valid for reads of `config_len` bytes.
        let config = unsafe { bytes(config, config_len) }?;
        Ok(match Attestor::new(config) {
            Ok((attestor, document)) => {
                let handle = Handle::give(psat_attestor_t(attestor));
                // SAFETY: the C caller promises that `out` is valid for a write.
                unsafe { write(out, as_c(handle)) };
                Answer { code: Reason::Ok.code(ErrorStyle::Precise), document }
            }
            Err(answer) => answer,
        })
    };
    // SAFETY: the C caller promises that `out` and `json` are NULL or valid for a write.
    unsafe {
        write(out, ptr::null_mut());
        answer(json, make)
    }
}

/// Replaces an attestor's configuration.
///
/// The new one is built first and then swapped: if it is refused, the old one stays in force. Running attestations finish
/// on the one that they began with. Calls are serialised. A cluster whose settings are unchanged keeps its connections
/// and counters. `engine.worker_threads` is not read again.
///
/// Returns 0, 3 (`CONFIG_INVALID`), 14 (`SHUTTING_DOWN`), `PSAT_NULL_POINTER` or `PSAT_FORKED`; `*json` becomes a document
/// with `notes`; `json` may be NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_configure(
    attestor: *mut psat_attestor_t,
    config: *const c_char,
    config_len: usize,
    json: *mut *mut c_char,
) -> i32 {
    // SAFETY: the C caller promises that `attestor` is NULL or a live attestor, that `config` is NULL or valid for reads
    // of `config_len` bytes, and that `json` is NULL or valid for a write.
    unsafe {
        answer(json, || {
            let handle = Handle::borrow(as_handle(attestor))?;
            Ok(handle.inner.0.configure(bytes(config, config_len)?))
        })
    }
}

/// Refuses new work (14, `SHUTTING_DOWN`), stops what runs, blocking calls too, and returns when every accepted operation
/// has delivered its completion.
///
/// `timeout_ms` 0 means 5000. Afterwards `psat_attestor_stats` still works, and everything else answers 14.
///
/// Returns 0; 4 if the time passed first, and then it may be called again; `PSAT_NULL_POINTER` or `PSAT_FORKED`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_shutdown(attestor: *mut psat_attestor_t, timeout_ms: u32) -> i32 {
    code(|| {
        // SAFETY: the C caller promises that `attestor` is NULL or a live attestor.
        let handle = unsafe { Handle::borrow(as_handle(attestor)) }?;
        let done = handle.inner.0.shutdown(Duration::from_millis(timeout_ms.into()));
        if done { Ok(()) } else { Err(Reason::DeadlineExceeded) }
    })
}

/// Shuts an attestor down, allowing 5 s, and frees it. Never waits for a thread that is stuck in a file read or a look-up.
///
/// NULL does nothing; in a forked child the attestor is leaked on purpose.
///
/// Threads: calls that are inside the attestor end safely; none may start any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_free(attestor: *mut psat_attestor_t) {
    guarded(|| {
        // SAFETY: the C caller promises that `attestor` is NULL or a live attestor that no call starts on any more.
        if let Some(handle) = unsafe { Handle::take_back(as_handle(attestor)) } {
            handle.inner.0.release();
        }
    });
}

/// Attests and waits for the answer.
///
/// `payload` is what the agent sent, `payload_len` bytes that need not end in NUL. `options` is NULL with 0, or a JSON object
/// from the host, never from the agent: `timeout_ms` (the clock starts now and covers waiting for a slot), `peer`,
/// `traceparent`, `request_id`. Both are borrowed for the call. `*json` becomes the document, on success and on failure;
/// `json` may be NULL.
///
/// Returns 0, a gRPC status code to hand on as it is (`message` in the document may be shown to the agent), or from 1000 a
/// fault of the calling program.
///
/// Threads: any number at once; the calling thread sleeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_attest(
    attestor: *mut psat_attestor_t,
    payload: *const c_char,
    payload_len: usize,
    options: *const c_char,
    options_len: usize,
    json: *mut *mut c_char,
) -> i32 {
    // SAFETY: the C caller promises that `attestor` is NULL or a live attestor, that `payload` and `options` are NULL or
    // valid for reads of their lengths, and that `json` is NULL or valid for a write.
    unsafe {
        answer(json, || {
            let handle = Handle::borrow(as_handle(attestor))?;
            Ok(handle.inner.0.attest(bytes(payload, payload_len)?, bytes(options, options_len)?))
        })
    }
}

/// Attests, and shows what became of every check: why is this agent refused, and what is to be changed?
///
/// Arguments, return value and document are those of `psat_attestor_attest`. The document has `steps` besides, one for each
/// check in their order: `{"check":…,"outcome":"pass"|"fail"|"warn"|"skip","detail":…}`, where it fails with its `reason`, and
/// with a `remedy` where there is something to do. It goes on past a failure with facts that TokenReview vouches for, so that
/// one run shows all that is wrong; what cannot be known is skipped. `steps` are for the operator: they name addresses, files
/// and users, and never hold a credential.
///
/// It takes a slot like any attestation, may make more calls than one, and is not counted among attestations by
/// `psat_attestor_stats`.
///
/// Threads: any number at once; the calling thread sleeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_explain(
    attestor: *mut psat_attestor_t,
    payload: *const c_char,
    payload_len: usize,
    options: *const c_char,
    options_len: usize,
    json: *mut *mut c_char,
) -> i32 {
    // SAFETY: the C caller promises that `attestor` is NULL or a live attestor, that `payload` and `options` are NULL or
    // valid for reads of their lengths, and that `json` is NULL or valid for a write.
    unsafe {
        answer(json, || {
            let handle = Handle::borrow(as_handle(attestor))?;
            Ok(handle.inner.0.explain(bytes(payload, payload_len)?, bytes(options, options_len)?))
        })
    }
}

/// Begins an attestation whose answer comes through `queue`. Never blocks.
///
/// Arguments are as for `psat_attestor_attest`. If 0 is returned, exactly one completion with this `tag` comes, whatever
/// happens; otherwise none does. The completion may be readable before this function returns, so register the tag first.
/// `*operation` becomes the operation's ID for `psat_attestor_cancel`, before the completion can be read, and 0 on failure;
/// `operation` may be NULL.
///
/// Returns 0; 14 (`SHUTTING_DOWN`); `PSAT_CLOSED` if the queue is closed; `PSAT_OPTIONS_MALFORMED`, `PSAT_NULL_POINTER` or
/// `PSAT_FORKED`. Whatever is wrong with the payload, or with the load, is said by the completion.
///
/// Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_submit(
    attestor: *mut psat_attestor_t,
    payload: *const c_char,
    payload_len: usize,
    options: *const c_char,
    options_len: usize,
    queue: *mut psat_queue_t,
    tag: u64,
    operation: *mut u64,
) -> i32 {
    // SAFETY: the C caller promises that `operation` is NULL or valid for a write.
    unsafe { write(operation, 0) };
    code(|| {
        // SAFETY: the C caller promises that `attestor` and `queue` are NULL or live, and that `payload` and `options`
        // are NULL or valid for reads of their lengths.
        let (handle, payload, options, queue) = unsafe {
            (
                Handle::borrow(as_handle(attestor))?,
                bytes(payload, payload_len)?,
                bytes(options, options_len)?,
                queue::borrow(queue)?,
            )
        };
        handle.inner.0.submit(payload, options, &queue, tag, |id| {
            // SAFETY: the C caller promises that `operation` is NULL or valid for a write.
            unsafe { write(operation, id) };
        })
    })
}

/// Cancels an operation: it completes soon with 1 (`CANCELED`), unless it is done already.
///
/// An operation that is done or unknown is left alone, and 0 is returned.
///
/// Returns 0; 14 (`SHUTTING_DOWN`); `PSAT_NULL_POINTER` or `PSAT_FORKED`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_cancel(attestor: *mut psat_attestor_t, operation: u64) -> i32 {
    code(|| {
        // SAFETY: the C caller promises that `attestor` is NULL or a live attestor.
        let handle = unsafe { Handle::borrow(as_handle(attestor)) }?;
        handle.inner.0.cancel(operation)
    })
}

/// Counters since the attestor was made, as a document. Works after `psat_attestor_shutdown` too.
///
/// Returns 0, `PSAT_NULL_POINTER` or `PSAT_FORKED`; `json` may be NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_stats(
    attestor: *const psat_attestor_t,
    json: *mut *mut c_char,
) -> i32 {
    // SAFETY: the C caller promises that `attestor` is NULL or a live attestor and that `json` is NULL or valid for a write.
    unsafe { answer(json, || Ok(Handle::borrow(as_handle(attestor))?.inner.0.stats())) }
}

/// Delivers this attestor's log records to `queue` as completions of kind `PSAT_COMPLETION_EVENT`.
///
/// `level` is 1 error, 2 warn, 3 info, 4 debug or 5 trace, and takes those before it too; 0 ends the delivery, and `queue`
/// may then be NULL. A second call replaces the first. Each record is a document `{"level":…,"unix_ms":…,"message":…,
/// "fields":{…}}`. At most 1024 wait in a queue; then the oldest is dropped, which `psat_attestor_stats` counts. Nothing comes
/// any more once `psat_attestor_shutdown` has returned.
///
/// To see the start: `psat_attestor_new` with `engine` alone, then this, then `psat_attestor_configure`.
///
/// Returns 0; 14 (`SHUTTING_DOWN`); `PSAT_CLOSED` if the queue is closed; `PSAT_OPTIONS_MALFORMED` for another level;
/// `PSAT_NULL_POINTER` or `PSAT_FORKED`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn psat_attestor_events(
    attestor: *mut psat_attestor_t,
    queue: *mut psat_queue_t,
    level: i32,
) -> i32 {
    code(|| {
        // SAFETY: the C caller promises that `attestor` is NULL or a live attestor.
        let handle = unsafe { Handle::borrow(as_handle(attestor)) }?;
        if level == 0 {
            return handle.inner.0.events(None);
        }
        let level = Level::from_number(level).ok_or(Reason::OptionsMalformed)?;
        // SAFETY: the C caller promises that `queue` is NULL or a live queue.
        let queue = unsafe { queue::borrow(queue) }?;
        handle.inner.0.events(Some((&queue, level)))
    })
}

/// C knows the handle under the name of what is inside it.
pub(super) fn as_handle(attestor: *const psat_attestor_t) -> *const Handle<psat_attestor_t> {
    attestor.cast()
}

fn as_c(handle: *const Handle<psat_attestor_t>) -> *mut psat_attestor_t {
    handle.cast_mut().cast()
}
