//! A token's JOSE header, read without giving anything away to an ambiguity.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::text::Text;

/// What a header says of the signature.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) alg: String,
    /// An empty one is none, as to the API server.
    pub(super) kid: Option<String>,
    /// Whether it asks to be understood as a whole (`crit`), or for other signed bytes (`b64`): RFC 7515, section
    /// 4.1.11, and RFC 7797.
    pub(super) demands: bool,
}

impl Header {
    /// Reads a JSON object whose keys are all different.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let mut parser = serde_json::Deserializer::from_slice(json);
        let header = parser.deserialize_map(HeaderVisitor).ok()?;
        parser.end().ok()?;
        Some(header)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match &*key.0 {
                "alg" => header.alg = map.next_value()?,
                "kid" => header.kid = Some(map.next_value::<String>()?).filter(|kid| !kid.is_empty()),
                other => {
                    header.demands |= matches!(other, "crit" | "b64");
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(key) {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(header)
    }
}
