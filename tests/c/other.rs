//! Another Rust archive in the same program, with a runtime of its own.

/// Answers only if unwinding, allocation and threads of this runtime work.
#[unsafe(no_mangle)]
pub extern "C" fn other_answer() -> i32 {
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::spawn(|| assert!(std::env::args().count() == 0, "{}", "on purpose"))
        .join()
        .map_or(42, |()| 0)
}
