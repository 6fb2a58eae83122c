//! Reading one cluster's `service_account_allow_list`, and what its entries mean for security.

use super::allow_list::{AllowEntry, AllowList};
use super::notes::{Findings, Place, Upstream};
use super::read::Field;
use crate::quote::quoted;

/// The entries that can match. `at` is where the list stands or would stand.
pub(super) fn read(
    cluster: &str,
    field: Option<&Field<'_>>,
    at: Place<'_>,
    findings: &mut Findings,
) -> Vec<AllowEntry> {
    if field.is_none_or(Field::is_empty_list) {
        let upstream = format!(
            "cluster {} configuration must have at least one service account allowed",
            quoted(cluster)
        );
        let message = "must have at least one service account";
        findings.error_known_upstream(at, message, Upstream::EmptyAllowList(upstream));
        return Vec::new();
    }
    let items = field.and_then(|field| field.texts(findings)).unwrap_or_default();
    items.into_iter().filter_map(|(text, at)| entry(text, at, findings)).collect()
}

fn entry(text: &str, at: Place<'_>, findings: &mut Findings) -> Option<AllowEntry> {
    let parsed = AllowEntry::parse(text);
    let flaw = match &parsed {
        Ok(entry) => entry.flaw(),
        Err(flaw) => Some(*flaw),
    };
    if let Some(flaw) = flaw {
        findings.warning(at, format!("this entry can never match a service account: {flaw}"));
    } else if parsed.as_ref().is_ok_and(AllowEntry::has_wild_namespace) {
        findings.warning(at, "a wildcard in the namespace: whoever may create namespaces may attest");
    }
    parsed.ok()
}

/// Agent IDs made of node UIDs are the same for all agents on one node.
pub(super) fn warn_of_shared_identities(entries: &[AllowEntry], at: Place<'_>, findings: &mut Findings) {
    let list: AllowList = entries.iter().filter(|entry| entry.flaw().is_none()).cloned().collect();
    if !list.is_single() {
        findings.warning(
            at,
            "several service accounts may attest, and agent IDs are made of the node's UID: on one node they get the \
             same ID, and each can replace the other; allow one service account, or set use_pod_uid_for_agent_id",
        );
    }
}
