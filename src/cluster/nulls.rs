//! `null` as Go reads it: as if nothing were there.

use std::collections::BTreeMap;

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

pub(super) fn map_of_lists<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let map: BTreeMap<String, Option<Vec<Option<String>>>> = value(from)?;
    let list = |list: Option<Vec<Option<String>>>| {
        list.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect()
    };
    Ok(map.into_iter().map(|(key, value)| (key, list(value))).collect())
}
