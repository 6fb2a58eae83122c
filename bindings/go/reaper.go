package psat

import (
	"sync"

	"psat-attestor.example/bindings/go/internal/capi"
)

// pending has the attestations that wait for their answers, by tag.
type pending struct {
	mu      sync.Mutex
	lastTag uint64
	waiting map[uint64]chan<- capi.Completion
	failed  bool // nobody takes answers any more
}

// add registers an attestation. It is not open if no answer would ever come.
func (p *pending) add() (tag uint64, answer <-chan capi.Completion, open bool) {
	// With room for the one answer, so that the reaper never waits.
	waiting := make(chan capi.Completion, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed {
		return 0, nil, false
	}
	if p.waiting == nil {
		p.waiting = make(map[uint64]chan<- capi.Completion)
	}
	p.lastTag++
	p.waiting[p.lastTag] = waiting
	return p.lastTag, waiting, true
}

func (p *pending) take(tag uint64) chan<- capi.Completion {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := p.waiting[tag]
	delete(p.waiting, tag)
	return answer
}

// fail answers all that wait, and refuses all that come.
func (p *pending) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = true
	for tag, answer := range p.waiting {
		answer <- capi.Completion{Kind: capi.CompletionAttestation, Code: capi.Panic, Tag: tag}
	}
	p.waiting = nil
}

// reap hands on what comes through the queue until it is closed and nothing is outstanding. If the library fails at that,
// no attestation waits for an answer that nobody takes.
func (a *Attestor) reap() {
	defer close(a.reaped)
	var batch capi.Batch
	for {
		completions, code := a.queue.Next(&batch)
		for _, completion := range completions {
			a.deliver(completion)
		}
		switch code {
		case capi.OK:
		case capi.Closed:
			return
		default:
			a.pending.fail()
			return
		}
	}
}

// reapOne hands on what is there. An answer for which no call was made is there at once, and to wake the reaper and then
// its own goroutine takes longer than all of the attestation. Events are left to the reaper, which keeps their order.
func (a *Attestor) reapOne() {
	if a.onEvent != nil {
		return
	}
	if completion, found := a.queue.Poll(); found {
		a.deliver(completion)
	}
}

// deliver skips kinds that it does not know: a later version of the library may have more.
func (a *Attestor) deliver(completion capi.Completion) {
	switch completion.Kind {
	case capi.CompletionAttestation:
		if answer := a.pending.take(completion.Tag); answer != nil {
			answer <- completion
		}
	case capi.CompletionEvent:
		// One that this package cannot read is of no use to its caller either.
		if event, err := eventOf(completion.Document); err == nil {
			a.onEvent(event)
		}
	}
}
