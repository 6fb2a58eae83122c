// Command upstream answers the questions of the differential test with the plugin that is built into SPIRE, called as
// SPIRE's server would, without its gRPC. Questions and answers are JSON, one a line, on stdin and stdout.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"github.com/spiffe/spire/pkg/server/plugin/nodeattestor/k8spsat"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
)

// question is one attestation by a plugin of its own.
type question struct {
	// Config is what stands in plugin_data; without one the plugin is never configured.
	Config      *string `json:"config"`
	TrustDomain string  `json:"trust_domain"`
	Payload     []byte  `json:"payload"` // in base64; null is none at all
	TimeoutMS   int64   `json:"timeout_ms"`
}

// answer is a gRPC status, or who the agent is.
type answer struct {
	// Configured tells whether the status is an attestation's, or that of a refused configuration.
	Configured bool     `json:"configured"`
	Code       uint32   `json:"code"`
	Message    string   `json:"message"`
	SPIFFEID   string   `json:"spiffe_id"`
	Selectors  []string `json:"selectors"`
	Reattest   bool     `json:"can_reattest"`
}

func main() {
	// What client-go has to say, such as that it asks again, is of no interest.
	klog.SetLogger(klog.Logger{})
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "upstream: %v\n", err)
		os.Exit(1)
	}
}

func serve(questions io.Reader, answers io.Writer) error {
	in, out := json.NewDecoder(bufio.NewReader(questions)), json.NewEncoder(answers)
	for {
		var q question
		if err := in.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := out.Encode(ask(&q)); err != nil {
			return err
		}
	}
}

func ask(q *question) answer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(q.TimeoutMS)*time.Millisecond)
	defer cancel()
	plugin := k8spsat.New()
	plugin.SetLogger(hclog.NewNullLogger())
	if q.Config != nil {
		_, err := plugin.Configure(ctx, &configv1.ConfigureRequest{
			CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: q.TrustDomain},
			HclConfiguration:  *q.Config,
		})
		if err != nil {
			return refused(err, false)
		}
	}
	s := &stream{ctx: ctx, payload: q.Payload}
	if err := plugin.Attest(s); err != nil {
		return refused(err, true)
	}
	return answer{
		Configured: true,
		SPIFFEID:   s.attributes.GetSpiffeId(),
		Selectors:  s.attributes.GetSelectorValues(),
		Reattest:   s.attributes.GetCanReattest(),
	}
}

func refused(err error, configured bool) answer {
	s := status.Convert(err)
	return answer{Configured: configured, Code: uint32(s.Code()), Message: s.Message()}
}

// stream is the conversation with one agent, which sends its payload and is asked nothing.
type stream struct {
	grpc.ServerStream
	ctx        context.Context
	payload    []byte
	attributes *nodeattestorv1.AgentAttributes
}

func (s *stream) Context() context.Context {
	return s.ctx
}

func (s *stream) Recv() (*nodeattestorv1.AttestRequest, error) {
	return &nodeattestorv1.AttestRequest{Request: &nodeattestorv1.AttestRequest_Payload{Payload: s.payload}}, nil
}

func (s *stream) Send(response *nodeattestorv1.AttestResponse) error {
	s.attributes = response.GetAgentAttributes()
	return nil
}
