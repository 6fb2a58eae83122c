package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"

	psat "psat-attestor.example/bindings/go"
	"psat-attestor.example/bindings/go/internal/spireconf"
)

// source is a configuration, as far as it can be told without the library.
type source struct {
	// document is for the library; empty if the configuration is refused already.
	document psat.RawConfig
	// remarks are about what the library does not get to see.
	remarks []psat.Note
	// disabled is whether SPIRE does not load the plugin.
	disabled bool
}

// refused is whether the library need not be asked.
func (s *source) refused() bool {
	return len(s.document) == 0
}

// clusters are the names of those that are configured.
func (s *source) clusters() string {
	var document struct {
		Clusters map[string]json.RawMessage `json:"clusters"`
	}
	if err := json.Unmarshal(s.document, &document); err != nil || len(document.Clusters) == 0 {
		return "none"
	}
	names := make([]string, 0, len(document.Clusters))
	for _, name := range slices.Sorted(maps.Keys(document.Clusters)) {
		names = append(names, strconv.Quote(name))
	}
	return strings.Join(names, ", ")
}

// attestTimeout is how long an attestation may take where the server runs, whatever --timeout says. The plugin has no deadline of
// its own.
func (s *source) attestTimeout() time.Duration {
	var document struct {
		Engine struct {
			AttestTimeoutMS int64 `json:"attest_timeout_ms"`
		} `json:"engine"`
	}
	if err := json.Unmarshal(s.document, &document); err != nil || document.Engine.AttestTimeoutMS == 0 {
		return defaultAttestTimeout
	}
	return time.Duration(document.Engine.AttestTimeoutMS) * time.Millisecond
}

// defaultAttestTimeout is the library's attest_timeout_ms where nothing else is configured.
const defaultAttestTimeout = 30 * time.Second

// source reads the configuration that the flags name.
func (s *session) source(ctx context.Context) (*source, error) {
	if s.psatConfig != "" {
		document, err := s.read(ctx, s.psatConfig, "the configuration", longestConfig)
		if err == nil && len(bytes.TrimSpace(document)) == 0 {
			err = unusable("%s is empty: it should have the library's configuration", described(s.psatConfig))
		}
		return &source{document: document}, err
	}
	if s.config == standardInput {
		return nil, misused("--config is a file; standard input is taken by --psat-config and --token-file alone")
	}
	name := s.config
	if name == "" {
		name = defaultConfig
	}
	text, err := s.read(ctx, name, "the server's configuration", longestConfig)
	if err != nil {
		if s.config == "" {
			err = fmt.Errorf("%w; name another one with --config", err)
		}
		return nil, err
	}
	return s.fromServerConf(ctx, name, string(text))
}

func (s *session) fromServerConf(ctx context.Context, name, text string) (*source, error) {
	if s.expandEnv {
		text = spireconf.ExpandEnv(text)
	}
	conf, err := spireconf.ParseServerConf(text)
	if err != nil {
		return nil, unusable("%s: %v", name, err)
	}
	if conf.PluginDataFile != "" {
		data, err := s.read(ctx, conf.PluginDataFile, "plugin_data_file", longestConfig)
		if err != nil {
			return nil, err
		}
		conf.PluginData = string(data)
	}
	proposal := spireconf.Propose(&configv1.ConfigureRequest{
		CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: conf.TrustDomain},
		HclConfiguration:  conf.PluginData,
	})
	return &source{document: proposal.Document, remarks: remarks(conf, proposal), disabled: conf.Disabled}, nil
}

// remarks are what the plugin would log or answer by itself when SPIRE configures it.
func remarks(conf *spireconf.ServerConf, proposal *spireconf.Proposal) []psat.Note {
	var notes []psat.Note
	remark := func(severity psat.Severity, path, format string, arguments ...any) {
		notes = append(notes, psat.Note{Severity: severity, Path: path, Message: fmt.Sprintf(format, arguments...)})
	}
	if conf.Disabled {
		remark(psat.SeverityWarning, "enabled", "it is false: SPIRE does not load the plugin")
	}
	for _, note := range proposal.Notes {
		// The other notes are said by the library, too.
		if note.Mistake {
			remark(psat.SeverityError, "", "%s", note.Text)
		}
	}
	if proposal.Detail != nil {
		remark(psat.SeverityError, "", "plugin_data cannot be decoded; lines are counted from its own first: %v", proposal.Detail)
	}
	if proposal.Unlisted != nil {
		remark(psat.SeverityWarning, "", "unknown keys are ignored, and could not all be listed: %v", proposal.Unlisted)
	}
	for _, key := range proposal.Dotted {
		remark(psat.SeverityWarning, key, "unknown key, ignored: it is no path in plugin_data; did you mean %s?", spireconf.Nested(key))
	}
	if proposal.OwnTrustDomain {
		remark(psat.SeverityWarning, "trust_domain", "it is ignored in plugin_data: the server's holds")
	}
	for _, cluster := range proposal.Disabled {
		remark(psat.SeverityWarning, fmt.Sprintf("clusters[%q]", cluster.Name), "the server starts without this cluster: %s", cluster.Why)
	}
	return notes
}
