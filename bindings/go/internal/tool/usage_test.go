package tool

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

const good = "explain --config server.conf --cluster demo --token-file token"

func TestWhatCannotBeUsedIsToldOnStandardErrorAlone(t *testing.T) {
	b := newBench(t, "{}")
	write(t, "empty", " \n")
	write(t, "binary", "\x7fELF\x02\xff\xfe")
	write(t, "agent.conf", `agent { trust_domain = "example.org" }`)
	write(t, "none.conf", `server { trust_domain = "example.org" } plugins { KeyManager "memory" { plugin_data {} } }`)
	write(t, "two.conf", read(t, "server.conf")+read(t, "server.conf")[strings.Index(read(t, "server.conf"), "plugins"):])
	write(t, "twice.conf", strings.Replace(read(t, "server.conf"), `KeyManager "memory"`, `NodeAttestor "k8s_psat"`, 1))
	write(t, "both.conf", strings.Replace(read(t, "server.conf"), "plugin_data {\n            clusters", "plugin_data_file = \"x\"\nplugin_data {\n            clusters", 1))
	write(t, "apart.conf", `server { trust_domain = "example.org" } plugins { NodeAttestor "k8s_psat" { plugin_data_file = "absent.conf" } }`)
	write(t, "large", strings.Repeat(" ", longestPayload+1))
	// Two sections named plugins: SPIRE takes the last.
	if got := b.run(t, "validate --config two.conf"); got.exit != exitFine {
		t.Errorf("two sections: %+v", got)
	}
	for line, want := range map[string]string{
		"":                                  "Started by hand",
		"expalin":                           "there is no such command",
		"--config server.conf":              "there is no such command",
		"validate --cofig x":                "flag provided but not defined: -cofig",
		"validate --config":                 "flag needs an argument: -config",
		"validate server.conf":              "argument 1 is no flag",
		"validate --strict x --y":           "argument 2 is no flag",
		"validate --color purple":           "it is auto, always or never",
		"check --timeout soon":              "it is a number with its unit, such as 500ms, 10s or 2m",
		"check --timeout 10":                "it is a number with its unit, such as 500ms, 10s or 2m",
		"help expalin":                      "there is no such command",
		"check --config a --config b":       "for flag -config: the flag is there twice",
		"check --timeout 1s --timeout 2s":   "for flag -timeout: the flag is there twice",
		"check --color never --color never": "for flag -color: the flag is there twice",
		"attest --cluster a --cluster b":    "for flag -cluster: the flag is there twice",
		"explain --cluster demo --token-file a --token-file b": "for flag -token-file: the flag is there twice",
		"explain --payload a --payload b":                      "for flag -payload: the flag is there twice",
		"validate --psat-config a --psat-config b":             "for flag -psat-config: the flag is there twice",
		"check --timeout 0s":                                   "--timeout must be between 1ms and 24h",
		"check --timeout 25h":                                  "--timeout must be between 1ms and 24h",
		"check --cluster=":                                     "it is empty",
		"validate":                                             "open conf/server/server.conf: no such file or directory; name another one with --config",
		"validate --config absent":                             "open absent: no such file or directory",
		"validate --config demo":                               "read demo: is a directory",
		"validate --config binary":                             "it is not a configuration of spire-server",
		"validate --config token":                              "it is not a configuration of spire-server",
		"validate --config empty":                              `it has no "plugins" section`,
		"validate --config -":                                  "standard input is taken by --psat-config and --token-file alone",
		"check --config agent.conf":                            `it has no "plugins" section`,
		"check --config none.conf":                             `it configures no plugin NodeAttestor "k8s_psat"`,
		"check --config twice.conf":                            `it declares the plugin NodeAttestor "k8s_psat" 2 times`,
		"check --config both.conf":                             "has both plugin_data and plugin_data_file",
		"check --config apart.conf":                            "plugin_data_file cannot be read: open absent.conf",

		"validate --psat-config absent":                        "the configuration cannot be read: open absent",
		"validate --psat-config empty":                         "empty is empty: it should have the library's configuration",
		"validate --psat-config -":                             "standard input is empty",
		"validate --psat-config x --config server.conf":        "give one of them",
		"validate --psat-config demo/config.json --expand-env": "--expand-env is about server.conf",

		"explain --config server.conf":                                                    "whose token?",
		"explain --config server.conf --cluster demo":                                     "--cluster needs the agent's token beside it",
		"explain --config server.conf --token-file token":                                 "--token-file needs the name of the cluster beside it",
		"explain --config server.conf --token-file token --payload x":                     "--payload names cluster and token by itself",
		"explain --config server.conf --cluster demo --token-file absent":                 "the token cannot be read: open absent",
		"explain --config server.conf --cluster demo --token-file demo":                   "the token cannot be read: read demo: is a directory",
		"explain --config server.conf --cluster demo --token-file empty":                  "empty is empty: it should have a token",
		"explain --config server.conf --cluster demo --token-file -":                      "standard input is empty",
		"explain --config server.conf --cluster demo --token-file binary":                 "binary has no token: it is not text",
		"attest --config server.conf --cluster demo --token-file large":                   "large has more than 1 MiB",
		"attest --config server.conf --payload absent":                                    "the payload cannot be read: open absent",
		"attest --config server.conf --payload empty":                                     "empty is empty: it should have an agent's payload",
		"attest --psat-config - --payload -":                                              "standard input cannot be",
		"attest --psat-config - --token-file - --cluster demo":                            "standard input cannot be",
		"attest --config server.conf --cluster demo --token-file token --strict":          "flag provided but not defined: -strict",
		"validate --config server.conf --token-file token":                                "flag provided but not defined: -token-file",
		"attest --config server.conf --cluster demo --token-file token --json " + b.Token: "is no flag",
		b.Token:                     "there is no such command",
		"attest --" + b.Token:       "withheld",
		"attest --token " + b.Token: "flag provided but not defined: -token",
	} {
		got := b.run(t, line)
		if got.exit != exitUsage || got.out != "" || !strings.Contains(got.err, want) {
			t.Errorf("%s: exit %d, out %q, err %q, want %q", line, got.exit, got.out, got.err, want)
		}
	}
}

