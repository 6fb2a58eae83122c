//! Codes, reasons and what an agent may read: the one table that the rest of the library, the C header,
//! the bindings' constants and `docs/reasons.md` share.
//!
//! A *reason* is a stable upper-case word. It has a gRPC status code in each error style: `precise`, which says
//! what happened, and `upstream`, which answers what SPIRE's built-in plugin would. The messages that belong to
//! the rows are written where their facts are known, in `attest::refusal`; this room only fixes their type.

use std::error::Error;
use std::fmt;

use serde::{Serialize, Serializer};

/// Which codes and words a refused attestation or configuration carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorStyle {
    /// Codes that tell what happened, messages without inner words.
    #[default]
    Precise,
    /// Codes and messages of SPIRE's built-in `k8s_psat` plugin.
    Upstream,
}

/// gRPC status codes, as far as this library answers with them.
pub mod grpc {
    #![allow(missing_docs, reason = "the names are those of gRPC's own table")]
    pub const OK: i32 = 0;
    pub const CANCELLED: i32 = 1;
    pub const INVALID_ARGUMENT: i32 = 3;
    pub const DEADLINE_EXCEEDED: i32 = 4;
    pub const NOT_FOUND: i32 = 5;
    pub const PERMISSION_DENIED: i32 = 7;
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    pub const FAILED_PRECONDITION: i32 = 9;
    pub const INTERNAL: i32 = 13;
    pub const UNAVAILABLE: i32 = 14;
    pub const UNAUTHENTICATED: i32 = 16;
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The reason that this row is about.
    pub reason: Reason,
    /// Its stable word.
    pub word: &'static str,
    /// The code in `error_style: precise`; from 1000 a fault of the calling program.
    pub precise: i32,
    /// The code in `error_style: upstream`.
    pub upstream: i32,
    /// What it means, for docs/reasons.md.
    pub meaning: &'static str,
    /// What to do about it, for docs/reasons.md.
    pub remedy: &'static str,
}

macro_rules! reasons {
    ($($name:ident $word:literal $precise:literal $upstream:literal $meaning:literal $remedy:literal;)+) => {
        /// Why an attestation, a configuration or a call ended as it did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)+
        }

        /// The table, in the order of [`Reason`]'s variants.
        pub const TABLE: &[Row] = &[
            $(Row {
                reason: Reason::$name,
                word: $word,
                precise: $precise,
                upstream: $upstream,
                meaning: $meaning,
                remedy: $remedy,
            },)+
        ];
    };
}

