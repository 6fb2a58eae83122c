package builtin_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/spiffe/spire-plugin-sdk/pluginsdk"
	"github.com/spiffe/spire-plugin-sdk/plugintest"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"

	"psat-attestor.example/bindings/go/examples/builtin"
	"psat-attestor.example/bindings/go/internal/devcluster"
)

func TestTheBuiltInAttests(t *testing.T) {
	cluster := devcluster.Start(t)
	definition := builtin.BuiltIn()
	if definition.Name != "k8s_psat" {
		t.Errorf("it is called %q", definition.Name)
	}
	attestor, config := new(nodeattestorv1.NodeAttestorPluginClient), new(configv1.ConfigServiceClient)
	plugintest.ServeInBackground(t, plugintest.Config{
		PluginServer:   definition.Plugin,
		PluginClient:   attestor,
		ServiceServers: definition.Services,
		ServiceClients: []pluginsdk.ServiceClient{config},
	})
	_, err := config.Configure(context.Background(), &configv1.ConfigureRequest{
		CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: "example.org"},
		HclConfiguration: fmt.Sprintf(`clusters "demo" {
			service_account_allow_list = ["spire:spire-agent"]
			kube_config_file = %q
		}`, cluster.Kubeconfig),
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := attestor.Attest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	payload := &nodeattestorv1.AttestRequest_Payload{Payload: cluster.Payload}
	if err := stream.Send(&nodeattestorv1.AttestRequest{Request: payload}); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(response.GetAgentAttributes().GetSpiffeId())
}
