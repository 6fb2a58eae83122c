package psat

import (
	"context"
	"time"
)

// answer is what a call of the library returned.
type answer struct {
	code     int32
	document []byte
}

// blocking makes a call that sleeps inside the library, on a goroutine of its own, so that a context that is cancelled does not
// wait for it. A call that nobody waits for any more ends with its deadline, or when the attestor is closed.
//
// deadline is what the library has been told, zero if nothing: it keeps that by itself, and then knows what took so long.
func (a *Attestor) blocking(ctx context.Context, what string, deadline time.Time, call func() (int32, []byte)) (int32, []byte, error) {
	// With room for the answer, so that the goroutine ends although nobody waits.
	answers := make(chan answer, 1)
	if !a.enter() {
		return 0, nil, refusal(ReasonShuttingDown)
	}
	// The handle must outlive the call, but not keep Close from ending it: Close waits for the group after its shutdown.
	a.inside.Go(func() {
		code, document := call()
		answers <- answer{code, document}
	})
	a.leave()
	select {
	case got := <-answers:
		return got.code, got.document, nil
	case <-ctx.Done():
	}
	if deadline.IsZero() || time.Now().Before(deadline) {
		return 0, nil, ended(ctx, what)
	}
	got := <-answers
	return got.code, got.document, nil
}
