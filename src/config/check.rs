//! From a document to a checked configuration: the top level, and what holds over all of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::cluster::{self, Draft};
use super::json::{self, Node, Value};
use super::notes::{Findings, Note, Path, Place, Upstream};
use super::read::{Field, Keys, Object, tell_duplicate_keys};
use super::{Config, TrustDomain, VerifySignature, engine, overlap};
use crate::outcome::{AgentSafe, ErrorStyle};

const KEYS: Keys = Keys { upstream: &["clusters"], ours: &["trust_domain", "error_style", "engine"] };

/// What [`check`] makes of a document.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The configuration; `None` exactly if a note is an error.
    pub config: Option<Config>,
    /// What there is to say, in the order of the document. A note on a missing key stands where its object begins.
    pub notes: Vec<Note>,
    /// The style that the document asks for, refused or not; `Precise` where that cannot be read.
    pub error_style: ErrorStyle,
    message: Option<AgentSafe>,
}

impl Checked {
    /// The `message` of a refused configuration, in its [`error_style`](Self::error_style): the first error, with its
    /// path and the number of the others, or what SPIRE would say. `None` if the configuration is valid.
    #[must_use]
    pub fn message(&self) -> Option<AgentSafe> {
        self.message.clone()
    }
}

/// Checks a configuration document, which is JSON. Nothing at all, or an object with `engine` alone, is a valid
/// configuration without trust domain and clusters.
///
/// Touches no network, and no file but to see whether each kubeconfig can be opened.
#[must_use]
pub fn check(document: &[u8]) -> Checked {
    let mut findings = Findings::default();
    let (error_style, config) = if document.is_empty() {
        (ErrorStyle::Precise, Some(unconfigured(None, &mut findings)))
    } else {
        match json::parse(document) {
            Ok(root) => configuration(&root, &mut findings),
            Err(malformed) => {
                findings.error_known_upstream(Place::ROOT, malformed.to_string(), Upstream::Malformed);
                (ErrorStyle::Precise, None)
            }
        }
    };
    conclude(error_style, config, findings)
}

/// `config` has defaults where a value is wrong: it stands only if there are no errors.
fn conclude(error_style: ErrorStyle, config: Option<Config>, mut findings: Findings) -> Checked {
    findings.sort();
    let message = match error_style {
        ErrorStyle::Precise => findings.precise_message(),
        ErrorStyle::Upstream => findings.upstream_message(),
    };
    Checked {
        config: config.filter(|_| !findings.has_errors()),
        notes: findings.into_notes(),
        error_style,
        // Words of this room and of SPIRE, keys of the document, and no value.
        message: message.map(AgentSafe::vouched),
    }
}

fn configuration(root: &Node, findings: &mut Findings) -> (ErrorStyle, Option<Config>) {
    tell_duplicate_keys(root, &Path::Root, findings);
    let root = Field { path: Path::Root, node: root, known_upstream: true };
    let Some(object) = Object::open(&root, &KEYS, findings) else {
        return (ErrorStyle::Precise, None);
    };
    if object.has_only("engine") {
        return (ErrorStyle::Precise, Some(unconfigured(object.get("engine").as_ref(), findings)));
    }
    let error_style = error_style(&object, findings);
    let drafts = clusters(&object, error_style, findings);
    warn_of_lost_verification(&object, &drafts, findings);
    let config = Config {
        trust_domain: trust_domain(&object, findings),
        clusters: drafts
            .into_iter()
            .map(|draft| (draft.config.name.clone(), Arc::new(draft.config)))
            .collect(),
        error_style,
        engine: engine::read(object.get("engine").as_ref(), findings),
    };
    (error_style, Some(config))
}

fn unconfigured(engine: Option<&Field<'_>>, findings: &mut Findings) -> Config {
    findings.info(
        Place::ROOT,
        "no configuration: until one is given, attestations are answered with NOT_CONFIGURED",
    );
    Config {
        trust_domain: None,
        clusters: BTreeMap::new(),
        error_style: ErrorStyle::Precise,
        engine: engine::read(engine, findings),
    }
}

fn error_style(object: &Object<'_>, findings: &mut Findings) -> ErrorStyle {
    let choices = [("precise", ErrorStyle::Precise), ("upstream", ErrorStyle::Upstream)];
    object.get("error_style").and_then(|field| field.choice(&choices, findings)).unwrap_or_default()
}

fn trust_domain(object: &Object<'_>, findings: &mut Findings) -> Option<TrustDomain> {
    let field = object.get("trust_domain");
    let at = field.as_ref().map_or(object.place_of("trust_domain"), Field::place);
    let flaw = match field.as_ref().map(|field| &field.node.value) {
        None => return tell_missing_trust_domain("must be set", at, findings),
        Some(Value::Text(text)) if text.is_empty() => {
            return tell_missing_trust_domain("must not be empty", at, findings);
        }
        Some(Value::Text(text)) => match text.parse() {
            Ok(domain) => return Some(domain),
            Err(error) => format!("{error}"),
        },
        Some(other) => format!("must be a string, not {}", other.kind()),
    };
    let words = format!("server core configuration trust_domain is malformed: {flaw}");
    findings.error_known_upstream(at, flaw, Upstream::TrustDomain(words));
    None
}

fn tell_missing_trust_domain(message: &str, at: Place<'_>, findings: &mut Findings) -> Option<TrustDomain> {
    let words = "server core configuration must contain trust_domain".to_owned();
    findings.error_known_upstream(at, message, Upstream::TrustDomain(words));
    None
}

fn clusters(object: &Object<'_>, error_style: ErrorStyle, findings: &mut Findings) -> Vec<Draft> {
    // Upstream judges nothing before the API server does.
    let unset = match error_style {
        ErrorStyle::Precise => VerifySignature::Auto,
        ErrorStyle::Upstream => VerifySignature::Off,
    };
    let field = object.get("clusters");
    let at = field.as_ref().map_or(object.place_of("clusters"), Field::place);
    let members = field.as_ref().map_or(Some(&[][..]), |field| field.members(findings));
    let mut drafts = Vec::new();
    let mut seen = HashSet::new();
    for (name, node) in members.unwrap_or_default() {
        let cluster = Field { path: Path::Key(&at.path, name), node, known_upstream: true };
        if matches!(node.value, Value::Null) {
            findings.warning(cluster.place(), "null: this cluster counts as absent");
        } else if seen.insert(name) {
            drafts.extend(cluster::read(name, &cluster, unset, findings));
        }
    }
    if members.is_some() && seen.is_empty() {
        findings.info(at, "no clusters: attestation is effectively disabled");
    }
    overlap::warn(&drafts, at, findings);
    drafts
}

fn warn_of_lost_verification(object: &Object<'_>, drafts: &[Draft], findings: &mut Findings) {
    let lost = |draft: &Draft| {
        draft.verify_signature_is_unset && draft.config.verify_signature == VerifySignature::Off
    };
    if let Some(field) = object.get("error_style").filter(|_| drafts.iter().any(lost)) {
        findings.warning(
            field.place(),
            "\"upstream\" turns verify_signature off where it is not set: forged tokens are then not refused here, but \
             reach the API server and take the places of genuine agents; set verify_signature to \"auto\" or \"off\"",
        );
    }
}
