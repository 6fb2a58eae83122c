// Package builtin shows how a fork of SPIRE registers this project's plugin in place of its own.
//
// In a fork, this is pkg/server/plugin/nodeattestor/k8spsat, and [Definition] is catalog.BuiltIn, which
// catalog.MakeBuiltIn makes.
package builtin

import (
	"github.com/spiffe/spire-plugin-sdk/pluginsdk"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"

	"psat-attestor.example/bindings/go/spireplugin"
)

// Definition is what SPIRE's catalog wants to know of a built-in plugin.
type Definition struct {
	Name     string
	Plugin   pluginsdk.PluginServer
	Services []pluginsdk.ServiceServer
}

// BuiltIn is what the catalog's list of built-in plugins calls.
func BuiltIn() Definition {
	p := spireplugin.New()
	return Definition{
		Name:     spireplugin.Name,
		Plugin:   nodeattestorv1.NodeAttestorPluginServer(p),
		Services: []pluginsdk.ServiceServer{configv1.ConfigServiceServer(p)},
	}
}
