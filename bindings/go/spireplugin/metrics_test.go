package spireplugin

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	metricsv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/common/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	psat "psat-attestor.example/bindings/go"
)

// hanging takes no metric.
type hanging struct {
	metricsv1.MetricsClient
	asked chan struct{}
}

func (h *hanging) IncrCounter(ctx context.Context, _ *metricsv1.IncrCounterRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	h.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestMetricsThatNobodyTakesDoNotHoldUpTheEnd(t *testing.T) {
	attestor, err := psat.New(context.Background(), psat.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer attestor.Close()
	if _, err := attestor.Attest(context.Background(), []byte("{}")); err == nil {
		t.Fatal("it attested without a configuration")
	}
	metrics := &hanging{asked: make(chan struct{}, 8)}
	p := newPublisher(hclog.NewNullLogger(), metrics, attestor, time.Millisecond)
	<-metrics.asked
	begun := time.Now()
	p.stop()
	if took := time.Since(begun); took > 3*lastTimeout {
		t.Errorf("it took %v", took)
	}
	select {
	case <-metrics.asked:
	default:
		t.Error("nothing was published at the end")
	}
}

// counting keeps what is counted.
type counting struct {
	metricsv1.MetricsClient
	counters map[string]float32
}

func (c *counting) IncrCounter(_ context.Context, request *metricsv1.IncrCounterRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	c.counters[strings.Join(request.Key, ".")] += request.Val
	return new(emptypb.Empty), nil
}

func (c *counting) SetGauge(context.Context, *metricsv1.SetGaugeRequest, ...grpc.CallOption) (*emptypb.Empty, error) {
	return new(emptypb.Empty), nil
}

func TestRareCountersArePublished(t *testing.T) {
	metrics := &counting{counters: map[string]float32{}}
	p := &publisher{metrics: metrics, told: map[string]uint64{}}
	stats := &psat.Stats{
		PanicsCaught:  1,
		EventsDropped: 2,
		Clusters:      map[string]psat.ClusterStats{"demo": {CredentialReloads: 3, Retries: 4, RetriesRefused: 5}},
	}
	for range 2 { // the second time, nothing has grown
		if err := p.all(context.Background(), stats); err != nil {
			t.Fatal(err)
		}
	}
	for name, count := range map[string]float32{"panics_caught": 1, "events_dropped": 2, "credential_reloads": 3, "retries": 4, "retries_refused": 5} {
		if got := metrics.counters["node_attestor.k8s_psat."+name]; got != count {
			t.Errorf("%s is %v, want %v", name, got, count)
		}
	}
}
