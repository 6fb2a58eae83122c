package psat_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	psat "psat-attestor.example/bindings/go"
)

func Example() {
	ctx := context.Background()
	attestor, err := psat.New(ctx, psat.Config{
		TrustDomain: "example.org",
		Clusters: map[string]psat.ClusterConfig{
			"demo": {
				ServiceAccountAllowList: []string{"spire:spire-agent"},
				KubeConfigFile:          "/etc/spire/demo.kubeconfig",
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer attestor.Close()

	payload := []byte(`{"cluster":"demo","token":"…"}`) // what the agent sent
	result, err := attestor.Attest(ctx, payload)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.AgentAttributes.SPIFFEID)
}

func ExampleAttestor_Attest() {
	var attestor *psat.Attestor // from New
	var payload []byte          // from the agent

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := attestor.Attest(ctx, payload, psat.WithPeer("192.0.2.7:4711"))

	var refused *psat.Error
	switch {
	case errors.Is(err, psat.ReasonOverloaded):
		fmt.Println("let the agent try again")
	case errors.As(err, &refused):
		log.Println(refused.Reason, refused.Detail) // for the operator
		fmt.Println(refused.GRPCStatus())           // for the agent
	}
}

func ExampleWithEvents() {
	// The handler must not block: slog's handlers do not.
	events := psat.WithEvents(psat.LevelInfo, func(event psat.Event) {
		slog.Info(event.Message, "level", event.Level, "fields", event.Fields)
	})
	attestor, err := psat.New(context.Background(), psat.Config{}, events)
	if err != nil {
		log.Fatal(err)
	}
	defer attestor.Close()
}

func ExampleValidate() {
	validation, err := psat.Validate(psat.RawConfig(`{
		"trust_domain": "example.org",
		"clusters": {"demo": {"service_account_allow_list": ["spire:*"], "max_in_flight": 0}}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid:", validation.Valid)
	for _, note := range validation.Notes {
		if note.Severity == psat.SeverityError {
			fmt.Println(note)
		}
	}
	// Output:
	// valid: false
	// error: clusters.demo.max_in_flight: must be a whole number from 1 to 65536, not 0
}
