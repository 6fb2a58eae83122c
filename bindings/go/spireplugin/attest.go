package spireplugin

import (
	"context"
	"errors"

	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	psat "psat-attestor.example/bindings/go"
)

// clientAddress is the metadata in which SPIRE forwards the agent's address.
const clientAddress = "x-forwarded-client-ip"

// Attest judges the payload of one agent. It sends no challenge. When the stream ends or its deadline passes, so does
// the attestation.
func (p *Plugin) Attest(stream nodeattestorv1.NodeAttestor_AttestServer) error {
	request, err := stream.Recv()
	if err != nil {
		return err
	}
	attestor, err := p.current()
	if err != nil {
		return err
	}
	ctx := stream.Context()
	result, err := attestor.Attest(ctx, request.GetPayload(), psat.WithPeer(agentAddress(ctx)))
	if err != nil {
		return p.refusal(err)
	}
	return stream.Send(response(&result.AgentAttributes))
}

// refusal is what an agent may know. The operator is told the rest by the library's log record of the attestation.
func (p *Plugin) refusal(err error) error {
	var refused *psat.Error
	if !errors.As(err, &refused) {
		p.log.Error("Attestation failed", "error", err)
		return status.Error(codes.Internal, "attestation failed")
	}
	return refused.GRPCStatus().Err()
}

func response(attributes *psat.AgentAttributes) *nodeattestorv1.AttestResponse {
	return &nodeattestorv1.AttestResponse{
		Response: &nodeattestorv1.AttestResponse_AgentAttributes{
			AgentAttributes: &nodeattestorv1.AgentAttributes{
				SpiffeId:       attributes.SPIFFEID,
				SelectorValues: attributes.SelectorValues,
				CanReattest:    attributes.CanReattest,
			},
		},
	}
}

func agentAddress(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, clientAddress); len(values) > 0 {
		return values[0]
	}
	return ""
}
