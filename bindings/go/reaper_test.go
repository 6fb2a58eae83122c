package psat

import (
	"context"
	"errors"
	"testing"

	"psat-attestor.example/bindings/go/internal/capi"
)

func TestNobodyWaitsOnceAnswersAreNotTakenAnyMore(t *testing.T) {
	// No queue at all: the library refuses to take anything from it.
	a := &Attestor{queue: new(capi.Queue), reaped: make(chan struct{})}
	_, answer, open := a.pending.add()
	if !open {
		t.Fatal("nothing has failed yet")
	}
	a.reap()
	if _, err := outcomeOf(context.Background(), <-answer); !errors.Is(err, ReasonPanic) {
		t.Errorf("who waits gets %v", err)
	}
	if _, _, err := a.submit([]byte("{}"), nil); !errors.Is(err, ReasonPanic) {
		t.Errorf("who comes gets %v", err)
	}
}
