package psat

import (
	"encoding/json"
	"fmt"

	"google.golang.org/grpc/codes"

	"psat-attestor.example/bindings/go/internal/capi"
)

// Validation is what the library says about a configuration.
type Validation struct {
	// Valid is whether the configuration can be used.
	Valid bool `json:"valid"`
	// Message sums up what is wrong; empty if nothing is.
	Message string `json:"message"`
	// ConfigGeneration counts the configurations that an attestor has had; 0 if it has none.
	ConfigGeneration uint64 `json:"config_generation"`
	// Notes has all that there is to say, in the order of the document.
	Notes []Note `json:"notes"`
	// Document is the whole answer, as JSON.
	Document json.RawMessage `json:"-"`
}

// Note is one thing to say about a configuration.
type Note struct {
	// Severity is how much it matters.
	Severity Severity `json:"severity"`
	// Path is what it is about, such as clusters.demo.audience[0]; empty for the whole document.
	Path string `json:"path"`
	// Message is what there is to say. It quotes no value that could be a secret.
	Message string `json:"message"`
}

// String returns the note as one line.
func (n Note) String() string {
	if n.Path == "" {
		return fmt.Sprintf("%s: %s", n.Severity, n.Message)
	}
	return fmt.Sprintf("%s: %s: %s", n.Severity, n.Path, n.Message)
}

// Severity is how much a [Note] matters.
type Severity string

const (
	// SeverityError notes are why a configuration is refused.
	SeverityError Severity = "error"
	// SeverityWarning notes tell of risks, and of what is probably not what was meant.
	SeverityWarning Severity = "warning"
	// SeverityInfo notes are good to know.
	SeverityInfo Severity = "info"
)

// Validate checks a configuration. It makes nothing and touches no network; of files it only sees whether each
// kubeconfig can be opened.
//
// A configuration that cannot be used is no error: see [Validation.Valid].
func Validate(config Configuration) (*Validation, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	document, err := config.document()
	if err != nil {
		return nil, fmt.Errorf("psat: write the configuration: %w", err)
	}
	code, answer := capi.ConfigValidate(document)
	if code != 0 && codes.Code(code) != codes.InvalidArgument {
		return nil, errorOf(code, answer)
	}
	return validationOf(answer)
}

func validationOf(answer []byte) (*Validation, error) {
	validation := &Validation{Document: answer}
	if err := json.Unmarshal(answer, validation); err != nil {
		return nil, unreadable(err)
	}
	return validation, nil
}
