package psat_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

func TestExplanationOfAGenuineAgentHasItsIdentityAndEveryCheck(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	explanation, err := attestor.Explain(context.Background(), devcluster.payload, psat.WithRequestID("r-1"))
	if err != nil {
		t.Fatal(err)
	}
	if explanation.Code != codes.OK || explanation.Reason != psat.ReasonOK || explanation.AgentAttributes == nil {
		t.Fatalf("got %+v", explanation)
	}
	result, err := attestor.Attest(context.Background(), devcluster.payload)
	if err != nil {
		t.Fatal(err)
	}
	if explanation.AgentAttributes.SPIFFEID != result.AgentAttributes.SPIFFEID ||
		!slices.Equal(explanation.AgentAttributes.SelectorValues, result.AgentAttributes.SelectorValues) {
		t.Errorf("explained as %+v, attested as %+v", explanation.AgentAttributes, result.AgentAttributes)
	}
	if failed := psat.FirstFailed(explanation.Steps); failed != nil {
		t.Errorf("a check failed: %v", failed)
	}
	if explanation.Diagnostics.RequestID != "r-1" || explanation.ConfigGeneration != 1 || explanation.Detail != "" {
		t.Errorf("got %+v", explanation)
	}
	agree(t, explanation, explanation.Document, "code", "operation", "diagnostics", "steps")
	agreeInSteps(t, explanation.Steps, member(t, explanation.Document, "steps"))
}

func TestExplanationOfARefusedAgentIsNoErrorAndNamesTheCheck(t *testing.T) {
	verify(t)
	explanation, err := onDevCluster(t).Explain(context.Background(), devcluster.refused)
	if err != nil {
		t.Fatal(err)
	}
	if explanation.Code != codes.PermissionDenied || explanation.Reason != psat.ReasonServiceAccountNotAllowed ||
		explanation.Message == "" || explanation.Detail == "" || explanation.AgentAttributes != nil {
		t.Errorf("got %+v", explanation)
	}
	failed := psat.FirstFailed(explanation.Steps)
	if failed == nil || failed.Check != "claims" || failed.Reason != explanation.Reason {
		t.Fatalf("got the steps %v", explanation.Steps)
	}
	if want := `clusters.demo.service_account_allow_list = ["spire:spire-agent","default:default"]`; !strings.Contains(failed.Remedy, ":\n"+want) {
		t.Errorf("got the remedy %q", failed.Remedy)
	}
	if got := failed.String(); got != "claims: fail: "+failed.Detail {
		t.Errorf("as a line: %s", got)
	}
	agreeInSteps(t, explanation.Steps, member(t, explanation.Document, "steps"))
}

func TestNoExplanationIsAnError(t *testing.T) {
	verify(t)
	unconfigured := start(t, psat.Config{})
	_, err := unconfigured.Explain(context.Background(), devcluster.payload)
	refused(t, err, psat.ReasonNotConfigured)
	closed(t, unconfigured)
	_, err = unconfigured.Explain(context.Background(), devcluster.payload)
	refused(t, err, psat.ReasonShuttingDown)

	_, err = onDevCluster(t).Explain(context.Background(), devcluster.payload, psat.WithRawOptions([]byte(`[]`)))
	if e := refused(t, err, psat.ReasonOptionsMalformed); e.Document == nil || e.GRPCStatus().Code() != codes.Internal {
		t.Errorf("got %+v", e)
	}
}

func TestExplanationOfAnEmptyPayloadSaysSo(t *testing.T) {
	verify(t)
	for _, payload := range [][]byte{nil, {}} {
		explanation, err := onDevCluster(t).Explain(context.Background(), payload)
		if err != nil || explanation.Reason != psat.ReasonPayloadMissing {
			t.Errorf("got %+v, %v", explanation, err)
		}
	}
}

