package psat

import (
	"fmt"

	"psat-attestor.example/bindings/go/internal/capi"
)

// Version returns the version of the library, such as "0.1.0".
func Version() string {
	return capi.Version()
}

// checkABI makes sure that the library which was loaded speaks the ABI that this package was built with.
func checkABI() error {
	if loaded := capi.ABIVersion(); loaded != capi.BuiltWithABI {
		return fmt.Errorf("psat: the library speaks ABI version %d, and this program was built with version %d",
			loaded, uint32(capi.BuiltWithABI))
	}
	return nil
}
