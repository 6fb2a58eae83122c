//! SPIFFE's rules for trust domains and path segments, in go-spiffe's words.
//!
//! The rules are those of the SPIFFE-ID standard, sections 2.1 to 2.3, as `go-spiffe/v2/spiffeid` applies them.

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
        let name = if text.contains(":/") { domain_of_id(text)? } else { text };
        check_trust_domain(name)?;
        Ok(Self(name.to_owned()))
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
    if name.is_empty() { Err(SpiffeError::EmptySegment) } else { check_path(name) }
}

/// `path` without its leading slash.
fn check_path(path: &str) -> Result<(), SpiffeError> {
    let (parents, last) = path.rsplit_once('/').map_or((None, path), |(parents, last)| (Some(parents), last));
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

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN_CHARACTERS: &str =
        "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores";
    const PATH_CHARACTERS: &str =
        "path segment characters are limited to letters, numbers, dots, dashes, and underscores";

    /// Made with go-spiffe 2.8.1, `TrustDomainFromString`.
    const GO_SPIFFE_SAYS: &[(&str, Result<&str, &str>)] = &[
        ("", Err("trust domain is missing")),
        ("example.org", Ok("example.org")),
        ("a_b-c.9", Ok("a_b-c.9")),
        ("Example.org", Err(DOMAIN_CHARACTERS)),
        ("exa mple", Err(DOMAIN_CHARACTERS)),
        ("spiffe://example.org", Ok("example.org")),
        ("spiffe://example.org/a/b", Ok("example.org")),
        ("spiffe://example.org/", Err("path cannot have a trailing slash")),
        ("spiffe://", Err("trust domain is missing")),
        ("spiffe:///a", Err("trust domain is missing")),
        ("spiffe:/td", Err("scheme is missing or invalid")),
        ("https://td", Err("scheme is missing or invalid")),
        ("spiffe://td/a//b", Err("path cannot contain empty segments")),
        ("spiffe://td//", Err("path cannot contain empty segments")),
        ("spiffe://td/./b", Err("path cannot contain dot segments")),
        ("spiffe://td/a/..", Err("path cannot contain dot segments")),
        ("spiffe://td/\u{e4}", Err(PATH_CHARACTERS)),
        ("spiffe://Td/a", Err(DOMAIN_CHARACTERS)),
        ("spiffe://td?x", Err(DOMAIN_CHARACTERS)),
        ("a/b", Err(DOMAIN_CHARACTERS)),
        ("td:80", Err(DOMAIN_CHARACTERS)),
        ("SPIFFE://td", Err("scheme is missing or invalid")),
    ];

    #[test]
    fn trust_domains_are_taken_and_refused_in_go_spiffes_words() {
        for (text, expected) in GO_SPIFFE_SAYS {
            let found = text
                .parse::<TrustDomain>()
                .map(|domain| domain.as_str().to_owned())
                .map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), *expected, "{text}");
        }
    }

    #[test]
    fn a_trust_domain_has_255_bytes_at_most() {
        assert!("a".repeat(255).parse::<TrustDomain>().is_ok());
        for text in ["a".repeat(256), format!("spiffe://{}/a", "a".repeat(256))] {
            assert_eq!(text.parse::<TrustDomain>(), Err(SpiffeError::TrustDomainTooLong));
        }
    }

    #[test]
    fn path_segments_follow_spiffes_rule() {
        for good in ["a", "A9", "a.b-c_d", "...", "f9c28800-0000"] {
            assert!(is_path_segment(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "%41", "a:b", "\u{e9}", "a\0"] {
            assert!(!is_path_segment(bad), "{bad}");
        }
        for byte in 0..=127_u8 {
            let expected = byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            assert_eq!(is_path_segment(&char::from(byte).to_string()), expected, "{byte}");
        }
    }
}
