package psat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// longestTimeout is the longest that the library takes; no agent waits longer than a day.
const longestTimeout = 24 * time.Hour

// AttestOption is something the host, never the agent, says about one attestation.
type AttestOption func(*attestOptions)

type attestOptions struct {
	TimeoutMS   int64  `json:"timeout_ms,omitzero"`
	Peer        string `json:"peer,omitzero"`
	Traceparent string `json:"traceparent,omitzero"`
	RequestID   string `json:"request_id,omitzero"`

	raw []byte
}

// WithPeer names the agent's address. It is echoed in [Diagnostics] and events, and decides nothing.
func WithPeer(address string) AttestOption {
	return func(o *attestOptions) { o.Peer = address }
}

// WithTraceparent names the W3C trace context. It is echoed in [Diagnostics] and events, and decides nothing.
func WithTraceparent(traceparent string) AttestOption {
	return func(o *attestOptions) { o.Traceparent = traceparent }
}

// WithRequestID names the request. It is echoed in [Diagnostics] and events, and decides nothing.
func WithRequestID(id string) AttestOption {
	return func(o *attestOptions) { o.RequestID = id }
}

// WithRawOptions hands the library this JSON object as it is, instead of all other options. A deadline of the context then
// acts by cancelling.
func WithRawOptions(document []byte) AttestOption {
	return func(o *attestOptions) { o.raw = document }
}

// timed is the document of the options, and the deadline that the library keeps by itself, if it has been told one.
type timed struct {
	document []byte
	deadline time.Time
}

func optionsOf(ctx context.Context, opts []AttestOption) (timed, error) {
	var options attestOptions
	for _, opt := range opts {
		opt(&options)
	}
	if options.raw != nil {
		return timed{document: options.raw}, nil
	}
	deadline, ok := ctx.Deadline()
	if ok {
		options.TimeoutMS = milliseconds(time.Until(deadline))
	}
	if options.isZero() {
		return timed{}, nil
	}
	document, err := json.Marshal(options)
	if err != nil {
		return timed{}, fmt.Errorf("psat: write the options: %w", err)
	}
	return timed{document: document, deadline: deadline}, nil
}

func (o *attestOptions) isZero() bool {
	return o.TimeoutMS == 0 && o.Peer == "" && o.Traceparent == "" && o.RequestID == ""
}

// milliseconds rounds up, to at least one, so that the library's clock never runs out before the context's.
func milliseconds(left time.Duration) int64 {
	left = min(max(left, time.Millisecond), longestTimeout)
	return int64((left + time.Millisecond - 1) / time.Millisecond)
}
