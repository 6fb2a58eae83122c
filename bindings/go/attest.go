package psat

import (
	"context"
	"errors"
	"time"

	"psat-attestor.example/bindings/go/internal/capi"
)

// Attest judges one payload, which is what the agent sent. A refusal is an [*Error].
//
// The deadline of ctx is handed on to the library, which answers in time with what it was waiting for; without one, the
// configured attest_timeout_ms holds. If ctx is cancelled, the attestation is. In both cases Attest waits for the library's
// answer, which comes at once, so that nothing of the attestation is left when it returns; an answer that was complete before
// is returned as it is. If ctx has ended already, the library is not asked.
//
// The payload is copied: it may be changed as soon as Attest returns.
func (a *Attestor) Attest(ctx context.Context, payload []byte, opts ...AttestOption) (*Result, error) {
	if err := ended(ctx, "the attestation"); err != nil {
		return nil, err
	}
	options, err := optionsOf(ctx, opts)
	if err != nil {
		return nil, err
	}
	answer, operation, err := a.submit(payload, options.document)
	if err != nil {
		return nil, err
	}
	select {
	case completion := <-answer:
		return outcomeOf(ctx, completion)
	case <-ctx.Done():
	}
	// The library keeps a deadline by itself, and then knows what took so long.
	if options.deadline.IsZero() || time.Now().Before(options.deadline) {
		a.cancel(operation)
	}
	return outcomeOf(ctx, <-answer)
}

// submit begins an attestation, whose one answer comes through the channel.
func (a *Attestor) submit(payload, options []byte) (<-chan capi.Completion, uint64, error) {
	if !a.enter() {
		return nil, 0, refusal(ReasonShuttingDown)
	}
	defer a.leave()
	// The answer may come before Submit returns.
	tag, answer, open := a.pending.add()
	if !open {
		return nil, 0, refusal(ReasonPanic)
	}
	operation, code := a.handle.Submit(payload, options, a.queue, tag)
	if code != 0 {
		a.pending.take(tag)
		return nil, 0, errorOf(code, nil)
	}
	a.reapOne()
	return answer, operation, nil
}

func (a *Attestor) cancel(operation uint64) {
	if a.enter() {
		defer a.leave()
		a.handle.Cancel(operation)
	}
	// Otherwise Close has cancelled everything.
}

func outcomeOf(ctx context.Context, completion capi.Completion) (*Result, error) {
	if completion.Code == 0 {
		return resultOf(completion.Document)
	}
	err := errorOf(completion.Code, completion.Document)
	var e *Error
	if errors.As(err, &e) && (e.Reason == ReasonCanceled || e.Reason == ReasonDeadlineExceeded) {
		e.cause = endOf(ctx)
	}
	return nil, err
}
