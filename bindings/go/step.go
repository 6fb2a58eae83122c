package psat

import "fmt"

// Step is one thing that [Attestor.Explain] or [Attestor.Check] looked at. It holds no credential; it is for operators, and
// may name addresses, files and users.
type Step struct {
	// Check is which it is, a stable word such as service_account_allowed.
	Check string `json:"check"`
	// Outcome is how it stands.
	Outcome Outcome `json:"outcome"`
	// Reason is what an attestation ends with because of it; empty unless it fails, or warns with a word of its own.
	Reason Reason `json:"reason,omitzero"`
	// Detail is what was seen, and what was wanted where that differs.
	Detail string `json:"detail"`
	// Remedy is what to do; empty if there is nothing to do. It is a sentence, or one that ends in a colon and, from the next
	// line on, the very thing to use: a line of configuration (path = JSON value), a manifest in YAML, or a command.
	Remedy string `json:"remedy,omitzero"`
}

// String returns the step as one line, without the remedy.
func (s Step) String() string {
	return fmt.Sprintf("%s: %s: %s", s.Check, s.Outcome, s.Detail)
}

// Outcome is how a thing that was looked at stands.
type Outcome string

const (
	// OutcomePass is as it should be.
	OutcomePass Outcome = "pass"
	// OutcomeFail is why attestation fails.
	OutcomeFail Outcome = "fail"
	// OutcomeWarn lets attestation succeed, but should be known.
	OutcomeWarn Outcome = "warn"
	// OutcomeSkip was not looked at; the detail says why.
	OutcomeSkip Outcome = "skip"
)

// FirstFailed is the first step because of which attestation fails, nil if there is none.
func FirstFailed(steps []Step) *Step {
	for i := range steps {
		if steps[i].Outcome == OutcomeFail {
			return &steps[i]
		}
	}
	return nil
}
