package spireplugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

// tellSuccess logs an attestation that went well: what looks odd about it as a warning.
func (p *Plugin) tellSuccess(result *psat.Result) {
	level := hclog.Debug
	if len(result.Diagnostics.Warnings) > 0 {
		level = hclog.Warn
	}
	if !tells(p.log, level) {
		return
	}
	fields := append(operation(result.Document), "agent_id", result.AgentAttributes.SPIFFEID)
	p.log.Log(level, "Agent attested", append(fields, particulars(&result.Diagnostics)...)...)
}

// tellRefusal logs why an agent was refused, with all that it is not told.
func (p *Plugin) tellRefusal(refusal *psat.Error) {
	fields := append(operation(refusal.Document), "code", refusal.GRPCStatus().Code().String(), "reason", string(refusal.Reason))
	if refusal.Detail != "" {
		fields = append(fields, "detail", refusal.Detail)
	}
	if refusal.Diagnostics != nil {
		fields = append(fields, particulars(refusal.Diagnostics)...)
	}
	p.log.Log(gravity(refusal.Code), "Agent not attested: "+refusal.Message, fields...)
}

// gravity is the level of a refusal: a warning if it is about the agent, an error if attestation itself does not work.
func gravity(code codes.Code) hclog.Level {
	switch code {
	case codes.Canceled:
		return hclog.Debug
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.Unauthenticated:
		return hclog.Warn
	default:
		return hclog.Error
	}
}

// particulars are the diagnostics as fields of a log record; what is empty is left out.
func particulars(d *psat.Diagnostics) []any {
	var fields []any
	for _, field := range []struct{ key, value string }{
		{"cluster", d.Cluster},
		{"credential_id", d.CredentialID},
		{"peer", d.Peer},
		{"lookup", d.Lookup},
		{"api_calls", calls(d.APICalls)},
		{"warnings", strings.Join(d.Warnings, "; ")},
	} {
		if field.value != "" {
			fields = append(fields, field.key, field.value)
		}
	}
	return append(fields, "elapsed", d.Elapsed().String())
}

// calls is one word for each API call: its kind, the HTTP status (0 if no answer came), and the tries if several.
func calls(made []psat.APICall) string {
	words := make([]string, 0, len(made))
	for _, call := range made {
		word := fmt.Sprintf("%s=%d", call.Call, call.Status)
		if call.Attempts > 1 {
			word += fmt.Sprintf("(%d tries)", call.Attempts)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// operation is the number by which the library's own records name the attestation.
func operation(document []byte) []any {
	var answer struct {
		Operation string `json:"operation"`
	}
	if json.Unmarshal(document, &answer) != nil || answer.Operation == "" {
		return nil
	}
	return []any{"operation", answer.Operation}
}

// tellEvent hands on one of the library's own log records.
func (p *Plugin) tellEvent(event psat.Event) {
	level := levelOf(event.Level)
	if !tells(p.log, level) {
		return
	}
	fields := make([]any, 0, 2*len(event.Fields))
	for _, key := range slices.Sorted(maps.Keys(event.Fields)) {
		fields = append(fields, key, event.Fields[key])
	}
	p.log.Log(level, event.Message, fields...)
}

func levelOf(level psat.Level) hclog.Level {
	switch level {
	case psat.LevelError:
		return hclog.Error
	case psat.LevelWarn:
		return hclog.Warn
	case psat.LevelInfo:
		return hclog.Info
	case psat.LevelDebug:
		return hclog.Debug
	default:
		return hclog.Trace
	}
}

func tells(log hclog.Logger, level hclog.Level) bool {
	switch level {
	case hclog.Trace:
		return log.IsTrace()
	case hclog.Debug:
		return log.IsDebug()
	default:
		return true
	}
}
