//! Reading typed values out of the tree. What is wrong becomes a note; the caller gets `None` and goes on, so that
//! one run shows all mistakes.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::json::{Node, Value};
use super::notes::{Findings, Path, Place, Upstream};

/// An object whose keys are known beforehand.
#[derive(Debug)]
pub(super) struct Object<'d> {
    pub(super) path: &'d Path<'d>,
    pub(super) order: usize,
    members: &'d [(String, Node)],
    keys: &'static Keys,
}

/// The keys that an object may have.
#[derive(Debug)]
pub(super) struct Keys {
    /// Those that SPIRE's plugin decodes: a wrong type there is a mistake for SPIRE too.
    pub(super) upstream: &'static [&'static str],
    /// The others.
    pub(super) ours: &'static [&'static str],
}

impl Keys {
    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.upstream.iter().chain(self.ours).copied()
    }
}

impl<'d> Object<'d> {
    /// Opens `field`, and warns of keys that are not known.
    pub(super) fn open(field: &'d Field<'d>, keys: &'static Keys, findings: &mut Findings) -> Option<Self> {
        let members = field.members(findings)?;
        let object = Self { path: &field.path, order: field.node.order, members, keys };
        for (key, node) in members {
            if !keys.all().any(|known| known == key) {
                let place = Place { path: Path::Key(object.path, key), order: node.order };
                findings.warning(place, unknown_key(key, keys));
            }
        }
        Some(object)
    }

    /// The value of `key`. `null` is as good as absent.
    pub(super) fn get(&self, key: &'d str) -> Option<Field<'d>> {
        debug_assert!(self.keys.all().any(|known| known == key), "{key} would be told to be unknown");
        let present = |(name, node): &&(String, Node)| name == key && !matches!(node.value, Value::Null);
        let (_, node) = self.members.iter().find(present)?;
        let known_upstream = self.keys.upstream.contains(&key);
        Some(Field { path: Path::Key(self.path, key), node, known_upstream })
    }

    /// Where `key` would stand, for notes on its absence.
    pub(super) fn place_of(&self, key: &'d str) -> Place<'d> {
        Place { path: Path::Key(self.path, key), order: self.order }
    }

    /// Whether `key` is there with a value, and nothing else is.
    pub(super) fn has_only(&self, key: &str) -> bool {
        let mut present =
            self.members.iter().filter(|(_, node)| !matches!(node.value, Value::Null)).peekable();
        present.peek().is_some() && present.all(|(name, _)| name == key)
    }
}

/// One value and the way to it.
#[derive(Debug)]
pub(super) struct Field<'d> {
    pub(super) path: Path<'d>,
    pub(super) node: &'d Node,
    /// Whether a wrong type here is a mistake for SPIRE too.
    pub(super) known_upstream: bool,
}

impl<'d> Field<'d> {
    pub(super) fn place(&self) -> Place<'_> {
        Place { path: self.path, order: self.node.order }
    }

    pub(super) fn text(&self, findings: &mut Findings) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => self.wrong("a string", findings),
        }
    }

    pub(super) fn boolean(&self, findings: &mut Findings) -> Option<bool> {
        match self.node.value {
            Value::Boolean(value) => Some(value),
            _ => self.wrong("true or false", findings),
        }
    }

    pub(super) fn number(&self, bounds: &RangeInclusive<u64>, findings: &mut Findings) -> Option<u64> {
        let wanted = || format!("a whole number from {} to {}", bounds.start(), bounds.end());
        match self.node.value {
            Value::Whole(value) if bounds.contains(&value) => Some(value),
            Value::Whole(0) => self.refuse(&format!("must be {}, not 0", wanted()), findings),
            Value::Whole(_) => self.refuse(&format!("must be {}", wanted()), findings),
            _ => self.wrong(&wanted(), findings),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)], findings: &mut Findings) -> Option<T> {
        let text = match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        let chosen = choices.iter().find(|(word, _)| text.is_some_and(|text| text == word));
        if let Some((_, value)) = chosen {
            return Some(*value);
        }
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let wanted = words.join(" or ");
        if text.is_some() {
            return self.refuse(&format!("must be {wanted}"), findings);
        }
        self.wrong(&wanted, findings)
    }

    /// The items of a list of strings, with their places.
    pub(super) fn texts(&self, findings: &mut Findings) -> Option<Vec<(&str, Place<'_>)>> {
        let Value::List(items) = &self.node.value else {
            return self.wrong("a list of strings", findings);
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, node) in items.iter().enumerate() {
            let path = Path::Item(&self.path, index);
            let item = Field { path, node, known_upstream: self.known_upstream };
            if let Some(text) = item.text(findings) {
                texts.push((text, Place { path, order: node.order }));
            }
        }
        (texts.len() == items.len()).then_some(texts)
    }

    pub(super) fn is_empty_list(&self) -> bool {
        matches!(&self.node.value, Value::List(items) if items.is_empty())
    }

    pub(super) fn members(&self, findings: &mut Findings) -> Option<&'d [(String, Node)]> {
        match &self.node.value {
            Value::Object(members) => Some(members),
            _ => self.wrong("an object", findings),
        }
    }

    fn wrong<T>(&self, wanted: &str, findings: &mut Findings) -> Option<T> {
        let message = format!("must be {wanted}, not {}", self.node.value.kind());
        if self.known_upstream {
            findings.error_known_upstream(self.place(), message, Upstream::Malformed);
        } else {
            findings.error(self.place(), message);
        }
        None
    }

    fn refuse<T>(&self, message: &str, findings: &mut Findings) -> Option<T> {
        findings.error(self.place(), message);
        None
    }
}

/// Tells of keys that stand twice in one object, anywhere below `node`, in parts too that nobody reads.
pub(super) fn tell_duplicate_keys(node: &Node, path: &Path<'_>, findings: &mut Findings) {
    match &node.value {
        Value::Object(members) => {
            let mut seen = HashSet::with_capacity(members.len());
            for (key, member) in members {
                let path = Path::Key(path, key);
                if !seen.insert(key) {
                    findings
                        .error(Place { path, order: member.order }, "this key stands twice in its object");
                }
                tell_duplicate_keys(member, &path, findings);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                tell_duplicate_keys(item, &Path::Item(path, index), findings);
            }
        }
        _ => {}
    }
}

/// A key longer than this is no slip of the keyboard, and comparing it would take its time.
const LONGEST_SLIP: usize = 64;

fn unknown_key(key: &str, keys: &Keys) -> String {
    let distance = |known: &str| strsim::osa_distance(key, known);
    let nearest = Some(key)
        .filter(|key| key.len() <= LONGEST_SLIP)
        .and_then(|_| keys.all().min_by_key(|known| distance(known)));
    match nearest.filter(|known| distance(known) <= known.len().div_ceil(3)) {
        Some(known) => format!("unknown key, ignored; did you mean \"{known}\"?"),
        None => format!("unknown key, ignored; known here are {}", keys.all().collect::<Vec<_>>().join(", ")),
    }
}