func TestAFileThatMayNotBeReadIsToldAsSuch(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	b := newBench(t, "{}")
	if err := os.Chmod("token", 0); err != nil {
		t.Fatal(err)
	}
	got := b.run(t, good)
	if got.exit != exitUsage || !strings.Contains(got.err, "permission denied") {
		t.Errorf("got %+v", got)
	}
}

func TestEveryCommandHasHelpWithItsFlags(t *testing.T) {
	for _, c := range commands() {
		for _, flagName := range []string{"--help", "-h", "help"} {
			got := (*bench)(nil).run(t, c.name+" "+flagName)
			if other := (*bench)(nil).run(t, "help "+c.name); other != got {
				t.Errorf("help %s: %+v", c.name, other)
			}
			if got.exit != exitFine || got.err != "" || !strings.Contains(got.out, "Exit codes:") {
				t.Errorf("%s %s: %+v", c.name, flagName, got)
			}
			c.flagSet(new(options)).VisitAll(func(f *flag.Flag) {
				if !strings.Contains(got.out, "    --"+f.Name) {
					t.Errorf("%s %s does not tell of --%s", c.name, flagName, f.Name)
				}
			})
			for line := range strings.Lines(got.out) {
				if len([]rune(line)) > defaultWidth+1 {
					t.Errorf("%s %s has a line that is too long: %s", c.name, flagName, line)
				}
			}
		}
	}
	for _, line := range []string{"--help", "-h", "help", "--version", "-V"} {
		if got := (*bench)(nil).run(t, line); got.exit != exitFine || got.err != "" || !strings.Contains(got.out, program) {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestAnAnswerThatCannotBeWrittenIsAFault(t *testing.T) {
	newBench(t, "{}")
	for _, line := range []string{"--help", "--version", "explain --help", good, good + " --json", "validate --config server.conf"} {
		var diagnostics strings.Builder
		exit := Run(context.Background(), strings.Fields(line), Streams{Out: fullDisk{}, Err: &diagnostics})
		if exit != exitInternal || !strings.Contains(diagnostics.String(), "no space left") {
			t.Errorf("%s: exit %d, %s", line, exit, diagnostics.String())
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }
