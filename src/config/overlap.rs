//! Clusters that are one cluster under two names: the same kubeconfig, and service accounts that both allow. An agent
//! may then choose under which name it attests, and so which selectors and which ID it gets.

use std::collections::HashMap;
use std::path::Path as FilePath;

use super::allow_list::AllowEntry;
use super::cluster::Draft;
use super::notes::{Findings, Path, Place};
use crate::quote::quoted;

/// Pairs of entries with wildcards that are compared at most. Only wildcards in namespaces, or thousands of them in
/// one namespace, lead there. Most pairs differ in their first or last characters: that many take a tenth of a second
/// without optimisation.
const MAX_COMPARISONS: usize = 2_000_000;

/// Warns, at the later cluster, of the first earlier one that it overlaps with.
pub(super) fn warn(drafts: &[Draft], clusters: Place<'_>, findings: &mut Findings) {
    let mut servers: HashMap<Option<&FilePath>, Server<'_>> = HashMap::new();
    let mut comparisons = 0;
    for draft in drafts {
        let server = servers.entry(server_of(draft)).or_default();
        let overlap =
            draft.possible_entries().find_map(|entry| Some((server.find(entry, &mut comparisons)?, entry)));
        if let Some((earlier, entry)) = overlap {
            let cluster = Path::Key(&clusters.path, &draft.config.name);
            let path = Path::Key(&cluster, "service_account_allow_list");
            findings.warning(Place { path, order: draft.allow_list_order }, message(earlier, entry));
        }
        for entry in draft.possible_entries() {
            server.add(&draft.config.name, entry);
        }
    }
    if comparisons >= MAX_COMPARISONS {
        findings.info(
            clusters,
            "too many entries with wildcards to compare all allow lists: clusters may overlap without a warning",
        );
    }
}

fn message(earlier: &str, entry: &AllowEntry) -> String {
    format!(
        "cluster {} has the same kubeconfig and also allows service accounts that match {}: an agent may choose \
         under which name it attests",
        quoted(earlier),
        quoted(&format!("{}:{}", entry.namespace(), entry.name())),
    )
}

/// `./a` and `a` are the same file. Links are not followed: the file may not be there yet.
fn server_of(draft: &Draft) -> Option<&FilePath> {
    let path = draft.config.kube_config_file.as_deref()?;
    Some(path.strip_prefix(".").unwrap_or(path))
}

impl Draft {
    fn possible_entries(&self) -> impl Iterator<Item = &AllowEntry> {
        self.entries.iter().filter(|entry| entry.flaw().is_none())
    }
}

/// A cluster's name and one of its entries.
type Known<'d> = (&'d str, &'d AllowEntry);

/// The entries that clusters with the same kubeconfig have, so ordered that an entry meets only those that it may
/// overlap with.
#[derive(Debug, Default)]
struct Server<'d> {
    /// Clusters by namespace and name, of entries without wildcards.
    exact: HashMap<(&'d str, &'d str), &'d str>,
    /// All entries with these very namespaces.
    in_namespace: HashMap<&'d str, Vec<Known<'d>>>,
    /// Those of them with wildcards in their names.
    wild_names: HashMap<&'d str, Vec<Known<'d>>>,
    /// Entries with wildcards in their namespaces.
    wild_namespaces: Vec<Known<'d>>,
    all: Vec<Known<'d>>,
}

impl<'d> Server<'d> {
    fn add(&mut self, cluster: &'d str, entry: &'d AllowEntry) {
        self.all.push((cluster, entry));
        if entry.has_wild_namespace() {
            self.wild_namespaces.push((cluster, entry));
            return;
        }
        self.in_namespace.entry(entry.namespace()).or_default().push((cluster, entry));
        if entry.is_wild() {
            self.wild_names.entry(entry.namespace()).or_default().push((cluster, entry));
        } else {
            self.exact.entry((entry.namespace(), entry.name())).or_insert(cluster);
        }
    }

    /// The first cluster with an entry that overlaps with `entry`.
    fn find(&self, entry: &AllowEntry, comparisons: &mut usize) -> Option<&'d str> {
        if entry.has_wild_namespace() {
            return first_overlap(&self.all, entry, comparisons);
        }
        let namespace = entry.namespace();
        if !entry.is_wild()
            && let Some(cluster) = self.exact.get(&(namespace, entry.name()))
        {
            return Some(cluster);
        }
        let named = if entry.is_wild() { &self.in_namespace } else { &self.wild_names };
        named
            .get(namespace)
            .and_then(|known| first_overlap(known, entry, comparisons))
            .or_else(|| first_overlap(&self.wild_namespaces, entry, comparisons))
    }
}

fn first_overlap<'d>(known: &[Known<'d>], entry: &AllowEntry, comparisons: &mut usize) -> Option<&'d str> {
    let left = MAX_COMPARISONS.saturating_sub(*comparisons);
    let found = known.iter().take(left).position(|(_, other)| other.overlaps(entry));
    *comparisons += found.map_or(known.len().min(left), |at| at + 1);
    found.map(|at| known[at].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comparisons of a thousand clusters on one server with one entry each, none of which overlaps with another.
    fn comparisons(entry: fn(usize) -> String) -> usize {
        let clusters: Vec<_> = (0..1000)
            .map(|n| (format!("cluster-{n}"), AllowEntry::parse(&entry(n)).expect("two parts")))
            .collect();
        let mut server = Server::default();
        let mut comparisons = 0;
        for (name, entry) in &clusters {
            assert_eq!(server.find(entry, &mut comparisons), None, "{entry:?}");
            server.add(name, entry);
        }
        comparisons
    }

    #[test]
    fn only_entries_that_may_overlap_are_compared() {
        const EVERY_PAIR: usize = 1000 * 999 / 2;
        const { assert!(EVERY_PAIR < MAX_COMPARISONS, "a thousand clusters are compared to the end") };
        assert_eq!(comparisons(|n| format!("spire:agent-{n}")), 0);
        assert_eq!(comparisons(|n| format!("spire-{n}:*")), 0);
        assert_eq!(comparisons(|n| format!("spire:agent-{n}-*")), EVERY_PAIR);
        assert_eq!(comparisons(|n| format!("spire-{n}-*:agent")), EVERY_PAIR);
        assert_eq!(
            comparisons(|n| if n == 0 { "spire:a*".to_owned() } else { format!("spire:b{n}") }),
            999,
            "names against the one wildcard"
        );
    }
    #[test]
    fn the_pair_that_overlaps_is_counted_too() {
        let entry = |text| AllowEntry::parse(text).expect("two parts");
        let (first, second, asked) = (entry("a:x*"), entry("a:y*"), entry("a:*z"));
        let mut comparisons = 0;
        let overlap = first_overlap(&[("one", &first), ("two", &second)], &asked, &mut comparisons);
        assert_eq!((overlap, comparisons), (Some("one"), 1));
    }
}
