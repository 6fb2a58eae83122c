//! Why an attestation is refused: one variant for each way, with the facts that its words need.
//!
//! The texts are the table's, which are upstream's; `"C"` is the cluster's name. Only [`Refusal::message`] makes text
//! for an agent, and it never reads the text of a foreign error.

use std::borrow::Cow;

use super::payload::JsonFault;
use crate::cluster::api::{Call, CallError, CallErrorKind};
use crate::outcome::{AgentSafe, ErrorStyle, Reason, cause_chain, grpc};
use crate::quote::{quoted, quoted_list};

/// Of one text of the API server's. A gRPC status travels in a header, which servers limit to 8 KiB and more.
const MAX_FOREIGN_CHARS: usize = 512;

/// Why an attestation has no agent ID to answer with.
#[derive(Debug)]
pub enum Refusal {
    /// Row 1.
    NotConfigured,
    /// Row 2.
    PayloadMissing,
    /// Row 3.
    PayloadTooLarge {
        /// The payload's size.
        bytes: usize,
    },
    /// Row 4.
    PayloadMalformed {
        /// Where it is wrong.
        fault: JsonFault,
    },
    /// Row 5.
    ClusterMissing,
    /// Row 6.
    TokenMissing,
    /// Row 7.
    ClusterUnknown {
        /// The name in the payload.
        named: String,
    },
    /// Row 8.
    TokenMalformed {
        /// What is wrong with its form.
        why: &'static str,
    },
    /// Row 10.
    Overloaded {
        /// Which limit was met.
        why: &'static str,
    },
    /// Row 11.
    TokenError {
        /// What the text says, where it says it.
        reason: Reason,
        /// `status.error`, the token taken out.
        error: String,
    },
    /// Row 12.
    NotAuthenticated,
    /// Row 13.
    AudienceNotValidated {
        /// The audiences asked for.
        wanted: Vec<String>,
        /// The audiences in the answer.
        got: Vec<String>,
    },
    /// Row 14.
    NotAServiceAccount {
        /// What is wrong with the user.
        fault: UsernameFault,
    },
    /// Row 15.
    ServiceAccountNotAllowed {
        /// `namespace:name`
        account: String,
    },
    /// Row 16: the extra is absent.
    PodFactMissing {
        /// Which extra.
        fact: PodFact,
    },
    /// Row 16: the extra has no value or several.
    PodFactCount {
        /// Which extra.
        fact: PodFact,
        /// How many.
        count: usize,
    },
    /// Row 16: the extra is empty.
    PodFactEmpty {
        /// Which extra.
        fact: PodFact,
    },
    /// Row 16: the pod's name cannot stand in a URL path.
    PodNameUnfit {
        /// The name.
        pod: String,
    },
    /// With `lookup: claims`: TokenReview's answer lacks a node extra, or repeats it.
    ClaimsMissing {
        /// Which extra.
        extra: &'static str,
    },
    /// Row 18.
    PodUidMismatch {
        /// The pod's name.
        pod: String,
        /// The UID that the token is bound to.
        bound: String,
        /// The UID that the pod has.
        found: String,
    },
    /// Row 19.
    PodServiceAccountMismatch {
        /// The pod's name.
        pod: String,
        /// The service account that the pod has.
        found: String,
    },
    /// Row 20.
    PodTerminated {
        /// The pod's name.
        pod: String,
        /// Its phase.
        phase: String,
    },
    /// Row 21.
    PodNotScheduled {
        /// The pod's name.
        pod: String,
    },
    /// Row 22.
    NodeClaimMismatch {
        /// The pod's name.
        pod: String,
        /// The node that the pod has.
        found: String,
    },
    /// The pod's answer names a node that no URL can hold.
    NodeNameUnfit {
        /// The name.
        node: String,
    },
    /// Row 24.
    NodeUidEmpty,
    /// Row 25.
    IdInvalid {
        /// Which rule the ID breaks.
        why: &'static str,
    },
    /// Row 26 with `require_node_uid_match`.
    NodeUidMismatch {
        /// The pod's name.
        pod: String,
        /// The UID that the node has.
        found: String,
    },
    /// Rows 17 and 23, and every API failure: a call has no answer to judge.
    Call(CallError),
    /// What was to be answered repeats the agent's token or the library's own credential.
    AnswerHoldsSecret,
    /// The host cancelled.
    Canceled,
    /// The attestor is being shut down.
    ShuttingDown,
    /// A fault inside this library.
    InternalPanic,
}

/// What is wrong with the user that TokenReview named.
#[derive(Debug)]
pub enum UsernameFault {
    /// There is no name.
    Empty,
    /// The name has not four parts.
    Format {
        /// The name.
        username: String,
    },
    /// The namespace is empty.
    NoNamespace,
    /// The service account's name is empty.
    NoName,
    /// It is not a service account's name, or the groups of one are missing.
    NotAnAccount,
}

