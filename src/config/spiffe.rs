//! SPIFFE's rules for trust domains and path segments, in go-spiffe's words.
//!
//! The rules are those of the SPIFFE-ID standard, sections 2.1 to 2.3, as `go-spiffe/v2/spiffeid` applies them.

use std::fmt;
use std::str::FromStr;

/// The longest SPIFFE ID, in bytes (SPIFFE-ID, section 2.3).
pub const MAX_ID_BYTES: usize = 2048;

/// The longest trust domain name, in bytes (SPIFFE-ID, section 2.3).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;

const SCHEME: &str = "spiffe://";

/// Which of SPIFFE's rules a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeError {
    /// There is no trust domain.
    #[error("trust domain is missing")]
    MissingTrustDomain,
    /// A character that no trust domain has.
    #[error(
        "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores"
    )]
    BadTrustDomainCharacter,
    /// Over [`MAX_TRUST_DOMAIN_BYTES`]. go-spiffe does not check this.
    #[error("trust domain is longer than 255 bytes")]
    TrustDomainTooLong,
    /// A URI of another scheme.
    #[error("scheme is missing or invalid")]
    WrongScheme,
    /// Nothing between two slashes, or before the first.
    #[error("path cannot contain empty segments")]
    EmptySegment,
    /// A segment `.` or `..`.
    #[error("path cannot contain dot segments")]
    DotSegment,
    /// Nothing after the last slash.
    #[error("path cannot have a trailing slash")]
    TrailingSlash,
    /// A character that no path segment has.
    #[error("path segment characters are limited to letters, numbers, dots, dashes, and underscores")]
    BadPathCharacter,
}

/// A valid trust domain name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeError;

    /// Takes a name, or a SPIFFE ID of which the trust domain alone is kept, as go-spiffe's `TrustDomainFromString`.
    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        // go-spiffe looks for `:/`, not `://`: `spiffe:/td` is then told that its scheme is wrong.
        let name = if text.contains(":/") {
            domain_of_id(text)?
        } else {
            text
        };
        check_trust_domain(name)?;
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn domain_of_id(id: &str) -> Result<&str, SpiffeError> {
    let rest = id.strip_prefix(SCHEME).ok_or(SpiffeError::WrongScheme)?;
    let Some((domain, path)) = rest.split_once('/') else {
        return Ok(rest);
    };
    check_trust_domain(domain)?;
    check_path(path)?;
    Ok(domain)
}

fn check_trust_domain(name: &str) -> Result<(), SpiffeError> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    if name.is_empty() {
        Err(SpiffeError::MissingTrustDomain)
    } else if !name.bytes().all(allowed) {
        Err(SpiffeError::BadTrustDomainCharacter)
    } else if name.len() > MAX_TRUST_DOMAIN_BYTES {
        Err(SpiffeError::TrustDomainTooLong)
    } else {
        Ok(())
    }
}

/// Whether `text` is one segment of a SPIFFE ID's path: letters, digits, dots, dashes and underscores, at least one,
/// and neither `.` nor `..`.
///
/// URL paths in Kubernetes follow another rule: `cluster::api::is_path_segment`.
#[must_use]
pub fn is_path_segment(text: &str) -> bool {
    check_segment(text).is_ok()
}

/// Whether `name` can name a cluster, which becomes part of agent IDs: one or more segments joined by `/`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_cluster_name(name: &str) -> Result<(), SpiffeError> {
    // go-spiffe knows paths, where nothing at all is fine.
    if name.is_empty() {
        Err(SpiffeError::EmptySegment)
    } else {
        check_path(name)
    }
}

/// `path` without its leading slash.
fn check_path(path: &str) -> Result<(), SpiffeError> {
    let (parents, last) = path
        .rsplit_once('/')
        .map_or((None, path), |(parents, last)| (Some(parents), last));
    for segment in parents.iter().flat_map(|parents| parents.split('/')) {
        check_segment(segment)?;
    }
    match check_segment(last) {
        Err(SpiffeError::EmptySegment) => Err(SpiffeError::TrailingSlash),
        checked => checked,
    }
}

fn check_segment(segment: &str) -> Result<(), SpiffeError> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    match segment {
        "" => Err(SpiffeError::EmptySegment),
        "." | ".." => Err(SpiffeError::DotSegment),
        _ if segment.bytes().all(allowed) => Ok(()),
        _ => Err(SpiffeError::BadPathCharacter),
    }
}
