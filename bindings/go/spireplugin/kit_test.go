package spireplugin_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spiffe/spire-plugin-sdk/pluginsdk"
	"github.com/spiffe/spire-plugin-sdk/plugintest"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"psat-attestor.example/bindings/go/spireplugin"
)

// loaded is a plugin as SPIRE has it: behind gRPC, with a log.
type loaded struct {
	attestor nodeattestorv1.NodeAttestorPluginClient
	config   configv1.ConfigServiceClient
	log      *sink
}

func load(t *testing.T, hostServices ...pluginsdk.ServiceServer) *loaded {
	t.Helper()
	l := &loaded{log: new(sink)}
	p := spireplugin.New()
	plugintest.ServeInBackground(t, plugintest.Config{
		PluginServer:       nodeattestorv1.NodeAttestorPluginServer(p),
		PluginClient:       &l.attestor,
		ServiceServers:     []pluginsdk.ServiceServer{configv1.ConfigServiceServer(p)},
		ServiceClients:     []pluginsdk.ServiceClient{&l.config},
		HostServiceServers: hostServices,
		Logger:             hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: l.log, JSONFormat: true}),
	})
	return l
}

// configured is a loaded plugin with the HCL in force.
func configured(t *testing.T, hcl string) *loaded {
	t.Helper()
	l := load(t)
	if err := l.configure(hcl); err != nil {
		t.Fatal(err)
	}
	return l
}

var core = &configv1.CoreConfiguration{TrustDomain: "example.org"}

func (l *loaded) configure(hcl string) error {
	request := &configv1.ConfigureRequest{CoreConfiguration: core, HclConfiguration: hcl}
	_, err := l.config.Configure(context.Background(), request)
	return err
}

func (l *loaded) validate(t *testing.T, core *configv1.CoreConfiguration, hcl string) *configv1.ValidateResponse {
	t.Helper()
	request := &configv1.ValidateRequest{CoreConfiguration: core, HclConfiguration: hcl}
	response, err := l.config.Validate(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (l *loaded) attest(ctx context.Context, payload []byte) (*nodeattestorv1.AgentAttributes, error) {
	return l.send(ctx, &nodeattestorv1.AttestRequest{Request: &nodeattestorv1.AttestRequest_Payload{Payload: payload}})
}

func (l *loaded) send(ctx context.Context, request *nodeattestorv1.AttestRequest) (*nodeattestorv1.AgentAttributes, error) {
	stream, err := l.attestor.Attest(ctx)
	if err != nil {
		return nil, err
	}
	_ = stream.Send(request) // an error of Send is told by Recv
	response, err := stream.Recv()
	return response.GetAgentAttributes(), err
}

// demo is the HCL of the cluster "demo", with more settings.
func demo(kubeconfig string, settings ...string) string {
	return fmt.Sprintf("clusters \"demo\" {\n kube_config_file = %q\n service_account_allow_list = [\"spire:spire-agent\"]\n%s\n}",
		kubeconfig, strings.Join(settings, "\n"))
}

func expectStatus(t *testing.T, err error, code codes.Code, message string) {
	t.Helper()
	if got := status.Convert(err); got.Code() != code || got.Message() != message {
		t.Errorf("got %v: %s\nwant %v: %s", got.Code(), got.Message(), code, message)
	}
}

// sink keeps what is logged, a JSON object on each line.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(line)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// expect waits for a line with all the words, and returns it.
func (s *sink) expect(t *testing.T, words ...string) string {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(s.String()) {
			if holds(line, words) {
				return line
			}
		}
	}
	t.Fatalf("no line of the log holds all of %q:\n%s", words, s)
	return ""
}

func holds(line string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(line, word) {
			return false
		}
	}
	return true
}
