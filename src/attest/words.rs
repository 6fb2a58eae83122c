//! What is said of a refusal: to the agent, and to the operator.
//!
//! The texts are the table's, which are upstream's; `c` is the cluster's name in quotes. Only [`Refusal::message`] makes text
//! for an agent, and it never reads the text of a foreign error.

use std::borrow::Cow;

use super::claims::ClaimsFault;
use super::refusal::{PodFact, Refusal, UsernameFault};
use crate::cluster::api::Call;
use crate::outcome::{AgentSafe, ErrorStyle, cause_chain};
use crate::quote::{quoted, quoted_list};

/// Of one text of the API server's. A gRPC status travels in a header, which servers limit to 8 KiB and more.
const MAX_FOREIGN_CHARS: usize = 512;

/// As many names as a sentence holds.
pub const NAMES_IN_A_SENTENCE: usize = 8;

impl Refusal {
    /// What the agent may read.
    #[must_use]
    pub fn message(&self, style: ErrorStyle, cluster: &str) -> AgentSafe {
        let mut text = self.words(style, &quoted(cluster));
        if style == ErrorStyle::Upstream
            && let Some(inner) = self.upstream_words()
        {
            text.push_str(": ");
            text.push_str(&inner);
        }
        AgentSafe::vouched(text)
    }

    /// The words of the table; `c` is the cluster's name in quotes.
    fn words(&self, style: ErrorStyle, c: &str) -> String {
        match self {
            Self::NotConfigured => "not configured".into(),
            Self::PayloadMissing => "missing attestation payload".into(),
            Self::PayloadTooLarge { .. } => "attestation payload is too large".into(),
            Self::PayloadMalformed { .. } => "failed to unmarshal data payload".into(),
            Self::ClusterMissing => "missing cluster in attestation data".into(),
            Self::TokenMissing => "missing token in attestation data".into(),
            Self::ClusterUnknown { named } => format!("not configured for cluster {}", quoted(named)),
            Self::TokenMalformed { .. } | Self::SignatureInvalid if style == ErrorStyle::Precise => {
                format!("token refused for cluster {c}")
            }
            Self::Overloaded { .. } => format!("too many attestations for cluster {c}"),
            // Upstream asks TokenReview about everything but the allow list.
            Self::ByClaims(ClaimsFault::NoPod) if style == ErrorStyle::Precise => {
                pod_fact_words(PodFact::Name, c)
            }
            Self::TokenMalformed { .. }
            | Self::SignatureInvalid
            | Self::ByClaims(
                ClaimsFault::Expired { .. } | ClaimsFault::OtherAudience { .. } | ClaimsFault::NoPod,
            )
            | Self::TokenError { .. }
            | Self::AudienceNotValidated { .. }
            | Self::AnswerHoldsSecret => call_words(Call::TokenReview, c),
            Self::NotAuthenticated => {
                format!("token not authenticated according to TokenReview API for cluster {c}")
            }
            Self::NotAServiceAccount { .. } => {
                format!("failed to parse username from token review status for cluster {c}")
            }
            Self::ServiceAccountNotAllowed { account }
            | Self::ByClaims(ClaimsFault::NotAllowed { account }) => {
                format!("{} is not an allowed service account for cluster {c}", quoted(account))
            }
            Self::PodFactMissing { fact } | Self::PodFactCount { fact, .. } | Self::PodFactEmpty { fact } => {
                pod_fact_words(*fact, c)
            }
            Self::PodNameUnfit { .. } => pod_fact_words(PodFact::Name, c),
            Self::ClaimsMissing { .. } => {
                format!("failed to get node name and UID from token review status for cluster {c}")
            }
            Self::PodNotScheduled { .. } | Self::NodeNameUnfit { .. } => call_words(Call::Node, c),
            Self::PodUidMismatch { pod, bound, .. } => format!(
                "pod UID mismatch for pod {} in cluster {c}: token bound to pod UID {}",
                quoted(pod),
                quoted(bound)
            ),
            Self::PodServiceAccountMismatch { pod, .. } => {
                format!("pod {} in cluster {c} does not run as the token's service account", quoted(pod))
            }
            Self::PodTerminated { pod, .. } => {
                format!("pod {} in cluster {c} has terminated", quoted(pod))
            }
            Self::NodeClaimMismatch { pod, .. } => {
                format!("token of pod {} in cluster {c} is bound to another node", quoted(pod))
            }
            Self::NodeUidEmpty => format!("node UID is empty for cluster {c}"),
            Self::IdInvalid { .. } => format!("agent ID is invalid for cluster {c}"),
            Self::NodeUidMismatch { pod, .. } => {
                format!("token of pod {} in cluster {c} is bound to an earlier node", quoted(pod))
            }
            Self::Call(error) => call_words(error.call, c),
            Self::Canceled => "attestation was canceled".into(),
            Self::ShuttingDown => "attestor is shutting down".into(),
            Self::InternalPanic => "internal error".into(),
        }
    }

