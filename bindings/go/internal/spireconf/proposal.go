package spireconf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	psat "psat-attestor.example/bindings/go"
)

// Proposal is a configuration that SPIRE's own plugin would have checked this far.
type Proposal struct {
	// Document and Engine are for the library: all of it, and what there is before it; empty if the proposal is refused.
	Document, Engine []byte
	// Notes are in SPIRE's words and order.
	Notes []Note
	// Refusal is the first note that is a mistake, as a status; nil if there is none.
	Refusal error
	// Disabled has the clusters that no agent could ever attest for.
	Disabled []DisabledCluster
	// Detail is where and why the HCL cannot be decoded, with no value of it; nil if it can.
	Detail error
	// Unlisted is why the library may not be told of all unknown keys; nil if it is.
	Unlisted error
	// Dotted are keys of plugin_data that look like paths, and are ignored.
	Dotted []string
	// OwnTrustDomain is whether plugin_data has a trust domain, which is ignored.
	OwnTrustDomain bool
}

// Note is something that SPIRE's own plugin says about a configuration.
type Note struct {
	Text string
	// Mistake is whether the configuration is refused for it.
	Mistake bool
}

// DisabledCluster is a cluster that is left out.
type DisabledCluster struct{ Name, Why string }

// String returns it as one line.
func (d DisabledCluster) String() string {
	return fmt.Sprintf("cluster %q is disabled: %s", d.Name, d.Why)
}

// Request is what SPIRE's ConfigureRequest and ValidateRequest have in common.
type Request interface {
	GetCoreConfiguration() *configv1.CoreConfiguration
	GetHclConfiguration() string
}

// Propose reads a request. Errors and remarks are those of SPIRE's own plugin, word for word.
func Propose(from Request) *Proposal {
	proposed := new(Proposal)
	trustDomain := proposed.trustDomain(from.GetCoreConfiguration())
	data, err := decode(from.GetHclConfiguration())
	if err != nil {
		proposed.mistake("plugin configuration is malformed")
		proposed.Detail = err
		return proposed
	}
	proposed.Unlisted = data.unlisted
	proposed.Dotted = data.dotted
	proposed.OwnTrustDomain = slices.Contains(data.unknown, trustDomainKey)
	if len(data.Clusters) == 0 {
		proposed.Notes = append(proposed.Notes, Note{Text: "No clusters configured, PSAT attestation is effectively disabled"})
	}
	names := slices.Sorted(maps.Keys(data.Clusters))
	for _, name := range names {
		if len(data.Clusters[name].ServiceAccountAllowList) == 0 {
			proposed.mistake("cluster %q configuration must have at least one service account allowed", name)
		}
	}
	if proposed.Refusal != nil {
		return proposed
	}
	possible := slices.DeleteFunc(names, proposed.disable)
	proposed.Document = data.document(trustDomain, possible)
	proposed.Engine = data.engineDocument()
	return proposed
}

func (p *Proposal) trustDomain(core *configv1.CoreConfiguration) string {
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
func (p *Proposal) disable(name string) bool {
	probe := psat.Config{
		TrustDomain: "example.org",
		Clusters:    map[string]psat.ClusterConfig{name: {ServiceAccountAllowList: []string{"namespace:name"}}},
	}
	validation, err := psat.Validate(probe)
	if err != nil || validation.Valid {
		return false // an error will be met again, with the whole document
	}
	p.Disabled = append(p.Disabled, DisabledCluster{name, firstMistake(validation)})
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

func (p *Proposal) mistake(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	p.Notes = append(p.Notes, Note{Text: note, Mistake: true})
	if p.Refusal == nil {
		p.Refusal = status.Error(codes.InvalidArgument, note)
	}
}

// Nested is how a key that looks like a path is to be written, in one line.
func Nested(path string) string {
	keys := strings.Split(path, ".")
	text := keys[0]
	for i, key := range keys[1:] {
		if i == 0 && len(keys) > 2 {
			key = strconv.Quote(key)
		}
		text += " = { " + key
	}
	return text + " = …" + strings.Repeat(" }", len(keys)-1)
}
