//! Which service accounts may attest: `namespace:name` entries with globs on either side.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::glob::{Glob, is_wildcard};

/// The entries of one cluster's `service_account_allow_list`.
///
/// Lists that allow the same are equal, whatever the order of their entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    /// Names by namespace, of the entries without wildcards.
    exact: HashMap<String, HashSet<String>>,
    /// The entries with wildcards, sorted, each once.
    globs: Vec<AllowEntry>,
}

impl AllowList {
    /// Whether the service account `namespace:name` may attest. Allocates nothing.
    #[must_use]
    pub fn allows(&self, namespace: &str, name: &str) -> bool {
        self.exact.get(namespace).is_some_and(|names| names.contains(name))
            || self.globs.iter().any(|glob| glob.matches(namespace, name))
    }

    /// The entries that can match, as `namespace:name`, sorted.
    #[must_use]
    pub fn entries(&self) -> Vec<String> {
        let exact =
            self.exact.iter().flat_map(|(namespace, names)| names.iter().map(move |name| (namespace, name)));
        let globs = self.globs.iter().map(|glob| (&glob.namespace, &glob.name));
        let mut entries: Vec<String> =
            exact.chain(globs).map(|(namespace, name)| format!("{namespace}:{name}")).collect();
        entries.sort();
        entries
    }

    /// The namespaces of the accounts that may attest; `None` if a wildcard stands for any number of them.
    #[must_use]
    pub fn namespaces(&self) -> Option<BTreeSet<&str>> {
        let globs = self.globs.iter().map(|glob| (!glob.has_wild_namespace()).then(|| glob.namespace()));
        self.exact.keys().map(|namespace| Some(namespace.as_str())).chain(globs).collect()
    }

    /// Whether it names one service account at most.
    pub(super) fn is_single(&self) -> bool {
        self.globs.is_empty() && self.exact.values().map(HashSet::len).sum::<usize>() <= 1
    }
}

impl FromIterator<AllowEntry> for AllowList {
    fn from_iter<I: IntoIterator<Item = AllowEntry>>(entries: I) -> Self {
        let mut list = Self::default();
        for entry in entries {
            if entry.is_wild() {
                list.globs.push(entry);
            } else {
                list.exact.entry(entry.namespace).or_default().insert(entry.name);
            }
        }
        list.globs.sort();
        list.globs.dedup();
        list
    }
}

/// Entries that are not of the form `namespace:name` are left out, as they can never match.
impl<'e> FromIterator<&'e str> for AllowList {
    fn from_iter<I: IntoIterator<Item = &'e str>>(entries: I) -> Self {
        entries.into_iter().filter_map(|entry| AllowEntry::parse(entry).ok()).collect()
    }
}

/// One entry of the form `namespace:name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AllowEntry {
    namespace: String,
    name: String,
    namespace_glob: Glob,
    name_glob: Glob,
}

impl AllowEntry {
    /// Splits an entry.
    ///
    /// # Errors
    /// What keeps it from ever matching a service account, which has one colon in its name.
    pub(super) fn parse(entry: &str) -> Result<Self, &'static str> {
        let (namespace, name) = entry.split_once(':').ok_or("it has no colon: `namespace:name` is wanted")?;
        if name.contains(':') {
            return Err("it has more than one colon: `namespace:name` is wanted");
        }
        if namespace.is_empty() || name.is_empty() {
            return Err("nothing stands on one side of the colon: `namespace:name` is wanted");
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            namespace_glob: Glob::new(namespace),
            name_glob: Glob::new(name),
        })
    }

    /// The part before the colon.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The part after the colon.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may match service accounts of several namespaces.
    pub(super) fn has_wild_namespace(&self) -> bool {
        self.namespace_glob.is_wild()
    }

    /// Whether it may match several service accounts.
    pub(super) fn is_wild(&self) -> bool {
        self.namespace_glob.is_wild() || self.name_glob.is_wild()
    }

    /// Whether one service account could match both entries.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.namespace_glob.overlaps(&other.namespace_glob) && self.name_glob.overlaps(&other.name_glob)
    }

    /// Why Kubernetes could not have a service account that matches, if so.
    ///
    /// Such an entry still matches by its letters: what the API server says decides, not this rule.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        flaw_of_namespace(self.namespace_glob.characters())
            .or_else(|| flaw_of_name(self.name_glob.characters()))
    }

    fn matches(&self, namespace: &str, name: &str) -> bool {
        self.namespace_glob.matches(namespace) && self.name_glob.matches(name)
    }
}

/// The longest namespace: an RFC 1123 label (`ValidateNamespaceName` in Kubernetes).
const MAX_NAMESPACE: usize = 63;
/// The longest service account name: an RFC 1123 subdomain (`ValidateServiceAccountName`).
const MAX_NAME: usize = 253;

