package spireplugin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"

	"psat-attestor.example/bindings/go/internal/devcluster"
)

const (
	noCore         = "server core configuration is required"
	noTrustDomain  = "server core configuration must contain trust_domain"
	badTrustDomain = "server core configuration trust_domain is malformed: " +
		"trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores"
	malformed  = "plugin configuration is malformed"
	noClusters = "No clusters configured, PSAT attestation is effectively disabled"
	badLookup  = `clusters.demo.lookup: must be "auto" or "sequential" or "claims"`
	badThreads = "engine.worker_threads: must be a whole number from 1 to 512, not 0"
)

func noneAllowed(cluster string) string {
	return fmt.Sprintf("cluster %q configuration must have at least one service account allowed", cluster)
}

func TestMistakesAreToldInUpstreamsWords(t *testing.T) {
	good := demo("/kubeconfig")
	for name, c := range map[string]struct {
		core  *configv1.CoreConfiguration
		hcl   string
		notes []string
		// refusal is the note that Configure answers with; empty if it takes the configuration.
		refusal string
	}{
		"all is well":                   {core, good, nil, ""},
		"an unknown key":                {core, good + " cluster = 1", nil, ""},
		"an unknown key in two shapes":  {core, good + " foo = 1 foo { x = 1 }", nil, ""},
		"the same inside a cluster":     {core, demo("/kubeconfig", "foo = 1", "foo { x = 1 }"), nil, ""},
		"a list and a string":           {core, `foo = [1] foo = "x" ` + good, nil, ""},
		"no core configuration":         {nil, good, []string{noCore}, noCore},
		"no trust domain":               {new(configv1.CoreConfiguration), good, []string{noTrustDomain}, noTrustDomain},
		"a malformed trust domain":      {&configv1.CoreConfiguration{TrustDomain: "Example Org"}, good, []string{badTrustDomain}, badTrustDomain},
		"malformed":                     {core, "clusters = 5", []string{malformed}, malformed},
		"malformed without core":        {nil, "clusters = 5", []string{noCore, malformed}, noCore},
		"no clusters":                   {core, "", []string{noClusters}, ""},
		"no clusters, no core":          {nil, "", []string{noCore, noClusters}, noCore},
		"empty allow lists":             {core, "clusters { b {} a {} }", []string{noneAllowed("a"), noneAllowed("b")}, noneAllowed("a")},
		"a word that is none":           {core, demo("/kubeconfig", `lookup = "guess"`), []string{badLookup}, badLookup},
		"a limit of 0":                  {core, good + " engine { worker_threads = 0 }", []string{badThreads}, badThreads},
		"a name that no agent can have": {core, good + ` clusters "a b" { service_account_allow_list = ["a:b"] }`, []string{`cluster "a b" is disabled: `}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := load(t)
			response := l.validate(t, c.core, c.hcl)
			if response.Valid != (c.refusal == "") || !slices.EqualFunc(response.Notes, c.notes, strings.HasPrefix) {
				t.Errorf("validated as %v with %q, want %q", response.Valid, response.Notes, c.notes)
			}
			_, err := l.config.Configure(context.Background(), &configv1.ConfigureRequest{CoreConfiguration: c.core, HclConfiguration: c.hcl})
			if c.refusal == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.refusal != "" {
				expectStatus(t, err, codes.InvalidArgument, c.refusal)
			}
		})
	}
}

func TestWarningsGoToTheLog(t *testing.T) {
	l := configured(t, demo("/absent", `audience = []`, `allowed_pod_label_key = ["app"]`)+` clusters "a b" { service_account_allow_list = ["a:b"] }`)
	l.log.expect(t, `"@level":"warn"`, "unknown key", "allowed_pod_label_keys", `"path":"clusters.demo.allowed_pod_label_key"`)
	l.log.expect(t, `"@level":"warn"`, `"path":"clusters.demo.audience"`)
	l.log.expect(t, `"@level":"error"`, "Cluster is disabled", `"cluster":"a b"`)
	l.log.expect(t, `"@level":"info"`, "Configuration in force")
}

func TestUnknownKeysThatCannotBeListedAreWarnedOfOnce(t *testing.T) {
	l := configured(t, "bar = 1 "+demo("/absent", "baz = 1")+" foo = 1 foo { x = 1 } clusters \"b\" { service_account_allow_list = [\"a:b\"] }")
	l.log.expect(t, `"@level":"warn"`, "could not all be listed", "foo")
	// What was read before is listed.
	l.log.expect(t, `"@level":"warn"`, "unknown key", `"path":"bar"`)
	l.log.expect(t, `"@level":"warn"`, "unknown key", `"path":"clusters.demo.baz"`)
	if times := strings.Count(l.log.String(), "could not all be listed"); times != 1 {
		t.Errorf("warned %d times", times)
	}
}

