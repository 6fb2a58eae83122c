package psat_test

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

func TestClusterThatCanBeUsedIsFoundUsable(t *testing.T) {
	verify(t)
	report, err := onDevCluster(t).Check(context.Background(), psat.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	demo := report.Clusters["demo"]
	if report.Code != codes.OK || report.Reason != psat.ReasonOK || len(report.Clusters) != 1 || !demo.Usable {
		t.Fatalf("got %s", report.Document)
	}
	if demo.Elapsed() <= 0 || demo.Server == "" || demo.ServerVersion == "" || report.ConfigGeneration != 1 {
		t.Errorf("got %+v", demo)
	}
	var checks []string
	for _, step := range demo.Steps {
		checks = append(checks, step.Check)
	}
	want := []string{"credentials", "reach", "tls", "api_version", "token_review", "pods", "nodes", "signing_keys", "clock"}
	if !slices.Equal(checks, want) {
		t.Errorf("got the steps %v, want %v", checks, want)
	}
	agreeInSteps(t, demo.Steps, member(t, member(t, member(t, report.Document, "clusters"), "demo"), "steps"))
}

func TestClusterThatCannotBeReachedIsToldWithWhatToDo(t *testing.T) {
	verify(t)
	// Nobody listens at the address of a listener that is closed.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	attestor := start(t, configFor(t, listener.Addr().String()))
	defer closed(t, attestor)
	listener.Close()
	report, err := attestor.Check(context.Background(), psat.CheckOptions{Clusters: []string{"demo"}})
	if err != nil {
		t.Fatal(err)
	}
	failed := psat.FirstFailed(report.Clusters["demo"].Steps)
	if report.Clusters["demo"].Usable || failed == nil || failed.Check != "reach" || failed.Remedy == "" ||
		report.Reason != psat.ReasonAPIUnreachable || report.Reason != failed.Reason || report.Message == "" {
		t.Errorf("got %s", report.Document)
	}
}

func TestNoReportIsAnError(t *testing.T) {
	verify(t)
	ctx := context.Background()
	attestor := start(t, psat.RawConfig(devcluster.config))
	_, err := attestor.Check(ctx, psat.CheckOptions{Clusters: []string{"demo", "other"}})
	refused(t, err, psat.ReasonClusterUnknown)
	closed(t, attestor)
	_, err = attestor.Check(ctx, psat.CheckOptions{})
	refused(t, err, psat.ReasonShuttingDown)

	unconfigured := start(t, psat.Config{})
	defer closed(t, unconfigured)
	_, err = unconfigured.Check(ctx, psat.CheckOptions{})
	refused(t, err, psat.ReasonNotConfigured)
}

func TestDeadlineOfACheckIsKept(t *testing.T) {
	verify(t)
	attestor := start(t, startHangingServer(t).config)
	defer closed(t, attestor)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	report, err := attestor.Check(ctx, psat.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Clusters["demo"].Usable || time.Since(begun) > prompt {
		t.Errorf("after %v: %s", time.Since(begun), report.Document)
	}
}

// agreeInSteps fails the test unless the steps hold what the document does.
func agreeInSteps(t *testing.T, steps []psat.Step, document json.RawMessage) {
	t.Helper()
	var want []json.RawMessage
	if err := json.Unmarshal(document, &want); err != nil {
		t.Fatal(err)
	}
	if len(steps) != len(want) || len(steps) == 0 {
		t.Fatalf("%d steps, the document has %d", len(steps), len(want))
	}
	for i := range steps {
		agree(t, steps[i], want[i])
	}
}
