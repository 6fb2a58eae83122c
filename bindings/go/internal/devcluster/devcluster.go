// Package devcluster starts this repository's dev cluster for tests.
package devcluster

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Cluster is a running dev cluster.
type Cluster struct {
	// Directory has the files of `devcluster serve`.
	Directory string
	// Kubeconfig is the path of the reviewer's kubeconfig.
	Kubeconfig string
	// Payload is accepted for the cluster "demo" and the service account spire:spire-agent, PayloadRefused is not.
	Payload, PayloadRefused []byte
	// Token is that of Payload.
	Token string
}

// Start runs a dev cluster until the test ends. PSAT_DEVCLUSTER names the program; absent, it is what `make devcluster`
// builds.
func Start(t *testing.T) *Cluster {
	t.Helper()
	return StartWorld(t, "{}")
}

// StartWorld is Start with another world than the default one, in JSON.
func StartWorld(t *testing.T, world string) *Cluster {
	t.Helper()
	directory := t.TempDir()
	file := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(file, []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program(), "serve", "--dir", directory, "--world", file)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatalf("start the dev cluster, which `make devcluster` builds: %v", err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	// What Mint needs is written beside the rest.
	for _, name := range []string{"world.json", "signing-keys.json"} {
		soon(t, filepath.Join(directory, name))
	}
	cluster := &Cluster{
		Directory:      directory,
		Kubeconfig:     filepath.Join(directory, "kubeconfig"),
		Payload:        soon(t, filepath.Join(directory, "payload.json")),
		PayloadRefused: soon(t, filepath.Join(directory, "payload-refused.json")),
	}
	var payload struct{ Token string }
	if err := json.Unmarshal(cluster.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	cluster.Token = payload.Token
	return cluster
}

// Mint makes another token. The request is JSON, as the dev cluster's README has it.
func (c *Cluster) Mint(t *testing.T, request string) string {
	t.Helper()
	token, err := exec.Command(program(), "token", "--dir", c.Directory, "--request", request).Output()
	if err != nil {
		t.Fatalf("mint a token: %v", err)
	}
	return strings.TrimSpace(string(token))
}

func program() string {
	if named := os.Getenv("PSAT_DEVCLUSTER"); named != "" {
		return named
	}
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../../../../target/debug/devcluster")
}

// soon waits for a JSON document that is being written.
func soon(t *testing.T, path string) []byte {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		document, err := os.ReadFile(path)
		if err == nil && bytes.HasSuffix(bytes.TrimSpace(document), []byte("}")) {
			return document
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("the dev cluster wrote no %s", filepath.Base(path))
		}
	}
}
