package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

// validation is the library's document about a configuration, with what it could not know.
type validation struct {
	Code             codes.Code  `json:"code"`
	Reason           psat.Reason `json:"reason"`
	Message          string      `json:"message,omitempty"`
	Valid            bool        `json:"valid"`
	ConfigGeneration uint64      `json:"config_generation"`
	Notes            []psat.Note `json:"notes"`

	// document is all of it as JSON; the library's own, if nothing is added to it.
	document []byte
}

// validate says whether the server would take the configuration.
func validate(ctx context.Context, s *session) (int, error) {
	source, err := s.source(ctx)
	if err != nil {
		return 0, err
	}
	if source.refused() {
		return s.showValidation(refusedBySPIRE(source)), nil
	}
	answer, err := psat.Validate(source.document)
	if err != nil {
		return 0, err
	}
	found, err := completed(answer.Document, source.remarks)
	if err != nil {
		return 0, err
	}
	return s.showValidation(found), nil
}

// refusedBySPIRE is a configuration with mistakes of which SPIRE's own plugin is told too: the library is not asked.
func refusedBySPIRE(source *source) *validation {
	found := &validation{Code: codes.InvalidArgument, Reason: psat.ReasonConfigInvalid, Notes: source.remarks}
	for _, note := range source.remarks {
		if note.Severity == psat.SeverityError {
			found.Message = note.Message
			break
		}
	}
	found.document = encoded(found)
	return found
}

// completed is the library's document with the remarks in front of its notes.
func completed(document []byte, remarks []psat.Note) (*validation, error) {
	found := &validation{document: document}
	if err := json.Unmarshal(document, found); err != nil {
		return nil, fmt.Errorf("read the library's answer: %w", err)
	}
	if len(remarks) > 0 {
		found.Notes = append(remarks[:len(remarks):len(remarks)], found.Notes...)
		found.document = encoded(found)
	}
	return found, nil
}

// showValidation prints it, and returns the exit code.
func (s *session) showValidation(found *validation) int {
	if s.json {
		s.printDocument(found.document)
	} else {
		verdict := found.counts()
		if s.strict && found.Valid && found.count(psat.SeverityWarning) > 0 {
			verdict += ", and --strict takes none"
		}
		s.out.verdict(found.ink(), found.word(), verdict)
		s.out.notes(found.Notes)
	}
	if !found.Valid || s.strict && found.count(psat.SeverityWarning) > 0 {
		return exitNo
	}
	return exitFine
}

func (v *validation) word() string {
	if v.Valid {
		return "valid"
	}
	return "invalid"
}

func (v *validation) ink() ink {
	switch {
	case !v.Valid:
		return red
	case v.count(psat.SeverityWarning) > 0:
		return yellow
	default:
		return green
	}
}

// counts is how many mistakes and warnings there are, to stand behind a word.
func (v *validation) counts() string {
	var parts []string
	for _, severity := range []psat.Severity{psat.SeverityError, psat.SeverityWarning} {
		switch n := v.count(severity); {
		case n == 1:
			parts = append(parts, "1 "+string(severity))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, severity))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func (v *validation) count(severity psat.Severity) int {
	n := 0
	for _, note := range v.Notes {
		if note.Severity == severity {
			n++
		}
	}
	return n
}

// severityWidth is that of the longest one.
const severityWidth = len(psat.SeverityWarning)

// notes writes a table: the severity, the path, and below the path the message.
func (p *page) notes(notes []psat.Note) {
	if len(notes) > 0 {
		p.blank()
	}
	for _, note := range notes {
		word, how := string(note.Severity), inkOf(note.Severity)
		if note.Path != "" {
			p.entry(how, word, severityWidth, note.Path, 0, "")
			word = ""
		}
		p.entry(how, word, severityWidth-2, "", 0, note.Message)
	}
}

func inkOf(severity psat.Severity) ink {
	switch severity {
	case psat.SeverityError:
		return red
	case psat.SeverityWarning:
		return yellow
	default:
		return dim
	}
}
