package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

// withAttestor makes an attestor of the configuration for the time of one question.
func (s *session) withAttestor(ctx context.Context, ask func(context.Context, *psat.Attestor) (int, error)) (int, error) {
	source, err := s.source(ctx)
	if err != nil {
		return 0, err
	}
	if source.refused() {
		return s.showValidation(refusedBySPIRE(source)), nil
	}
	for _, remark := range source.remarks {
		s.err.line("%s", remark)
	}
	attestor, err := psat.New(ctx, source.document)
	if err != nil {
		return s.notBegun(err, source.remarks)
	}
	defer attestor.Close()
	s.loaded = source
	return ask(ctx, attestor)
}

// withAgent is withAttestor for a question about an agent, in the time that an attestation has.
func (s *session) withAgent(ctx context.Context, ask func(context.Context, *psat.Attestor, []byte) (int, error)) (int, error) {
	payload, err := s.agentPayload(ctx)
	if err != nil {
		return 0, err
	}
	return s.withAttestor(ctx, func(ctx context.Context, attestor *psat.Attestor) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, s.loaded.attestTimeout())
		defer cancel()
		return ask(ctx, attestor, payload)
	})
}

// notBegun is for an attestor that could not be made.
func (s *session) notBegun(err error, remarks []psat.Note) (int, error) {
	var refused *psat.Error
	if !errors.As(err, &refused) || refused.Reason != psat.ReasonConfigInvalid {
		return s.unanswered(err)
	}
	found, err := completed(refused.Document, remarks)
	if err != nil {
		return 0, err
	}
	return s.showValidation(found), nil
}

// copied are lines of the library as they fit into the configuration that was given.
func (s *session) copied(lines []string) []string {
	if s.psatConfig != "" {
		return lines
	}
	return inPluginData(lines)
}

// unanswered is for a question that the library did not look into.
func (s *session) unanswered(err error) (int, error) {
	var refused *psat.Error
	if !errors.As(err, &refused) {
		return 0, err
	}
	if s.json {
		s.printDocument(documentOf(refused))
	} else {
		s.out.verdict(red, "failed", fmt.Sprintf(": %s (%d): %s", refused.Reason, refused.Code, refused.Message))
	}
	return exitOf(refused.Code, refused.Reason), nil
}

// documentOf is the library's document, or one with what every document has.
func documentOf(e *psat.Error) []byte {
	if e.Document != nil {
		return e.Document
	}
	return encoded(struct {
		Code    codes.Code  `json:"code"`
		Reason  psat.Reason `json:"reason"`
		Message string      `json:"message"`
	}{e.Code, e.Reason, e.Message})
}

// exitOf tells an answer that is no from a fault of this program.
func exitOf(code codes.Code, reason psat.Reason) int {
	switch {
	case code == codes.OK:
		return exitFine
	case code >= 1000, reason == psat.ReasonInternalPanic, reason == psat.ReasonRuntimeUnavailable:
		return exitInternal
	default:
		return exitNo
	}
}

// printDocument prints a document of the library as it is.
func (s *session) printDocument(document []byte) {
	s.out.raw(printableJSON(document) + "\n")
}

// encoded is for values of strings, numbers and lists of them.
func encoded(value any) []byte {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false) // as the library writes it
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(document.Bytes())
}
