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
use std::time::Duration;

use super::api::CallErrorKind;
use super::retry::Chance;

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
    #[error("the answer ended after {read} of {announced} bytes")]
    CutShort { read: usize, announced: usize },
    #[error("the connection ended before the request was looked at")]
    Unprocessed { source: Arc<HttpFault> },
    #[error("{0}")]
    BadAnswer(String),
    #[error("{text}")]
    Refused { kind: CallErrorKind, text: String, chance: Chance },
    #[error("time ran out {0}")]
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

/// What a proxy answered that was asked for a connection, and gives none.
#[derive(Debug, thiserror::Error)]
#[error("it refuses")]
pub(super) struct ProxyRefusal(#[source] pub(super) Box<dyn Error + Send + Sync>);

/// What a call is at. Later phases have larger numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Its turn had not come.
    Unasked,
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
            | Self::Broken { .. }
            | Self::CutShort { .. }
            | Self::Unprocessed { .. } => CallErrorKind::Unreachable,
            // Such a task gives a result unless it panics; or it goes down with the runtime, and those who wait with it.
            Self::TaskEnded(_) => CallErrorKind::Panicked,
            Self::BadAnswer(_) => CallErrorKind::BadResponse,
            Self::Refused { kind, .. } => *kind,
            Self::TimeRanOut(_) => CallErrorKind::DeadlineExceeded,
        }
    }

    /// What another try might meet.
    pub(super) fn chance(&self) -> Chance {
        match self {
            Self::Refused { chance, .. } => *chance,
            Self::Connect { source, .. } if is_of_tls(&**source) => Chance::OtherCredentials,
            Self::Broken { source } | Self::Unprocessed { source } if is_of_tls(&source.0) => {
                Chance::OtherCredentials
            }
            Self::Unprocessed { .. } => Chance::Unprocessed,
            // What takes long once takes long again, and a proxy that refuses goes on doing so.
            Self::Connect { source, .. } if is_of_time(&**source) || is_of_a_refusal(&**source) => {
                Chance::None
            }
            Self::Broken { source } if source.is_not_http() => Chance::None,
            Self::Connect { .. }
            | Self::ClosedAtOnce { .. }
            | Self::Broken { .. }
            | Self::CutShort { .. } => Chance::Later(Duration::ZERO),
            _ => Chance::None,
        }
    }

    /// A request without an answer; `unsent` if it certainly was not sent.
    pub(super) fn without_answer(error: hyper::Error, unsent: bool) -> Self {
        let unprocessed = unsent || refused_unprocessed(&error);
        let source = Arc::new(HttpFault(error));
        if unprocessed { Self::Unprocessed { source } } else { Self::Broken { source } }
    }
}

/// Whether the server told that it has not processed the request: RFC 9113, sections 6.8 and 8.7.
fn refused_unprocessed(error: &hyper::Error) -> bool {
    let Some(error) = h2_error(error) else {
        return false;
    };
    let told = |is_such: bool, reason| is_such && error.reason() == Some(reason);
    error.is_remote()
        && (told(error.is_go_away(), h2::Reason::NO_ERROR)
            || told(error.is_reset(), h2::Reason::REFUSED_STREAM))
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref())
}

/// The error and all that is beneath. `source` passes over what an `io::Error` wraps, and says nothing of what h2 wraps.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let io = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let h2 = error.downcast_ref::<h2::Error>().and_then(h2::Error::get_io);
        match (io, h2) {
            (Some(inner), _) => Some(inner),
            (_, Some(inner)) => Some(inner),
            _ => error.source(),
        }
    })
}

/// The alert by which the server broke TLS off, in the words of rustls: h2 keeps kind and text of an error, and not the
/// error.
pub(super) fn alert_told(error: &(dyn Error + 'static)) -> Option<String> {
    let text = error.downcast_ref::<io::Error>()?.to_string();
    text.strip_prefix("received fatal alert: ").map(str::to_owned)
}

/// Whether TLS is behind it: certificates, or a peer that does not speak it.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|error| error.is::<rustls::Error>() || alert_told(error).is_some())
}

/// Whether it took too long.
fn is_of_time(error: &(dyn Error + 'static)) -> bool {
    let mut errors = causes(error).filter_map(<dyn Error>::downcast_ref::<io::Error>);
    errors.any(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// Whether a proxy does not give the connection.
fn is_of_a_refusal(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<ProxyRefusal>)
}

impl HttpFault {
    /// Whether more than this one stream ends.
    pub(super) fn ends_the_connection(&self) -> bool {
        h2_error(&self.0).is_none_or(|error| !error.is_reset())
    }

    /// Whether the peer sent what is no HTTP.
    fn is_not_http(&self) -> bool {
        let broke_rules = |error: &h2::Error| error.is_library() && error.is_go_away();
        self.0.is_parse() || h2_error(&self.0).is_some_and(broke_rules)
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
        [Self::Unasked, Self::Credentials, Self::Connection, Self::Answer]
            .get(usize::from(number))
            .copied()
            .unwrap_or(Self::Body)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unasked => "before it was asked",
            Self::Credentials => "while reading the credentials",
            Self::Connection => "while waiting for a connection",
            Self::Answer => "while waiting for the answer",
            Self::Body => "while reading the answer",
        })
    }
}
