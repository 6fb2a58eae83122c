package psat

import (
	"encoding/json"
	"time"
)

// Result is a successful attestation.
type Result struct {
	// AgentAttributes is what the agent has been found to be.
	AgentAttributes AgentAttributes `json:"agent_attributes"`
	// ConfigGeneration is that of the configuration it was judged by; the first is 1.
	ConfigGeneration uint64 `json:"config_generation"`
	// Diagnostics is for the operator.
	Diagnostics Diagnostics `json:"diagnostics"`
	// Document is the whole answer, as JSON.
	Document json.RawMessage `json:"-"`
}

// AgentAttributes has the names of the message in SPIRE's node attestor protocol.
type AgentAttributes struct {
	// SPIFFEID is the agent's ID, such as spiffe://example.org/spire/agent/k8s_psat/demo/<UID>.
	SPIFFEID string `json:"spiffe_id"`
	// SelectorValues are the selectors, without their type, which is k8s_psat.
	SelectorValues []string `json:"selector_values"`
	// CanReattest is whether the agent may attest again.
	CanReattest bool `json:"can_reattest"`
}

// Diagnostics tells the operator how an attestation went. It is not for agents, and holds no token.
type Diagnostics struct {
	// Cluster is the configured cluster that was named; empty if none was.
	Cluster string `json:"cluster"`
	// Lookup is how the facts were gathered; empty if none were.
	Lookup string `json:"lookup"`
	// CredentialID identifies the token, where the API server told it.
	CredentialID string `json:"credential_id"`
	// ElapsedUS is how long it took, in microseconds.
	ElapsedUS int64 `json:"elapsed_us"`
	// APICalls are the calls that were made, as they began.
	APICalls []APICall `json:"api_calls"`
	// Warnings tell of what was accepted and yet looks odd. Each begins with a stable word.
	Warnings []string `json:"warnings"`
	// Peer is what [WithPeer] said.
	Peer string `json:"peer"`
	// Traceparent is what [WithTraceparent] said.
	Traceparent string `json:"traceparent"`
	// RequestID is what [WithRequestID] said.
	RequestID string `json:"request_id"`
}

// Elapsed returns how long the attestation took.
func (d *Diagnostics) Elapsed() time.Duration {
	return time.Duration(d.ElapsedUS) * time.Microsecond
}

// APICall is one call to an API server.
type APICall struct {
	// Call is its kind, such as token_review.
	Call string `json:"call"`
	// Status is the HTTP status; 0 if no answer came.
	Status int `json:"status"`
	// Attempts is how often it was tried.
	Attempts int `json:"attempts"`
	// ElapsedUS is how long all of that took, in microseconds.
	ElapsedUS int64 `json:"elapsed_us"`
}

func resultOf(answer []byte) (*Result, error) {
	result := &Result{Document: answer}
	if err := json.Unmarshal(answer, result); err != nil {
		return nil, unreadable(err)
	}
	return result, nil
}
