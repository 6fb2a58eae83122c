//! The C ABI by a sequence of calls: every call answers with one of its codes and a document that says the same, every
//! submission is completed once, no document repeats the token, and nothing is left at the end.
//!
//! An input is two bytes for the server's moods, and then bytes for one call after the other. Attestors and queues are
//! numbered; a number that has none is the NULL pointer.

#![no_main]

use std::ffi::{CStr, c_char};
use std::io::Write as _;
use std::ptr::{null, null_mut};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use fuzz::server::SERVER;
use fuzz::{gives_away, json};
use libfuzzer_sys::fuzz_target;
use psat_attestor::documents_alive;
use psat_attestor::ffi::constants::{
    PSAT_CLOSED, PSAT_COMPLETION_ATTESTATION, PSAT_NULL_POINTER, PSAT_OK, PSAT_OPTIONS_MALFORMED,
};
use psat_attestor::ffi::*;
use serde_json::{Value, json};

const SHUTTING_DOWN: i32 = 14;

/// What a sequence may end with: more calls take longer and show no more.
const MOST_CALLS: usize = 24;

/// How long all of a sequence may take. Each call of it has 0.2 s at most.
const LONGEST: Duration = Duration::from_secs(20);

/// Where nobody listens, and where the server is.
static CONFIGS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let file = |name: &str, server: &str| {
        let path = std::env::temp_dir().join(format!("psat-fuzz-{}-{name}", std::process::id()));
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
            "clusters": [{"name": "c", "cluster": {"server": server}}],
        });
        std::fs::write(&path, config.to_string()).expect("a file can be written");
        path
    };
    let served = file("served", &format!("http://{}", SERVER.address));
    let nobody = file("nobody", "http://127.0.0.1:1");
    let engine = json!({"worker_threads": 1, "attest_timeout_ms": 150});
    let cluster = |path| json!({"service_account_allow_list": ["spire:spire-agent"], "kube_config_file": path, "max_in_flight": 2});
    let config = |clusters: Value, style: &str| json!({"trust_domain": "example.org", "error_style": style, "engine": engine, "clusters": clusters});
    [
        config(json!({"demo": cluster(&served)}), "precise"),
        config(json!({"demo": cluster(&served), "other": cluster(&nobody)}), "upstream"),
        json!({"engine": engine}),
        config(json!({"demo": cluster(&nobody)}), "precise"),
    ]
    .map(|config| config.to_string())
});

fuzz_target!(init: report_panics(), |input: &[u8]| {
    let Some((moods, bytes)) = input.split_first_chunk() else { return };
    SERVER.set_moods(u16::from_le_bytes(*moods));
    let begun = Instant::now();
    let mut host = Host { bytes, ..Host::default() };
    for _ in 0..MOST_CALLS {
        if host.bytes.is_empty() {
            break;
        }
        host.call();
    }
    host.end();
    while documents_alive() > 0 && begun.elapsed() < LONGEST {
        std::thread::yield_now();
    }
    assert_eq!(documents_alive(), 0);
    assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
});

/// The library catches its panics and keeps them to itself; here each is a find.
fn report_panics() {
    // The first call takes its hook into place, which would come before this one otherwise.
    // SAFETY: NULL is allowed.
    assert_eq!(unsafe { psat_queue_new(null_mut()) }, PSAT_NULL_POINTER);
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(std::io::stderr(), "{panic}\n{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }));
}

/// A host that does whatever its bytes say.
#[derive(Default)]
struct Host<'a> {
    bytes: &'a [u8],
    attestors: [Attestor; 2],
    queues: [Queue; 2],
    submitted: u64,
}

struct Attestor {
    handle: *mut psat_attestor_t,
    is_shut: bool,
    /// The last operations that it has accepted.
    operations: Vec<u64>,
}

struct Queue {
    handle: *mut psat_queue_t,
    is_closed: bool,
    /// Tags and operations that are not completed yet.
    outstanding: Vec<(u64, u64)>,
}

