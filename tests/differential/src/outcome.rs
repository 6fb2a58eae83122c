//! How an attestation ends, on either side.

use serde::{Deserialize, Deserializer};

/// The answer of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Outcome {
    /// Whether it is an attestation's, or that of a refused configuration.
    pub(crate) configured: bool,
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) spiffe_id: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) selectors: Vec<String>,
    pub(crate) can_reattest: bool,
}

fn null_is_empty<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(list).map(Option::unwrap_or_default)
}

impl Outcome {
    /// The same in one form. The release of SPIRE says `fail to` where its main branch says `failed to`. It takes labels as
    /// they come out of a map of Go's, so that their order is no part of its answer.
    pub(crate) fn in_one_form(mut self) -> Self {
        if let Some(rest) = self.message.strip_prefix("fail to ") {
            self.message = format!("failed to {rest}");
        }
        let is_label = |selector: &String| {
            selector.starts_with("agent_node_label:") || selector.starts_with("agent_pod_label:")
        };
        let labels = self.selectors.iter().position(is_label).unwrap_or(self.selectors.len());
        self.selectors[labels..].sort();
        self
    }

    /// Which of [`ENDS`] this is, of an answer of SPIRE's.
    pub(crate) fn end(&self) -> Option<usize> {
        if !self.configured {
            return Some(0);
        }
        if self.code == 0 {
            return Some(ENDS.len() - 1);
        }
        ENDS.iter().rposition(|(_, begins, goes_on)| {
            !begins.is_empty() && self.message.starts_with(begins) && self.message.contains(goes_on)
        })
    }
}

const REVIEW: &str = "unable to validate token with TokenReview API for cluster ";
const POD: &str = "failed to get pod from k8s API server for cluster ";
const NODE: &str = "failed to get node from k8s API server for cluster ";

/// Where SPIRE's plugin can end, in the order in which it gets there: the row of the table, or the call that fails; how the
/// message begins, and what it holds. Of several that fit the last counts.
pub(crate) const ENDS: [(&str, &str, &str); 22] = [
    ("configuration", "", ""),
    ("row 1", "not configured", ""),
    ("row 2", "missing attestation payload", ""),
    ("row 4", "failed to unmarshal data payload: ", ""),
    ("row 5", "missing cluster in attestation data", ""),
    ("row 6", "missing token in attestation data", ""),
    ("row 7", "not configured for cluster ", ""),
    ("review fails", REVIEW, ": unable to "),
    ("row 11", REVIEW, ": token review API response contains an error: "),
    ("row 12", "token not authenticated according to TokenReview API for cluster ", ""),
    ("row 13", REVIEW, ": token review API did not validate audience: "),
    ("row 14", "failed to parse username from token review status for cluster ", ": "),
    ("row 15", "\"", " is not an allowed service account for cluster "),
    ("row 16, name", "failed to get pod name from token review status for cluster ", ": "),
    ("row 16, UID", "failed to get pod UID from token review status for cluster ", ": "),
    ("pod fails", POD, ": unable to "),
    ("row 17", POD, " not found"),
    ("row 21", NODE, ": empty node name"),
    ("node fails", NODE, ": unable to "),
    ("row 23", NODE, " not found"),
    ("row 24", "node UID is empty for cluster ", ""),
    ("accepted", "", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn end(code: i32, message: &str) -> Option<&'static str> {
        let outcome = Outcome { configured: true, code, message: message.to_owned(), ..Outcome::default() };
        outcome.in_one_form().end().map(|end| ENDS[end].0)
    }

    #[test]
    fn where_it_ended_is_told_by_the_message() {
        assert_eq!(Outcome::default().end(), Some(0));
        assert_eq!(end(0, ""), Some("accepted"));
        assert_eq!(end(9, "not configured"), Some("row 1"));
        assert_eq!(end(3, "not configured for cluster \"a\""), Some("row 7"));
        assert_eq!(
            end(13, "fail to get pod from k8s API server for cluster \"a\": unable to x"),
            Some("pod fails")
        );
        assert_eq!(end(13, "something else"), None);
    }

    #[test]
    fn only_labels_come_in_any_order() {
        let of = |selectors: &[&str]| {
            let selectors = selectors.iter().map(|selector| (*selector).to_owned()).collect();
            Outcome { selectors, ..Outcome::default() }.in_one_form()
        };
        let (b, a, ns) = ("agent_pod_label:b:", "agent_node_label:a:", "agent_ns:x");
        assert_eq!(of(&["cluster:c", ns, b, a]), of(&["cluster:c", ns, a, b]));
        assert_ne!(of(&["cluster:c", ns]), of(&[ns, "cluster:c"]));
    }
}
