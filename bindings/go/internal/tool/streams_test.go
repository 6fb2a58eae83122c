package tool

import (
	"strings"
	"testing"
	"time"
)

func TestJSONIsTheLibrarysDocumentAlone(t *testing.T) {
	b := newBench(t, "{}")
	write(t, "invalid.json", `{"trust_domain": "example.org", "clusters": {"demo": {"service_account_allow_list": []}}}`)
	for _, c := range []struct {
		line   string
		exit   int
		reason string
		member string
	}{
		{"validate --config server.conf", exitFine, "OK", "notes"},
		{"validate --psat-config demo/config.json", exitFine, "OK", "notes"},
		{"validate --psat-config invalid.json", exitNo, "CONFIG_INVALID", "notes"},
		{"attest --config server.conf --cluster demo --token-file token", exitFine, "OK", "agent_attributes"},
		{"attest --config server.conf --payload demo/payload.json", exitFine, "OK", "agent_attributes"},
		{"attest --psat-config demo/config.json --payload demo/payload.json", exitFine, "OK", "agent_attributes"},
		{"attest --config server.conf --payload demo/payload-refused.json", exitNo, "SERVICE_ACCOUNT_NOT_ALLOWED", "diagnostics"},
		{"attest --psat-config invalid.json --payload demo/payload.json", exitNo, "CONFIG_INVALID", "notes"},
		{"explain --config server.conf --payload demo/payload.json", exitFine, "OK", "steps"},
		{"explain --config server.conf --payload demo/payload-refused.json", exitNo, "SERVICE_ACCOUNT_NOT_ALLOWED", "steps"},
		{"explain --psat-config invalid.json --payload demo/payload-refused.json", exitNo, "CONFIG_INVALID", "notes"},
		{"check --config server.conf", exitFine, "OK", "clusters"},
		{"check --config server.conf --cluster demo --cluster demo", exitFine, "OK", "clusters"},
		{"check --config server.conf --cluster other", exitUsage, "CLUSTER_UNKNOWN", "message"},
		{"check --psat-config invalid.json", exitNo, "CONFIG_INVALID", "notes"},
	} {
		got := b.run(t, c.line+" --json --color always")
		document := got.document(t)
		if got.exit != c.exit || got.err != "" || document["reason"] != c.reason || document[c.member] == nil {
			t.Errorf("%s: exit %d, err %q, %s", c.line, got.exit, got.err, got.out)
		}
	}
}

