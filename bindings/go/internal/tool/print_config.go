package tool

import (
	"bytes"
	"context"
	"encoding/json"
)

// printConfig prints what the library would get.
func printConfig(_ context.Context, s *session) (int, error) {
	source, err := s.source()
	if err != nil {
		return 0, err
	}
	if source.refused() {
		return s.showValidation(refusedBySPIRE(source)), nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(source.document), "", "  "); err != nil {
		return 0, unusable("%s is not JSON: %v", described(s.psatConfig), err)
	}
	s.out.raw(printableJSON(indented.Bytes()) + "\n")
	return exitFine, nil
}
