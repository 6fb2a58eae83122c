//go:build psat_static

package capi

// The archive and the header are the builder's to name:
// CGO_LDFLAGS=/path/to/libpsat_attestor.a CGO_CFLAGS=-I/path/to/include.

// #cgo LDFLAGS: -lm -ldl -lpthread
import "C"