func TestStandardInputIsRead(t *testing.T) {
	b := newBench(t, "{}")
	config := read(t, "demo/config.json")
	for line, input := range map[string]string{
		"attest --config server.conf --cluster demo --token-file -":       b.Token + "\n",
		"attest --config server.conf --payload -":                         string(b.Payload),
		"attest --psat-config - --payload demo/payload.json":              config,
		"explain --psat-config - --cluster demo --token-file token":       config,
		"validate --psat-config -":                                        config,
		"explain --config server.conf --cluster demo --token-file -":      "  " + b.Token,
		"attest --config server.conf --token-file - --cluster demo":       "\ufeff" + b.Token + "\r\n",
		"print-config --psat-config -":                                    config,
		"explain --psat-config demo/config.json --payload - --json":       string(b.Payload),
		"check --psat-config - --cluster demo --timeout 10s --json":       config,
		"attest --psat-config demo/config.json --payload - --color=never": string(b.Payload),
	} {
		if got := b.runWithInput(t, line, input); got.exit != exitFine || got.err != "" {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestWhatTheServerWouldLogIsToldBesideTheAnswer(t *testing.T) {
	b := newBench(t, "{}")
	edited(t, "plugin_data {\n            clusters = {", "enabled = false\n        plugin_data {\n            trust_domain = \"x\"\n clusters = {\n"+`"my cluster" = { `+allowList+" }")
	for _, line := range []string{good, "attest --config server.conf --payload demo/payload.json --json", "check --config server.conf --json"} {
		got := b.run(t, line)
		want := exitFine
		if strings.HasPrefix(line, "check") {
			want = exitNo // of clusters that nobody uses
		}
		if got.exit != want {
			t.Errorf("%s: %+v", line, got)
		}
		for _, want := range []string{"SPIRE does not load the plugin", `clusters["my cluster"]`, "trust_domain: it is ignored in plugin_data"} {
			if !strings.Contains(got.err, "warning: ") || !strings.Contains(got.err, want) || strings.Contains(got.out, want) {
				t.Errorf("%s: %q is not in %q alone", line, want, got.err)
			}
		}
	}
	got := b.run(t, "check --config server.conf")
	if got.exit != exitNo || !strings.HasPrefix(got.out, "not loaded: enabled = false in server.conf: ") || !strings.Contains(got.out, "\nusable: demo\n") {
		t.Errorf("got %+v", got)
	}
	got = b.run(t, "validate --config server.conf --json")
	if notes, _ := got.document(t)["notes"].([]any); len(notes) != 3 || got.exit != exitFine || got.err != "" {
		t.Errorf("got %+v", got)
	}
	got = b.run(t, "print-config --config server.conf")
	if _, ok := got.document(t)["clusters"].(map[string]any)["my cluster"]; ok || got.exit != exitFine {
		t.Errorf("got %+v", got)
	}
}

func TestMistakesInSPIREsWordsComeBeforeTheLibraryIsAsked(t *testing.T) {
	b := newBench(t, "{}")
	edited(t, `trust_domain = "example.org"`, "")
	const want = "server core configuration must contain trust_domain"
	for _, line := range []string{"validate", "print-config", "check", "attest --payload demo/payload.json", "explain --payload demo/payload.json"} {
		got := b.run(t, line+" --config server.conf")
		if got.exit != exitNo || !strings.HasPrefix(got.out, "invalid: 1 error\n") || !strings.Contains(got.out, want) {
			t.Errorf("%s: %+v", line, got)
		}
		got = b.run(t, line+" --config server.conf --json")
		document := got.document(t)
		if got.exit != exitNo || document["reason"] != "CONFIG_INVALID" || document["valid"] != false || document["message"] != want {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestTheEnvironmentIsExpandedOnlyWhenAsked(t *testing.T) {
	b := newBench(t, "{}")
	t.Setenv("PSAT_TEST_TRUST_DOMAIN", "elsewhere.org")
	edited(t, "example.org", "${PSAT_TEST_TRUST_DOMAIN}")
	got := b.run(t, "print-config --config server.conf --expand-env")
	if got.exit != exitFine || got.document(t)["trust_domain"] != "elsewhere.org" {
		t.Errorf("got %+v", got)
	}
	if got := b.run(t, "print-config --config server.conf"); got.exit != exitNo || !strings.Contains(got.out, "trust_domain is malformed") {
		t.Errorf("got %+v", got)
	}
}

func TestPluginDataMayBeInAFileOfItsOwn(t *testing.T) {
	b := newBench(t, "{}")
	conf := read(t, "server.conf")
	begin, end := strings.Index(conf, "            clusters = {"), strings.Index(conf, "        }\n    }\n    KeyManager")
	write(t, "psat.conf", conf[begin:end])
	edited(t, "plugin_data {\n"+conf[begin:end]+"        }", `plugin_data_file = "psat.conf"`)
	if got := b.run(t, good); got.exit != exitFine {
		t.Errorf("got %+v", got)
	}
}

func TestAServerThatNeverAnswersIsGivenUpInTime(t *testing.T) {
	b := newBench(t, `{"listener": "hang_tls"}`)
	for line, want := range map[string]string{
		good: "refused: DEADLINE_EXCEEDED (4) at token_review",
		strings.Replace(good, "explain", "attest", 1): "refused: DEADLINE_EXCEEDED (4)",
		"check --config server.conf":                  "not usable: demo: ",
	} {
		begun := time.Now()
		got := b.run(t, line+" --timeout 200ms")
		if got.exit != exitNo || got.err != "" || !strings.HasPrefix(got.out, want) {
			t.Errorf("%s: %+v", line, got)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s took %v", line, took)
		}
	}
}
