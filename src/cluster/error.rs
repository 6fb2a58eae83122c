//! What can go wrong in this room.
//!
//! Texts name what was attempted, the cause is the `source`. None holds a credential, and none shows what a parser says
//! of a value: that may be a secret.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::api::CallErrorKind;

/// A failure. Those that several attestations share are cloned.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("reading {what} {path}", path = path.display())]
    Read { what: &'static str, path: PathBuf, source: Arc<io::Error> },
    #[error("kubeconfig {path}: {problem}", path = path.display())]
    Kubeconfig { path: PathBuf, problem: String },
    #[error("in-cluster configuration: {0}")]
    InCluster(String),
    #[error("{0}")]
    Material(String),
    #[error("{what} cannot be used for TLS")]
    TlsMaterial { what: String, source: rustls::Error },
    #[error("exec plugin {command}: {problem}", command = command.display())]
    Plugin { command: PathBuf, problem: Cow<'static, str> },
    #[error("{0} ended without a result")]
    TaskEnded(&'static str),
    #[error("{0}: the process has no thread left")]
    NoThread(&'static str),
    #[error("connecting to {origin}")]
    Connect { origin: Arc<str>, source: Arc<dyn Error + Send + Sync> },
    #[error("connecting to {origin} took longer than {seconds} s", seconds = super::limits::CONNECT_TIME.as_secs())]
    ConnectTime { origin: Arc<str> },
    #[error("{origin} closes connections as soon as they are made")]
    ClosedAtOnce { origin: Arc<str> },
    #[error("the connection broke before the answer was complete")]
    Broken { source: Arc<HttpFault> },
    #[error("{0}")]
    BadAnswer(String),
    #[error("{1}")]
    Refused(CallErrorKind, String),
    #[error("time ran out while {0}")]
    TimeRanOut(Phase),
}

/// A failure of HTTP, whose debug text could show bytes of the peer.
#[derive(thiserror::Error)]
#[error(transparent)]
pub(super) struct HttpFault(#[from] pub(super) hyper::Error);

/// An error, and what was attempted.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Named {
    what: Arc<str>,
    source: Box<dyn Error + Send + Sync>,
}

/// What a call is at. Later phases have larger numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Credentials,
    Connection,
    Answer,
    Body,
}

impl Fault {
    /// A file that cannot be read.
    pub(super) fn read(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Read { what, path: path.to_owned(), source: Arc::new(source) }
    }

    /// The same fault of what was read, with where that came from.
    pub(super) fn found_in(self, place: &impl fmt::Display) -> Self {
        match self {
            Self::Material(problem) => Self::Material(format!("{place}: {problem}")),
            Self::TlsMaterial { what, source } => {
                Self::TlsMaterial { what: format!("{place}: {what}"), source }
            }
            other => other,
        }
    }

    /// What the caller can do about it.
    pub(super) fn kind(&self) -> CallErrorKind {
        match self {
            Self::Read { .. }
            | Self::Kubeconfig { .. }
            | Self::InCluster(_)
            | Self::Material(_)
            | Self::TlsMaterial { .. }
            | Self::Plugin { .. }
            | Self::NoThread(_) => CallErrorKind::CredentialsUnavailable,
            Self::Connect { .. }
            | Self::ConnectTime { .. }
            | Self::ClosedAtOnce { .. }
            | Self::Broken { .. } => CallErrorKind::Unreachable,
            // Such a task gives a result unless it panics; or it goes down with the runtime, and those who wait with it.
            Self::TaskEnded(_) => CallErrorKind::Panicked,
            Self::BadAnswer(_) => CallErrorKind::BadResponse,
            Self::Refused(kind, _) => *kind,
            Self::TimeRanOut(_) => CallErrorKind::DeadlineExceeded,
        }
    }
}

impl Named {
    pub(super) fn new(what: Arc<str>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what, source: source.into() }
    }
}

impl From<hyper::Error> for Fault {
    fn from(error: hyper::Error) -> Self {
        Self::Broken { source: Arc::new(HttpFault(error)) }
    }
}

impl fmt::Debug for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Phase {
    pub(super) fn from_number(number: u8) -> Self {
        [Self::Credentials, Self::Connection, Self::Answer]
            .get(usize::from(number))
            .copied()
            .unwrap_or(Self::Body)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "reading the credentials",
            Self::Connection => "waiting for a connection",
            Self::Answer => "waiting for the answer",
            Self::Body => "reading the answer",
        })
    }
}
