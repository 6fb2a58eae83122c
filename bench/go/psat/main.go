// Command psat attests with package psat.
package main

import (
	"context"

	psat "psat-attestor.example/bindings/go"
	"psat-attestor.test/bench/load"
)

func main() {
	load.Main(open)
}

func open(config []byte) (load.Attest, error) {
	attestor, err := psat.New(context.Background(), psat.RawConfig(config))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, payload []byte) error {
		_, err := attestor.Attest(ctx, payload)
		return err
	}, nil
}
