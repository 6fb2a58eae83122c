package tool

import (
	"strings"
	"testing"
)

// Sessions at the terminal, as docs/operator-tool.md shows them.
var sessions = []struct {
	name string
	// line is the command line, after the program's name.
	line string
	exit int
	// world is the dev cluster's; empty is its default.
	world string
	// prepare changes files before, or is nil.
	prepare func(*testing.T, *bench)
}{
	{name: "validate", line: "validate --config server.conf"},
	{name: "validate-warnings", line: "validate --config server.conf --strict", exit: exitNo, prepare: odd},
	{name: "validate-invalid", line: "validate --config server.conf", exit: exitNo, prepare: impossible},
	{name: "validate-malformed", line: "validate --config server.conf", exit: exitNo, prepare: malformed},
	{name: "attest", line: "attest --config server.conf --cluster demo --token-file token"},
	{name: "attest-refused", line: "attest --config server.conf --cluster demo --token-file token", exit: exitNo, prepare: otherAccount,
		world: `{"reviewer": {"permissions": ["tokenreviews", "pods", "nodes"]}}`},
	{name: "explain", line: "explain --config server.conf --cluster demo --token-file token"},
	{name: "explain-not-allowed", line: "explain --config server.conf --cluster demo --token-file token", exit: exitNo, prepare: otherAccount},
	{name: "explain-audience", line: "explain --config server.conf --cluster demo --token-file token", exit: exitNo, prepare: minted(`{"audience": ["vault"]}`)},
	{name: "explain-unknown-cluster", line: "explain --config server.conf --cluster prod --token-file token", exit: exitNo},
	{name: "explain-forbidden", line: "explain --config server.conf --cluster demo --token-file token", exit: exitNo,
		world: `{"reviewer": {"permissions": ["tokenreviews", "nodes"]}}`},
	{name: "explain-node-uid", line: "explain --config server.conf --cluster demo --token-file token",
		prepare: minted(`{"claims": {"kubernetes.io": {"node": {"uid": "11111111-2222-4333-8444-555555555555"}}}}`)},
	{name: "check", line: "check --config server.conf"},
	{name: "check-forbidden", line: "check --config server.conf", exit: exitNo,
		world: `{"reviewer": {"permissions": ["tokenreviews", "nodes", "jwks"]}}`},
	{name: "check-several", line: "check --config server.conf", exit: exitNo, prepare: absentKubeconfig},
	{name: "check-unknown", line: "check --config server.conf --cluster prod", exit: exitUsage},
	{name: "print-config", line: "print-config --config server.conf"},
	{name: "help", line: "--help"},
	{name: "help-explain", line: "explain --help"},
}

func TestSessionsAreAsTheDocumentationShowsThem(t *testing.T) {
	for _, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			world := s.world
			if world == "" {
				world = "{}"
			}
			b := newBench(t, world)
			if s.prepare != nil {
				s.prepare(t, b)
			}
			got := b.run(t, s.line)
			if got.exit != s.exit {
				t.Errorf("the exit code is %d, want %d", got.exit, s.exit)
			}
			expectGolden(t, s.name, s.line, got)
		})
	}
}

func minted(request string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) { write(t, "token", b.Mint(t, request)) }
}

func otherAccount(t *testing.T, b *bench) {
	minted(`{"namespace": "default", "service_account": "default", "pod": null}`)(t, b)
}

// edited changes server.conf.
func edited(t *testing.T, old, changed string) {
	t.Helper()
	conf := read(t, "server.conf")
	if !strings.Contains(conf, old) {
		t.Fatalf("server.conf has no %s", old)
	}
	write(t, "server.conf", strings.ReplaceAll(conf, old, changed))
}

const allowList = `service_account_allow_list = ["spire:spire-agent"]`

func odd(t *testing.T, _ *bench) {
	edited(t, allowList, `service_account_allow_list = ["spire:*"]`+"\n                    audiense = [\"spire-server\"]")
	edited(t, "clusters = {", "clusters = {\n"+`                "my cluster" = { `+allowList+" }")
}

func impossible(t *testing.T, _ *bench) {
	edited(t, allowList, allowList+"\n                    max_in_flight = 0\n                    lookup = \"guess\"")
}

func malformed(t *testing.T, _ *bench) {
	edited(t, allowList, `service_account_allow_list = { spire = "spire-agent" }`)
}

func absentKubeconfig(t *testing.T, _ *bench) {
	edited(t, "clusters = {", "clusters = {\n"+`                "east" = { `+allowList+` kube_config_file = "east/kubeconfig" }`)
}
