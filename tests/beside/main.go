// Command beside links this project's archive and another Rust archive into one program, and uses both.
package main

// #include <stdint.h>
// int32_t other_counts_words(void);
import "C"

import (
	"context"
	"fmt"
	"log"
	"os"

	psat "psat-attestor.example/bindings/go"
)

func main() {
	if words := C.other_counts_words(); words != 5 {
		log.Fatalf("the other library counted %d words", words)
	}
	config, err := os.ReadFile(os.Getenv("DEVCLUSTER_CONFIG"))
	if err != nil {
		log.Fatal(err)
	}
	payload, err := os.ReadFile(os.Getenv("DEVCLUSTER_PAYLOAD"))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	attestor, err := psat.New(ctx, psat.RawConfig(config))
	if err != nil {
		log.Fatal(err)
	}
	defer attestor.Close()
	result, err := attestor.Attest(ctx, payload)
	if err != nil {
		log.Fatal(err)
	}
	if words := C.other_counts_words(); words != 5 {
		log.Fatalf("afterwards the other library counted %d words", words)
	}
	fmt.Println(result.AgentAttributes.SPIFFEID)
}
