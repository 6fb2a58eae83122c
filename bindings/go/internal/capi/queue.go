package capi

// #include <psat_attestor.h>
import "C"

// Kinds of completions.
const (
	CompletionAttestation uint32 = C.PSAT_COMPLETION_ATTESTATION
	CompletionEvent       uint32 = C.PSAT_COMPLETION_EVENT
)

// Codes that [Queue.Next] returns, among others.
const (
	OK     int32 = C.PSAT_OK
	Closed int32 = C.PSAT_CLOSED
	Panic  int32 = C.PSAT_PANIC
)

// batchSize is how many completions are taken at a time.
const batchSize = 64

// Queue is a completion queue. [Queue.Free] must be its last call.
type Queue struct {
	handle *C.psat_queue_t
}

// Completion is one finished operation, in Go memory.
type Completion struct {
	Kind      uint32
	Code      int32
	Tag       uint64
	Operation uint64
	Document  []byte
}

// Batch is memory for [Queue.Next].
type Batch struct {
	c     [batchSize]C.psat_completion_t
	taken [batchSize]Completion
}

// QueueNew makes a queue, nil unless code is 0. It wraps psat_queue_new; the caller frees the queue with [Queue.Free].
func QueueNew() (queue *Queue, code int32) {
	var handle *C.psat_queue_t
	code = int32(C.psat_queue_new(&handle))
	if handle != nil {
		queue = &Queue{handle: handle}
	}
	return queue, code
}

// Next waits for completions, which stay valid until batch is used again; their documents stay valid. The code is
// [Closed] once the queue is closed and nothing more comes. It wraps psat_queue_next.
func (q *Queue) Next(batch *Batch) (completions []Completion, code int32) {
	var count C.size_t
	code = int32(C.psat_queue_next(q.handle, &batch.c[0], batchSize, -1, &count))
	for i := range batch.c[:count] {
		batch.taken[i] = moved(&batch.c[i])
	}
	return batch.taken[:count], code
}

// Poll takes one completion, if there is one. It wraps psat_queue_next.
func (q *Queue) Poll() (completion Completion, found bool) {
	var c C.psat_completion_t
	var count C.size_t
	C.psat_queue_next(q.handle, &c, 1, 0, &count)
	if count == 0 {
		return Completion{}, false
	}
	return moved(&c), true
}

// moved copies a completion and frees its document.
func moved(c *C.psat_completion_t) Completion {
	completion := Completion{
		Kind:      uint32(c.kind),
		Code:      int32(c.code),
		Tag:       uint64(c.tag),
		Operation: uint64(c.operation),
	}
	json, size := c.json, c.json_len
	// The collector looks at this memory: it must not find addresses that have been given back.
	*c = C.psat_completion_t{}
	completion.Document = takeSized(json, size)
	return completion
}

// Close refuses new submissions. It wraps psat_queue_close.
func (q *Queue) Close() {
	C.psat_queue_close(q.handle)
}

// Free frees the queue. It wraps psat_queue_free. No other call may begin any more, and none may be inside [Queue.Next].
func (q *Queue) Free() {
	C.psat_queue_free(q.handle)
}