reasons! {
    Ok "OK" 0 0
        "The call succeeded."
        "Nothing to do.";
    NotConfigured "NOT_CONFIGURED" 9 9
        "The attestor has no configuration yet."
        "Call `psat_attestor_configure` with a valid configuration first.";
    PayloadMissing "PAYLOAD_MISSING" 3 3
        "The attestation payload is empty."
        "Check that the agent uses its `k8s_psat` plugin and that the host passes the payload on.";
    PayloadTooLarge "PAYLOAD_TOO_LARGE" 3 3
        "The payload is larger than 64 KiB."
        "A genuine payload is a few KiB: check what sends it.";
    PayloadMalformed "PAYLOAD_MALFORMED" 3 3
        "The payload is not the JSON object `{\"cluster\":…,\"token\":…}`."
        "Check the agent's version and that the host passes the bytes on unchanged.";
    ClusterMissing "CLUSTER_MISSING" 3 3
        "The payload names no cluster."
        "Set `cluster` in the agent's `k8s_psat` configuration.";
    TokenMissing "TOKEN_MISSING" 3 3
        "The payload carries no token."
        "Check that the projected token file is mounted into the agent's pod and not empty.";
    ClusterUnknown "CLUSTER_UNKNOWN" 3 3
        "The payload names a cluster that is not configured."
        "Make the agent's `cluster` and a key of `clusters` the same, letter by letter.";
    TokenMalformed "TOKEN_MALFORMED" 16 13
        "The token is over 16 KiB, not a JWS, or not signed with a public-key algorithm."
        "Check that the agent's `token_path` is the projected service-account token.";
    SignatureInvalid "SIGNATURE_INVALID" 16 13
        "The token's signature is wrong under a known signing key of the cluster."
        "The token is forged, damaged, or from another cluster: check the agent's `cluster`.";
    Overloaded "OVERLOADED" 8 8
        "No slot became free in time, or the cluster's queue is full."
        "Let the agent retry; raise `max_in_flight` or `max_queued`, or find out why the API server is slow.";
    TokenRejected "TOKEN_REJECTED" 16 13
        "TokenReview refused the token."
        "Look at `diagnostics.detail` for the API server's words; the usual causes are a token of another cluster and a pod that is gone.";
    TokenExpired "TOKEN_EXPIRED" 16 13
        "TokenReview says that the token has expired, or its own claims say that it did so long ago."
        "Check that the agent reads its token file anew, and the clocks of agent and API server.";
    AudienceMismatch "AUDIENCE_MISMATCH" 16 13
        "The token is not for any of the wanted audiences."
        "Make `audience` of the cluster and the `audience` of the pod's projected token the same.";
    TokenNotAuthenticated "TOKEN_NOT_AUTHENTICATED" 7 7
        "TokenReview answered that the token is not authenticated, without an error."
        "Check the API server's authentication configuration.";
    NotAServiceAccount "NOT_A_SERVICE_ACCOUNT" 7 7
        "The token's user is no service account with the groups of its namespace."
        "Use a projected service-account token.";
    ServiceAccountNotAllowed "SERVICE_ACCOUNT_NOT_ALLOWED" 7 7
        "The service account is not on the cluster's allow list."
        "Add `namespace:name` to `service_account_allow_list`, or let the agent run as an allowed account.";
    TokenNotPodBound "TOKEN_NOT_POD_BOUND" 7 13
        "The token is not bound to exactly one pod."
        "Use a projected volume (`serviceAccountToken`), not a token Secret or an unbound token.";
    PodNotFound "POD_NOT_FOUND" 5 13
        "The API server has no such pod."
        "The pod was deleted meanwhile: its successor attests with a token of its own.";
    PodUidMismatch "POD_UID_MISMATCH" 7 7
        "The pod of that name has another UID than the token's."
        "The pod was replaced: its successor attests with a token of its own.";
    PodServiceAccountMismatch "POD_SERVICE_ACCOUNT_MISMATCH" 7 7
        "The pod does not run as the token's service account."
        "Treat the token as misused, and look for who can mint tokens bound to other pods.";
    PodTerminated "POD_TERMINATED" 7 7
        "The pod has finished (phase Succeeded or Failed)."
        "A finished pod does not attest; look for who still uses its token.";
    PodNotScheduled "POD_NOT_SCHEDULED" 9 13
        "The pod has no node yet."
        "Retry once the pod is scheduled.";
    NodeClaimMismatch "NODE_CLAIM_MISMATCH" 7 7
        "The token is bound to another node than the pod's."
        "Treat the token as misused.";
    NodeNotFound "NODE_NOT_FOUND" 5 13
        "The API server has no such node."
        "The Node object was deleted: it comes back when the kubelet registers again.";
    NodeUidEmpty "NODE_UID_EMPTY" 13 13
        "The Node object has no UID."
        "The API server's answer is broken: look at what stands between.";
    IdInvalid "ID_INVALID" 13 13
        "The UID is no valid SPIFFE path segment, or the agent ID is longer than 2048 bytes."
        "Shorten the cluster's name, or look at what stands between library and API server.";
    NodeUidMismatch "NODE_UID_MISMATCH" 7 7
        "The token is bound to an earlier Node object of the same name, and `require_node_uid_match` is set."
        "Restart the agent's pod, so that it gets a token of the present node.";
    ClaimsMissing "CLAIMS_MISSING" 9 9
        "With `lookup: claims`, TokenReview's answer lacks the node's name or UID."
        "Kubernetes 1.30 or later sends both; with an earlier one use `lookup: auto`.";
    CredentialsUnavailable "CREDENTIALS_UNAVAILABLE" 9 13
        "The kubeconfig or the in-cluster files cannot be read or are not valid."
        "`diagnostics.detail` names the file and the fault.";
    ApiUnreachable "API_UNREACHABLE" 14 13
        "The API server could not be reached, or the connection broke before the answer was complete."
        "Check address, network and TLS; `diagnostics.detail` has the cause.";
    ApiUnauthenticated "API_UNAUTHENTICATED" 9 13
        "The API server does not accept the library's own credential (401)."
        "Renew the credential that the kubeconfig names.";
    ApiForbidden "API_FORBIDDEN" 9 13
        "The library's own credential lacks a permission (403)."
        "Grant `create` on `tokenreviews.authentication.k8s.io` and `get` on `pods` and `nodes`.";
    ApiThrottled "API_THROTTLED" 14 13
        "The API server is throttling (429)."
        "Give the reviewer a priority level of its own, or lower `max_in_flight`.";
    ApiError "API_ERROR" 14 13
        "The API server, or something in front of it, answered with an error or a redirect."
        "`diagnostics.detail` has status and call.";
    ApiBadResponse "API_BAD_RESPONSE" 13 13
        "The answer is complete but not the object asked for, or over 4 MiB."
        "Check what answers at the kubeconfig's address.";
    DeadlineExceeded "DEADLINE_EXCEEDED" 4 13
        "The time allowed for the attestation or for one call ran out."
        "Look at the API server's latency; raise `attest_timeout_ms` or `call_timeout_ms` if it is known to be slow.";
    Canceled "CANCELED" 1 1
        "The host cancelled the attestation."
        "Nothing to do.";
    ShuttingDown "SHUTTING_DOWN" 14 14
        "The attestor is being shut down, or was."
        "Make a new attestor.";
    InternalPanic "INTERNAL_PANIC" 13 13
        "A fault inside this library ended the attestation. Others go on."
        "Please report it, with the version and what led to it.";
    RuntimeUnavailable "RUNTIME_UNAVAILABLE" 13 13
        "The attestor's threads could not be started."
        "Raise the limits on threads and descriptors of the process.";
    ConfigInvalid "CONFIG_INVALID" 3 3
        "The configuration has errors; `notes` lists all."
        "Correct what the notes name.";
    NullPointer "NULL_POINTER" 1000 1000
        "A pointer that must not be NULL was."
        "Correct the calling program.";
    Closed "CLOSED" 1001 1001
        "The queue is closed."
        "Correct the calling program, or end its loop: nothing more comes.";
    Forked "FORKED" 1002 1002
        "The handle was made before a fork and is used in the child."
        "Make a new attestor in the child.";
    Panic "PANIC" 1003 1003
        "A fault inside this library ended the call."
        "Please report it, with the version and what led to it.";
    OptionsMalformed "OPTIONS_MALFORMED" 1004 1004
        "`options` is not the JSON object that the function takes."
        "Correct the calling program.";
}

