package spireplugin_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"

	"psat-attestor.example/bindings/go/internal/devcluster"
	"psat-attestor.example/bindings/go/spireplugin"
)

// stream is one agent's, without gRPC.
type stream struct {
	nodeattestorv1.NodeAttestor_AttestServer
	payload []byte
}

func (s *stream) Context() context.Context { return context.Background() }

func (s *stream) Recv() (*nodeattestorv1.AttestRequest, error) {
	return &nodeattestorv1.AttestRequest{Request: &nodeattestorv1.AttestRequest_Payload{Payload: s.payload}}, nil
}

func (s *stream) Send(*nodeattestorv1.AttestResponse) error { return nil }

func TestTheLogLevelMayBeRaisedLater(t *testing.T) {
	cluster := devcluster.Start(t)
	written := new(sink)
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: written, JSONFormat: true})
	p := spireplugin.New()
	defer p.Close()
	p.SetLogger(log)
	request := &configv1.ConfigureRequest{CoreConfiguration: core, HclConfiguration: demo(cluster.Kubeconfig)}
	if _, err := p.Configure(context.Background(), request); err != nil {
		t.Fatal(err)
	}
	attest := func() {
		t.Helper()
		if err := p.Attest(&stream{payload: cluster.Payload}); err != nil {
			t.Fatal(err)
		}
	}
	attest()
	// Records are written in order: once this one is there, that of the attestation would be.
	if err := p.Attest(&stream{payload: cluster.PayloadRefused}); err == nil {
		t.Fatal("the other service account was taken")
	}
	written.expect(t, `"@level":"warn"`, "Agent refused")
	if strings.Contains(written.String(), `"@level":"debug"`) {
		t.Errorf("the log shows more than it should:\n%s", written)
	}
	log.SetLevel(hclog.Debug)
	attest()
	written.expect(t, `"@level":"debug"`, "Agent attested")
}
