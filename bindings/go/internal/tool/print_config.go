package tool

import (
	"bytes"
	"context"
	"encoding/json"

	psat "psat-attestor.example/bindings/go"
	"psat-attestor.example/bindings/go/internal/spireconf"
)

// printConfig prints what the library would get.
func printConfig(ctx context.Context, s *session) (int, error) {
	source, err := s.source(ctx)
	if err != nil {
		return 0, err
	}
	if source.refused() {
		return s.showValidation(refusedBySPIRE(source)), nil
	}
	document := []byte(source.document)
	if s.psatConfig != "" {
		known, err := s.knownAndValid(source)
		if known == nil {
			return exitNo, err
		}
		document = known
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, document, "", "  "); err != nil {
		return 0, err // it was encoded a moment ago
	}
	s.out.raw(printableJSON(indented.Bytes()) + "\n")
	return exitFine, nil
}

// knownAndValid is the library's own configuration as it may be printed: if it is valid, and without the values of unknown keys.
// The file may be the wrong one, and have a secret. If it is nil without an error, what is wrong has been shown.
func (s *session) knownAndValid(source *source) ([]byte, error) {
	answer, err := psat.Validate(source.document)
	if err != nil {
		return nil, err
	}
	if answer.Valid {
		return spireconf.KnownKeys(source.document)
	}
	found, err := completed(answer.Document, nil)
	if err != nil {
		return nil, err
	}
	s.showValidation(found)
	return nil, nil
}
