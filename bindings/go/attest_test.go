package psat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

func TestGenuineAgentAttests(t *testing.T) {
	verify(t)
	result, err := onDevCluster(t).Attest(context.Background(), devcluster.payload)
	if err != nil {
		t.Fatal(err)
	}
	agent := result.AgentAttributes
	if !strings.HasPrefix(agent.SPIFFEID, "spiffe://example.org/spire/agent/k8s_psat/demo/") || !agent.CanReattest {
		t.Errorf("got %+v", agent)
	}
	if !strings.Contains(fmt.Sprint(agent.SelectorValues), "agent_sa:spire-agent") {
		t.Errorf("got the selectors %q", agent.SelectorValues)
	}
	diagnostics := result.Diagnostics
	reviewed := slices.ContainsFunc(diagnostics.APICalls, func(call psat.APICall) bool { return call.Status == 201 })
	if diagnostics.Cluster != "demo" || !reviewed ||
		diagnostics.Elapsed() <= 0 || result.ConfigGeneration != 1 {
		t.Errorf("got %+v", result)
	}
	agree(t, result.AgentAttributes, member(t, result.Document, "agent_attributes"))
}

func TestAgentThatIsNotAllowedIsRefused(t *testing.T) {
	verify(t)
	result, err := onDevCluster(t).Attest(context.Background(), devcluster.refused)
	e := refused(t, err, psat.ReasonServiceAccountNotAllowed)
	if result != nil || e.Code != codes.PermissionDenied || e.Message == "" || e.Detail == "" {
		t.Errorf("got %+v and %+v", result, e)
	}
	if e.Diagnostics == nil || e.Diagnostics.Cluster != "demo" {
		t.Errorf("got the diagnostics %+v", e.Diagnostics)
	}
}

func TestWhatTheHostSaysIsEchoed(t *testing.T) {
	verify(t)
	result, err := onDevCluster(t).Attest(context.Background(), devcluster.payload,
		psat.WithPeer("192.0.2.7:4711"), psat.WithRequestID("r-1"), psat.WithTraceparent("00-0af7-b7ad-01"))
	if err != nil {
		t.Fatal(err)
	}
	got := result.Diagnostics
	if got.Peer != "192.0.2.7:4711" || got.RequestID != "r-1" || got.Traceparent != "00-0af7-b7ad-01" {
		t.Errorf("got %+v", got)
	}
}

func TestRawOptionsAreHandedOn(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	result, err := attestor.Attest(context.Background(), devcluster.payload, psat.WithRawOptions([]byte(`{"peer":"p"}`)))
	if err != nil || result.Diagnostics.Peer != "p" {
		t.Errorf("got %+v and %v", result, err)
	}
	_, err = attestor.Attest(context.Background(), devcluster.payload, psat.WithRawOptions([]byte(`[]`)))
	e := refused(t, err, psat.ReasonOptionsMalformed)
	if e.Document != nil || e.GRPCStatus().Code() != codes.Internal {
		t.Errorf("got %+v", e)
	}
}

func TestPayloadMayBePartOfAnything(t *testing.T) {
	verify(t)
	// Memory that holds pointers: cgo must only look at the bytes.
	holder := &struct {
		name    *string
		payload [4096]byte
	}{name: new(string)}
	payload := holder.payload[:copy(holder.payload[:], devcluster.payload)]
	if _, err := onDevCluster(t).Attest(context.Background(), payload); err != nil {
		t.Error(err)
	}
}

func TestEmptyPayloadsAreRefused(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	for _, payload := range [][]byte{nil, {}} {
		_, err := attestor.Attest(context.Background(), payload)
		refused(t, err, psat.ReasonPayloadMissing)
	}
}

func TestStatisticsCountByReason(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	for _, payload := range [][]byte{devcluster.payload, devcluster.payload, devcluster.refused} {
		_, _ = attestor.Attest(context.Background(), payload)
	}
	stats, err := attestor.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if stats.Attestations[psat.ReasonOK] != 2 || stats.Attestations[psat.ReasonServiceAccountNotAllowed] != 1 {
		t.Errorf("got %v", stats.Attestations)
	}
	demo := stats.Clusters["demo"]
	if stats.Latency.Count != 3 || demo.Latency.Count != 3 || demo.PeakInFlight != 1 || demo.ConnectionsOpened == 0 {
		t.Errorf("got %+v", stats)
	}
	agree(t, stats, stats.Document, "code", "reason")
}
