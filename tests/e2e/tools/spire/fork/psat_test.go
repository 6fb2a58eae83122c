package k8spsat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/spire/pkg/common/catalog"
	"github.com/spiffe/spire/pkg/server/plugin/nodeattestor"

	k8spsat "psat-attestor.test/e2e/spire/fork"
)

// TestSPIREsCatalogLoadsTheBuiltIn attests an agent of the cluster that PSAT_KUBECONFIG and PSAT_TOKEN name, through SPIRE's
// own catalog and its own face of a node attestor.
func TestSPIREsCatalogLoadsTheBuiltIn(t *testing.T) {
	kubeconfig, token := os.Getenv("PSAT_KUBECONFIG"), os.Getenv("PSAT_TOKEN")
	if kubeconfig == "" || token == "" {
		t.Skip("PSAT_KUBECONFIG and PSAT_TOKEN name no cluster and no agent")
	}
	ctx := context.Background()
	log, records := test.NewNullLogger()
	plugin, err := catalog.LoadBuiltIn(ctx, k8spsat.BuiltIn(), catalog.BuiltInConfig{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	attestor := new(nodeattestor.V1)
	configurer, err := plugin.Bind(attestor)
	if err != nil {
		t.Fatal(err)
	}
	core := catalog.CoreConfig{TrustDomain: spiffeid.RequireTrustDomainFromString("example.org")}
	if err := configurer.Configure(ctx, core, fmt.Sprintf(`clusters "demo" {
		service_account_allow_list = ["spire:spire-agent"]
		kube_config_file = %q
	}`, kubeconfig)); err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]string{"cluster": "demo", "token": token})
	if err != nil {
		t.Fatal(err)
	}
	noChallenge := func(context.Context, []byte) ([]byte, error) {
		t.Error("a challenge was sent")
		return nil, nil
	}
	result, err := attestor.Attest(ctx, payload, noChallenge)
	if err != nil {
		t.Fatal(err)
	}
	if !result.CanReattest || len(result.Selectors) < 8 || result.Selectors[0].Type != "k8s_psat" {
		t.Errorf("attested as %+v", result)
	}
	if err := plugin.Close(); err != nil {
		t.Error(err)
	}
	if len(records.AllEntries()) == 0 {
		t.Error("SPIRE's log holds nothing")
	}
	t.Log(result.AgentID)
}
