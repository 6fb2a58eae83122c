//! What the process holds: documents, threads, descriptors.

use std::time::{Duration, Instant};

/// A count of what may be left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    documents: u64,
    threads: usize,
    descriptors: usize,
}

impl Usage {
    pub(crate) fn now() -> Self {
        Self {
            documents: psat_attestor::documents_alive(),
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
        }
    }

    /// What is there beyond this. What ends a moment later is waited for.
    pub(crate) fn left_behind(self) -> Option<String> {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            let clean =
                now.documents == 0 && now.threads <= self.threads && now.descriptors <= self.descriptors;
            if clean {
                return None;
            }
            if begun.elapsed() > Duration::from_secs(10) {
                return Some(format!("left behind: {self:?} before, {now:?} after"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// How many entries a folder has; 0 where there is no such folder, and nothing can be counted.
fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
