// Package spireplugin is SPIRE's k8s_psat server node attestor: its NodeAttestor and Config services, on top of
// package psat.
//
// It takes the place of the plugin that SPIRE has built in: the same name, HCL, agent IDs and selectors. Forks of SPIRE
// register it as a built-in, with [New] behind nodeattestorv1.NodeAttestorPluginServer and
// configv1.ConfigServiceServer; stock SPIRE servers start it as the external plugin cmd/spire-plugin-k8s-psat.
//
// What an agent may read, the code and the message of a refusal, goes to the agent. Everything else goes to the log.
package spireplugin

import (
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/spiffe/spire-plugin-sdk/pluginsdk"
	metricsv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/common/metrics/v1"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	psat "psat-attestor.example/bindings/go"
)

// Name is the name that the plugin has in server.conf, and the type of its selectors.
const Name = "k8s_psat"

var (
	_ nodeattestorv1.NodeAttestorServer = (*Plugin)(nil)
	_ configv1.ConfigServer             = (*Plugin)(nil)
	_ pluginsdk.NeedsLogger             = (*Plugin)(nil)
	_ pluginsdk.NeedsHostServices       = (*Plugin)(nil)
)

// Plugin serves NodeAttestor and Config. Make it with [New]; [Plugin.Close] ends it.
type Plugin struct {
	nodeattestorv1.UnsafeNodeAttestorServer
	configv1.UnsafeConfigServer

	log     hclog.Logger
	metrics metricsv1.MetricsServiceClient

	configuring sync.Mutex // one Configure or Close at a time
	mu          sync.RWMutex
	running     *running // nil until configured, and after Close
	closed      bool
}

// running is what a plugin has once it is configured.
type running struct {
	attestor  *psat.Attestor
	recorder  *recorder
	publisher *publisher // nil where SPIRE takes no metrics
}

// New makes a plugin that has yet to be configured. It starts nothing.
func New() *Plugin {
	return &Plugin{log: hclog.NewNullLogger()}
}

// SetLogger is called by SPIRE before anything else.
func (p *Plugin) SetLogger(log hclog.Logger) {
	p.log = log
}

// BrokerHostServices is called by SPIRE before Configure. Metrics are published if SPIRE takes them.
func (p *Plugin) BrokerHostServices(broker pluginsdk.ServiceBroker) error {
	if !broker.BrokerClient(&p.metrics) {
		p.log.Debug("SPIRE offers no metrics service: none are published")
	}
	return nil
}

// Close is called by SPIRE when it unloads the plugin: attestations that run are ended, and there are none afterwards.
// Closing again does nothing.
func (p *Plugin) Close() error {
	p.configuring.Lock()
	defer p.configuring.Unlock()
	p.mu.Lock()
	ending := p.running
	p.running, p.closed = nil, true
	p.mu.Unlock()
	if ending == nil {
		return nil
	}
	return ending.close()
}

func (r *running) close() error {
	if r.publisher != nil {
		r.publisher.stop()
	}
	err := r.attestor.Close()
	r.recorder.stop()
	return err
}

var (
	errNotConfigured = status.Error(codes.FailedPrecondition, "not configured")
	errClosed        = status.Error(codes.Unavailable, "the plugin is closed")
)

// current is the attestor that attestations go to, or what to answer if there is none.
func (p *Plugin) current() (*psat.Attestor, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	switch {
	case p.closed:
		return nil, errClosed
	case p.running == nil:
		return nil, errNotConfigured
	default:
		return p.running.attestor, nil
	}
}
