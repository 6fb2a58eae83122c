package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"psat-attestor.example/bindings/go/internal/devcluster"
)

var update = flag.Bool("update", false, "write the expected outputs anew, and the pages that quote them")

// here is the directory of this package, wherever a test has gone.
var here = func() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}()

// bench is a directory as an operator has it, and the process's working directory: server.conf, a token, and in demo the
// kubeconfig of a dev cluster and what else belongs to it.
type bench struct {
	*devcluster.Cluster
}

func newBench(t *testing.T, world string) *bench {
	t.Helper()
	b := &bench{devcluster.StartWorld(t, world)}
	t.Chdir(t.TempDir())
	if err := os.CopyFS("demo", os.DirFS(b.Directory)); err != nil {
		t.Fatal(err)
	}
	// The library tells of these files; their paths must be the same in each run.
	for path, from := range map[string]string{"demo/kubeconfig": "", "demo/config.json": "demo/"} {
		write(t, path, strings.ReplaceAll(read(t, path), b.Directory+"/", from))
	}
	write(t, "server.conf", read(t, filepath.Join(here, "testdata", "server.conf")))
	write(t, "token", b.Token)
	return b
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// answer is what a run of the tool left behind.
type answer struct {
	exit        int
	out, err    string
	interleaved string
}

// run runs the tool with a command line of words without spaces.
func (b *bench) run(t *testing.T, line string) answer {
	t.Helper()
	return b.runWithInput(t, line, "")
}

// runWithInput does so with something on standard input. No token may ever get out.
func (b *bench) runWithInput(t *testing.T, line, input string) answer {
	t.Helper()
	var out, err, both bytes.Buffer
	exit := Run(context.Background(), strings.Fields(line), Streams{
		In:  strings.NewReader(input),
		Out: io.MultiWriter(&out, &both),
		Err: io.MultiWriter(&err, &both),
	})
	got := answer{exit: exit, out: out.String(), err: err.String(), interleaved: both.String()}
	if b != nil {
		b.expectNoToken(t, line, got.interleaved)
	}
	return got
}

// expectNoToken looks for the tokens of all files of the bench, and for their parts.
func (b *bench) expectNoToken(t *testing.T, line, output string) {
	t.Helper()
	for _, name := range []string{"token", "demo/token", "demo/payload-refused.json"} {
		for _, token := range jws.FindAllString(read(t, name), -1) {
			for _, part := range strings.Split(token, ".") {
				if len(part) > 16 && strings.Contains(output, part) {
					t.Errorf("%s: the output holds a part of a token", line)
				}
			}
		}
	}
}

// document is the one JSON document that standard output has, or the test fails.
func (a answer) document(t *testing.T) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(a.out))
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		t.Fatalf("no document: %v in %q", err, a.out)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Errorf("more than one document: %q", a.out)
	}
	return document
}

// What differs from run to run, and what stands in its place. None of it changes where a line ends.
var varying = []struct {
	pattern *regexp.Regexp
	fixed   string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d{5}`), "127.0.0.1:16443"},
	{regexp.MustCompile(`JTI=[0-9a-f-]{36}`), "JTI=2f9c0a44-51d6-4c0e-9d1c-6f0d6a1e7b35"},
	{regexp.MustCompile(`(took|checked in) [0-9.]+ m?s`), "$1 5.0 ms"},
	{regexp.MustCompile(`\d+ bytes;`), "1100 bytes;"},
	{regexp.MustCompile(`differs by \d s`), "differs by 0 s"},
}

// expectGolden compares a session at the terminal with the file of that name in testdata.
func expectGolden(t *testing.T, name, line string, got answer) {
	t.Helper()
	text := got.interleaved
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.fixed)
	}
	text = fmt.Sprintf("$ %s %s\n%s$ echo $?\n%d\n", program, line, text, got.exit)
	path := filepath.Join(here, "testdata", name+".txt")
	if *update {
		write(t, path, text)
		return
	}
	want := read(t, path)
	for i, line := range strings.Split(text, "\n") {
		if wanted := strings.Split(want+"\n", "\n"); i >= len(wanted) || line != wanted[i] {
			t.Errorf("line %d of %s differs; if that is right, `make golden` writes the files anew. Got all of\n%s", i+1, filepath.Base(path), text)
			return
		}
	}
	if text != want {
		t.Errorf("%s has more lines than\n%s", filepath.Base(path), text)
	}
}