    /// What upstream says after a colon, where the same world always gets the same words.
    fn upstream_words(&self) -> Option<String> {
        match self {
            Self::TokenError { error, .. } => {
                Some(format!("token review API response contains an error: {}", cut(error)))
            }
            Self::AudienceNotValidated { wanted, got } => Some(format!(
                "token review API did not validate audience: wanted one of {} but got {}",
                cut(&quoted_list(wanted)),
                cut(&quoted_list(got))
            )),
            Self::NotAServiceAccount { fault } => match fault {
                UsernameFault::Empty => Some("empty username".into()),
                UsernameFault::Format { username } => {
                    Some(format!("unexpected username format: {}", cut(username)))
                }
                UsernameFault::NoNamespace => Some("missing namespace".into()),
                UsernameFault::NoName => Some("missing service account name".into()),
                UsernameFault::NotAnAccount => None,
            },
            Self::PodFactMissing { fact } => Some(format!("missing {}", fact.words().0)),
            Self::PodFactCount { fact, count } => {
                Some(format!("expected 1 {} but got: {count}", fact.words().1))
            }
            Self::PodFactEmpty { fact } => Some(format!("{} is empty", fact.words().0)),
            Self::PodNotScheduled { .. } => Some("empty node name".into()),
            _ => None,
        }
    }

    /// What the operator may read: what was seen, and the whole cause chain.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::PayloadTooLarge { bytes } => format!("the payload has {bytes} bytes"),
            Self::PayloadMalformed { fault } => fault.to_string(),
            Self::ClusterUnknown { named } => format!("the payload names cluster {}", quoted(named)),
            Self::TokenMalformed { why } => format!("the token was refused by its form: {why}"),
            Self::ByClaims(fault) => fault.detail(),
            Self::TokenError { error, .. } => format!("TokenReview answered: {}", cut(error)),
            Self::AudienceNotValidated { wanted, got } => format!(
                "TokenReview validated the audiences {}, wanted is one of {}",
                listed(got),
                listed(wanted)
            ),
            Self::NotAServiceAccount { fault } => match fault {
                UsernameFault::Empty => "TokenReview named no user".into(),
                UsernameFault::Format { username } => {
                    format!("the user {} is not a service account", quoted(username))
                }
                UsernameFault::NoNamespace => "the user's name lacks a namespace".into(),
                UsernameFault::NoName => "the user's name lacks a service account".into(),
                UsernameFault::NotAnAccount => {
                    "the user's name is not system:serviceaccount:<namespace>:<name>, or the groups \
                     system:serviceaccounts and system:serviceaccounts:<namespace> are missing"
                        .into()
                }
            },
            Self::ServiceAccountNotAllowed { account } => {
                format!("{} matches no entry of service_account_allow_list", quoted(account))
            }
            Self::PodFactMissing { fact } => format!("TokenReview's extras have no {}", fact.words().0),
            Self::PodFactCount { fact, count } => {
                format!("TokenReview's extras have {count} values for the {}", fact.words().0)
            }
            Self::PodFactEmpty { fact } => format!("TokenReview's {} is empty", fact.words().0),
            Self::PodNameUnfit { pod } => format!("{} cannot be a pod's name", quoted(pod)),
            Self::ClaimsMissing { extra } => {
                format!("TokenReview's extras have not exactly one {extra}, which lookup: claims needs")
            }
            Self::PodUidMismatch { found, .. } => format!("the pod has UID {}", quoted(found)),
            Self::PodServiceAccountMismatch { found, .. } => {
                format!("the pod's spec.serviceAccountName is {}", quoted(found))
            }
            Self::PodTerminated { phase, .. } => format!("the pod's phase is {}", quoted(phase)),
            Self::PodNotScheduled { pod } => format!("pod {} has no spec.nodeName", quoted(pod)),
            Self::NodeClaimMismatch { found, .. } => format!("the pod's spec.nodeName is {}", quoted(found)),
            Self::NodeNameUnfit { node } => {
                format!("the pod's spec.nodeName {} cannot be a node's name", quoted(node))
            }
            Self::Overloaded { why } | Self::IdInvalid { why } => (*why).to_owned(),
            Self::NodeUidMismatch { found, .. } => format!("the node has UID {}", quoted(found)),
            Self::Call(error) => cause_chain(error),
            Self::AnswerHoldsSecret => {
                "the API server's answers repeat the agent's token or the credential of this library".into()
            }
            // Nothing was seen beyond what the reason itself says.
            Self::NotConfigured
            | Self::PayloadMissing
            | Self::ClusterMissing
            | Self::TokenMissing
            | Self::SignatureInvalid
            | Self::NotAuthenticated
            | Self::NodeUidEmpty
            | Self::Canceled
            | Self::ShuttingDown
            | Self::InternalPanic => self.reason().row().meaning.to_owned(),
        }
    }
}

impl PodFact {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("pod name", "name"),
            Self::Uid => ("pod UID", "UID"),
        }
    }
}

/// Rows 11, 17 and 21: what upstream says when a call has no good answer.
fn call_words(call: Call, c: &str) -> String {
    match call {
        Call::TokenReview => format!("unable to validate token with TokenReview API for cluster {c}"),
        Call::Pod => format!("failed to get pod from k8s API server for cluster {c}"),
        Call::Node => format!("failed to get node from k8s API server for cluster {c}"),
    }
}

fn pod_fact_words(fact: PodFact, c: &str) -> String {
    format!("failed to get {} from token review status for cluster {c}", fact.words().0)
}

/// Names whose number and length others decide: the first of them, and how many there are beside.
pub fn listed(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMES_IN_A_SENTENCE));
    let list = quoted_list(shown);
    let list = cut(&list);
    if more.is_empty() { list.into_owned() } else { format!("{list} and {} more", more.len()) }
}

/// The beginning of text whose length the API server decides.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_FOREIGN_CHARS) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}
