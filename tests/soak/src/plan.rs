//! What is run.

use std::path::PathBuf;

/// One run.
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) total: u64,
    /// After each of them nothing is under way, and the host is measured.
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    pub(crate) spoil: Option<&'static Spoil>,
}

/// Something that the host does wrongly, one time in a hundred, and the statement that must fail for it.
pub(crate) struct Spoil {
    pub(crate) word: &'static str,
    /// What is said of it when that statement has failed.
    pub(crate) found: &'static str,
    pub(crate) fails: &'static str,
}
