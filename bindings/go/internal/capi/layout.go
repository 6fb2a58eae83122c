package capi

// #include <psat_attestor.h>
import "C"

import "unsafe"

// The layout of psat_completion_t is frozen. Each line compiles only if the two numbers are the same.
var (
	completion C.psat_completion_t

	_ = [1]struct{}{}[unsafe.Offsetof(completion.kind)-0]
	_ = [1]struct{}{}[unsafe.Offsetof(completion.code)-4]
	_ = [1]struct{}{}[unsafe.Offsetof(completion.tag)-8]
	_ = [1]struct{}{}[unsafe.Offsetof(completion.operation)-16]
	_ = [1]struct{}{}[unsafe.Offsetof(completion.json)-24]
	_ = [1]struct{}{}[unsafe.Offsetof(completion.json_len)-24-unsafe.Sizeof(uintptr(0))]
	_ = [1]struct{}{}[unsafe.Sizeof(completion)-24-2*unsafe.Sizeof(uintptr(0))]
)
