// Command upstream attests with the plugin that is built into SPIRE, called as SPIRE's server would, without its gRPC.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/hashicorp/go-hclog"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"github.com/spiffe/spire/pkg/server/plugin/nodeattestor/k8spsat"
	"google.golang.org/grpc"

	"psat-attestor.test/bench/load"
)

const trustDomain = "example.org"

func main() {
	load.Main(open)
}

func open(config []byte) (load.Attest, error) {
	plugin := k8spsat.New()
	plugin.SetLogger(hclog.NewNullLogger())
	_, err := plugin.Configure(context.Background(), &configv1.ConfigureRequest{
		CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: trustDomain},
		HclConfiguration:  string(config),
	})
	return func(ctx context.Context, payload []byte) error {
		s := &stream{ctx: ctx, request: nodeattestorv1.AttestRequest{
			Request: &nodeattestorv1.AttestRequest_Payload{Payload: payload},
		}}
		if err := plugin.Attest(s); err != nil {
			return err
		}
		if s.attributes.GetSpiffeId() == "" {
			return errors.New("it was accepted without an ID")
		}
		return nil
	}, err
}

// stream is the conversation with one agent, which sends its payload and is asked nothing.
type stream struct {
	grpc.ServerStream
	ctx        context.Context
	request    nodeattestorv1.AttestRequest
	received   bool
	attributes *nodeattestorv1.AgentAttributes
}

func (s *stream) Context() context.Context {
	return s.ctx
}

func (s *stream) Recv() (*nodeattestorv1.AttestRequest, error) {
	if s.received {
		return nil, io.EOF
	}
	s.received = true
	return &s.request, nil
}

func (s *stream) Send(response *nodeattestorv1.AttestResponse) error {
	s.attributes = response.GetAgentAttributes()
	return nil
}
