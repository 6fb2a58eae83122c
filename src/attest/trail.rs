//! The checks by name, and what became of each: what `explain` shows.

use super::refusal::Refusal;
use super::remedy::{self, Facts};
use crate::cluster::api::Call;
use crate::step::{Outcome, Step};

macro_rules! checks {
    ($($name:ident $word:literal $holds:literal;)+) => {
        /// The checks, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = $holds] $name,)+
        }

        impl Check {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable word for it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What is so when it passes, where nothing more can be said.
            fn holds(self) -> &'static str {
                match self { $(Self::$name => $holds,)+ }
            }
        }
    };
}

checks! {
    Configured "configured" "a configuration is in force";
    PayloadPresent "payload_present" "the payload is not empty";
    PayloadSize "payload_size" "the payload is not larger than 64 KiB";
    PayloadForm "payload_form" "the payload is a JSON object";
    ClusterNamed "cluster_named" "the payload names a cluster";
    TokenPresent "token_present" "the payload carries a token";
    ClusterConfigured "cluster_configured" "the cluster is configured";
    TokenForm "token_form" "the token is a JWS, signed with a public-key algorithm";
    Signature "signature" "the signature is right under a signing key of the cluster";
    Claims "claims" "the token's claims speak against nothing";
    Slot "slot" "a slot was free";
    TokenReview "token_review" "TokenReview has no objection to the token";
    TokenAuthenticated "token_authenticated" "TokenReview says that the token is genuine and valid";
    Audience "audience" "the token is for a wanted audience";
    ServiceAccount "service_account" "the token is a service account's";
    ServiceAccountAllowed "service_account_allowed" "the service account is on the allow list";
    PodBound "pod_bound" "the token is bound to one pod";
    PodFound "pod_found" "the pod is there";
    PodUid "pod_uid" "the pod is the one that the token is bound to";
    PodServiceAccount "pod_service_account" "the pod runs as the token's service account";
    PodPhase "pod_phase" "the pod has not finished";
    PodScheduled "pod_scheduled" "the pod is on a node";
    NodeClaim "node_claim" "the token is bound to no other node than the pod's";
    NodeFound "node_found" "the node is there";
    NodeUid "node_uid" "the node has a UID";
    AgentId "agent_id" "the agent ID is valid";
    BoundNode "bound_node" "the token is not bound to an earlier node of that name";
}

/// What has become of the checks so far. Each check has one step, in the order of the table.
#[derive(Debug, Default)]
pub struct Trail {
    steps: Vec<Step>,
}

impl Trail {
    /// It holds.
    pub fn pass(&mut self, check: Check, detail: Option<String>) {
        self.push(check, Step::pass(check.word(), detail.unwrap_or_else(|| check.holds().to_owned())));
    }

    /// All that come before `check` hold.
    pub fn pass_up_to(&mut self, check: Check) {
        while let Some(next) = self.next().filter(|next| *next < check) {
            self.pass(next, None);
        }
    }

    /// It fails, and so does the attestation.
    pub fn fail(&mut self, check: Check, refusal: &Refusal, detail: String, remedy: String) {
        self.push(check, Step::fail(check.word(), refusal.reason(), detail, remedy));
    }

    /// It fails, but the attestation does not.
    pub fn warn(&mut self, check: Check, detail: &str, remedy: String) {
        self.push(check, Step::warn(check.word(), detail, remedy));
    }

    /// It is not looked at.
    pub fn skip(&mut self, check: Check, why: &str) {
        self.push(check, Step::skip(check.word(), why));
    }

    /// All that come before `check` are not looked at.
    pub fn skip_up_to(&mut self, check: Check, why: &str) {
        while let Some(next) = self.next().filter(|next| *next < check) {
            self.skip(next, why);
        }
    }

    /// Nothing more is looked at.
    pub fn skip_the_rest(&mut self, why: &str) {
        while let Some(next) = self.next() {
            self.skip(next, why);
        }
    }

