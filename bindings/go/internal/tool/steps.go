package tool

import (
	"strings"

	psat "psat-attestor.example/bindings/go"
)

// outcomeWidth is that of every outcome.
const outcomeWidth = len(psat.OutcomePass)

// steps writes a table: the outcome, the check, and what was seen.
func (p *page) steps(steps []psat.Step) {
	checkWidth := 0
	for _, step := range steps {
		checkWidth = max(checkWidth, len(step.Check))
	}
	before := psat.Step{}
	for _, step := range steps {
		detail := step.Detail
		if step.Outcome == psat.OutcomeSkip && before.Outcome == psat.OutcomeSkip && before.Detail == detail {
			detail = "as above"
		}
		p.entry(inkOfOutcome(step.Outcome), string(step.Outcome), outcomeWidth, step.Check, checkWidth, detail)
		before = step
	}
}

func inkOfOutcome(outcome psat.Outcome) ink {
	switch outcome {
	case psat.OutcomePass:
		return green
	case psat.OutcomeFail:
		return red
	case psat.OutcomeWarn:
		return yellow
	default:
		return dim
	}
}

// remedies writes what to do about each step, in lines that can be copied; written makes them of those of the library.
func (p *page) remedies(steps []psat.Step, written func([]string) []string) {
	begun := false
	for _, step := range steps {
		if step.Remedy == "" {
			continue
		}
		if !begun {
			p.blank()
			p.verdict(bold, "What to do", "")
			begun = true
		}
		sentence, block := remedy(step.Remedy)
		p.blank()
		p.verdict(inkOfOutcome(step.Outcome), "  "+step.Check, "")
		p.paragraph(4, sentence)
		if len(block) > 0 {
			p.blank()
			p.block(written(block))
		}
	}
}

// remedy is the sentence, and the lines of the very thing to use.
func remedy(text string) (sentence string, block []string) {
	sentence, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if rest != "" {
		block = strings.Split(rest, "\n")
	}
	return sentence, block
}

// at names the check that failed, and what to do about it, on one line.
func at(failed *psat.Step) string {
	if failed == nil {
		return ""
	}
	text := " at " + failed.Check
	sentence, block := remedy(failed.Remedy)
	if len(block) > 0 {
		sentence = strings.TrimSuffix(sentence, ":") + " (see below)"
	}
	if sentence != "" {
		text += ": " + sentence
	}
	return text
}
