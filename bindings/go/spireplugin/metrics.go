package spireplugin

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	metricsv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/common/metrics/v1"

	psat "psat-attestor.example/bindings/go"
)

const (
	// publishEvery is as often as SPIRE's own sinks aggregate.
	publishEvery = 10 * time.Second
	// publishTimeout is how long SPIRE may take for all metrics.
	publishTimeout = 5 * time.Second
	// lastTimeout keeps a SPIRE that does not answer from holding up the end of the plugin.
	lastTimeout = time.Second
)

// publisher hands the library's counters to SPIRE, whose counters want increments, from time to time. Attestations never
// wait for it.
type publisher struct {
	log      hclog.Logger
	metrics  metricsv1.MetricsClient
	attestor *psat.Attestor
	told     map[string]uint64 // by counter: what SPIRE has been told
	quit     context.CancelFunc
	done     sync.WaitGroup
}

func newPublisher(log hclog.Logger, metrics metricsv1.MetricsClient, attestor *psat.Attestor, every time.Duration) *publisher {
	ctx, quit := context.WithCancel(context.Background())
	p := &publisher{log: log, metrics: metrics, attestor: attestor, told: map[string]uint64{}, quit: quit}
	p.done.Go(func() { p.run(ctx, every) })
	return p
}

// stop ends what is being published, and publishes a last time.
func (p *publisher) stop() {
	p.quit()
	p.done.Wait()
}

func (p *publisher) run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.publish(ctx, publishTimeout)
		case <-ctx.Done():
			p.publish(context.WithoutCancel(ctx), lastTimeout)
			return
		}
	}
}

func (p *publisher) publish(ctx context.Context, timeout time.Duration) {
	stats, err := p.attestor.Stats()
	if err != nil {
		p.log.Debug("Statistics could not be read", "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := p.all(ctx, stats); err != nil {
		p.log.Debug("SPIRE took no metrics", "error", err)
	}
}

func (p *publisher) all(ctx context.Context, stats *psat.Stats) error {
	for reason, count := range stats.Attestations {
		if err := p.count(ctx, "attestations", count, label("reason", string(reason))); err != nil {
			return err
		}
	}
	for name, cluster := range stats.Clusters {
		if err := p.cluster(ctx, label("cluster", name), &cluster); err != nil {
			return err
		}
	}
	if err := p.count(ctx, "panics_caught", stats.PanicsCaught); err != nil {
		return err
	}
	return p.count(ctx, "events_dropped", stats.EventsDropped)
}

func (p *publisher) cluster(ctx context.Context, name *metricsv1.Label, stats *psat.ClusterStats) error {
	for reason, count := range stats.Attestations {
		if err := p.count(ctx, "cluster_attestations", count, name, label("reason", string(reason))); err != nil {
			return err
		}
	}
	for call, classes := range stats.APICalls {
		for class, count := range classes {
			if err := p.count(ctx, "api_calls", count, name, label("call", call), label("status", class)); err != nil {
				return err
			}
		}
	}
	for _, counter := range []struct {
		name  string
		count uint64
	}{
		{"attestation_microseconds", stats.Latency.SumUS},
		{"connections_opened", stats.ConnectionsOpened},
		{"credential_reloads", stats.CredentialReloads},
		{"retries", stats.Retries},
		{"retries_refused", stats.RetriesRefused},
	} {
		if err := p.count(ctx, counter.name, counter.count, name); err != nil {
			return err
		}
	}
	if err := p.gauge(ctx, "in_flight", stats.InFlight, name); err != nil {
		return err
	}
	return p.gauge(ctx, "queued", stats.Queued, name)
}

// count tells by how much a counter has grown. One that has shrunk began anew, with its cluster's settings.
func (p *publisher) count(ctx context.Context, name string, now uint64, labels ...*metricsv1.Label) error {
	counter := name
	for _, each := range labels {
		counter += "\x00" + each.Value
	}
	grown := now
	if before := p.told[counter]; before <= now {
		grown -= before
	}
	if grown > 0 {
		request := &metricsv1.IncrCounterRequest{Key: key(name), Val: float32(grown), Labels: labels}
		if _, err := p.metrics.IncrCounter(ctx, request); err != nil {
			return err
		}
	}
	p.told[counter] = now
	return nil
}

func (p *publisher) gauge(ctx context.Context, name string, now uint64, labels ...*metricsv1.Label) error {
	request := &metricsv1.SetGaugeRequest{Key: key(name), Val: float32(now), Labels: labels}
	_, err := p.metrics.SetGauge(ctx, request)
	return err
}

func key(name string) []string {
	return []string{"node_attestor", Name, name}
}

func label(name, value string) *metricsv1.Label {
	return &metricsv1.Label{Name: name, Value: value}
}
