package capi

// #include <psat_attestor.h>
import "C"

// Attestor is a handle. [Attestor.Free] must be its last call.
type Attestor struct {
	handle *C.psat_attestor_t
}

// AttestorNew makes an attestor, nil unless code is 0. It wraps psat_attestor_new; the caller frees the attestor with
// [Attestor.Free].
func AttestorNew(config []byte) (attestor *Attestor, code int32, document []byte) {
	var handle *C.psat_attestor_t
	var json *C.char
	code = int32(C.psat_attestor_new(chars(config), C.size_t(len(config)), &handle, &json))
	if handle != nil {
		attestor = &Attestor{handle: handle}
	}
	return attestor, code, take(json)
}

// Configure replaces the configuration. It wraps psat_attestor_configure.
func (a *Attestor) Configure(config []byte) (code int32, document []byte) {
	var json *C.char
	code = int32(C.psat_attestor_configure(a.handle, chars(config), C.size_t(len(config)), &json))
	return code, take(json)
}

// Submit begins an attestation, whose completion comes through queue if code is 0. It wraps psat_attestor_submit.
func (a *Attestor) Submit(payload, options []byte, queue *Queue, tag uint64) (operation uint64, code int32) {
	var id C.uint64_t
	code = int32(C.psat_attestor_submit(
		a.handle,
		chars(payload), C.size_t(len(payload)),
		chars(options), C.size_t(len(options)),
		queue.handle, C.uint64_t(tag), &id,
	))
	return uint64(id), code
}

// Cancel cancels an operation, unless it is done. It wraps psat_attestor_cancel.
func (a *Attestor) Cancel(operation uint64) (code int32) {
	return int32(C.psat_attestor_cancel(a.handle, C.uint64_t(operation)))
}

// Stats returns the counters. It wraps psat_attestor_stats.
func (a *Attestor) Stats() (code int32, document []byte) {
	var json *C.char
	code = int32(C.psat_attestor_stats(a.handle, &json))
	return code, take(json)
}

// Events has log records of level and of those before it delivered to queue. It wraps psat_attestor_events.
func (a *Attestor) Events(queue *Queue, level int32) (code int32) {
	return int32(C.psat_attestor_events(a.handle, queue.handle, C.int32_t(level)))
}

// Shutdown ends everything, and waits up to five seconds until it has. It wraps psat_attestor_shutdown.
func (a *Attestor) Shutdown() (code int32) {
	return int32(C.psat_attestor_shutdown(a.handle, 0))
}

// Free frees the attestor. It wraps psat_attestor_free. No other call may begin any more.
func (a *Attestor) Free() {
	C.psat_attestor_free(a.handle)
}
