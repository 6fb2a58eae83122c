package psat_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

// prompt is far more than an answer takes, and far less than any of the library's own timeouts.
const prompt = 3 * time.Second

func TestCancelledAttestationEndsAtOnce(t *testing.T) {
	verify(t)
	server := startHangingServer(t)
	attestor := start(t, server.config)
	defer closed(t, attestor)

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for server.connections.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	begun := time.Now()
	_, err := attestor.Attest(ctx, devcluster.payload)
	e := refused(t, err, psat.ReasonCanceled)
	if !errors.Is(err, context.Canceled) || e.GRPCStatus().Code() != codes.Canceled {
		t.Errorf("got %v", err)
	}
	if e.Diagnostics == nil || time.Since(begun) > prompt {
		t.Errorf("after %v: %+v", time.Since(begun), e)
	}
}

func TestDeadlineIsKeptByTheLibraryWhichKnowsWhatTookSoLong(t *testing.T) {
	verify(t)
	server := startHangingServer(t)
	attestor := start(t, server.config)
	defer closed(t, attestor)

	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := attestor.Attest(ctx, devcluster.payload)
	e := refused(t, err, psat.ReasonDeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) || e.GRPCStatus().Code() != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); e.Detail == "" || took < 100*time.Millisecond || took > prompt {
		t.Errorf("after %v: %+v", took, e)
	}
}

func TestConfiguredTimeoutIsNoFaultOfTheContext(t *testing.T) {
	verify(t)
	config := startHangingServer(t).config
	config.Engine.AttestTimeoutMS = 50
	attestor := start(t, config)
	defer closed(t, attestor)

	_, err := attestor.Attest(context.Background(), devcluster.payload)
	refused(t, err, psat.ReasonDeadlineExceeded)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the context had no deadline")
	}
}

func TestContextThatHasEndedMakesNoCall(t *testing.T) {
	verify(t)
	server := startHangingServer(t)
	attestor := start(t, server.config)
	defer closed(t, attestor)

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for _, test := range []struct {
		ctx    context.Context
		reason psat.Reason
		cause  error
	}{
		{cancelled, psat.ReasonCanceled, context.Canceled},
		{expired, psat.ReasonDeadlineExceeded, context.DeadlineExceeded},
	} {
		_, err := attestor.Attest(test.ctx, devcluster.payload)
		if e := refused(t, err, test.reason); !errors.Is(err, test.cause) || e.Document != nil {
			t.Errorf("Attest: got %+v", e)
		}
		_, err = attestor.Configure(test.ctx, server.config)
		if e := refused(t, err, test.reason); !strings.Contains(e.Message, "configuration") {
			t.Errorf("Configure: got %s", e.Message)
		}
		_, err = psat.New(test.ctx, server.config)
		refused(t, err, test.reason)
	}
	stats, err := attestor.Stats()
	if err != nil || len(stats.Attestations) != 0 || stats.ConfigGeneration != 1 || server.connections.Load() != 0 {
		t.Errorf("the library was asked: %+v, %v", stats, err)
	}
}

func TestDeadlineFarAwayIsTaken(t *testing.T) {
	verify(t)
	ctx, cancel := context.WithTimeout(context.Background(), 1<<62)
	defer cancel()
	if _, err := onDevCluster(t).Attest(ctx, devcluster.payload); err != nil {
		t.Error(err)
	}
}

func TestRawOptionsWithoutTimeoutEndWithTheDeadline(t *testing.T) {
	verify(t)
	attestor := start(t, startHangingServer(t).config)
	defer closed(t, attestor)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := attestor.Attest(ctx, devcluster.payload, psat.WithRawOptions([]byte(`{}`)))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > prompt {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}
