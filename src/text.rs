//! Text of a JSON document, borrowed from it unless it has escapes.

use std::borrow::Cow;

use serde::Deserialize;

/// For what is only looked at. serde borrows a [`Cow`] by itself only where it is the field of a struct.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);
