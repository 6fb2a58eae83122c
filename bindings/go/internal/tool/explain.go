package tool

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	psat "psat-attestor.example/bindings/go"
)

// explain says why an agent is refused, and what to do about it.
func explain(ctx context.Context, s *session) (int, error) {
	return s.withAgent(ctx, func(ctx context.Context, attestor *psat.Attestor, payload []byte) (int, error) {
		explanation, err := attestor.Explain(ctx, payload)
		if err != nil {
			return s.unanswered(err)
		}
		if s.json {
			s.printDocument(explanation.Document)
		} else {
			s.out.explanation(explanation, s.copied)
		}
		return exitOf(explanation.Code, explanation.Reason), nil
	})
}

func (p *page) explanation(e *psat.Explanation, written func([]string) []string) {
	if e.AgentAttributes != nil {
		p.attested(e.AgentAttributes)
	} else {
		p.verdict(red, "refused", fmt.Sprintf(": %s (%d)%s", e.Reason, e.Code, at(psat.FirstFailed(e.Steps))))
		p.toldToTheAgent(e.Message)
	}
	p.blank()
	p.steps(e.Steps)
	p.remedies(e.Steps, written)
	p.footer(&e.Diagnostics)
}

// footer is what the explanation rests on.
func (p *page) footer(d *psat.Diagnostics) {
	p.blank()
	// The document has them in the order in which they ended, which is another one each time.
	asked := slices.Clone(d.APICalls)
	slices.SortStableFunc(asked, func(a, b psat.APICall) int { return rank(a.Call) - rank(b.Call) })
	var calls []string
	for _, call := range asked {
		status := "no answer"
		if call.Status != 0 {
			status = strconv.Itoa(call.Status)
		}
		calls = append(calls, fmt.Sprintf("%s (%s)", call.Call, status))
	}
	if len(calls) == 0 {
		calls = []string{"none"}
	}
	p.line("It took %s. Calls to the API server: %s.", short(d.Elapsed()), strings.Join(calls, ", "))
	if d.CredentialID != "" {
		p.line("In the API server's audit log, the token is %s.", d.CredentialID)
	}
}

// rank is a call's place in the order in which they are judged.
func rank(call string) int {
	return slices.Index([]string{"token_review", "pod", "node"}, call)
}

// short is a duration for people.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
