// Command spire-plugin-k8s-psat is SPIRE's k8s_psat server node attestor as an external plugin.
//
// SPIRE starts it, as plugin_cmd says; see docs/moving-from-the-built-in-plugin.md.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spiffe/spire-plugin-sdk/pluginmain"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"

	psat "psat-attestor.example/bindings/go"
	"psat-attestor.example/bindings/go/spireplugin"
)

// handshake is what SPIRE sets, as name and as value, in the environment of a plugin of this type.
const handshake = "NodeAttestor"

const help = `spire-plugin-k8s-psat is a plugin of SPIRE's server: the node attestor k8s_psat.

It is started by SPIRE, not by hand. In server.conf:

    NodeAttestor "k8s_psat" {
        plugin_cmd = "/opt/spire/plugins/spire-plugin-k8s-psat"
        plugin_checksum = "<what sha256sum says of this file>"
        plugin_data {
            clusters = {
                "demo" = {
                    service_account_allow_list = ["spire:spire-agent"]
                }
            }
        }
    }

Options when started by hand:
    --help       this text
    --version    the version
`

func main() {
	if os.Getenv(handshake) != handshake {
		os.Exit(byHand(os.Args[1:]))
	}
	// SPIRE reloads its configuration on this signal. Whoever sends it to all of SPIRE's processes means no harm, and SPIRE does
	// not start a plugin again that has ended.
	signal.Ignore(syscall.SIGUSR1)
	p := spireplugin.New()
	pluginmain.Serve(nodeattestorv1.NodeAttestorPluginServer(p), configv1.ConfigServiceServer(p))
}

// byHand answers somebody who is not SPIRE; it returns the exit code.
func byHand(arguments []string) int {
	switch {
	case len(arguments) == 1 && (arguments[0] == "--version" || arguments[0] == "-V"):
		fmt.Println("spire-plugin-k8s-psat", psat.Version())
		return 0
	case len(arguments) == 1 && (arguments[0] == "--help" || arguments[0] == "-h"):
		fmt.Print(help)
		return 0
	default:
		fmt.Fprint(os.Stderr, help)
		return 2
	}
}
