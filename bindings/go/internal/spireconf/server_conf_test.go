package spireconf

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const clusters = `clusters = { "demo" = { service_account_allow_list = ["spire:spire-agent"] } }`

// expectPlugin reads a server.conf, and compares trust domain and plugin_data with what is wanted.
func expectPlugin(t *testing.T, text, trustDomain, data string) {
	t.Helper()
	conf, err := ParseServerConf(text)
	if err != nil {
		t.Fatal(err)
	}
	if conf.TrustDomain != trustDomain {
		t.Errorf("the trust domain is %q, want %q", conf.TrustDomain, trustDomain)
	}
	if got, want := documentOf(t, conf.PluginData), documentOf(t, data); !reflect.DeepEqual(got, want) {
		t.Errorf("plugin_data is %v, want %v", got, want)
	}
}

// documentOf is what the library would get for every cluster.
func documentOf(t *testing.T, text string) any {
	t.Helper()
	data, err := decode(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var names []string
	for name := range data.Clusters {
		names = append(names, name)
	}
	var document any
	if err := json.Unmarshal(data.document("example.org", names), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func TestEverySpellingOfThePluginIsFound(t *testing.T) {
	server := `server { trust_domain = "example.org" bind_port = 8081 } `
	others := ` KeyManager "memory" { plugin_data {} } NodeAttestor "join_token" { plugin_data {} } `
	for name, text := range map[string]string{
		"both keys on one line":    server + `plugins {` + others + `NodeAttestor "k8s_psat" { plugin_data {` + clusters + `} } }`,
		"keys inside each other":   server + `plugins { NodeAttestor { k8s_psat { plugin_data {` + clusters + `} } } }`,
		"quoted, with equals":      server + `plugins = { "NodeAttestor" = { "k8s_psat" = { plugin_data = {` + clusters + `} } } }`,
		"three keys on one line":   server + `plugins { NodeAttestor "k8s_psat" plugin_data {` + clusters + `} }`,
		"one line after plugins":   server + `plugins "NodeAttestor" "k8s_psat" { plugin_data {` + clusters + `} }`,
		"an external plugin":       server + `plugins { NodeAttestor "k8s_psat" { plugin_cmd = "/x" plugin_checksum = "y" plugin_data {` + clusters + `} } }`,
		"enabled":                  server + `plugins { NodeAttestor "k8s_psat" { enabled = true plugin_data {` + clusters + `} } }`,
		"the server comes last":    `plugins { NodeAttestor "k8s_psat" { plugin_data {` + clusters + `} } } ` + server,
		"JSON":                     `{"server": {"trust_domain": "example.org"}, "plugins": {"NodeAttestor": {"k8s_psat": {"plugin_data": {"clusters": {"demo": {"service_account_allow_list": ["spire:spire-agent"]}}}}}}}`,
		"JSON with a list":         `{"server": {"trust_domain": "example.org"}, "plugins": {"NodeAttestor": [{"k8s_psat": {"plugin_data": {"clusters": {"demo": {"service_account_allow_list": ["spire:spire-agent"]}}}}}, {"join_token": {"plugin_data": {}}}]}}`,
		"JSON with other plugins":  `{"server": {"trust_domain": "example.org"}, "plugins": {"KeyManager": {"memory": {"plugin_data": {}}}, "NodeAttestor": {"join_token": {}, "k8s_psat": {"plugin_data": {"clusters": {"demo": {"service_account_allow_list": ["spire:spire-agent"]}}}}}}}`,
		"names in another type":    server + `plugins { Notifier "k8s_psat" { plugin_data {} } NodeAttestor "k8s_psat" { plugin_data {` + clusters + `} } }`,
		"several NodeAttestor":     server + `plugins { NodeAttestor { join_token { plugin_data {} } } NodeAttestor { k8s_psat { plugin_data {` + clusters + `} } } }`,
		"without other attributes": server + `plugins { NodeAttestor "k8s_psat" { plugin_data {` + clusters + `} } } telemetry { Prometheus { port = 1 } } health_checks {}`,
	} {
		t.Run(name, func(t *testing.T) { expectPlugin(t, text, "example.org", clusters) })
	}
}

func TestWhatIsAbsentIsEmpty(t *testing.T) {
	conf, err := ParseServerConf(`plugins { NodeAttestor "k8s_psat" {} }`)
	if err != nil || *conf != (ServerConf{}) {
		t.Errorf("got %+v, %v", conf, err)
	}
	conf, err = ParseServerConf(`server {} plugins { NodeAttestor "k8s_psat" { enabled = false plugin_data_file = "psat.conf" } }`)
	if err != nil || *conf != (ServerConf{Disabled: true, PluginDataFile: "psat.conf"}) {
		t.Errorf("got %+v, %v", conf, err)
	}
}

func TestAServerConfThatCannotBeUsedSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		`server {`:                       "it is not a configuration of spire-server",
		"\x7fELF\x00":                    "it is not a configuration of spire-server",
		`server { trust_domain = {} }`:   "it is not a configuration of spire-server",
		``:                               `it has no "plugins" section`,
		`agent { trust_domain = "x" }`:   `it has no "plugins" section`,
		`plugins = "none"`:               `it configures no plugin NodeAttestor "k8s_psat"`,
		`plugins { }`:                    `it configures no plugin NodeAttestor "k8s_psat"`,
		`plugins { NodeAttestor "x" {}}`: `it configures no plugin NodeAttestor "k8s_psat"`,
		// SPIRE compares names letter by letter.
		`plugins { NodeAttestor "K8S_PSAT" {}}`:                                          `it configures no plugin NodeAttestor "k8s_psat"`,
		`plugins { NodeAttestor "k8s_psat" {} NodeAttestor "k8s_psat" {} }`:              `declares the plugin NodeAttestor "k8s_psat" 2 times`,
		`plugins { NodeAttestor { k8s_psat {} k8s_psat {} } NodeAttestor "k8s_psat" {}}`: `declares the plugin NodeAttestor "k8s_psat" 3 times`,
		`plugins { NodeAttestor "k8s_psat" { plugin_data {} plugin_data_file = "x" } }`:  "has both plugin_data and plugin_data_file",
		`plugins { NodeAttestor "k8s_psat" { enabled = "perhaps" } }`:                    "cannot be read",
	} {
		if conf, err := ParseServerConf(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want %s", text, conf, err, want)
		}
	}
}

func TestTheEnvironmentIsExpandedAsSPIREDoes(t *testing.T) {
	t.Setenv("PSAT_TEST_NAME", "example.org")
	if got := ExpandEnv(`"$PSAT_TEST_NAME" "${PSAT_TEST_NAME}" "$$" "$PSAT_TEST_ABSENT"`); got != `"example.org" "example.org" "$" ""` {
		t.Errorf("got %s", got)
	}
}