func TestATrustDomainInPluginDataIsWarnedOf(t *testing.T) {
	l := configured(t, `trust_domain = "elsewhere.org" `+demo("/absent"))
	l.log.expect(t, `"@level":"warn"`, "trust_domain is ignored")
}

func TestTheDecodersWordsGoToTheLog(t *testing.T) {
	l := load(t)
	expectStatus(t, l.configure("clusters \"a\" {\n audience = {\n"), codes.InvalidArgument, malformed)
	l.log.expect(t, `"@level":"error"`, "cannot be decoded", "At 3:")
}

func TestAFirstConfigurationThatIsRefusedLeavesNothing(t *testing.T) {
	cluster := devcluster.Start(t)
	l := load(t)
	if err := l.configure(demo(cluster.Kubeconfig, `lookup = "guess"`, `max_in_flight = 0`)); err == nil {
		t.Fatal("it was taken")
	}
	// SPIRE is told the first mistake, the log all.
	l.log.expect(t, `"@level":"error"`, `"path":"clusters.demo.lookup"`)
	l.log.expect(t, `"@level":"error"`, `"path":"clusters.demo.max_in_flight"`)
	_, err := l.attest(context.Background(), cluster.Payload)
	expectStatus(t, err, codes.FailedPrecondition, "not configured")
	if err := l.configure(demo(cluster.Kubeconfig) + " engine { worker_threads = 2 }"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.attest(context.Background(), cluster.Payload); err != nil {
		t.Error(err)
	}
}

func TestAllMistakesAreLoggedIfTheEngineIsOne(t *testing.T) {
	l := load(t)
	err := l.configure(demo("/absent", `lookup = "guess"`) + " engine { worker_threads = 0 }")
	expectStatus(t, err, codes.InvalidArgument, badThreads)
	l.log.expect(t, `"@level":"error"`, `"path":"clusters.demo.lookup"`, "Must be")
	l.log.expect(t, `"@level":"error"`, `"path":"engine.worker_threads"`)
}

func TestAConfigurationThatIsRefusedLeavesTheOneBefore(t *testing.T) {
	cluster := devcluster.Start(t)
	l := configured(t, demo(cluster.Kubeconfig))
	for _, refused := range []string{"clusters = 5", demo(cluster.Kubeconfig, "call_timeout_ms = 0"), `clusters "demo" {}`} {
		if err := l.configure(refused); err == nil {
			t.Errorf("%s was taken", refused)
		}
		if _, err := l.attest(context.Background(), cluster.Payload); err != nil {
			t.Errorf("after %s: %v", refused, err)
		}
	}
	if err := l.configure(`clusters "other" { service_account_allow_list = ["spire:spire-agent"] }`); err != nil {
		t.Fatal(err)
	}
	_, err := l.attest(context.Background(), cluster.Payload)
	expectStatus(t, err, codes.InvalidArgument, `not configured for cluster "demo"`)
}

func TestAClusterWithAnImpossibleNameIsDisabledAlone(t *testing.T) {
	cluster := devcluster.Start(t)
	l := configured(t, demo(cluster.Kubeconfig)+` clusters ".." { service_account_allow_list = ["a:b"] }`)
	if _, err := l.attest(context.Background(), cluster.Payload); err != nil {
		t.Error(err)
	}
	_, err := l.attest(context.Background(), []byte(`{"cluster": "..", "token": "x"}`))
	expectStatus(t, err, codes.InvalidArgument, `not configured for cluster ".."`)
}

func TestTheLogQuotesNoValuesOfWhatCannotBeDecoded(t *testing.T) {
	l := load(t)
	for _, hcl := range []string{
		demo("/absent", `max_in_flight = "hunter2"`), demo("/absent", `lookup = hunter2`), demo("/absent", `lookup hunter2`),
		demo("/absent") + ` foo = "hunter2" foo { x = 99999999999999999999 }`, demo("/absent", `lookup = ["hunter2", {}]`),
	} {
		_ = l.configure(hcl)
	}
	l.log.expect(t, "cannot be decoded", "max_in_flight", "a number must be a whole one")
	if log := l.log.String(); strings.Contains(log, "hunter2") || strings.Contains(log, "9999") {
		t.Errorf("a value is in the log:\n%s", log)
	}
}

func TestAPathInPluginDataIsWarnedOf(t *testing.T) {
	l := configured(t, demo("/absent")+" clusters.demo.audience = [\"vault\"]")
	l.log.expect(t, `"@level":"warn"`, "Unknown key, ignored", "did you mean", `"path":"clusters.demo.audience"`)
	if times := strings.Count(l.log.String(), `"path":"clusters.demo.audience"`); times != 1 {
		t.Errorf("warned %d times", times)
	}
}
