// Command spire-plugin-k8s-psat is SPIRE's k8s_psat server node attestor as an external plugin, and the tool of those who
// operate it.
//
// SPIRE starts it, as plugin_cmd says; see docs/moving-from-the-built-in-plugin.md. Started by hand, it answers questions about
// the server's configuration and about agents; see docs/operator-tool.md, or --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spiffe/spire-plugin-sdk/pluginmain"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"

	"psat-attestor.example/bindings/go/internal/tool"
	"psat-attestor.example/bindings/go/spireplugin"
)

// handshake is what SPIRE sets, as name and as value, in the environment of a plugin of this type.
const handshake = "NodeAttestor"

func main() {
	// Before anything else: SPIRE may pass arguments, too.
	if os.Getenv(handshake) != handshake {
		os.Exit(tool.Run(context.Background(), os.Args[1:], tool.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	// SPIRE reloads its configuration on this signal. Whoever sends it to all of SPIRE's processes means no harm, and SPIRE does
	// not start a plugin again that has ended.
	signal.Ignore(syscall.SIGUSR1)
	p := spireplugin.New()
	pluginmain.Serve(nodeattestorv1.NodeAttestorPluginServer(p), configv1.ConfigServiceServer(p))
}
