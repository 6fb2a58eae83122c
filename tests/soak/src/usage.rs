//! What a process holds, as the kernel says.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// For what is about to end: a thread that reads a file, a connection that says goodbye.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes.
    pub(crate) resident: u64,
    pub(crate) threads: usize,
    /// But for sockets.
    pub(crate) descriptors: usize,
    /// Sockets.
    pub(crate) connections: usize,
}

impl Usage {
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let targets =
            fs::read_dir(folder.join("fd"))?.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let (sockets, others): (Vec<_>, Vec<_>) =
            targets.partition(|target| target.to_string_lossy().starts_with("socket:"));
        Ok(Self {
            resident: resident(&fs::read_to_string(folder.join("smaps_rollup"))?),
            threads: fs::read_dir(folder.join("task"))?.count(),
            descriptors: others.len(),
            connections: sockets.len(),
        })
    }

    /// As soon as it is at rest, or after a while as it is.
    pub(crate) async fn settled(process: u32, is_at_rest: impl Fn(Self) -> bool) -> io::Result<Self> {
        let begun = Instant::now();
        loop {
            let now = Self::of(process)?;
            if is_at_rest(now) || begun.elapsed() > PATIENCE {
                return Ok(now);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Memory and connections apart.
    pub(crate) fn holds_no_more_than(self, other: Self) -> bool {
        self.threads <= other.threads && self.descriptors <= other.descriptors
    }
}

fn resident(rollup: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap_or_default();
    let kib: u64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
    kib << 10
}
