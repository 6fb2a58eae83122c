//! `null` as Go reads it: as if nothing were there.

use serde::{Deserialize, Deserializer};

pub(super) fn value<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let list: Vec<Option<String>> = value(from)?;
    Ok(list.into_iter().map(Option::unwrap_or_default).collect())
}
