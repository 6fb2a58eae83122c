//! Why an attestation is refused: one variant for each way, with the facts that its words need. The words are in `words`.

use super::claims::ClaimsFault;
use super::payload::JsonFault;
use crate::cluster::api::{Call, CallError, CallErrorKind};
use crate::outcome::{ErrorStyle, Reason, grpc};

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
    /// Row 9.
    SignatureInvalid,
    /// By the token's own claims, which are authentic: what TokenReview could only refuse too.
    ByClaims(ClaimsFault),
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
            Self::SignatureInvalid => Reason::SignatureInvalid,
            Self::ByClaims(fault) => fault.reason(),
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

    /// Whether the token alone decided, so that no call was made.
    #[must_use]
    pub fn is_by_token_alone(&self) -> bool {
        matches!(self, Self::TokenMalformed { .. } | Self::SignatureInvalid | Self::ByClaims(_))
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
}
