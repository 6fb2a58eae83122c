// Package capi calls the C ABI of psat_attestor.h. It is the only package that uses cgo, and no type of C leaves it.
//
// Arguments are borrowed by the library for the call; a nil slice becomes NULL, an empty one does not. Documents are copied
// into Go memory and freed at once. The library keeps no pointer of Go and calls no function of Go.
package capi

/*
#include <string.h>
#include <psat_attestor.h>

// What follows is promised by the ABI.
#cgo noescape psat_config_validate
#cgo nocallback psat_config_validate
#cgo noescape psat_attestor_new
#cgo nocallback psat_attestor_new
#cgo noescape psat_attestor_configure
#cgo nocallback psat_attestor_configure
#cgo noescape psat_attestor_submit
#cgo nocallback psat_attestor_submit
#cgo nocallback psat_attestor_cancel
#cgo noescape psat_attestor_stats
#cgo nocallback psat_attestor_stats
#cgo noescape psat_attestor_explain
#cgo nocallback psat_attestor_explain
#cgo noescape psat_attestor_check
#cgo nocallback psat_attestor_check
#cgo noescape psat_queue_new
#cgo nocallback psat_queue_new
#cgo noescape psat_queue_next
#cgo nocallback psat_queue_next
#cgo nocallback psat_string_free
*/
import "C"

import "unsafe"

// BuiltWithABI is the version of the ABI that the header has.
const BuiltWithABI = C.PSAT_ABI_VERSION

// ABIVersion returns the version of the ABI that the library speaks. It wraps psat_abi_version.
func ABIVersion() uint32 {
	return uint32(C.psat_abi_version())
}

// Version returns the version of the library. It wraps psat_version; the text is static and never freed.
func Version() string {
	return C.GoString(C.psat_version())
}

// ConfigValidate checks a configuration. It wraps psat_config_validate.
func ConfigValidate(config []byte) (code int32, document []byte) {
	var json *C.char
	code = int32(C.psat_config_validate(chars(config), C.size_t(len(config)), &json))
	return code, take(json)
}

// chars borrows a slice for one call.
func chars(b []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(b)))
}

// take copies a document and frees it. It wraps psat_string_free.
func take(json *C.char) []byte {
	if json == nil {
		return nil
	}
	return takeSized(json, C.strlen(json))
}

func takeSized(json *C.char, size C.size_t) []byte {
	document := make([]byte, size)
	copy(document, unsafe.Slice((*byte)(unsafe.Pointer(json)), size))
	C.psat_string_free(json)
	return document
}
