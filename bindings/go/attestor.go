package psat

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"

	"psat-attestor.example/bindings/go/internal/capi"
)

// Attestor attests agents of the configured clusters. It may be used by any number of goroutines at once, and must be
// closed with [Attestor.Close].
//
// It has one goroutine, which takes the answers of all attestations, and threads of the library.
type Attestor struct {
	pending pending
	queue   *capi.Queue
	reaped  chan struct{}
	onEvent func(Event)
	closing sync.Once
	failure error // of Close

	// calls is held for reading inside every call into the library, and keeps the handle alive there.
	calls  sync.RWMutex
	closed bool
	handle *capi.Attestor
	// inside has the calls that sleep inside the library, which hold no lock meanwhile.
	inside sync.WaitGroup
}

// Option is something about an attestor that is no part of its configuration.
type Option func(*options)

type options struct {
	level   Level
	onEvent func(Event)
}

// New makes an attestor. It touches no network.
//
// With a zero [Config], or one with Engine alone, attestations are refused with [ReasonNotConfigured] until
// [Attestor.Configure] is called. A configuration that cannot be used is refused with [ReasonConfigInvalid]; [Error.Notes]
// then has all that is wrong. Ask [Validate] for the warnings of one that can.
func New(ctx context.Context, config Configuration, opts ...Option) (*Attestor, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if err := ended(ctx, "the start of the attestor"); err != nil {
		return nil, err
	}
	if err := checkABI(); err != nil {
		return nil, err
	}
	document, err := config.document()
	if err != nil {
		return nil, fmt.Errorf("psat: write the configuration: %w", err)
	}
	queue, code := capi.QueueNew()
	if code != 0 {
		return nil, errorOf(code, nil)
	}
	handle, err := start(document, queue, o)
	if err != nil {
		queue.Free()
		return nil, err
	}
	a := &Attestor{queue: queue, handle: handle, reaped: make(chan struct{}), onEvent: o.onEvent}
	go a.reap()
	return a, nil
}

func start(document []byte, queue *capi.Queue, o options) (*capi.Attestor, error) {
	if o.onEvent != nil {
		return startWithEvents(document, queue, o.level)
	}
	handle, code, answer := capi.AttestorNew(document)
	if code != 0 {
		return nil, errorOf(code, answer)
	}
	return handle, nil
}

// startWithEvents subscribes before it configures, so that the configuration's own events are seen.
func startWithEvents(document []byte, queue *capi.Queue, level Level) (*capi.Attestor, error) {
	engine, more := engineAlone(document)
	handle, code, answer := capi.AttestorNew(engine)
	if codes.Code(code) == codes.InvalidArgument && more {
		// The whole document has all that is wrong.
		code, answer = capi.ConfigValidate(document)
	}
	if code != 0 {
		return nil, errorOf(code, answer)
	}
	code, answer = handle.Events(queue, int32(level)), nil
	if code == 0 && more {
		code, answer = handle.Configure(document)
	}
	if code != 0 {
		handle.Free()
		return nil, errorOf(code, answer)
	}
	return handle, nil
}

// Configure replaces the configuration. If the new one is refused, the old one stays in force; running attestations finish
// on the one that they began with. Calls are serialised. It touches no network.
//
// The [Validation] has the configuration's warnings; if it is refused, [Error.Notes] has the errors too.
func (a *Attestor) Configure(ctx context.Context, config Configuration) (*Validation, error) {
	if err := ended(ctx, "the configuration"); err != nil {
		return nil, err
	}
	document, err := config.document()
	if err != nil {
		return nil, fmt.Errorf("psat: write the configuration: %w", err)
	}
	if !a.enter() {
		return nil, refusal(ReasonShuttingDown)
	}
	defer a.leave()
	code, answer := a.handle.Configure(document)
	if code != 0 {
		return nil, errorOf(code, answer)
	}
	return validationOf(answer)
}

// Close refuses new attestations, ends running ones with [ReasonShuttingDown], and frees the attestor. When it returns,
// every attestation has its answer, no event follows, and the attestor's goroutine has ended. Its threads are ending: one that
// is stuck in a file system call is not waited for.
//
// It may be called again, and at any time but from a function given to [WithEvents]; each call returns after all of that, and
// the same error: an attestation that did not end within five seconds.
func (a *Attestor) Close() error {
	a.closing.Do(func() {
		a.calls.Lock()
		a.closed = true
		a.calls.Unlock()
		// No call is inside the library any more but those that sleep there, and none enters it.
		if code := a.handle.Shutdown(); code != 0 {
			a.failure = fmt.Errorf("psat: close: %w", errorOf(code, nil))
		}
		// The shutdown has ended them. One that had yet to begin was refused.
		a.inside.Wait()
		a.handle.Free()
		a.queue.Close()
		<-a.reaped
		a.queue.Free()
	})
	return a.failure
}

// enter keeps the handle alive until leave. It is false once the attestor is closed.
func (a *Attestor) enter() bool {
	a.calls.RLock()
	if a.closed {
		a.calls.RUnlock()
		return false
	}
	return true
}

func (a *Attestor) leave() {
	a.calls.RUnlock()
}
