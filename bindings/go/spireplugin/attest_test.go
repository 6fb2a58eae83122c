package spireplugin_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metricsv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/common/metrics/v1"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"psat-attestor.example/bindings/go/internal/devcluster"
	"psat-attestor.example/bindings/go/spireplugin"
)

func TestAnAgentAttests(t *testing.T) {
	cluster := devcluster.Start(t)
	l := configured(t, demo(cluster.Kubeconfig, `allowed_pod_label_keys = ["app"]`))
	ctx := metadata.AppendToOutgoingContext(context.Background(), "X-Forwarded-Client-IP", "192.0.2.7")
	attributes, err := l.attest(ctx, cluster.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(attributes.SpiffeId, "spiffe://example.org/spire/agent/k8s_psat/demo/") || !attributes.CanReattest {
		t.Errorf("attested as %v", attributes)
	}
	for _, selector := range []string{"cluster:demo", "agent_pod_name:agent-1", "agent_pod_label:app:spire-agent"} {
		if !slices.Contains(attributes.SelectorValues, selector) {
			t.Errorf("%s is not among %q", selector, attributes.SelectorValues)
		}
	}
	l.log.expect(t, `"@level":"debug"`, `"@message":"Agent attested"`, `"peer":"192.0.2.7"`, `"code":"OK"`, `"cluster":"demo"`,
		`"credential_id":"JTI=`, `"operation":"1"`, "token_review=201", attributes.SpiffeId)
	expectNoToken(t, l, cluster)
}

func TestARefusedAgentIsToldCodeAndMessageAlone(t *testing.T) {
	cluster := devcluster.Start(t)
	l := configured(t, demo(cluster.Kubeconfig))
	_, err := l.attest(context.Background(), cluster.PayloadRefused)
	expectStatus(t, err, codes.PermissionDenied, `"default:default" is not an allowed service account for cluster "demo"`)
	if details := status.Convert(err).Details(); len(details) > 0 {
		t.Errorf("the agent was told %v too", details)
	}
	l.log.expect(t, `"@level":"warn"`, `"@message":"Agent refused"`, `"code":"PermissionDenied"`,
		`"reason":"SERVICE_ACCOUNT_NOT_ALLOWED"`, `"detail":"`)
	expectNoToken(t, l, cluster)
}

func TestTheErrorStyleIsChosenInHCL(t *testing.T) {
	cluster := devcluster.Start(t)
	garbage := []byte(`{"cluster": "demo", "token": "a.b.c"}`)
	l := configured(t, demo(cluster.Kubeconfig))
	_, err := l.attest(context.Background(), garbage)
	expectStatus(t, err, codes.Unauthenticated, `token refused for cluster "demo"`)
	if err := l.configure(`error_style = "upstream" ` + demo(cluster.Kubeconfig)); err != nil {
		t.Fatal(err)
	}
	_, err = l.attest(context.Background(), garbage)
	expectStatus(t, err, codes.Internal, `unable to validate token with TokenReview API for cluster "demo": `+
		`token review API response contains an error: invalid bearer token`)
}

func TestWhatIsNoPayload(t *testing.T) {
	l := load(t)
	_, err := l.attest(context.Background(), []byte("{}"))
	expectStatus(t, err, codes.FailedPrecondition, "not configured")
	if err := l.configure(demo("/absent")); err != nil {
		t.Fatal(err)
	}
	for name, request := range map[string]*nodeattestorv1.AttestRequest{
		"nothing":              {},
		"an empty payload":     {Request: &nodeattestorv1.AttestRequest_Payload{}},
		"a challenge's answer": {Request: &nodeattestorv1.AttestRequest_ChallengeResponse{ChallengeResponse: []byte("x")}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := l.send(context.Background(), request)
			expectStatus(t, err, codes.InvalidArgument, "missing attestation payload")
		})
	}
}

func TestTheApiServersFailureIsTheOperatorsToKnow(t *testing.T) {
	l := configured(t, demo("/nowhere/kubeconfig"))
	_, err := l.attest(context.Background(), []byte(`{"cluster": "demo", "token": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}`))
	expectStatus(t, err, codes.FailedPrecondition, `unable to validate token with TokenReview API for cluster "demo"`)
	l.log.expect(t, `"reason":"CREDENTIALS_UNAVAILABLE"`, "/nowhere/kubeconfig")
}

