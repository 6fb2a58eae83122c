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
}

func (p *pending) add() (uint64, <-chan capi.Completion) {
	// With room for the one answer, so that the reaper never waits.
	answer := make(chan capi.Completion, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = make(map[uint64]chan<- capi.Completion)
	}
	p.lastTag++
	p.waiting[p.lastTag] = answer
	return p.lastTag, answer
}

func (p *pending) take(tag uint64) chan<- capi.Completion {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := p.waiting[tag]
	delete(p.waiting, tag)
	return answer
}

// reap hands on what comes through the queue until it is closed and nothing is outstanding.
func (a *Attestor) reap() {
	defer close(a.reaped)
	var batch capi.Batch
	for {
		completions, open := a.queue.Next(&batch)
		for _, completion := range completions {
			a.deliver(completion)
		}
		if !open {
			return
		}
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
