package psat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
)

// CheckOptions is what to check.
type CheckOptions struct {
	// Clusters are the clusters to look at, by name; empty means all that are configured.
	Clusters []string
}

// CheckReport says whether the configured clusters can be used.
type CheckReport struct {
	// Code, Reason and Message are those of the first failed step of the first cluster that cannot be used; OK if all can.
	Code    codes.Code `json:"-"`
	Reason  Reason     `json:"reason"`
	Message string     `json:"message"`
	// ConfigGeneration is that of the configuration that was checked; the first is 1.
	ConfigGeneration uint64 `json:"config_generation"`
	// Clusters has the clusters by name.
	Clusters map[string]ClusterCheck `json:"clusters"`
	// Document is the whole answer, as JSON.
	Document json.RawMessage `json:"-"`
}

// ClusterCheck is what was found out about one cluster.
type ClusterCheck struct {
	// Usable is whether no step failed.
	Usable bool `json:"usable"`
	// ElapsedUS is how long it took, in microseconds.
	ElapsedUS int64 `json:"elapsed_us"`
	// Server is the API server's address; ServerVersion its version; User who we are there. Empty where unknown.
	Server        string `json:"server,omitzero"`
	ServerVersion string `json:"server_version,omitzero"`
	User          string `json:"user,omitzero"`
	// Steps are what was looked at, in this order: credentials, reach, tls, api_version, token_review, pods, nodes,
	// signing_keys, clock.
	Steps []Step `json:"steps"`
}

// Elapsed returns how long it took.
func (c *ClusterCheck) Elapsed() time.Duration {
	return time.Duration(c.ElapsedUS) * time.Microsecond
}

// Check finds out whether the configured clusters can be used: credentials, network, TLS, permissions, signing keys and
// clocks, each with what to do about it. It makes a few calls to each API server, among them a TokenReview of a token that
// cannot be valid, and attests nobody.
//
// That a cluster cannot be used is no error, but what the [CheckReport] says. An [*Error] is that there is none: a name is not
// configured ([ReasonClusterUnknown]), the attestor is not configured or closed, or ctx has ended.
//
// Deadline and cancelling are as for [Attestor.Explain].
func (a *Attestor) Check(ctx context.Context, options CheckOptions) (*CheckReport, error) {
	const what = "the check"
	if err := ended(ctx, what); err != nil {
		return nil, err
	}
	document, deadline, err := options.document(ctx)
	if err != nil {
		return nil, err
	}
	code, answer, err := a.blocking(ctx, what, deadline, func() (int32, []byte) {
		return a.handle.Check(document)
	})
	if err != nil {
		return nil, err
	}
	return reportOf(code, answer)
}

func (o CheckOptions) document(ctx context.Context) ([]byte, time.Time, error) {
	options := struct {
		TimeoutMS int64    `json:"timeout_ms,omitzero"`
		Clusters  []string `json:"clusters,omitempty"`
	}{Clusters: o.Clusters}
	deadline, ok := ctx.Deadline()
	if ok {
		options.TimeoutMS = milliseconds(time.Until(deadline))
	}
	document, err := json.Marshal(options)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("psat: write the options: %w", err)
	}
	return document, deadline, nil
}

func reportOf(code int32, document []byte) (*CheckReport, error) {
	report := &CheckReport{Code: codes.Code(code), Document: document}
	if document == nil {
		return nil, errorOf(code, nil)
	}
	if err := json.Unmarshal(document, report); err != nil {
		return nil, unreadable(err)
	}
	if unanswered(report.Code, report.Reason) || report.Clusters == nil {
		return nil, errorOf(code, document)
	}
	return report, nil
}