impl Default for Attestor {
    fn default() -> Self {
        Self { handle: null_mut(), is_shut: false, operations: Vec::new() }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { handle: null_mut(), is_closed: false, outstanding: Vec::new() }
    }
}

/// Bytes as C hands them over.
fn lent(bytes: Option<&[u8]>) -> (*const c_char, usize) {
    bytes.map_or((null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}

/// Frees a document after a look at it.
fn read(json: *mut c_char, code: i32) -> Value {
    assert!(!json.is_null());
    // SAFETY: the library promises a text that ends in NUL, and that psat_string_free takes it.
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

impl Host<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    fn call(&mut self) {
        let (what, which) = (self.byte(), self.byte());
        let (a, q) = (usize::from(which & 1), usize::from(which >> 1 & 1));
        match what % 16 {
            0 => self.new_attestor(a),
            1 => self.configure(a),
            2 => self.attest(a, psat_attestor_attest),
            3 => self.attest(a, psat_attestor_explain),
            4..=6 => self.submit(a, q),
            7 => self.next(q, i32::from(which >> 2 & 7)),
            8 => self.cancel(a),
            9 => self.check(a),
            10 => self.stats(a),
            11 => self.events(a, q),
            12 => self.shutdown(a, which >> 2 == 0),
            13 => self.new_queue(q),
            14 => self.close_or_wake(q, which >> 2 & 1 == 1),
            _ if which >> 2 & 1 == 1 => self.free_attestor(a),
            _ => self.free_queue(q),
        }
    }

    fn new_attestor(&mut self, a: usize) {
        self.free_attestor(a);
        let mut json = null_mut();
        let (config, length) = lent(self.config());
        let attestor = &mut self.attestors[a];
        // SAFETY: all pointers are valid.
        let code = unsafe { psat_attestor_new(config, length, &raw mut attestor.handle, &raw mut json) };
        read(json, code);
        assert_eq!(attestor.handle.is_null(), code != PSAT_OK);
    }

    /// One of the configurations, none, or the rest of the input.
    fn config<'s>(&mut self) -> Option<&'s [u8]>
    where
        Self: 's,
    {
        let which = self.byte();
        match CONFIGS.get(usize::from(which % 6)) {
            Some(config) => Some(config.as_bytes()),
            None if which % 6 == 4 => None,
            None => Some(b"{\"clusters\":[]}"),
        }
    }

    fn configure(&mut self, a: usize) {
        let (config, length) = lent(self.config());
        let attestor = &self.attestors[a];
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code = unsafe { psat_attestor_configure(attestor.handle, config, length, &raw mut json) };
        read(json, code);
        attestor.expect(code, &[PSAT_OK, 3]);
    }

    /// The server's token, a forged one, one that nobody knows of, and what is no payload.
    fn payload(&mut self) -> Option<Vec<u8>> {
        let token = &SERVER.token;
        let payload =
            |cluster: &str, token: &str| Some(json!({"cluster": cluster, "token": token}).to_string().into());
        match self.byte() % 8 {
            0..3 => payload("demo", token),
            3 => payload("other", token),
            4 => payload("demo", &format!("{}A", &token[..token.len() - 1])),
            5 => payload(&token[..40], token),
            6 => None,
            _ => Some(self.bytes.to_vec()),
        }
    }

    fn options(&mut self) -> Option<String> {
        match self.byte() {
            0..64 => None,
            time @ 64..160 => Some(json!({"timeout_ms": time / 4, "peer": "192.0.2.1"}).to_string()),
            160..224 => Some(json!({"timeout_ms": 150, "request_id": "r", "clusters": ["demo"]}).to_string()),
            _ => Some("[]".to_owned()),
        }
    }

    fn attest(&mut self, a: usize, function: AttestFunction) {
        let (payload, options) = (self.payload(), self.options());
        let ((payload, payload_len), (options, options_len)) =
            (lent(payload.as_deref()), lent(options.as_ref().map(String::as_bytes)));
        let attestor = &self.attestors[a];
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code =
            unsafe { function(attestor.handle, payload, payload_len, options, options_len, &raw mut json) };
        read(json, code);
        attestor.expect(code, &[0, 3, 4, 5, 7, 8, 9, 13, 14, 16, PSAT_OPTIONS_MALFORMED]);
    }

    fn submit(&mut self, a: usize, q: usize) {
        let (payload, options) = (self.payload(), self.options());
        let ((payload, payload_len), (options, options_len)) =
            (lent(payload.as_deref()), lent(options.as_ref().map(String::as_bytes)));
        let (attestor, queue) = (&mut self.attestors[a], &mut self.queues[q]);
        self.submitted += 1;
        let (tag, mut operation) = (self.submitted, 0);
        // SAFETY: the handles are NULL or live, all else is valid.
        let code = unsafe {
            psat_attestor_submit(
                attestor.handle,
                payload,
                payload_len,
                options,
                options_len,
                queue.handle,
                tag,
                &raw mut operation,
            )
        };
        if code == PSAT_OK {
            assert!(!queue.is_closed && !attestor.is_shut);
            queue.outstanding.push((tag, operation));
            attestor.operations.push(operation);
        } else if !queue.handle.is_null() {
            attestor.expect(code, &[PSAT_CLOSED, PSAT_OPTIONS_MALFORMED]);
        } else {
            assert_eq!(code, PSAT_NULL_POINTER);
        }
    }

    fn next(&mut self, q: usize, timeout: i32) {
        let queue = &mut self.queues[q];
        let code = queue.next(timeout);
        assert!(code != PSAT_NULL_POINTER || queue.handle.is_null());
    }

    fn cancel(&mut self, a: usize) {
        let which = usize::from(self.byte());
        let attestor = &self.attestors[a];
        let operations = attestor.operations.as_slice();
        let operation = operations.get(which % operations.len().max(1)).copied().unwrap_or(u64::MAX);
        // SAFETY: the handle is NULL or live.
        attestor.expect(unsafe { psat_attestor_cancel(attestor.handle, operation) }, &[PSAT_OK]);
    }

    fn check(&mut self, a: usize) {
        let options = self.options();
        let (options, length) = lent(options.as_ref().map(String::as_bytes));
        let attestor = &self.attestors[a];
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code = unsafe { psat_attestor_check(attestor.handle, options, length, &raw mut json) };
        read(json, code);
        attestor.expect(code, &[0, 3, 4, 5, 7, 9, 13, 14, 16, PSAT_OPTIONS_MALFORMED]);
    }

    fn stats(&mut self, a: usize) {
        let attestor = &self.attestors[a];
        let mut json = null_mut();
        // SAFETY: the handle is NULL or live, all else is valid.
        let code = unsafe { psat_attestor_stats(attestor.handle, &raw mut json) };
        let document = read(json, code);
        assert_eq!(code, if attestor.handle.is_null() { PSAT_NULL_POINTER } else { PSAT_OK });
        assert!(code != PSAT_OK || document["panics_caught"] == 0, "{document}");
    }

    fn events(&mut self, a: usize, q: usize) {
        let level = i32::from(self.byte() % 8);
        let (attestor, queue) = (&self.attestors[a], &self.queues[q]);
        // SAFETY: the handles are NULL or live.
        let code = unsafe { psat_attestor_events(attestor.handle, queue.handle, level) };
        attestor.expect(code, &[PSAT_OK, PSAT_CLOSED, PSAT_OPTIONS_MALFORMED, PSAT_NULL_POINTER]);
    }

    fn shutdown(&mut self, a: usize, shortly: bool) {
        let attestor = &mut self.attestors[a];
        // SAFETY: the handle is NULL or live.
        let code = unsafe { psat_attestor_shutdown(attestor.handle, if shortly { 1 } else { 0 }) };
        assert!(code == PSAT_OK || code == 4 && shortly || attestor.handle.is_null(), "{code}");
        attestor.is_shut = true;
    }

    fn new_queue(&mut self, q: usize) {
        self.free_queue(q);
        // SAFETY: the pointer is valid.
        let code = unsafe { psat_queue_new(&raw mut self.queues[q].handle) };
        assert_eq!(code, PSAT_OK);
        // SAFETY: the handle is live.
        assert!(unsafe { psat_queue_fd(self.queues[q].handle) } >= 0);
    }

    fn close_or_wake(&mut self, q: usize, close: bool) {
        let queue = &mut self.queues[q];
        queue.is_closed |= close;
        let function = if close { psat_queue_close } else { psat_queue_wake };
        // SAFETY: the handle is NULL or live.
        unsafe { function(queue.handle) };
    }

    fn free_attestor(&mut self, a: usize) {
        let attestor = std::mem::take(&mut self.attestors[a]);
        // SAFETY: the handle is NULL or live, and not used any more.
        unsafe { psat_attestor_free(attestor.handle) };
    }

    fn free_queue(&mut self, q: usize) {
        let queue = std::mem::take(&mut self.queues[q]);
        // SAFETY: the handle is NULL or live, and not used any more.
        unsafe { psat_queue_free(queue.handle) };
    }

    /// Frees the attestors, and empties the queues: whatever was accepted has been answered.
    fn end(&mut self) {
        (0..2).for_each(|a| self.free_attestor(a));
        for q in 0..2 {
            self.close_or_wake(q, true);
            let queue = &mut self.queues[q];
            while !queue.handle.is_null() && queue.next(-1) != PSAT_CLOSED {}
            assert_eq!(queue.outstanding, [], "not all is completed");
            self.free_queue(q);
        }
    }
}

type AttestFunction = unsafe extern "C" fn(
    *mut psat_attestor_t,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *mut *mut c_char,
) -> i32;

impl Attestor {
    /// Whether `code` is one of these, or says what is wrong with the handle.
    fn expect(&self, code: i32, codes: &[i32]) {
        if self.handle.is_null() {
            assert_eq!(code, PSAT_NULL_POINTER);
        } else if self.is_shut {
            assert!(code == SHUTTING_DOWN || codes.contains(&code) && code >= PSAT_NULL_POINTER, "{code}");
        } else {
            assert!(codes.contains(&code), "{code}");
        }
    }
}

impl Queue {
    /// Takes what is there, and holds it against what was submitted.
    fn next(&mut self, timeout: i32) -> i32 {
        const CAPACITY: usize = 3;
        let mut taken: [std::mem::MaybeUninit<psat_completion_t>; CAPACITY] =
            [const { std::mem::MaybeUninit::uninit() }; CAPACITY];
        let mut count = usize::MAX;
        // SAFETY: the handle is NULL or live, and there is room for as many as are asked for.
        let code = unsafe {
            psat_queue_next(self.handle, taken.as_mut_ptr().cast(), CAPACITY, timeout, &raw mut count)
        };
        assert!(count <= CAPACITY && (code == PSAT_OK || count == 0));
        for completion in &taken[..count] {
            // SAFETY: the library has written as many as it says.
            let completion = unsafe { completion.assume_init_ref() };
            self.judge(completion);
        }
        code
    }

    fn judge(&mut self, completion: &psat_completion_t) {
        // SAFETY: the document is live and ends in NUL.
        assert_eq!(unsafe { CStr::from_ptr(completion.json) }.count_bytes(), completion.json_len);
        if completion.kind != PSAT_COMPLETION_ATTESTATION {
            // SAFETY: the document is the library's, and freed once.
            unsafe { psat_string_free(completion.json) };
            return;
        }
        let document = read(completion.json, completion.code);
        assert_eq!(document["operation"], completion.operation.to_string());
        let one = (completion.tag, completion.operation);
        let at = self.outstanding.iter().position(|own| *own == one).expect("nobody submitted this");
        self.outstanding.swap_remove(at);
    }
}
