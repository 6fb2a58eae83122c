// Package k8spsat is what a fork of SPIRE puts in the place of its package of this name: the same function, on top of this
// project's plugin. Its test loads it as spire-server does, with SPIRE's own catalog.LoadBuiltIn.
package k8spsat

import (
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"github.com/spiffe/spire/pkg/common/catalog"

	"psat-attestor.example/bindings/go/spireplugin"
)

// BuiltIn is called by SPIRE's list of built-in plugins.
func BuiltIn() catalog.BuiltIn {
	p := spireplugin.New()
	return catalog.MakeBuiltIn(spireplugin.Name,
		nodeattestorv1.NodeAttestorPluginServer(p),
		configv1.ConfigServiceServer(p),
	)
}
