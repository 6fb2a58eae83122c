//! Rows 2 to 8: what can be told from the payload alone.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroize;

use super::jws;
use super::refusal::Refusal;
use crate::cluster::api::{Token, WITHHELD};
use crate::cluster::keys::Jws;
use crate::config::{ClusterConfig, Config, VerifySignature};
use crate::outcome::ErrorStyle;
use crate::text::Text;

/// A genuine payload is a few KiB; the limit bounds what a caller can make this library parse.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// A projected token is about 1 KiB; the limit is the API server's own scale for headers.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A payload that names a configured cluster and carries something that can be a token.
#[derive(Debug)]
pub struct Candidate {
    /// The cluster that the payload names.
    pub cluster: Arc<ClusterConfig>,
    /// The token, spaces and line breaks around it taken off.
    pub token: Token,
}

/// Judges `payload` by rows 2 to 7.
pub fn admit(config: &Config, payload: &[u8]) -> Result<Candidate, Refusal> {
    if payload.is_empty() {
        return Err(Refusal::PayloadMissing);
    }
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Refusal::PayloadTooLarge { bytes: payload.len() });
    }
    let data = AttestationData::parse(payload).map_err(|fault| Refusal::PayloadMalformed { fault })?;

    let name = data.cluster.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::ClusterMissing);
    }
    let token = data.token.as_ref().map_or("", |TokenText(token)| token);
    let token = token.trim_matches([' ', '\t', '\r', '\n']);
    if token.is_empty() {
        return Err(Refusal::TokenMissing);
    }
    let token = Token::new(token.to_owned());
    let Some(cluster) = config.clusters.get(name) else {
        let named = if token.stands_in(name) { WITHHELD } else { name };
        return Err(Refusal::ClusterUnknown { named: named.to_owned() });
    };

    Ok(Candidate { cluster: Arc::clone(cluster), token })
}

impl Candidate {
    /// Judges the token's form, row 8, and takes it apart, unless that is left to the API server.
    pub fn check_form(&self, style: ErrorStyle) -> Result<Option<Jws<'_>>, Refusal> {
        // A host that asked for upstream's answers leaves the form of tokens to the API server, as upstream does.
        if style == ErrorStyle::Upstream && self.cluster.verify_signature == VerifySignature::Off {
            return Ok(None);
        }
        let token = self.token.expose();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::TokenMalformed { why: "it is longer than 16 KiB" });
        }
        jws::check_form(token).map(Some).map_err(|why| Refusal::TokenMalformed { why })
    }
}

/// The agent's JSON object.
#[derive(Default)]
struct AttestationData<'p> {
    cluster: Option<Cow<'p, str>>,
    token: Option<TokenText<'p>>,
}

/// A token that was written with escapes is a copy of what the host owns, and is wiped.
struct TokenText<'p>(Cow<'p, str>);

impl Drop for TokenText<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(token) = &mut self.0 {
            token.zeroize();
        }
    }
}

impl<'p> AttestationData<'p> {
    /// Reads `{"cluster":…,"token":…}`: keys are matched exactly, unknown ones ignored, `null` is absent.
    fn parse(payload: &'p [u8]) -> Result<Self, JsonFault> {
        let text = std::str::from_utf8(payload).map_err(|_| JsonFault::not_utf8())?;
        let mut parser = serde_json::Deserializer::from_str(text);
        let data = parser.deserialize_option(DataVisitor).map_err(|e| JsonFault::of(&e))?;
        parser.end().map_err(|e| JsonFault::of(&e))?;
        Ok(data)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = AttestationData<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with cluster and token")
    }

    fn visit_none<E>(self) -> Result<AttestationData<'de>, E> {
        Ok(AttestationData::default())
    }

    fn visit_unit<E>(self) -> Result<AttestationData<'de>, E> {
        Ok(AttestationData::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<AttestationData<'de>, D::Error> {
        inner.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AttestationData<'de>, A::Error> {
        let mut data = AttestationData::default();
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match &*key.0 {
                "cluster" => data.cluster = map.next_value::<Option<Text<'_>>>()?.map(|Text(name)| name),
                "token" => {
                    data.token = map.next_value::<Option<Text<'_>>>()?.map(|Text(token)| TokenText(token));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(key) {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(data)
    }
}

/// Where and how a JSON text is wrong, without any of its text: that may be the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonFault {
    kind: &'static str,
    line: usize,
    column: usize,
}

impl JsonFault {
    /// The place and kind of a parser's error.
    #[must_use]
    pub fn of(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let kind = match error.classify() {
            Category::Eof => "it ends too early",
            Category::Syntax => "it is not JSON",
            Category::Data => "a value has the wrong type, or a key stands twice",
            Category::Io => "it cannot be read",
        };
        Self { kind, line: error.line(), column: error.column() }
    }

    /// A JSON text that is no object.
    #[must_use]
    pub fn no_object() -> Self {
        Self { kind: "it is not a JSON object", line: 1, column: 1 }
    }

    fn not_utf8() -> Self {
        Self { kind: "it is not UTF-8", line: 0, column: 0 }
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if self.line > 0 {
            write!(f, " (line {}, column {})", self.line, self.column)?;
        }
        Ok(())
    }
}