    /// Gives every check its step, now that the attestation has ended with `refusal`, if with any.
    pub fn close(&mut self, refusal: Option<&Refusal>, facts: &Facts<'_>) {
        if let Some(refusal) = refusal
            && !self.steps.iter().any(Step::failed)
        {
            match refusal.check() {
                // A check that ends the attestation before it has made a call.
                Some(check) if self.next().is_some_and(|next| next <= check) => {
                    self.pass_up_to(check.min(Check::Signature));
                    self.skip_up_to(
                        check.min(Check::Slot),
                        "not judged yet: the cluster's signing keys are not known",
                    );
                    self.pass_up_to(check);
                    self.fail(check, refusal, refusal.detail(), remedy::remedy(refusal, facts));
                }
                _ => return self.skip_the_rest(refusal.reason().row().meaning),
            }
        }
        self.skip_the_rest("a check before it failed");
    }

    /// Forgets everything: some of it may not be shown.
    pub fn clear(&mut self, why: &str) {
        self.steps.clear();
        self.skip_the_rest(why);
    }

    /// The steps so far.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The check whose turn it is.
    fn next(&self) -> Option<Check> {
        Check::ALL.get(self.steps.len()).copied()
    }

    fn push(&mut self, check: Check, step: Step) {
        debug_assert_eq!(self.next(), Some(check), "checks are judged in the order of the table");
        debug_assert!(step.outcome != Outcome::Fail || step.reason.is_some());
        self.steps.push(step);
    }
}

impl Refusal {
    /// The check that ends the attestation in this way; none if it was stopped from outside or by a fault.
    #[must_use]
    pub fn check(&self) -> Option<Check> {
        Some(match self {
            Self::NotConfigured => Check::Configured,
            Self::PayloadMissing => Check::PayloadPresent,
            Self::PayloadTooLarge { .. } => Check::PayloadSize,
            Self::PayloadMalformed { .. } => Check::PayloadForm,
            Self::ClusterMissing => Check::ClusterNamed,
            Self::TokenMissing => Check::TokenPresent,
            Self::ClusterUnknown { .. } => Check::ClusterConfigured,
            Self::TokenMalformed { .. } => Check::TokenForm,
            Self::SignatureInvalid => Check::Signature,
            Self::ByClaims(_) => Check::Claims,
            Self::Overloaded { .. } => Check::Slot,
            Self::TokenError { .. } => Check::TokenReview,
            Self::NotAuthenticated => Check::TokenAuthenticated,
            Self::AudienceNotValidated { .. } => Check::Audience,
            Self::NotAServiceAccount { .. } => Check::ServiceAccount,
            Self::ServiceAccountNotAllowed { .. } => Check::ServiceAccountAllowed,
            Self::PodFactMissing { .. }
            | Self::PodFactCount { .. }
            | Self::PodFactEmpty { .. }
            | Self::PodNameUnfit { .. } => Check::PodBound,
            Self::PodUidMismatch { .. } => Check::PodUid,
            Self::PodServiceAccountMismatch { .. } => Check::PodServiceAccount,
            Self::PodTerminated { .. } => Check::PodPhase,
            Self::PodNotScheduled { .. } => Check::PodScheduled,
            Self::ClaimsMissing { .. } | Self::NodeClaimMismatch { .. } | Self::NodeNameUnfit { .. } => {
                Check::NodeClaim
            }
            Self::NodeUidEmpty => Check::NodeUid,
            Self::IdInvalid { .. } => Check::AgentId,
            Self::NodeUidMismatch { .. } => Check::BoundNode,
            Self::Call(error) => match error.call {
                Call::TokenReview => Check::TokenReview,
                Call::Pod => Check::PodFound,
                Call::Node => Check::NodeFound,
            },
            Self::AnswerHoldsSecret | Self::Canceled | Self::ShuttingDown | Self::InternalPanic => {
                return None;
            }
        })
    }
}
