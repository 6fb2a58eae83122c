package spireplugin

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	psat "psat-attestor.example/bindings/go"
	"psat-attestor.example/bindings/go/internal/spireconf"
)

// Configure puts a configuration in force. If it is refused, the one before stays in force.
func (p *Plugin) Configure(ctx context.Context, request *configv1.ConfigureRequest) (*configv1.ConfigureResponse, error) {
	p.configuring.Lock()
	defer p.configuring.Unlock()
	proposed := spireconf.Propose(request)
	tell(p.log, proposed)
	if proposed.Refusal != nil {
		return nil, proposed.Refusal
	}
	if err := p.apply(ctx, proposed); err != nil {
		return nil, err
	}
	return &configv1.ConfigureResponse{}, nil
}

func (p *Plugin) apply(ctx context.Context, proposed *spireconf.Proposal) error {
	attestor, err := p.current()
	switch {
	case err == nil:
		_, err = attestor.Configure(ctx, psat.RawConfig(proposed.Document))
		return refusedConfiguration(err)
	case errors.Is(err, errNotConfigured):
		return p.start(ctx, proposed)
	default:
		return err
	}
}

// start is the first Configure.
func (p *Plugin) start(ctx context.Context, proposed *spireconf.Proposal) error {
	recorder := newRecorder(p.log)
	// With engine alone at first, so that the log is connected before anything happens. Levels that the log does not show now
	// it may show later.
	attestor, err := psat.New(ctx, psat.RawConfig(proposed.Engine), psat.WithEvents(psat.LevelDebug, recorder.tell))
	if err != nil {
		recorder.stop()
		tellMistakes(p.log, proposed)
		return refusedConfiguration(err)
	}
	starting := &running{attestor: attestor, recorder: recorder}
	if _, err := attestor.Configure(ctx, psat.RawConfig(proposed.Document)); err != nil {
		_ = starting.close()
		return refusedConfiguration(err)
	}
	if p.metrics.IsInitialized() {
		starting.publisher = newPublisher(p.log, &p.metrics, attestor, publishEvery)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = starting
	return nil
}

// refusedConfiguration is the answer to a configuration that the library refuses, which SPIRE logs.
func refusedConfiguration(err error) error {
	var refusal *psat.Error
	if !errors.As(err, &refusal) {
		return err
	}
	if faults := mistakes(refusal.Notes); len(faults) > 0 {
		return status.Error(codes.InvalidArgument, faults[0])
	}
	return refusal.GRPCStatus().Err()
}

// Validate says whether Configure would take the configuration. It starts nothing and touches no network.
//
// `spire-server validate` takes any note for a mistake. So there are notes about mistakes alone, and where SPIRE's own
// plugin has one; what is merely odd goes to the log when it is configured.
func (p *Plugin) Validate(_ context.Context, request *configv1.ValidateRequest) (*configv1.ValidateResponse, error) {
	proposed := spireconf.Propose(request)
	response := &configv1.ValidateResponse{Valid: proposed.Refusal == nil}
	for _, note := range proposed.Notes {
		response.Notes = append(response.Notes, note.Text)
	}
	if !response.Valid {
		return response, nil
	}
	for _, cluster := range proposed.Disabled {
		response.Notes = append(response.Notes, cluster.String())
	}
	validation, err := psat.Validate(psat.RawConfig(proposed.Document))
	if err != nil {
		return nil, err
	}
	response.Valid = validation.Valid
	response.Notes = append(response.Notes, mistakes(validation.Notes)...)
	return response, nil
}

// tell logs what SPIRE does not: it logs the error that Configure returns.
func tell(log hclog.Logger, p *spireconf.Proposal) {
	if p.Detail != nil {
		log.Error("The plugin configuration cannot be decoded", "error", p.Detail)
	}
	if p.Unlisted != nil {
		log.Warn("Unknown keys of the plugin configuration are ignored, and could not all be listed", "error", p.Unlisted)
	}
	for _, key := range p.Dotted {
		log.Warn("Unknown key, ignored: it is no path in the plugin configuration; did you mean "+spireconf.Nested(key)+"?", "path", key)
	}
	if p.OwnTrustDomain {
		log.Warn("The plugin configuration's trust_domain is ignored: the server's holds", "path", "trust_domain")
	}
	for _, cluster := range p.Disabled {
		log.Error("Cluster is disabled: its name cannot be a part of an agent ID", "cluster", cluster.Name, "error", cluster.Why)
	}
}

// tellMistakes logs all that the library finds wrong. It does so itself once its log is connected.
func tellMistakes(log hclog.Logger, p *spireconf.Proposal) {
	validation, err := psat.Validate(psat.RawConfig(p.Document))
	if err != nil {
		log.Error("The configuration could not be checked", "error", err)
		return
	}
	for _, note := range validation.Notes {
		if note.Severity == psat.SeverityError {
			log.Error(sentence(note.Message), "path", note.Path)
		}
	}
}

// mistakes are the notes that make a configuration unusable, one line each.
func mistakes(notes []psat.Note) []string {
	var found []string
	for _, note := range notes {
		if note.Severity == psat.SeverityError {
			found = append(found, note.Path+": "+note.Message)
		}
	}
	return found
}
