package psat_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

func TestEveryFieldOfConfigIsKnownToTheLibrary(t *testing.T) {
	verify(t)
	queued := 0
	cluster := psat.ClusterConfig{
		ServiceAccountAllowList: []string{"spire:spire-agent"},
		Audience:                []string{"spire-server"},
		KubeConfigFile:          "/dev/null",
		AllowedNodeLabelKeys:    []string{"region"},
		AllowedPodLabelKeys:     []string{"app"},
		UsePodUIDForAgentID:     true,
		Lookup:                  psat.LookupSequential,
		VerifySignature:         psat.VerifyOff,
		RequireNodeUIDMatch:     true,
		CallTimeoutMS:           1000,
		MaxInFlight:             1,
		MaxQueued:               &queued,
	}
	engine := psat.EngineConfig{WorkerThreads: 1, AttestTimeoutMS: 1000, MaxQueuedBytes: 1 << 20}
	config := psat.Config{
		TrustDomain: "example.org",
		Clusters:    map[string]psat.ClusterConfig{"demo": cluster},
		ErrorStyle:  psat.StyleUpstream,
		Engine:      engine,
	}
	for _, part := range []any{cluster, engine, config} {
		value := reflect.ValueOf(part)
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("the test does not set %s", value.Type().Field(i).Name)
			}
		}
	}
	validation, err := psat.Validate(config)
	if err != nil || !validation.Valid {
		t.Fatalf("got %+v and %v", validation, err)
	}
	for _, note := range validation.Notes {
		if !strings.Contains(note.Message, "not a regular file") {
			t.Errorf("unexpected: %s", note)
		}
	}
}

func TestEmptyAudienceIsNotTheDefault(t *testing.T) {
	verify(t)
	notes := func(audience []string) int {
		validation, err := psat.Validate(psat.Config{
			TrustDomain: "example.org",
			Clusters: map[string]psat.ClusterConfig{
				"demo": {ServiceAccountAllowList: []string{"spire:spire-agent"}, Audience: audience},
			},
		})
		if err != nil || !validation.Valid {
			t.Fatalf("got %+v and %v", validation, err)
		}
		return len(validation.Notes)
	}
	if notes(nil) != 0 || notes([]string{}) != 1 {
		t.Error("only the empty list asks for the API server's own audience, of which a note warns")
	}
}

func TestInvalidConfigurationIsDescribed(t *testing.T) {
	verify(t)
	config := psat.Config{TrustDomain: "example.org", Clusters: map[string]psat.ClusterConfig{"demo": {}}}
	validation, err := psat.Validate(config)
	if err != nil || validation.Valid || validation.Message == "" {
		t.Fatalf("got %+v and %v", validation, err)
	}
	want := "error: clusters.demo.service_account_allow_list: must have at least one service account"
	if len(validation.Notes) != 1 || validation.Notes[0].String() != want {
		t.Errorf("got the notes %v", validation.Notes)
	}
	for _, opts := range [][]psat.Option{nil, {psat.WithEvents(psat.LevelTrace, func(psat.Event) {})}} {
		_, err = psat.New(context.Background(), config, opts...)
		e := refused(t, err, psat.ReasonConfigInvalid)
		if e.Code != codes.InvalidArgument || e.Message != validation.Message || !reflect.DeepEqual(e.Notes, validation.Notes) {
			t.Errorf("New: got %+v", e)
		}
	}
}

func TestRefusedConfigurationLeavesTheOldOneInForce(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	for _, document := range []string{`{`, `{}`, `{"trust_domain":"example.org","clusters":{"demo":{}}}`} {
		validation, err := attestor.Configure(context.Background(), psat.RawConfig(document))
		if e := refused(t, err, psat.ReasonConfigInvalid); validation != nil || len(e.Notes) == 0 {
			t.Errorf("%s: got %+v and %+v", document, validation, e)
		}
	}
	result, err := attestor.Attest(context.Background(), devcluster.payload)
	if err != nil || result.ConfigGeneration != 1 {
		t.Errorf("got %+v and %v", result, err)
	}
}

func TestNewConfigurationIsInForce(t *testing.T) {
	verify(t)
	for _, opts := range [][]psat.Option{nil, {psat.WithEvents(psat.LevelError, func(psat.Event) {})}} {
		attestor := start(t, psat.Config{Engine: psat.EngineConfig{WorkerThreads: 1}}, opts...)
		_, err := attestor.Attest(context.Background(), devcluster.payload)
		refused(t, err, psat.ReasonNotConfigured)

		validation, err := attestor.Configure(context.Background(), typedDevCluster(t))
		if err != nil || !validation.Valid || validation.ConfigGeneration != 1 {
			t.Errorf("got %+v and %v", validation, err)
		}
		if _, err := attestor.Attest(context.Background(), devcluster.payload); err != nil {
			t.Error(err)
		}
		closed(t, attestor)
	}
}

func TestVersionIsThatOfTheLibrary(t *testing.T) {
	if parts := strings.Split(psat.Version(), "."); len(parts) != 3 {
		t.Errorf("got %q", psat.Version())
	}
}

// typedDevCluster is the dev cluster's configuration as a [psat.Config].
func typedDevCluster(t *testing.T) psat.Config {
	t.Helper()
	var config psat.Config
	if err := json.Unmarshal(devcluster.config, &config); err != nil {
		t.Fatal(err)
	}
	return config
}

func member(t *testing.T, document json.RawMessage, key string) json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(document, &members); err != nil {
		t.Fatal(err)
	}
	return members[key]
}
