package capi

// #include <psat_attestor.h>
import "C"

// Explain attests, sleeps until the answer is there, and tells of every check. It wraps psat_attestor_explain.
func (a *Attestor) Explain(payload, options []byte) (code int32, document []byte) {
	var json *C.char
	code = int32(C.psat_attestor_explain(
		a.handle,
		chars(payload), C.size_t(len(payload)),
		chars(options), C.size_t(len(options)),
		&json,
	))
	return code, take(json)
}

// Check finds out whether the clusters can be used, and sleeps meanwhile. It wraps psat_attestor_check.
func (a *Attestor) Check(options []byte) (code int32, document []byte) {
	var json *C.char
	code = int32(C.psat_attestor_check(a.handle, chars(options), C.size_t(len(options)), &json))
	return code, take(json)
}
