//! A token's JOSE header, read without giving anything away to an ambiguity.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::key::Algorithm;
use crate::text::Text;

/// What a header says of the signature.
#[derive(Debug, Default)]
pub(super) struct Header<'j> {
    /// None if its `alg` is missing or another one.
    pub(super) algorithm: Option<Algorithm>,
    /// An empty one is none, as to the API server.
    pub(super) kid: Option<Cow<'j, str>>,
    /// Whether it asks to be understood as a whole (`crit`), or for other signed bytes (`b64`): RFC 7515, section
    /// 4.1.11, and RFC 7797.
    pub(super) demands: bool,
}

impl<'j> Header<'j> {
    /// Reads a JSON object whose keys are all different.
    pub(super) fn parse(json: &'j [u8]) -> Option<Self> {
        let mut parser = serde_json::Deserializer::from_slice(json);
        let header = parser.deserialize_map(HeaderVisitor).ok()?;
        parser.end().ok()?;
        Some(header)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header<'de>, A::Error> {
        let mut header = Header::default();
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match &*key.0 {
                "alg" => header.algorithm = Algorithm::named(&map.next_value::<Text<'_>>()?.0),
                "kid" => header.kid = Some(map.next_value::<Text<'_>>()?.0).filter(|kid| !kid.is_empty()),
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
