// Code generated from src/outcome.rs by `make generate`. DO NOT EDIT.

package psat

// The reasons. docs/reasons.md says for each which code it has in which error style, and what to do about it.
const (
	// ReasonOK: The call succeeded.
	ReasonOK Reason = "OK"
	// ReasonNotConfigured: The attestor has no configuration yet.
	ReasonNotConfigured Reason = "NOT_CONFIGURED"
	// ReasonPayloadMissing: The attestation payload is empty.
	ReasonPayloadMissing Reason = "PAYLOAD_MISSING"
	// ReasonPayloadTooLarge: The payload is larger than 64 KiB.
	ReasonPayloadTooLarge Reason = "PAYLOAD_TOO_LARGE"
	// ReasonPayloadMalformed: The payload is not the JSON object `{"cluster":…,"token":…}`.
	ReasonPayloadMalformed Reason = "PAYLOAD_MALFORMED"
	// ReasonClusterMissing: The payload names no cluster.
	ReasonClusterMissing Reason = "CLUSTER_MISSING"
	// ReasonTokenMissing: The payload carries no token.
	ReasonTokenMissing Reason = "TOKEN_MISSING"
	// ReasonClusterUnknown: The payload names a cluster that is not configured.
	ReasonClusterUnknown Reason = "CLUSTER_UNKNOWN"
	// ReasonTokenMalformed: The token is over 16 KiB, not a JWS, or not signed with a public-key algorithm.
	ReasonTokenMalformed Reason = "TOKEN_MALFORMED"
	// ReasonSignatureInvalid: The token's signature is wrong under a known signing key of the cluster.
	ReasonSignatureInvalid Reason = "SIGNATURE_INVALID"
	// ReasonOverloaded: No slot became free in time, or the cluster's queue is full.
	ReasonOverloaded Reason = "OVERLOADED"
	// ReasonTokenRejected: TokenReview refused the token.
	ReasonTokenRejected Reason = "TOKEN_REJECTED"
	// ReasonTokenExpired: TokenReview says that the token has expired, or its own claims say that it did so long ago.
	ReasonTokenExpired Reason = "TOKEN_EXPIRED"
	// ReasonAudienceMismatch: The token is not for any of the wanted audiences.
	ReasonAudienceMismatch Reason = "AUDIENCE_MISMATCH"
	// ReasonTokenNotAuthenticated: TokenReview answered that the token is not authenticated, without an error.
	ReasonTokenNotAuthenticated Reason = "TOKEN_NOT_AUTHENTICATED"
	// ReasonNotAServiceAccount: The token's user is no service account with the groups of its namespace.
	ReasonNotAServiceAccount Reason = "NOT_A_SERVICE_ACCOUNT"
	// ReasonServiceAccountNotAllowed: The service account is not on the cluster's allow list.
	ReasonServiceAccountNotAllowed Reason = "SERVICE_ACCOUNT_NOT_ALLOWED"
	// ReasonTokenNotPodBound: The token is not bound to exactly one pod.
	ReasonTokenNotPodBound Reason = "TOKEN_NOT_POD_BOUND"
	// ReasonPodNotFound: The API server has no such pod.
	ReasonPodNotFound Reason = "POD_NOT_FOUND"
	// ReasonPodUIDMismatch: The pod of that name has another UID than the token's.
	ReasonPodUIDMismatch Reason = "POD_UID_MISMATCH"
	// ReasonPodServiceAccountMismatch: The pod does not run as the token's service account.
	ReasonPodServiceAccountMismatch Reason = "POD_SERVICE_ACCOUNT_MISMATCH"
	// ReasonPodTerminated: The pod has finished (phase Succeeded or Failed).
	ReasonPodTerminated Reason = "POD_TERMINATED"
	// ReasonPodNotScheduled: The pod has no node yet.
	ReasonPodNotScheduled Reason = "POD_NOT_SCHEDULED"
	// ReasonNodeClaimMismatch: The token is bound to another node than the pod's.
	ReasonNodeClaimMismatch Reason = "NODE_CLAIM_MISMATCH"
	// ReasonNodeNotFound: The API server has no such node.
	ReasonNodeNotFound Reason = "NODE_NOT_FOUND"
	// ReasonNodeUIDEmpty: The Node object has no UID.
	ReasonNodeUIDEmpty Reason = "NODE_UID_EMPTY"
	// ReasonIDInvalid: The UID is no valid SPIFFE path segment, or the agent ID is longer than 2048 bytes.
	ReasonIDInvalid Reason = "ID_INVALID"
	// ReasonNodeUIDMismatch: The token is bound to an earlier Node object of the same name, and `require_node_uid_match` is set.
	ReasonNodeUIDMismatch Reason = "NODE_UID_MISMATCH"
	// ReasonClaimsMissing: With `lookup: claims`, TokenReview's answer lacks the node's name or UID.
	ReasonClaimsMissing Reason = "CLAIMS_MISSING"
	// ReasonCredentialsUnavailable: The kubeconfig or the in-cluster files cannot be read or are not valid.
	ReasonCredentialsUnavailable Reason = "CREDENTIALS_UNAVAILABLE"
	// ReasonAPIUnreachable: The API server could not be reached, or the connection broke before the answer was complete.
	ReasonAPIUnreachable Reason = "API_UNREACHABLE"
	// ReasonAPIUnauthenticated: The API server does not accept the library's own credential (401).
	ReasonAPIUnauthenticated Reason = "API_UNAUTHENTICATED"
	// ReasonAPIForbidden: The library's own credential lacks a permission (403).
	ReasonAPIForbidden Reason = "API_FORBIDDEN"
	// ReasonAPIThrottled: The API server is throttling (429).
	ReasonAPIThrottled Reason = "API_THROTTLED"
	// ReasonAPIError: The API server, or something in front of it, answered with an error or a redirect.
	ReasonAPIError Reason = "API_ERROR"
	// ReasonAPIBadResponse: The answer is complete but not the object asked for, or over 4 MiB.
	ReasonAPIBadResponse Reason = "API_BAD_RESPONSE"
	// ReasonDeadlineExceeded: The time allowed for the attestation or for one call ran out.
	ReasonDeadlineExceeded Reason = "DEADLINE_EXCEEDED"
	// ReasonCanceled: The host cancelled the attestation.
	ReasonCanceled Reason = "CANCELED"
	// ReasonShuttingDown: The attestor is being shut down, or was.
	ReasonShuttingDown Reason = "SHUTTING_DOWN"
	// ReasonInternalPanic: A fault inside this library ended the attestation. Others go on.
	ReasonInternalPanic Reason = "INTERNAL_PANIC"
	// ReasonRuntimeUnavailable: The attestor's threads could not be started.
	ReasonRuntimeUnavailable Reason = "RUNTIME_UNAVAILABLE"
	// ReasonConfigInvalid: The configuration has errors; `notes` lists all.
	ReasonConfigInvalid Reason = "CONFIG_INVALID"
	// ReasonNullPointer: A pointer that must not be NULL was.
	ReasonNullPointer Reason = "NULL_POINTER"
	// ReasonClosed: The queue is closed.
	ReasonClosed Reason = "CLOSED"
	// ReasonForked: The handle was made before a fork and is used in the child.
	ReasonForked Reason = "FORKED"
	// ReasonPanic: A fault inside this library ended the call.
	ReasonPanic Reason = "PANIC"
	// ReasonOptionsMalformed: `options` is not the JSON object that the function takes.
	ReasonOptionsMalformed Reason = "OPTIONS_MALFORMED"
)