/// The two facts that bind a token to a pod.
#[derive(Clone, Copy, Debug)]
pub enum PodFact {
    /// Extra `authentication.kubernetes.io/pod-name`.
    Name,
    /// Extra `authentication.kubernetes.io/pod-uid`.
    Uid,
}

impl PodFact {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("pod name", "name"),
            Self::Uid => ("pod UID", "UID"),
        }
    }
}

impl Refusal {
    /// The reason word's row.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotConfigured => Reason::NotConfigured,
            Self::PayloadMissing => Reason::PayloadMissing,
            Self::PayloadTooLarge { .. } => Reason::PayloadTooLarge,
            Self::PayloadMalformed { .. } => Reason::PayloadMalformed,
            Self::ClusterMissing => Reason::ClusterMissing,
            Self::TokenMissing => Reason::TokenMissing,
            Self::ClusterUnknown { .. } => Reason::ClusterUnknown,
            Self::TokenMalformed { .. } => Reason::TokenMalformed,
            Self::Overloaded { .. } => Reason::Overloaded,
            Self::TokenError { reason, .. } => *reason,
            Self::NotAuthenticated => Reason::TokenNotAuthenticated,
            Self::AudienceNotValidated { .. } => Reason::AudienceMismatch,
            Self::NotAServiceAccount { .. } => Reason::NotAServiceAccount,
            Self::ServiceAccountNotAllowed { .. } => Reason::ServiceAccountNotAllowed,
            Self::PodFactMissing { .. }
            | Self::PodFactCount { .. }
            | Self::PodFactEmpty { .. }
            | Self::PodNameUnfit { .. } => Reason::TokenNotPodBound,
            Self::ClaimsMissing { .. } => Reason::ClaimsMissing,
            Self::PodUidMismatch { .. } => Reason::PodUidMismatch,
            Self::PodServiceAccountMismatch { .. } => Reason::PodServiceAccountMismatch,
            Self::PodTerminated { .. } => Reason::PodTerminated,
            Self::PodNotScheduled { .. } => Reason::PodNotScheduled,
            Self::NodeClaimMismatch { .. } => Reason::NodeClaimMismatch,
            Self::NodeNameUnfit { .. } | Self::AnswerHoldsSecret => Reason::ApiBadResponse,
            Self::NodeUidEmpty => Reason::NodeUidEmpty,
            Self::IdInvalid { .. } => Reason::IdInvalid,
            Self::NodeUidMismatch { .. } => Reason::NodeUidMismatch,
            Self::Call(error) => match (error.kind, error.call) {
                (CallErrorKind::NotFound, Call::Pod) => Reason::PodNotFound,
                (CallErrorKind::NotFound, Call::Node) => Reason::NodeNotFound,
                (kind, _) => kind.reason(),
            },
            Self::Canceled => Reason::Canceled,
            Self::ShuttingDown => Reason::ShuttingDown,
            Self::InternalPanic => Reason::InternalPanic,
        }
    }

    /// The code that the host hands to gRPC.
    #[must_use]
    pub fn code(&self, style: ErrorStyle) -> i32 {
        match self {
            // Upstream cannot parse these names and calls that its own fault.
            Self::NotAServiceAccount {
                fault:
                    UsernameFault::Empty
                    | UsernameFault::Format { .. }
                    | UsernameFault::NoNamespace
                    | UsernameFault::NoName,
            } if style == ErrorStyle::Upstream => grpc::INTERNAL,
            _ => self.reason().code(style),
        }
    }

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
            Self::TokenMalformed { .. } if style == ErrorStyle::Precise => {
                format!("token refused for cluster {c}")
            }
            Self::Overloaded { .. } => format!("too many attestations for cluster {c}"),
            Self::TokenMalformed { .. }
            | Self::TokenError { .. }
            | Self::AudienceNotValidated { .. }
            | Self::AnswerHoldsSecret => call_words(Call::TokenReview, c),
            Self::NotAuthenticated => {
                format!("token not authenticated according to TokenReview API for cluster {c}")
            }
            Self::NotAServiceAccount { .. } => {
                format!("failed to parse username from token review status for cluster {c}")
            }
            Self::ServiceAccountNotAllowed { account } => {
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
            Self::TokenError { error, .. } => format!("TokenReview answered: {}", cut(error)),
            Self::AudienceNotValidated { wanted, got } => format!(
                "TokenReview validated the audiences {}, wanted is one of {}",
                cut(&quoted_list(got)),
                cut(&quoted_list(wanted))
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
            | Self::NotAuthenticated
            | Self::NodeUidEmpty
            | Self::Canceled
            | Self::ShuttingDown
            | Self::InternalPanic => self.reason().row().meaning.to_owned(),
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

/// The beginning of text whose length the API server decides.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_FOREIGN_CHARS) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}
