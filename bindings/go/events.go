package psat

import (
	"encoding/json"
	"fmt"
	"time"
)

// Level is how much an [Event] matters.
type Level int32

const (
	// LevelError events tell of faults in the library, and of configurations that were refused.
	LevelError Level = iota + 1
	// LevelWarn events tell of agents that were refused, and of what an operator should look at.
	LevelWarn
	// LevelInfo events tell of the attestor itself: configurations, credentials.
	LevelInfo
	// LevelDebug events tell of agents that attested, and of connections.
	LevelDebug
	// LevelTrace events tell of every call to an API server.
	LevelTrace
)

// String returns the level's word, such as "warn".
func (l Level) String() string {
	if LevelError <= l && l <= LevelTrace {
		return levelWords[l-1]
	}
	return fmt.Sprintf("Level(%d)", int32(l))
}

var levelWords = [...]string{"error", "warn", "info", "debug", "trace"}

// UnmarshalText reads a level's word.
func (l *Level) UnmarshalText(text []byte) error {
	for i, word := range levelWords {
		if word == string(text) {
			*l = Level(i + 1)
			return nil
		}
	}
	return fmt.Errorf("psat: unknown level %q", text)
}

// Event is one log record of the library.
type Event struct {
	// Level is how much it matters.
	Level Level `json:"level"`
	// UnixMS is when it happened, in milliseconds since 1970.
	UnixMS int64 `json:"unix_ms"`
	// Message is what happened, without the particulars.
	Message string `json:"message"`
	// Fields are the particulars. They hold no token.
	Fields map[string]any `json:"fields"`
	// Document is the whole record, as JSON.
	Document json.RawMessage `json:"-"`
}

// Time returns when it happened.
func (e *Event) Time() time.Time {
	return time.UnixMilli(e.UnixMS)
}

// WithEvents has the library's log records of level and of those before it handed to handle, one after the other, from the
// first configuration on.
//
// handle runs on the goroutine that takes the answers of all attestations, and so must not block, nor call
// [Attestor.Close]. Records that come faster than handle takes them are dropped, oldest first.
func WithEvents(level Level, handle func(Event)) Option {
	return func(o *options) { o.level, o.onEvent = level, handle }
}

func eventOf(document []byte) (Event, error) {
	event := Event{Document: document}
	err := json.Unmarshal(document, &event)
	return event, err
}
