//! What upstream says after the table's words.

use crate::attest::Refusal;
use crate::attest::refusal::{PodFact, UsernameFault};
use crate::outcome::ErrorStyle;

#[test]
fn upstreams_inner_words_come_after_a_colon_and_only_where_they_are_wanted() {
    const USER: &str = r#"failed to parse username from token review status for cluster "demo""#;
    const NAME: &str = r#"failed to get pod name from token review status for cluster "demo""#;
    const UID: &str = r#"failed to get pod UID from token review status for cluster "demo""#;
    const NODE: &str = r#"failed to get node from k8s API server for cluster "demo""#;
    let user = |fault| Refusal::NotAServiceAccount { fault };
    for (refusal, words, inner) in [
        (user(UsernameFault::Empty), USER, ": empty username"),
        (user(UsernameFault::Format { username: "a:b".into() }), USER, ": unexpected username format: a:b"),
        (user(UsernameFault::NoNamespace), USER, ": missing namespace"),
        (user(UsernameFault::NoName), USER, ": missing service account name"),
        (user(UsernameFault::NotAnAccount), USER, ""),
        (Refusal::PodFactMissing { fact: PodFact::Name }, NAME, ": missing pod name"),
        (Refusal::PodFactMissing { fact: PodFact::Uid }, UID, ": missing pod UID"),
        (Refusal::PodFactCount { fact: PodFact::Name, count: 2 }, NAME, ": expected 1 name but got: 2"),
        (Refusal::PodFactCount { fact: PodFact::Uid, count: 0 }, UID, ": expected 1 UID but got: 0"),
        (Refusal::PodFactEmpty { fact: PodFact::Uid }, UID, ": pod UID is empty"),
        (Refusal::PodNotScheduled { pod: "agent-1".into() }, NODE, ": empty node name"),
    ] {
        assert_eq!(refusal.message(ErrorStyle::Precise, "demo").as_str(), words);
        assert_eq!(refusal.message(ErrorStyle::Upstream, "demo").as_str(), format!("{words}{inner}"));
    }
}
