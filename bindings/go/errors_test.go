package psat_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	psat "psat-attestor.example/bindings/go"
)

func TestAgentsReadTheMessageAlone(t *testing.T) {
	verify(t)
	// A port where nobody listens: the detail names it.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	attestor := start(t, configFor(t, address))
	defer closed(t, attestor)

	_, err = attestor.Attest(context.Background(), devcluster.payload)
	e := refused(t, err, psat.ReasonAPIUnreachable)
	if !strings.Contains(e.Detail, address) {
		t.Errorf("the detail does not name %s: %s", address, e.Detail)
	}
	sent := status.Convert(err)
	if sent.Code() != codes.Unavailable || sent.Message() != e.Message {
		t.Errorf("an agent gets %v", sent)
	}
	// gRPC sends the whole text of an error that wraps one with a status.
	wrapped := status.Convert(fmt.Errorf("attest: %w", err))
	if wrapped.Code() != codes.Unavailable || strings.Contains(wrapped.Message(), address) {
		t.Errorf("an agent gets %v", wrapped)
	}
}

func TestFaultsOfTheProgramAreInternalToAgents(t *testing.T) {
	for code, want := range map[codes.Code]codes.Code{
		codes.PermissionDenied: codes.PermissionDenied,
		codes.Unauthenticated:  codes.Unauthenticated,
		1000:                   codes.Internal,
		1004:                   codes.Internal,
	} {
		if got := (&psat.Error{Code: code}).GRPCStatus().Code(); got != want {
			t.Errorf("%d becomes %v, not %v", code, got, want)
		}
	}
}

func TestErrorsAreComparedByReason(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &psat.Error{Code: codes.ResourceExhausted, Reason: psat.ReasonOverloaded})
	if !errors.Is(err, psat.ReasonOverloaded) || errors.Is(err, psat.ReasonCanceled) || errors.Is(err, context.Canceled) {
		t.Errorf("%v is compared wrongly", err)
	}
}
