//! One cluster's object: its values, and what does not go together.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::allow_list::AllowEntry;
use super::notes::{Findings, Place};
use super::read::{Field, Keys, Object};
use super::{ClusterConfig, Lookup, VerifySignature, kubeconfig, limits, service_accounts, spiffe};

const KEYS: Keys = Keys {
    upstream: &[
        ALLOW_LIST,
        "audience",
        "kube_config_file",
        NODE_LABELS,
        POD_LABELS,
        "use_pod_uid_for_agent_id",
    ],
    ours: &["lookup", "verify_signature", NODE_UID_MATCH, "call_timeout_ms", "max_in_flight", "max_queued"],
};

const ALLOW_LIST: &str = "service_account_allow_list";
const NODE_LABELS: &str = "allowed_node_label_keys";
const POD_LABELS: &str = "allowed_pod_label_keys";
const NODE_UID_MATCH: &str = "require_node_uid_match";

/// A cluster as it was read, with what the checks over all clusters want to know.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) config: ClusterConfig,
    /// The entries of the allow list that can match.
    pub(super) entries: Vec<AllowEntry>,
    /// Where the allow list stands.
    pub(super) allow_list_order: usize,
    pub(super) verify_signature_is_unset: bool,
}

/// Reads the cluster `name`; what is absent or wrong has its default. `None` if there is no object to read.
///
/// `unset` is what `verify_signature` is when nobody sets it.
pub(super) fn read(
    name: &str,
    field: &Field<'_>,
    unset: VerifySignature,
    findings: &mut Findings,
) -> Option<Draft> {
    check_name(name, field.place(), findings);
    let object = Object::open(field, &KEYS, findings)?;

    let use_pod_uid_for_agent_id = boolean(&object, "use_pod_uid_for_agent_id", findings);
    let lookup = lookup(&object, findings);
    let allow_list = object.get(ALLOW_LIST);
    let at = allow_list.as_ref().map_or(object.place_of(ALLOW_LIST), Field::place);
    let entries = service_accounts::read(name, allow_list.as_ref(), at, findings);
    if !use_pod_uid_for_agent_id {
        service_accounts::warn_of_shared_identities(&entries, at, findings);
    }
    let verify_signature = verify_signature(&object, findings);
    let call_timeout = number(&object, "call_timeout_ms", &limits::TIMEOUT_MS_BOUNDS, findings);
    let max_in_flight = number(&object, "max_in_flight", &limits::MAX_IN_FLIGHT_BOUNDS, findings);
    let max_queued = number(&object, "max_queued", &limits::MAX_QUEUED_BOUNDS, findings);

    let config = ClusterConfig {
        name: name.to_owned(),
        service_account_allow_list: entries.iter().cloned().collect(),
        audience: audience(&object, findings),
        kube_config_file: object.get("kube_config_file").and_then(|field| kubeconfig::read(&field, findings)),
        allowed_node_label_keys: label_keys(&object, NODE_LABELS, lookup, findings),
        allowed_pod_label_keys: label_keys(&object, POD_LABELS, lookup, findings),
        use_pod_uid_for_agent_id,
        lookup,
        verify_signature: verify_signature.unwrap_or(unset),
        require_node_uid_match: require_node_uid_match(&object, lookup, findings),
        call_timeout: Duration::from_millis(call_timeout.unwrap_or(limits::CALL_TIMEOUT_MS)),
        max_in_flight: limits::in_memory(max_in_flight.unwrap_or(limits::MAX_IN_FLIGHT)),
        max_queued: limits::in_memory(max_queued.unwrap_or(limits::MAX_QUEUED)),
    };
    let verify_signature_is_unset = verify_signature.is_none();
    Some(Draft { config, entries, allow_list_order: at.order, verify_signature_is_unset })
}

/// Bytes of an agent ID beside the trust domain's and the cluster's names: `spiffe://`, `/spire/agent/k8s_psat/`, and a
/// `/` with the 36 characters of a UID.
const OTHER_ID_BYTES: usize = 9 + 22 + 37;

fn check_name(name: &str, at: Place<'_>, findings: &mut Findings) {
    if let Err(error) = spiffe::check_cluster_name(name) {
        findings.error(at, format!("the cluster's name becomes a part of agent IDs: {error}"));
    } else if name.len() + OTHER_ID_BYTES > spiffe::MAX_ID_BYTES {
        findings.warning(at, "the cluster's name leaves no room for a UID in an agent ID of 2048 bytes");
    }
}

fn audience(object: &Object<'_>, findings: &mut Findings) -> Vec<String> {
    let Some(field) = object.get("audience") else {
        return vec![limits::DEFAULT_AUDIENCE.to_owned()];
    };
    let audiences = field.texts(findings).unwrap_or_default();
    if field.is_empty_list() {
        findings.warning(
            field.place(),
            "an empty list asks for the API server's own audience: every token made for the API server is accepted, \
             also those of pods that are no agents",
        );
    }
    for (_, at) in audiences.iter().filter(|(audience, _)| audience.is_empty()) {
        findings.warning(*at, "an empty audience: no ordinary token has it");
    }
    audiences.into_iter().map(|(audience, _)| audience.to_owned()).collect()
}

fn label_keys(
    object: &Object<'_>,
    key: &'static str,
    lookup: Lookup,
    findings: &mut Findings,
) -> Vec<String> {
    let Some(field) = object.get(key) else {
        return Vec::new();
    };
    let labels = field.texts(findings).unwrap_or_default();
    if lookup == Lookup::Claims && !labels.is_empty() {
        findings.error(
            field.place(),
            "with lookup \"claims\" no labels are read: remove these keys, or change lookup",
        );
    }
    for (_, at) in labels.iter().filter(|(label, _)| label.is_empty()) {
        findings.warning(*at, "an empty key: no label has it");
    }
    let mut labels: Vec<String> = labels.into_iter().map(|(label, _)| label.to_owned()).collect();
    labels.sort();
    labels.dedup();
    labels
}

fn lookup(object: &Object<'_>, findings: &mut Findings) -> Lookup {
    let choices = [("auto", Lookup::Auto), ("sequential", Lookup::Sequential), ("claims", Lookup::Claims)];
    object.get("lookup").and_then(|field| field.choice(&choices, findings)).unwrap_or_default()
}

fn verify_signature(object: &Object<'_>, findings: &mut Findings) -> Option<VerifySignature> {
    let choices = [("auto", VerifySignature::Auto), ("off", VerifySignature::Off)];
    object.get("verify_signature")?.choice(&choices, findings)
}

fn require_node_uid_match(object: &Object<'_>, lookup: Lookup, findings: &mut Findings) -> bool {
    let required = boolean(object, NODE_UID_MATCH, findings);
    if required && lookup == Lookup::Claims {
        let at = object.get(NODE_UID_MATCH);
        findings.error(
            at.as_ref().map_or(object.place_of(NODE_UID_MATCH), Field::place),
            "with lookup \"claims\" no node is read to compare with: remove this, or change lookup",
        );
    }
    required
}

fn boolean(object: &Object<'_>, key: &'static str, findings: &mut Findings) -> bool {
    object.get(key).and_then(|field| field.boolean(findings)).unwrap_or(false)
}

fn number(
    object: &Object<'_>,
    key: &'static str,
    bounds: &RangeInclusive<u64>,
    findings: &mut Findings,
) -> Option<u64> {
    object.get(key)?.number(bounds, findings)
}
