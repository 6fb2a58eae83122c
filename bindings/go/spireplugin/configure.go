package spireplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	psat "psat-attestor.example/bindings/go"
)

// Configure puts a configuration in force. If it is refused, the one before stays in force.
func (p *Plugin) Configure(ctx context.Context, request *configv1.ConfigureRequest) (*configv1.ConfigureResponse, error) {
	p.configuring.Lock()
	defer p.configuring.Unlock()
	proposed := propose(request)
	proposed.tell(p.log)
	if proposed.refusal != nil {
		return nil, proposed.refusal
	}
	if err := p.apply(ctx, proposed); err != nil {
		return nil, err
	}
	return &configv1.ConfigureResponse{}, nil
}

func (p *Plugin) apply(ctx context.Context, proposed *proposal) error {
	attestor, err := p.current()
	switch {
	case err == nil:
		_, err = attestor.Configure(ctx, psat.RawConfig(proposed.document))
		return refusedConfiguration(err)
	case errors.Is(err, errNotConfigured):
		return p.start(ctx, proposed)
	default:
		return err
	}
}

// start is the first Configure.
func (p *Plugin) start(ctx context.Context, proposed *proposal) error {
	recorder := newRecorder(p.log)
	// With engine alone at first, so that the log is connected before anything happens. Levels that the log does not show now
	// it may show later.
	attestor, err := psat.New(ctx, psat.RawConfig(proposed.engine), psat.WithEvents(psat.LevelDebug, recorder.tell))
	if err != nil {
		recorder.stop()
		proposed.tellMistakes(p.log)
		return refusedConfiguration(err)
	}
	starting := &running{attestor: attestor, recorder: recorder}
	if _, err := attestor.Configure(ctx, psat.RawConfig(proposed.document)); err != nil {
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
	proposed := propose(request)
	response := &configv1.ValidateResponse{Valid: proposed.refusal == nil, Notes: proposed.notes}
	if !response.Valid {
		return response, nil
	}
	for _, cluster := range proposed.disabled {
		response.Notes = append(response.Notes, cluster.String())
	}
	validation, err := psat.Validate(psat.RawConfig(proposed.document))
	if err != nil {
		return nil, err
	}
	response.Valid = validation.Valid
	response.Notes = append(response.Notes, mistakes(validation.Notes)...)
	return response, nil
}

// proposal is a configuration that SPIRE's own plugin would have checked this far.
type proposal struct {
	// document and engine are for the library; empty if the proposal is refused.
	document, engine []byte
	// notes are in SPIRE's words and order; refusal is the first that is a mistake.
	notes   []string
	refusal error
	// disabled has the clusters that no agent could ever attest for.
	disabled []disabledCluster
	// detail is what the HCL decoder says.
	detail error
	// unlisted is why the library may not be told of all unknown keys; nil if it is.
	unlisted error
	// ownTrustDomain is whether plugin_data has a trust domain, which is ignored.
	ownTrustDomain bool
}

type disabledCluster struct{ name, why string }

func (d disabledCluster) String() string {
	return fmt.Sprintf("cluster %q is disabled: %s", d.name, d.why)
}

// request is what Configure and Validate have in common.
type request interface {
	GetCoreConfiguration() *configv1.CoreConfiguration
	GetHclConfiguration() string
}

// propose reads a request. Errors and remarks are those of SPIRE's own plugin, word for word.
func propose(from request) *proposal {
	proposed := new(proposal)
	trustDomain := proposed.trustDomain(from.GetCoreConfiguration())
	data, err := decode(from.GetHclConfiguration())
	if err != nil {
		proposed.mistake("plugin configuration is malformed")
		proposed.detail = err
		return proposed
	}
	proposed.unlisted = data.unlisted
	proposed.ownTrustDomain = slices.Contains(data.unknown, trustDomainKey)
	if len(data.Clusters) == 0 {
		proposed.notes = append(proposed.notes, "No clusters configured, PSAT attestation is effectively disabled")
	}
	names := slices.Sorted(maps.Keys(data.Clusters))
	for _, name := range names {
		if len(data.Clusters[name].ServiceAccountAllowList) == 0 {
			proposed.mistake("cluster %q configuration must have at least one service account allowed", name)
		}
	}
	if proposed.refusal != nil {
		return proposed
	}
	possible := slices.DeleteFunc(names, proposed.disable)
	proposed.document = data.document(trustDomain, possible)
	proposed.engine = data.engineDocument()
	return proposed
}

func (p *proposal) trustDomain(core *configv1.CoreConfiguration) string {
	switch {
	case core == nil:
		p.mistake("server core configuration is required")
	case core.TrustDomain == "":
		p.mistake("server core configuration must contain trust_domain")
	default:
		domain, err := spiffeid.TrustDomainFromString(core.TrustDomain)
		if err != nil {
			p.mistake("server core configuration trust_domain is malformed: %v", err)
		}
		return domain.Name()
	}
	return ""
}

// disable reports whether the cluster's name cannot be a part of an agent ID, and notes it then. SPIRE's own plugin
// starts with such a cluster, and fails at each of its attestations.
func (p *proposal) disable(name string) bool {
	probe := psat.Config{
		TrustDomain: "example.org",
		Clusters:    map[string]psat.ClusterConfig{name: {ServiceAccountAllowList: []string{"namespace:name"}}},
	}
	validation, err := psat.Validate(probe)
	if err != nil || validation.Valid {
		return false // an error will be met again, with the whole document
	}
	p.disabled = append(p.disabled, disabledCluster{name, firstMistake(validation)})
	return true
}

func firstMistake(validation *psat.Validation) string {
	for _, note := range validation.Notes {
		if note.Severity == psat.SeverityError {
			return note.Message
		}
	}
	return validation.Message
}

func (p *proposal) mistake(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	p.notes = append(p.notes, note)
	if p.refusal == nil {
		p.refusal = status.Error(codes.InvalidArgument, note)
	}
}

// tell logs what SPIRE does not: it logs the error that Configure returns.
func (p *proposal) tell(log hclog.Logger) {
	if p.detail != nil {
		log.Error("The plugin configuration cannot be decoded", "error", p.detail)
	}
	if p.unlisted != nil {
		log.Warn("Unknown keys of the plugin configuration are ignored, and could not all be listed", "error", p.unlisted)
	}
	if p.ownTrustDomain {
		log.Warn("The plugin configuration's trust_domain is ignored: the server's holds", "path", trustDomainKey)
	}
	for _, cluster := range p.disabled {
		log.Error("Cluster is disabled: its name cannot be a part of an agent ID", "cluster", cluster.name, "error", cluster.why)
	}
}

// tellMistakes logs all that the library finds wrong. It does so itself once its log is connected.
func (p *proposal) tellMistakes(log hclog.Logger) {
	validation, err := psat.Validate(psat.RawConfig(p.document))
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
