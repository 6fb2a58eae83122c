//go:build !psat_static

package capi

// #cgo pkg-config: psat_attestor
import "C"
