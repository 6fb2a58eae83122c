package tool

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	psat "psat-attestor.example/bindings/go"
	"psat-attestor.example/bindings/go/spireplugin"
)

// attest says what the agent would become.
func attest(ctx context.Context, s *session) (int, error) {
	return s.withAgent(ctx, func(ctx context.Context, attestor *psat.Attestor, payload []byte) (int, error) {
		result, err := attestor.Attest(ctx, payload)
		if err != nil {
			return s.refused(err)
		}
		if s.json {
			s.printDocument(result.Document)
			return exitFine, nil
		}
		s.out.attested(&result.AgentAttributes)
		s.out.blank()
		for _, selector := range result.AgentAttributes.SelectorValues {
			s.out.line("  %s:%s", spireplugin.Name, selector)
		}
		if warnings := result.Diagnostics.Warnings; len(warnings) > 0 {
			s.out.blank()
			for _, warning := range warnings {
				s.out.entry(yellow, "warning", severityWidth-2, "", 0, warning)
			}
		}
		return exitFine, nil
	})
}

// refused is for an agent that may not attest.
func (s *session) refused(err error) (int, error) {
	var refused *psat.Error
	if !errors.As(err, &refused) || refused.Diagnostics == nil {
		return s.unanswered(err)
	}
	if s.json {
		s.printDocument(refused.Document)
	} else {
		s.out.verdict(red, "refused", fmt.Sprintf(": %s (%d): %s", refused.Reason, refused.Code, cmp.Or(refused.Detail, refused.Message)))
		s.out.toldToTheAgent(refused.Message)
		s.out.blank()
		s.out.paragraph(0, `"explain" instead of "attest" shows every check, and what to do.`)
	}
	return exitOf(refused.Code, refused.Reason), nil
}

func (p *page) attested(agent *psat.AgentAttributes) {
	p.verdict(green, "attested", ": "+agent.SPIFFEID)
}

func (p *page) toldToTheAgent(message string) {
	p.paragraph(0, "The agent is told: "+message)
}