fn flaw_of_namespace(pattern: &[char]) -> Option<&'static str> {
    if !pattern.iter().all(|c| is_label_character(*c) || is_wildcard(*c)) {
        Some("a namespace has lower-case letters, digits and dashes only")
    } else if begins_or_ends_badly(pattern) {
        Some("a namespace begins and ends with a letter or a digit")
    } else if shortest_match(pattern) > MAX_NAMESPACE {
        Some("a namespace has 63 characters at most")
    } else {
        None
    }
}

fn flaw_of_name(pattern: &[char]) -> Option<&'static str> {
    let known = |c: char| is_label_character(c) || c == '.' || is_wildcard(c);
    if !pattern.iter().all(|c| known(*c)) {
        Some("a service account's name has lower-case letters, digits, dashes and dots only")
    } else if pattern.split(|c| *c == '.').any(|label| label.is_empty() || begins_or_ends_badly(label)) {
        Some("each part of a service account's name begins and ends with a letter or a digit")
    } else if shortest_match(pattern) > MAX_NAME {
        Some("a service account's name has 253 characters at most")
    } else {
        None
    }
}

fn is_label_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// A star at the edge of a label may stand for a dot or for letters: only what is written there counts.
fn begins_or_ends_badly(label: &[char]) -> bool {
    label.first() == Some(&'-') || label.last() == Some(&'-')
}

fn shortest_match(pattern: &[char]) -> usize {
    pattern.iter().filter(|c| **c != '*').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowList {
        entries.iter().copied().collect()
    }

    #[test]
    fn an_exact_entry_allows_its_service_account_alone() {
        let list = list(&["spire:agent", "other:agent2"]);
        assert!(list.allows("spire", "agent") && list.allows("other", "agent2"));
        for (namespace, name) in [
            ("spire", "agent2"),
            ("other", "agent"),
            ("spire:agent", ""),
            ("", "spire:agent"),
            ("spire", "Agent"),
            ("spire", ""),
        ] {
            assert!(!list.allows(namespace, name), "{namespace}:{name}");
        }
    }

    #[test]
    fn a_glob_never_matches_across_the_colon() {
        assert!(list(&["spire:*"]).allows("spire", "agent"));
        assert!(!list(&["spire:*"]).allows("spire2", "agent"));
        assert!(list(&["team-?:agent-*"]).allows("team-a", "agent-1"));
        assert!(!list(&["team-?:agent-*"]).allows("team-ab", "agent-1"));
        assert!(!list(&["*"]).allows("spire", "agent"));
        assert!(!list(&["s*t"]).allows("spire", "agent"));
    }

    #[test]
    fn entries_without_exactly_one_colon_allow_nothing() {
        let list = list(&["", "agent", ":", "spire:", ":agent", "a:b:c", "*:*:*"]);
        assert_eq!(list, AllowList::default());
        assert!(!list.allows("", "") && !list.allows("a", "b:c") && !list.allows("spire", ""));
    }

    #[test]
    fn entries_are_told_sorted_and_each_once() {
        assert_eq!(list(&["b:x", "a:y", "a:*", "b:x", "nothing"]).entries(), ["a:*", "a:y", "b:x"]);
    }

    #[test]
    fn namespaces_are_known_where_no_wildcard_stands_for_them() {
        let of = |entries: &[&str]| {
            let list = list(entries);
            list.namespaces().map(|known| known.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(of(&["b:x", "a:*", "a:x"]), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(of(&[]), Some(Vec::new()));
        assert_eq!(of(&["a:x", "b*:x"]), None);
    }

    #[test]
    fn lists_that_allow_the_same_are_equal() {
        assert_eq!(list(&["a:b", "c:*", "d:?"]), list(&["d:?", "a:b", "c:*", "a:b", "c:*"]));
        assert_ne!(list(&["a:b"]), list(&["a:b", "a:c"]));
    }

    #[test]
    fn names_that_kubernetes_could_not_have_are_told() {
        let long = |n| "a".repeat(n);
        for (entry, flawed) in [
            ("spire:agent", false),
            ("0a-b:a.b-c.d", false),
            ("*:*", false),
            ("?*-a:*.?-a.*", false),
            (&format!("{}:{}", long(63), long(253)), false),
            (&format!("{}*:a", long(63)), false),
            ("Spire:agent", true),
            ("spire:Agent", true),
            ("sp.ire:agent", true),
            ("sp_ire:*", true),
            ("spire:agent/x", true),
            ("spire:agént", true),
            ("-spire:agent", true),
            ("*-:agent", true),
            ("spire:.agent", true),
            ("spire:a..b", true),
            ("spire:a.-b*", true),
            ("spire:*-.b", true),
            ("spire :agent", true),
            (&format!("{}:a", long(64)), true),
            (&format!("{}?*:a", long(63)), true),
            (&format!("a:{}", long(254)), true),
        ] {
            let parsed = AllowEntry::parse(entry).expect("one colon");
            assert_eq!(parsed.flaw().is_some(), flawed, "{entry}");
        }
    }
}