// table has the codes of the error style precise.
var table = []row{
	{ReasonOK, 0, "The call succeeded."},
	{ReasonNotConfigured, 9, "The attestor has no configuration yet."},
	{ReasonPayloadMissing, 3, "The attestation payload is empty."},
	{ReasonPayloadTooLarge, 3, "The payload is larger than 64 KiB."},
	{ReasonPayloadMalformed, 3, "The payload is not the JSON object `{\"cluster\":…,\"token\":…}`."},
	{ReasonClusterMissing, 3, "The payload names no cluster."},
	{ReasonTokenMissing, 3, "The payload carries no token."},
	{ReasonClusterUnknown, 3, "The payload names a cluster that is not configured."},
	{ReasonTokenMalformed, 16, "The token is over 16 KiB, not a JWS, or not signed with a public-key algorithm."},
	{ReasonSignatureInvalid, 16, "The token's signature is wrong under a known signing key of the cluster."},
	{ReasonOverloaded, 8, "No slot became free in time, or the cluster's queue is full."},
	{ReasonTokenRejected, 16, "TokenReview refused the token."},
	{ReasonTokenExpired, 16, "TokenReview says that the token has expired, or its own claims say that it did so long ago."},
	{ReasonAudienceMismatch, 16, "The token is not for any of the wanted audiences."},
	{ReasonTokenNotAuthenticated, 7, "TokenReview answered that the token is not authenticated, without an error."},
	{ReasonNotAServiceAccount, 7, "The token's user is no service account with the groups of its namespace."},
	{ReasonServiceAccountNotAllowed, 7, "The service account is not on the cluster's allow list."},
	{ReasonTokenNotPodBound, 7, "The token is not bound to exactly one pod."},
	{ReasonPodNotFound, 5, "The API server has no such pod."},
	{ReasonPodUIDMismatch, 7, "The pod of that name has another UID than the token's."},
	{ReasonPodServiceAccountMismatch, 7, "The pod does not run as the token's service account."},
	{ReasonPodTerminated, 7, "The pod has finished (phase Succeeded or Failed)."},
	{ReasonPodNotScheduled, 9, "The pod has no node yet."},
	{ReasonNodeClaimMismatch, 7, "The token is bound to another node than the pod's."},
	{ReasonNodeNotFound, 5, "The API server has no such node."},
	{ReasonNodeUIDEmpty, 13, "The Node object has no UID."},
	{ReasonIDInvalid, 13, "The UID is no valid SPIFFE path segment, or the agent ID is longer than 2048 bytes."},
	{ReasonNodeUIDMismatch, 7, "The token is bound to an earlier Node object of the same name, and `require_node_uid_match` is set."},
	{ReasonClaimsMissing, 9, "With `lookup: claims`, TokenReview's answer lacks the node's name or UID."},
	{ReasonCredentialsUnavailable, 9, "The kubeconfig or the in-cluster files cannot be read or are not valid."},
	{ReasonAPIUnreachable, 14, "The API server could not be reached, or the connection broke before the answer was complete."},
	{ReasonAPIUnauthenticated, 9, "The API server does not accept the library's own credential (401)."},
	{ReasonAPIForbidden, 9, "The library's own credential lacks a permission (403)."},
	{ReasonAPIThrottled, 14, "The API server is throttling (429)."},
	{ReasonAPIError, 14, "The API server, or something in front of it, answered with an error or a redirect."},
	{ReasonAPIBadResponse, 13, "The answer is complete but not the object asked for, or over 4 MiB."},
	{ReasonDeadlineExceeded, 4, "The time allowed for the attestation or for one call ran out."},
	{ReasonCanceled, 1, "The host cancelled the attestation."},
	{ReasonShuttingDown, 14, "The attestor is being shut down, or was."},
	{ReasonInternalPanic, 13, "A fault inside this library ended the attestation. Others go on."},
	{ReasonRuntimeUnavailable, 13, "The attestor's threads could not be started."},
	{ReasonConfigInvalid, 3, "The configuration has errors; `notes` lists all."},
	{ReasonNullPointer, 1000, "A pointer that must not be NULL was."},
	{ReasonClosed, 1001, "The queue is closed."},
	{ReasonForked, 1002, "The handle was made before a fork and is used in the child."},
	{ReasonPanic, 1003, "A fault inside this library ended the call."},
	{ReasonOptionsMalformed, 1004, "`options` is not the JSON object that the function takes."},
}
