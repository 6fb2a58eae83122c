// Command attest attests one payload: attest CONFIG PAYLOAD, both files.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	psat "psat-attestor.example/bindings/go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Print("usage: attest CONFIG PAYLOAD")
		os.Exit(2)
	}
	os.Exit(run(os.Args[1], os.Args[2]))
}

func run(configFile, payloadFile string) int {
	config, configErr := os.ReadFile(configFile)
	payload, payloadErr := os.ReadFile(payloadFile)
	if err := errors.Join(configErr, payloadErr); err != nil {
		log.Print(err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	attestor, err := psat.New(ctx, psat.RawConfig(config))
	if err != nil {
		log.Print(err)
		return 2
	}
	defer attestor.Close()

	result, err := attestor.Attest(ctx, payload)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Printf("%s\n%q\n", result.AgentAttributes.SPIFFEID, result.AgentAttributes.SelectorValues)
	return 0
}
