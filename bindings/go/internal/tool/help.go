package tool

import (
	"flag"
	"fmt"
	"strings"
)

// program is the name of the file.
const program = "spire-plugin-k8s-psat"

const intro = `spire-plugin-k8s-psat is two things in one file.

SPIRE's server starts it as its node attestor k8s_psat. In server.conf:

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

Started by hand, it reads that file and answers an operator's questions:

`

const exits = `
Exit codes:
    0  fine: valid, attested, usable
    1  the answer is no: invalid, refused, not usable
    2  wrong usage, or a file that cannot be used
    3  a fault of this program
`

func commands() []*command {
	return []*command{
		{
			name:    "validate",
			summary: "Is the configuration valid, and is anything in it odd?",
			about: `Reads the configuration as SPIRE's server hands it to the plugin, and lists all that is wrong with it, and
what is odd. It touches no network; of files it only sees whether each kubeconfig can be opened.

Errors are why the server would refuse it. Warnings let it start; --strict makes them count.`,
			example: program + " validate --config /opt/spire/conf/server.conf --strict",
			flags:   validateFlags,
			run:     validate,
		},
		{
			name:    "attest",
			summary: "What would this agent become?",
			about: `Attests an agent's token as the server would, and prints the agent ID and the selectors. Nothing is
registered anywhere.

The token is read from a file, never from the command line, where others can see it. It needs no agent:
kubectl makes one.`,
			example: `kubectl create token -n spire spire-agent --audience spire-server \
        --bound-object-kind Pod --bound-object-name agent-1 > token
    ` + program + " attest --cluster demo --token-file token",
			flags: payloadFlags,
			run:   attest,
		},
		{
			name:    "explain",
			summary: "Why is this agent refused, and what is to be changed?",
			about: `Attests as attest does, goes on past a failure, and shows every check: what was seen, what was wanted, and
what to do about it, as a line of configuration, a manifest or a command. The first line names the check
that failed first.

Configuration is shown with its blocks, as plugin_data takes it. A key that is there already is to be replaced:
of two, SPIRE joins the lists. With --psat-config or --json, it is path = value.`,
			example: `kubectl create token -n spire spire-agent --audience spire-server \
        --bound-object-kind Pod --bound-object-name agent-1 |
    kubectl exec -i -n spire spire-server-0 -c spire-server -- \
        /opt/spire/plugins/` + program + ` explain \
        --config /run/spire/config/server.conf --cluster demo --token-file -`,
			flags: payloadFlags,
			run:   explain,
		},
		{
			name:    "check",
			summary: "Can the clusters be used with this configuration?",
			about: `Looks at each configured cluster: credentials, network, TLS, permissions, signing keys and clocks, each with
what to do about it. It makes a few calls to each API server, and attests nobody.

Run it where the server runs, as the server's user: then it sees the same files and the same network.`,
			example: program + " check --cluster demo --timeout 5s",
			flags:   checkFlags,
			run:     check,
		},
		{
			name:    "print-config",
			summary: "What does the library get to read?",
			about: `Prints the configuration that the plugin makes of server.conf for the library, as JSON, with --json or
without. A key that nobody knows is null there: the library warns of it. With --psat-config, it prints
what the library knows of that file, if it is valid.`,
			example: program + " print-config --config server.conf > psat.json\n    " + program + " validate --psat-config psat.json",
			run:     printConfig,
		},
	}
}

// overview is the help without a command.
func overview() string {
	var text strings.Builder
	text.WriteString(intro)
	for _, command := range commands() {
		fmt.Fprintf(&text, "    %-13s %s\n", command.name, command.summary)
	}
	text.WriteString(`
Options:
    --help        this text; after a command, its help
    --version     the version
`)
	text.WriteString(exits)
	return text.String()
}

// help is that of one command.
func (c *command) help() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\nUsage: %s %s [flags]\n\n", c.summary, program, c.name)
	for _, paragraph := range strings.Split(c.about, "\n\n") {
		text.WriteString(strings.Join(wrap(strings.ReplaceAll(paragraph, "\n", " "), defaultWidth), "\n") + "\n\n")
	}
	fmt.Fprintf(&text, "Example:\n    %s\n\nFlags:\n", c.example)
	c.flagSet(new(options)).VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&text, "    --%s\n", strings.TrimSpace(f.Name+" "+value))
		for _, line := range wrap(usage, defaultWidth-8) {
			fmt.Fprintf(&text, "        %s\n", line)
		}
	})
	text.WriteString(`
A relative path, here or in the configuration, counts from the working
directory, as for spire-server.
`)
	text.WriteString(exits)
	return text.String()
}
