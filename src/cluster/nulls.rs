//! `null` as Go reads it: as if nothing were there.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::api::Extra;

pub(super) fn value<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let list: Vec<Option<String>> = value(from)?;
    Ok(list.into_iter().map(Option::unwrap_or_default).collect())
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ExtraVisitor)
    }
}

struct ExtraVisitor;

impl<'de> Visitor<'de> for ExtraVisitor {
    type Value = Extra;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings or null")
    }

    fn visit_unit<E>(self) -> Result<Extra, E> {
        Ok(Extra::Count(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Extra, A::Error> {
        let (mut count, mut value) = (0, String::new());
        while let Some(one) = list.next_element::<Option<String>>()? {
            count += 1;
            value = one.unwrap_or_default();
        }
        Ok(if count == 1 { Extra::One(value) } else { Extra::Count(count) })
    }
}