impl Reason {
    /// This reason's row of the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The stable upper-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// The code in the given style.
    #[must_use]
    pub fn code(self, style: ErrorStyle) -> i32 {
        match style {
            ErrorStyle::Precise => self.row().precise,
            ErrorStyle::Upstream => self.row().upstream,
        }
    }
}

/// As its word.
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Text that an unauthenticated agent may read.
///
/// Only such a value becomes the `message` of a document. It is made from words of the table and from names that the
/// agent or the configuration supplied, never from an address, a path, or the text of a foreign error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSafe(String);

impl AgentSafe {
    /// Vouches for `text`: the caller has made sure of the promise above.
    #[must_use]
    pub fn vouched(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for AgentSafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error and its causes, joined. For operators: it may name addresses and files.
#[must_use]
pub fn cause_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_stands_in_the_order_of_the_reasons() {
        for row in TABLE {
            assert_eq!(row.reason.row().word, row.word);
        }
    }

    #[test]
    fn a_reason_has_the_word_and_the_codes_of_its_row() {
        for row in TABLE {
            assert_eq!(row.reason.word(), row.word);
            let codes = [ErrorStyle::Precise, ErrorStyle::Upstream].map(|style| row.reason.code(style));
            assert_eq!(codes, [row.precise, row.upstream], "{}", row.word);
            assert_eq!(serde_json::to_value(row.reason).expect("a word is JSON"), row.word);
        }
    }

    #[test]
    fn words_are_unique_upper_case_and_say_something() {
        let mut seen = HashSet::new();
        for row in TABLE {
            assert!(seen.insert(row.word), "{} stands twice", row.word);
            assert!(row.word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{}", row.word);
            assert!(row.meaning.ends_with('.') && row.remedy.ends_with('.'), "{}", row.word);
        }
    }

    #[test]
    fn codes_are_grpc_codes_or_faults_of_the_caller() {
        for row in TABLE {
            let caller_fault = (1000..1005).contains(&row.precise) && row.upstream == row.precise;
            let grpc = (0..=16).contains(&row.precise) && (0..=16).contains(&row.upstream);
            assert!(caller_fault || grpc, "{}", row.word);
        }
    }

    #[test]
    fn what_an_agent_may_read_is_the_text_itself() {
        let text = AgentSafe::vouched("not configured");
        assert_eq!((text.as_str(), text.to_string().as_str()), ("not configured", "not configured"));
        assert_eq!(text.into_string(), "not configured");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Fault {
        words: &'static str,
        source: Option<Box<Fault>>,
    }

    #[test]
    fn an_error_is_told_with_all_its_causes() {
        let fault = |words, source: Option<Fault>| Fault { words, source: source.map(Box::new) };
        let root = fault("refused", None);
        assert_eq!(cause_chain(&root), "refused");
        let chain = fault("no answer", Some(fault("no connection", Some(root))));
        assert_eq!(cause_chain(&chain), "no answer: no connection: refused");
    }
}
