package spireconf

import (
	"encoding/json"
	"reflect"
	"testing"
)

const everyKey = `
	service_account_allow_list = ["spire:spire-agent", "spire:other"]
	audience = ["one", "two"]
	kube_config_file = "/kubeconfig"
	allowed_node_label_keys = ["zone"]
	allowed_pod_label_keys = ["app"]
	use_pod_uid_for_agent_id = true
	lookup = "sequential"
	verify_signature = "off"
	require_node_uid_match = true
	call_timeout_ms = 5000
	max_in_flight = 9007199254740993
	max_queued = 0
`

const everyKeyInJSON = `{
	"service_account_allow_list": ["spire:spire-agent", "spire:other"],
	"audience": ["one", "two"],
	"kube_config_file": "/kubeconfig",
	"allowed_node_label_keys": ["zone"],
	"allowed_pod_label_keys": ["app"],
	"use_pod_uid_for_agent_id": true,
	"lookup": "sequential",
	"verify_signature": "off",
	"require_node_uid_match": true,
	"call_timeout_ms": 5000,
	"max_in_flight": 9007199254740993,
	"max_queued": 0
}`

func TestEverySpellingMeansTheSame(t *testing.T) {
	want := `{"trust_domain": "example.org", "clusters": {"a": ` + everyKeyInJSON + `, "b": {"service_account_allow_list": ["ns:b"]}}}`
	b := `service_account_allow_list = ["ns:b"]`
	for name, text := range map[string]string{
		"a map":                  `clusters = { "a" = {` + everyKey + `}, "b" = {` + b + `} }`,
		"a map without equals":   `clusters = { "a" {` + everyKey + `} "b" {` + b + `} }`,
		"a block":                `clusters { a {` + everyKey + `} "b" {` + b + `} }`,
		"blocks with names":      `clusters "a" {` + everyKey + `} clusters "b" {` + b + `}`,
		"as SPIRE prints JSON":   `"clusters" "a" {` + everyKey + `} "clusters" "b" {` + b + `}`,
		"keys in capitals":       `CLUSTERS "a" {` + everyKey + `} clusters "b" { Service_Account_Allow_List = ["ns:b"] }`,
		"JSON":                   `{"clusters": {"a": ` + everyKeyInJSON + `, "b": {"service_account_allow_list": ["ns:b"]}}}`,
		"JSON with a list":       `{"clusters": [{"a": ` + everyKeyInJSON + `}, {"b": {"service_account_allow_list": ["ns:b"]}}]}`,
		"the last value wins":    `clusters "b" { kube_config_file = "x" } clusters "a" {` + everyKey + `} clusters "b" { ` + b + ` kube_config_file = "" }`,
		"numbers may be strings": `clusters { a {` + everyKey + ` call_timeout_ms = "5000" } b {` + b + `} }`,
	} {
		t.Run(name, func(t *testing.T) { expectDocument(t, text, want) })
	}
}

func TestWhatIsEmptyIsNotAbsent(t *testing.T) {
	expectDocument(t, `clusters "a" { audience = [] }`, `{"trust_domain": "example.org", "clusters": {"a": {"audience": []}}}`)
	expectDocument(t, `clusters "a" {}`, `{"trust_domain": "example.org", "clusters": {"a": {}}}`)
	expectDocument(t, ``, `{"trust_domain": "example.org", "clusters": {}}`)
}

func TestOwnKeysAtTheTop(t *testing.T) {
	expectDocument(t,
		`error_style = "upstream" engine { worker_threads = 2 attest_timeout_ms = 1000 max_queued_bytes = 4096 }`,
		`{"trust_domain": "example.org", "clusters": {}, "error_style": "upstream",
			"engine": {"worker_threads": 2, "attest_timeout_ms": 1000, "max_queued_bytes": 4096}}`)
}

func TestUnknownKeysAreKeptForTheLibraryToWarnOf(t *testing.T) {
	want := `{"trust_domain": "example.org", "cluster": null, "engine": {"threads": null},
		"clusters": {"a": {"audiences": null}, "A": {"lookups": null}}}`
	expectDocument(t, `cluster = 1 engine { threads = 1 } clusters { a { audiences = ["x"] } A { lookups = "x" } }`, want)
	expectDocument(t, `"cluster" = 1 "engine" = { "threads" = 1 } "clusters" "a" { "audiences" = [] } "clusters" "A" { "lookups" = 1 }`, want)
	// The server's trust domain is not the plugin's to set.
	expectDocument(t, `trust_domain = "elsewhere.org"`, `{"trust_domain": "example.org", "clusters": {}}`)
}

func TestWhatCannotBeDecoded(t *testing.T) {
	for _, text := range []string{
		`clusters = [{ "a" = {} }, { "b" = {} }]`, `clusters = 5`, `clusters "a" { audience = { x = 1 } }`, `clusters {`,
		`clusters "a" { call_timeout_ms = "soon" }`, `engine = true`,
	} {
		if data, err := decode(text); err == nil {
			t.Errorf("%s became %+v", text, data)
		}
	}
}

func expectDocument(t *testing.T, text, want string) {
	t.Helper()
	data, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range data.Clusters {
		names = append(names, name)
	}
	got := data.document("example.org", names)
	if !reflect.DeepEqual(parsed(t, string(got)), parsed(t, want)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
