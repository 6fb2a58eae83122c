//! Clusters with the same kubeconfig and overlapping allow lists.

use std::fmt::Write as _;

use super::*;

/// Warnings of overlaps in a document with these clusters: name, kubeconfig, entries.
fn overlaps(clusters: &[(&str, &str, &[&str])]) -> Vec<String> {
    let mut document = String::from(r#"{"trust_domain":"td","clusters":{"#);
    for (at, (name, kubeconfig, entries)) in clusters.iter().enumerate() {
        let cluster = json!({
            "service_account_allow_list": entries,
            "kube_config_file": kubeconfig,
            "use_pod_uid_for_agent_id": true,
        });
        let comma = if at == 0 { "" } else { "," };
        write!(document, "{comma}\"{name}\":{cluster}").expect("a String takes everything");
    }
    document += "}}";
    let found = notes(&check(document.as_bytes()), Severity::Warning);
    found.into_iter().filter(|note| note.contains("the same kubeconfig")).collect()
}

fn overlap(one: &[&str], other: &[&str]) -> bool {
    let there = overlaps(&[("one", "", one), ("other", "", other)]);
    let back = overlaps(&[("other", "", other), ("one", "", one)]);
    assert_eq!(there.len(), back.len(), "{one:?} {other:?}");
    !there.is_empty()
}

#[test]
fn the_later_cluster_is_warned_of_the_first_earlier_one() {
    assert_eq!(
        overlaps(&[("b", "", &["a:b"]), ("c", "", &["x:y", "a:b"]), ("a", "", &["a:b"])]),
        [
            "clusters.c.service_account_allow_list: cluster \"b\" has the same kubeconfig and also allows service \
             accounts that match \"a:b\": an agent may choose under which name it attests",
            "clusters.a.service_account_allow_list: cluster \"b\" has the same kubeconfig and also allows service \
             accounts that match \"a:b\": an agent may choose under which name it attests",
        ]
    );
}

#[test]
fn only_the_same_kubeconfig_counts() {
    let entries: &[&str] = &["a:b"];
    assert_eq!(
        overlaps(&[("one", "/x/1", entries), ("other", "/x/2", entries), ("in", "", entries)]),
        [""; 0]
    );
    assert_eq!(overlaps(&[("one", "/x/1", entries), ("other", "/x//./1", entries)]).len(), 1);
    assert_eq!(overlaps(&[("one", "x/1", entries), ("other", "./x/1", entries)]).len(), 1);
}

#[test]
fn entries_overlap_where_one_service_account_matches_both() {
    for (one, other, expected) in [
        ("a:b", "a:b", true),
        ("a:b", "a:c", false),
        ("a:b", "c:b", false),
        ("a:b", "a:*", true),
        ("a:b", "a:c*", false),
        ("a:x*", "a:*y", true),
        ("a:x*", "a:y*", false),
        ("a:x*", "b:x*", false),
        ("*:b", "a:b", true),
        ("*:b", "a:?", true),
        ("*:b", "a:c", false),
        ("a*:b", "b*:b", false),
        ("a*:b", "*a:*", true),
        ("a:b:c", "a:b:c", false),
        ("A:b", "A:b", false),
    ] {
        assert_eq!(overlap(&[one], &[other]), expected, "{one} {other}");
        assert_eq!(overlap(&["z:z", one], &["y:y", other]), expected, "among others: {one} {other}");
    }
}

#[test]
fn entries_of_one_cluster_may_overlap() {
    assert_eq!(overlaps(&[("one", "", &["a:b", "a:*", "a:b"])]), [""; 0]);
}

#[test]
fn comparing_comes_to_an_end_and_says_so() {
    let entries = |cluster: &str| -> Vec<String> { (0..2000).map(|n| format!("{cluster}{n}*:a")).collect() };
    let document = json!({"trust_domain": "td", "clusters": {
        "a": {"service_account_allow_list": entries("a")},
        "b": {"service_account_allow_list": entries("b")},
    }});
    let found = notes(&checked(&document), Severity::Info);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("clusters: too many entries with wildcards"), "{found:?}");
}
