//! Another Rust library in the same program: it has Rust's runtime a second time, panics included.

use std::collections::HashMap;
use std::panic;

/// Counts the words of a sentence of its own, on a thread of its own, after a panic that it catches. Returns 5.
#[unsafe(no_mangle)]
pub extern "C" fn other_counts_words() -> i32 {
    panic::set_hook(Box::new(|_| {}));
    let caught = std::thread::spawn(|| panic::catch_unwind(|| panic!("only a test"))).join();
    let mut words: HashMap<&str, i32> = HashMap::new();
    for word in "two Rust runtimes, one program".split(' ') {
        *words.entry(word).or_default() += 1;
    }
    match caught {
        Ok(Err(_)) => words.values().sum(),
        _ => -1,
    }
}