func TestCancelledExplanationAndCheckReturnAtOnce(t *testing.T) {
	verify(t)
	server := startHangingServer(t)
	attestor := start(t, server.config)
	defer closed(t, attestor)

	for name, call := range map[string]func(context.Context) error{
		"explanation": func(ctx context.Context) error {
			_, err := attestor.Explain(ctx, devcluster.payload)
			return err
		},
		"check": func(ctx context.Context) error {
			_, err := attestor.Check(ctx, psat.CheckOptions{})
			return err
		},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		before := server.connections.Load()
		go func() {
			for server.connections.Load() == before {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		begun := time.Now()
		err := call(ctx)
		e := refused(t, err, psat.ReasonCanceled)
		if !errors.Is(err, context.Canceled) || !strings.Contains(e.Message, name) || time.Since(begun) > prompt {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		err = call(ctx)
		if refused(t, err, psat.ReasonCanceled); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
	}
}

func TestDeadlineOfAnExplanationIsExplained(t *testing.T) {
	verify(t)
	attestor := start(t, startHangingServer(t).config)
	defer closed(t, attestor)

	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	explanation, err := attestor.Explain(ctx, devcluster.payload)
	if err != nil {
		t.Fatal(err)
	}
	failed := psat.FirstFailed(explanation.Steps)
	if explanation.Reason != psat.ReasonDeadlineExceeded || failed == nil || failed.Check != "token_review" {
		t.Errorf("got %s, %v", explanation.Reason, failed)
	}
	if took := time.Since(begun); took < 100*time.Millisecond || took > prompt {
		t.Errorf("it took %v", took)
	}
}

func TestCloseEndsExplanationsAndChecks(t *testing.T) {
	verify(t)
	server := startHangingServer(t)
	attestor := start(t, server.config)
	const many = 8
	outcomes := make(chan error, 2*many)
	for range many {
		go func() {
			_, err := attestor.Explain(context.Background(), devcluster.payload)
			outcomes <- err
		}()
		go func() {
			_, err := attestor.Check(context.Background(), psat.CheckOptions{})
			outcomes <- err
		}()
	}
	soon(t, "the explanations run", func() bool {
		stats, err := attestor.Stats()
		return err == nil && stats.Clusters["demo"].InFlight == many
	})
	begun := time.Now()
	closed(t, attestor)
	if took := time.Since(begun); took > prompt {
		t.Errorf("Close took %v", took)
	}
	for range 2 * many {
		refused(t, <-outcomes, psat.ReasonShuttingDown)
	}
}

func TestCloseMayComeWhileExplanationsBegin(t *testing.T) {
	verify(t)
	for i := range 20 {
		attestor := start(t, psat.RawConfig(devcluster.config))
		ended := make(chan error, 4)
		for n := range cap(ended) {
			go func() {
				for {
					// Half of them are given up while they are inside the library, where Close finds them.
					ctx, cancel := context.WithCancel(context.Background())
					if n%2 == 0 {
						time.AfterFunc(100*time.Microsecond, cancel)
					}
					_, err := attestor.Explain(ctx, devcluster.payload)
					cancel()
					if err != nil && !errors.Is(err, context.Canceled) {
						ended <- err
						return
					}
				}
			}()
		}
		time.Sleep(time.Duration(i) * 200 * time.Microsecond)
		closed(t, attestor)
		for range cap(ended) {
			refused(t, <-ended, psat.ReasonShuttingDown)
		}
	}
}

func TestPayloadMayBeChangedAfterACancelledExplanation(t *testing.T) {
	verify(t)
	attestor := start(t, startHangingServer(t).config)
	defer closed(t, attestor)
	payload := slices.Clone(devcluster.payload)
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		time.AfterFunc(50*time.Microsecond, cancel)
		_, err := attestor.Explain(ctx, payload)
		refused(t, err, psat.ReasonCanceled)
		clear(payload) // the race detector looks on
		copy(payload, devcluster.payload)
	}
}
