package psat

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc/codes"
)

// Explanation is one attestation with every check that it made.
type Explanation struct {
	// Code, Reason and Message are what Attest would have answered; a Message there is only for a refusal.
	Code    codes.Code `json:"-"`
	Reason  Reason     `json:"reason"`
	Message string     `json:"message"`
	// AgentAttributes is what the agent has been found to be; nil if it is refused.
	AgentAttributes *AgentAttributes `json:"agent_attributes"`
	// ConfigGeneration is that of the configuration it was judged by; the first is 1.
	ConfigGeneration uint64 `json:"config_generation"`
	// Steps are the checks in their order. They go on past a failure, as far as facts that can be trusted reach.
	Steps []Step `json:"steps"`
	// Diagnostics is for the operator.
	Diagnostics Diagnostics `json:"diagnostics"`
	// Detail has the causes of a refusal. It is for the operator alone.
	Detail string `json:"-"`
	// Document is the whole answer, as JSON.
	Document json.RawMessage `json:"-"`
}

// Explain judges one payload as [Attestor.Attest] does, goes on past a failure, and tells of every check. It is for
// operators: it costs more than an attestation, and a thread while it runs.
//
// That the agent is refused is no error, but what the [Explanation] says. An [*Error] is that there is none: the options are
// malformed, the attestor is not configured or closed, or ctx has ended.
//
// The deadline of ctx is handed on to the library, whose explanation then says what it waited for; without one, the configured
// attest_timeout_ms holds. If ctx is cancelled, Explain returns at once; what it began ends at its deadline, or with
// [Attestor.Close].
//
// The payload is copied: it may be changed as soon as Explain returns.
func (a *Attestor) Explain(ctx context.Context, payload []byte, opts ...AttestOption) (*Explanation, error) {
	const what = "the explanation"
	if err := ended(ctx, what); err != nil {
		return nil, err
	}
	options, err := optionsOf(ctx, opts)
	if err != nil {
		return nil, err
	}
	// The call may outlive this function.
	payload = append([]byte{}, payload...)
	code, document, err := a.blocking(ctx, what, options.deadline, func() (int32, []byte) {
		return a.handle.Explain(payload, options.document)
	})
	if err != nil {
		return nil, err
	}
	return explanationOf(code, document)
}

func explanationOf(code int32, document []byte) (*Explanation, error) {
	explanation := &Explanation{Code: codes.Code(code), Document: document}
	if document == nil {
		return nil, errorOf(code, nil)
	}
	if err := json.Unmarshal(document, explanation); err != nil {
		return nil, unreadable(err)
	}
	if unanswered(explanation.Code, explanation.Reason) || explanation.Steps == nil {
		return nil, errorOf(code, document)
	}
	var more struct {
		Diagnostics struct {
			Detail string `json:"detail"`
		} `json:"diagnostics"`
	}
	if err := json.Unmarshal(document, &more); err != nil {
		return nil, unreadable(err)
	}
	explanation.Detail = more.Diagnostics.Detail
	return explanation, nil
}

// unanswered is whether the library did not look into the question.
func unanswered(code codes.Code, reason Reason) bool {
	return code >= firstCallerFault || reason == ReasonNotConfigured || reason == ReasonShuttingDown
}