func TestCancelAndDeadlineAreHandedDown(t *testing.T) {
	l := configured(t, demo(hangingServer(t)))
	payload := []byte(`{"cluster": "demo", "token": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}`)

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := l.attest(ctx, payload)
	if code := status.Code(err); code != codes.DeadlineExceeded {
		t.Errorf("after the deadline: %v", err)
	}
	l.log.expect(t, `"reason":"DEADLINE_EXCEEDED"`)

	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = l.attest(ctx, payload)
	expectStatus(t, err, codes.Canceled, "context canceled")
	l.log.expect(t, `"@level":"debug"`, `"reason":"CANCELED"`)
}

func TestManyAttestWhileItIsConfigured(t *testing.T) {
	cluster := devcluster.Start(t)
	l := configured(t, demo(cluster.Kubeconfig))
	var agents sync.WaitGroup
	for range 50 {
		agents.Go(func() {
			for range 4 {
				if _, err := l.attest(context.Background(), cluster.Payload); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, settings := range []string{"max_in_flight = 8", "", "call_timeout_ms = 0", `lookup = "sequential"`} {
		_ = l.configure(demo(cluster.Kubeconfig, settings))
	}
	agents.Wait()
}

func TestAClosedPluginAnswersNobody(t *testing.T) {
	p := spireplugin.New()
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := p.Configure(context.Background(), nil)
	if err == nil {
		t.Error("a closed plugin was configured")
	}
}

// metricsOfSPIRE takes counters as SPIRE does.
type metricsOfSPIRE struct {
	metricsv1.UnimplementedMetricsServer
	mu       sync.Mutex
	counters map[string]float32
	gauges   map[string]float32
}

func (m *metricsOfSPIRE) IncrCounter(_ context.Context, request *metricsv1.IncrCounterRequest) (*emptypb.Empty, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[nameOf(request.Key, request.Labels)] += request.Val
	return new(emptypb.Empty), nil
}

func (m *metricsOfSPIRE) SetGauge(_ context.Context, request *metricsv1.SetGaugeRequest) (*emptypb.Empty, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gauges[nameOf(request.Key, request.Labels)] = request.Val
	return new(emptypb.Empty), nil
}

func nameOf(key []string, labels []*metricsv1.Label) string {
	name := strings.Join(key, ".")
	for _, label := range labels {
		name += " " + label.Name + "=" + label.Value
	}
	return name
}

func TestCountersReachSPIREsMetrics(t *testing.T) {
	cluster := devcluster.Start(t)
	metrics := &metricsOfSPIRE{counters: map[string]float32{}, gauges: map[string]float32{}}
	t.Run("until the plugin ends", func(t *testing.T) {
		l := load(t, metricsv1.MetricsServiceServer(metrics))
		if err := l.configure(demo(cluster.Kubeconfig)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := l.attest(context.Background(), cluster.Payload); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = l.attest(context.Background(), []byte(`{"cluster": "invented", "token": "x"}`))
	})
	for name, count := range map[string]float32{
		"node_attestor.k8s_psat.attestations reason=OK":                              3,
		"node_attestor.k8s_psat.attestations reason=CLUSTER_UNKNOWN":                 1,
		"node_attestor.k8s_psat.cluster_attestations cluster=demo reason=OK":         3,
		"node_attestor.k8s_psat.api_calls cluster=demo call=token_review status=2xx": 3,
		"node_attestor.k8s_psat.connections_opened cluster=demo":                     1,
	} {
		if got := metrics.counters[name]; got != count {
			t.Errorf("%s is %v, want %v; all are %v", name, got, count, metrics.counters)
		}
	}
	for name := range metrics.counters {
		if strings.Contains(name, "invented") {
			t.Errorf("an agent has made the counter %s", name)
		}
	}
	if _, ok := metrics.gauges["node_attestor.k8s_psat.in_flight cluster=demo"]; !ok {
		t.Errorf("no gauge in_flight among %v", metrics.gauges)
	}
}

// expectNoToken fails the test if the log has a part of the token that is a secret.
func expectNoToken(t *testing.T, l *loaded, cluster *devcluster.Cluster) {
	t.Helper()
	for _, part := range strings.Split(cluster.Token, ".")[1:] {
		if strings.Contains(l.log.String(), part) {
			t.Error("the log holds the token")
		}
	}
}

// hangingServer is the kubeconfig of an API server that takes connections and says nothing.
func hangingServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	kubeconfig := `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": [{"name": "c", "cluster": {"server": "https://` + listener.Addr().String() + `", "insecure-skip-tls-verify": true}}],
		"users": [{"name": "u", "user": {"token": "of-no-use"}}],
		"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}`
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
