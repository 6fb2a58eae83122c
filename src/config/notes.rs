//! What is said about a configuration: notes with their places, in the order of the document.

use std::fmt;

use serde::Serialize;

use crate::quote::{json, quoted};

/// How much a [`Note`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is taken, but something in it is probably not what was meant, or is a risk.
    Warning,
    /// Good to know.
    Info,
}

/// One thing to say about a configuration. For whoever configures, not for agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: keys joined by dots, items as `[2]` from 0, as in
    /// `clusters.demo.service_account_allow_list[2]`; keys with anything but letters, digits, `-` and `_` as
    /// `["prod.eu"]`. Empty for the whole document.
    pub path: String,
    /// What there is to say. Never quotes a value that could be a secret.
    pub message: String,
}

/// What SPIRE says about the same mistake. SPIRE finds mistakes in the order of the variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Upstream {
    /// About the trust domain, which comes first.
    TrustDomain(String),
    /// The plugin's part cannot be decoded, which ends SPIRE's reading.
    Malformed,
    /// A cluster without allowed service accounts.
    EmptyAllowList(String),
}

impl Upstream {
    fn rank(&self) -> u8 {
        match self {
            Self::TrustDomain(_) => 0,
            Self::Malformed => 1,
            Self::EmptyAllowList(_) => 2,
        }
    }

    fn words(&self) -> &str {
        match self {
            Self::TrustDomain(words) | Self::EmptyAllowList(words) => words,
            Self::Malformed => "plugin configuration is malformed",
        }
    }
}

/// The way from the root to a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

/// Where the setting `key` of a cluster stands, as a [`Note`] would say it, but with the whole name: it is to be pasted.
#[must_use]
pub fn cluster_setting(cluster: &str, key: &str) -> String {
    if is_plain(cluster) {
        format!("clusters.{cluster}.{key}")
    } else {
        format!("clusters[{}].{key}", json(cluster))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Item(list, index) => write!(f, "{list}[{index}]"),
            Self::Key(Path::Root, key) if is_plain(key) => f.write_str(key),
            Self::Key(object, key) if is_plain(key) => write!(f, "{object}.{key}"),
            Self::Key(object, key) => write!(f, "{object}[{}]", quoted(key)),
        }
    }
}

fn is_plain(key: &str) -> bool {
    const LONGEST: usize = 128;
    (1..=LONGEST).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What a note is about, and where that begins in the document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) path: Path<'p>,
    pub(super) order: usize,
}

impl Place<'_> {
    /// The document as a whole.
    pub(super) const ROOT: Place<'static> = Place { path: Path::Root, order: 0 };
}

/// The notes as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Debug)]
struct Finding {
    order: usize,
    note: Note,
    upstream: Option<Upstream>,
}

impl Findings {
    /// A mistake of which SPIRE knows nothing.
    pub(super) fn error(&mut self, at: Place<'_>, message: impl Into<String>) {
        self.push(at, Severity::Error, message.into(), None);
    }

    /// A mistake that SPIRE finds too.
    pub(super) fn error_known_upstream(
        &mut self,
        at: Place<'_>,
        message: impl Into<String>,
        upstream: Upstream,
    ) {
        self.push(at, Severity::Error, message.into(), Some(upstream));
    }

    pub(super) fn warning(&mut self, at: Place<'_>, message: impl Into<String>) {
        self.push(at, Severity::Warning, message.into(), None);
    }

    pub(super) fn info(&mut self, at: Place<'_>, message: impl Into<String>) {
        self.push(at, Severity::Info, message.into(), None);
    }

    fn push(&mut self, at: Place<'_>, severity: Severity, message: String, upstream: Option<Upstream>) {
        let note = Note { severity, path: at.path.to_string(), message };
        self.0.push(Finding { order: at.order, note, upstream });
    }

    /// Brings the findings into the order of the document; at one place they stay as they were found.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|finding| finding.order);
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// The first error, by its place, and how many more there are.
    pub(super) fn precise_message(&self) -> Option<String> {
        let first = &self.errors().next()?.note;
        let path = if first.path.is_empty() { String::new() } else { format!("{}: ", first.path) };
        let more = match self.errors().skip(1).count() {
            0 => String::new(),
            1 => " (and 1 more error)".to_owned(),
            n => format!(" (and {n} more errors)"),
        };
        Some(format!("configuration is invalid: {path}{}{more}", first.message))
    }

    /// What SPIRE would say first, or else the first error of those that SPIRE does not know.
    pub(super) fn upstream_message(&self) -> Option<String> {
        let known = self.errors().filter_map(|finding| finding.upstream.as_ref());
        known
            .min_by_key(|upstream| upstream.rank())
            .map(|first| first.words().to_owned())
            .or_else(|| self.precise_message())
    }

    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| finding.note.severity == Severity::Error)
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.0.into_iter().map(|finding| finding.note).collect()
    }
}
