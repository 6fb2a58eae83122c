package tool

import (
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAnAgentGetsNoMoreTimeThanFromTheServer(t *testing.T) {
	b := newBench(t, `{"listener": "hang_tls"}`)
	edited(t, "clusters = {", "engine { attest_timeout_ms = 150 }\n            clusters = {")
	write(t, "demo/config.json", strings.Replace(read(t, "demo/config.json"), "{", `{"engine": {"attest_timeout_ms": 150},`, 1))
	for _, line := range []string{"attest", "explain"} {
		for _, config := range []string{" --config server.conf", " --psat-config demo/config.json"} {
			begun := time.Now()
			got := b.run(t, line+config+" --payload demo/payload.json --timeout 1m")
			if got.exit != exitNo || !strings.HasPrefix(got.out, "refused: DEADLINE_EXCEEDED (4)") {
				t.Errorf("%s%s: %+v", line, config, got)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("%s%s took %v", line, config, took)
			}
		}
	}
}

func TestTheTimeThatTheLibraryGivesAnAgentIsKnown(t *testing.T) {
	page := read(t, filepath.Join(here, "../../../..", "docs", "configuration.md"))
	row := regexp.MustCompile("(?m)^\\| `attest_timeout_ms` \\| number \\| (\\d+) \\|").FindStringSubmatch(page)
	if row == nil || row[1] != strconv.FormatInt(defaultAttestTimeout.Milliseconds(), 10) {
		t.Errorf("docs/configuration.md has %q, the tool %v", row, defaultAttestTimeout)
	}
	unset := &source{document: []byte(`{"clusters": {}, "engine": {"worker_threads": 1}}`)}
	if got := unset.attestTimeout(); got != defaultAttestTimeout {
		t.Errorf("got %v", got)
	}
}

func TestAPipeThatNobodyWritesToIsGivenUpInTime(t *testing.T) {
	b := newBench(t, "{}")
	if err := unix.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"attest --config server.conf --cluster demo --token-file pipe", "explain --config server.conf --payload pipe",
		"check --config pipe", "check --psat-config pipe", "explain --config pipe --payload demo/payload.json",
	} {
		got := b.run(t, line+" --timeout 50ms")
		if got.exit != exitUsage || got.out != "" || !strings.Contains(got.err, "pipe did not end within --timeout (50ms)") {
			t.Errorf("%s: %+v", line, got)
		}
	}
	silent, writer := io.Pipe()
	defer writer.Close()
	var out, err strings.Builder
	exit := Run(t.Context(), strings.Fields("attest --config server.conf --cluster demo --token-file - --timeout 50ms"), Streams{In: silent, Out: &out, Err: &err})
	if exit != exitUsage || out.Len() > 0 || !strings.Contains(err.String(), "standard input did not end within --timeout (50ms)") {
		t.Errorf("exit %d, out %q, err %q", exit, out.String(), err.String())
	}
}
