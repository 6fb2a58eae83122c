//! A JSON document as a tree that keeps what `serde_json`'s own tree loses: duplicate keys, and the order of keys.
//!
//! What went wrong is told by line, column and kind alone. The parser's own text quotes values, and a value may be a
//! secret that somebody put into the wrong place.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

/// Lists and objects inside each other. A configuration has four levels; each level takes some of the stack.
const MAX_DEPTH: usize = 32;

/// A value and its place in the document.
#[derive(Debug)]
pub(super) struct Node {
    /// Counts the values in the order in which they begin.
    pub(super) order: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Whole(u64),
    /// A whole number below zero.
    Negative,
    /// A number with a fraction or an exponent, or one that is out of bounds.
    Fraction,
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Value {
    /// What a message calls it; the value itself is never told.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Whole(_) => "a number",
            Self::Negative => "a negative number",
            Self::Fraction => "a number with a fraction or out of bounds",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Where and how a document stops being JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) kind: MalformedKind,
    /// From 1.
    pub(super) line: usize,
    /// In bytes, from 1; 0 right after a line break.
    pub(super) column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MalformedKind {
    Utf8,
    Syntax,
    End,
    Depth,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            MalformedKind::Utf8 => "not UTF-8",
            MalformedKind::Syntax => "not JSON",
            MalformedKind::End => "the document ends too early",
            MalformedKind::Depth => "more than 32 lists and objects inside each other",
        };
        write!(f, "{kind} (line {}, column {})", self.line, self.column)
    }
}

/// Reads a whole document.
pub(super) fn parse(document: &[u8]) -> Result<Node, Malformed> {
    let text = std::str::from_utf8(document).map_err(|error| not_utf8(&document[..error.valid_up_to()]))?;
    let next = Cell::new(0);
    let mut parser = serde_json::Deserializer::from_str(text);
    NodeSeed { next: &next, depth: 0 }
        .deserialize(&mut parser)
        .and_then(|root| parser.end().map(|()| root))
        .map_err(|error| not_json(&error))
}

fn not_utf8(before: &[u8]) -> Malformed {
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    Malformed {
        kind: MalformedKind::Utf8,
        line: before.split(|b| *b == b'\n').count(),
        column: before.len() - line_start + 1,
    }
}

fn not_json(error: &serde_json::Error) -> Malformed {
    let kind = match error.classify() {
        Category::Eof => MalformedKind::End,
        // The visitor below takes every value; it refuses depth alone.
        Category::Data => MalformedKind::Depth,
        Category::Syntax | Category::Io => MalformedKind::Syntax,
    };
    Malformed { kind, line: error.line(), column: error.column() }
}

/// Builds one node; carries the counter and the depth down.
#[derive(Clone, Copy)]
struct NodeSeed<'c> {
    next: &'c Cell<usize>,
    depth: usize,
}

impl NodeSeed<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let order = self.next.get();
        self.next.set(order + 1);
        let value = deserializer.deserialize_any(self)?;
        Ok(Node { order, value })
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Negative, Value::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Fraction)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut object = Vec::new();
        while let Some(key) = members.next_key::<String>()? {
            object.push((key, members.next_value_seed(seed)?));
        }
        Ok(Value::Object(object))
    }
}
