package tool

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSettingsAreWrittenAsPluginDataTakesThem(t *testing.T) {
	for text, want := range map[string]string{
		`clusters.demo.audience = ["a","b"]`:         "clusters = {\n    \"demo\" = {\n        audience = [\"a\",\"b\"]\n    }\n}",
		`clusters["my \"cluster\".x"].audience = []`: "clusters = {\n    \"my \\\"cluster\\\".x\" = {\n        audience = []\n    }\n}",
		`engine.worker_threads = 4`:                  "engine = {\n    worker_threads = 4\n}",
		"clusters.a.lookup = \"auto\"\nclusters.a.max_queued = 5\nclusters.b.lookup = \"auto\"\nengine.worker_threads = 4": "clusters = {\n" +
			"    \"a\" = {\n        lookup = \"auto\"\n        max_queued = 5\n    }\n    \"b\" = {\n        lookup = \"auto\"\n    }\n}\n" +
			"engine = {\n    worker_threads = 4\n}",
		"# one\nengine.worker_threads = 4\n# two":                 "# one\nengine = {\n    worker_threads = 4\n}\n# two",
		"apiVersion: v1\nclusters.x: 5\nkubectl get x = y\nx = 5": "apiVersion: v1\nclusters.x: 5\nkubectl get x = y\nx = 5",
	} {
		if got := strings.Join(inPluginData(strings.Split(text, "\n")), "\n"); got != want {
			t.Errorf("%s became\n%s\nwant\n%s", text, got, want)
		}
	}
}

// hclBlock is a block at the left edge.
var hclBlock = regexp.MustCompile(`(?m)^clusters = \{\n(?: .*\n)+\}\n`)

func TestASettingThatIsPastedAsItIsTakesEffect(t *testing.T) {
	b := newBench(t, "{}")
	minted(`{"audience": ["vault"]}`)(t, b)
	shown := b.run(t, good)
	block := hclBlock.FindString(shown.out)
	if shown.exit != exitNo || block == "" {
		t.Fatalf("got %+v", shown)
	}
	const end = "        }\n    }\n    KeyManager" // of plugin_data
	edited(t, end, block+end)
	if got := b.run(t, good); got.exit != exitFine {
		t.Errorf("got %+v", got)
	}
	if got := b.run(t, "validate --config server.conf --strict"); got.exit != exitFine {
		t.Errorf("got %+v", got)
	}
	// The library's own configuration has no blocks.
	got := b.run(t, "explain --psat-config demo/config.json --cluster demo --token-file token")
	if !slices.Contains(strings.Split(got.out, "\n"), `clusters.demo.audience = ["spire-server","vault"]`) {
		t.Errorf("got %+v", got)
	}
}

func TestAPathInPluginDataIsToldToBeNone(t *testing.T) {
	b := newBench(t, "{}")
	edited(t, "clusters = {", "clusters.demo.audience = [\"vault\"]\n            engine.worker_threads = 4\n            clusters = {")
	got := b.run(t, "validate --config server.conf --strict")
	said := strings.Join(strings.Fields(got.out), " ")
	for _, want := range []string{"valid: 2 warnings", `warning clusters.demo.audience unknown key, ignored`,
		`did you mean clusters = { "demo" = { audience = … } }?`, "did you mean engine = { worker_threads = … }?"} {
		if got.exit != exitNo || !strings.Contains(said, want) {
			t.Errorf("%q is not in %+v", want, got)
		}
	}
}
