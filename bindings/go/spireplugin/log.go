package spireplugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

// recordsWaiting is how many log records may wait for a SPIRE that is slow to take them.
const recordsWaiting = 1024

// recorder writes the library's log records, each attestation among them, to SPIRE's log. Whoever has a record never
// waits: what comes too fast is dropped and counted, so that no flood of refusals holds up attestation.
type recorder struct {
	log     hclog.Logger
	records chan psat.Event
	dropped atomic.Uint64
	done    sync.WaitGroup
}

func newRecorder(log hclog.Logger) *recorder {
	r := &recorder{log: log, records: make(chan psat.Event, recordsWaiting)}
	r.done.Go(r.run)
	return r
}

// stop returns when everything is written. Nothing may be told any more.
func (r *recorder) stop() {
	close(r.records)
	r.done.Wait()
}

func (r *recorder) tell(event psat.Event) {
	if !shows(r.log, event.Level) {
		return
	}
	select {
	case r.records <- event:
	default:
		r.dropped.Add(1)
	}
}

func (r *recorder) run() {
	for event := range r.records {
		r.log.Log(levelOf(event.Level), sentence(event.Message), fieldsOf(event.Fields)...)
		if dropped := r.dropped.Swap(0); dropped > 0 {
			r.log.Warn("Log records were dropped: they came too fast", "records", dropped)
		}
	}
}

// shows asks anew for each record: SPIRE's log level may be changed while it runs.
func shows(log hclog.Logger, level psat.Level) bool {
	switch level {
	case psat.LevelError:
		return log.IsError()
	case psat.LevelWarn:
		return log.IsWarn()
	case psat.LevelInfo:
		return log.IsInfo()
	case psat.LevelDebug:
		return log.IsDebug()
	default:
		return log.IsTrace()
	}
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

// sentence begins as SPIRE's messages do.
func sentence(message string) string {
	if message == "" {
		return message
	}
	return strings.ToUpper(message[:1]) + message[1:]
}

// fieldsOf makes the fields of a record readable in a log that knows words alone. What is empty is left out.
func fieldsOf(values map[string]any) []any {
	fields := make([]any, 0, 2*len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		switch name {
		case "code":
			value = codeName(value)
		case "elapsed_us":
			name, value = "elapsed", duration(value)
		case "api_calls":
			value = joined(value, " ", call)
		case "warnings":
			value = joined(value, "; ", func(each any) string { return fmt.Sprint(each) })
		}
		if value != nil && value != "" {
			fields = append(fields, name, value)
		}
	}
	return fields
}

func codeName(value any) any {
	if code, ok := value.(float64); ok {
		return codes.Code(code).String()
	}
	return value
}

func duration(value any) any {
	if microseconds, ok := value.(float64); ok {
		return (time.Duration(microseconds) * time.Microsecond).String()
	}
	return value
}

func joined(value any, separator string, word func(any) string) string {
	list, _ := value.([]any)
	words := make([]string, 0, len(list))
	for _, each := range list {
		words = append(words, word(each))
	}
	return strings.Join(words, separator)
}

// call is one API call in a word: its kind, the HTTP status if there was an answer, and the tries if several.
func call(value any) string {
	made, _ := value.(map[string]any)
	word := fmt.Sprint(made["call"])
	if status, ok := made["status"].(float64); ok {
		word += fmt.Sprintf("=%.0f", status)
	}
	if attempts, ok := made["attempts"].(float64); ok && attempts > 1 {
		word += fmt.Sprintf("(%.0f tries)", attempts)
	}
	return word
}
