package psat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	psat "psat-attestor.example/bindings/go"
)

// verify fails the test if it leaves a goroutine, a thread of the library or a document behind. It stands atop of each.
func verify(t *testing.T) {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	t.Cleanup(func() {
		t.Helper()
		soon(t, "the test's goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
		soon(t, "the library's threads end", func() bool { return len(libraryThreads(t)) == 0 })
		if alive := documentsAlive(t); alive != 0 {
			t.Errorf("%d documents are alive", alive)
		}
	})
}

// soon waits for what must become true without further doing.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			stacks := make([]byte, 1<<20)
			t.Fatalf("not within 10 s: %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// documentsAlive is of the whole process; the attestor is only there to be asked.
func documentsAlive(t *testing.T) uint64 {
	t.Helper()
	attestor := start(t, psat.Config{})
	stats, err := attestor.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if err := attestor.Close(); err != nil {
		t.Fatal(err)
	}
	return stats.DocumentsAlive
}

// libraryThreads are the names of the threads that are the library's, on Linux.
func libraryThreads(t *testing.T) []string {
	t.Helper()
	names, _ := filepath.Glob("/proc/self/task/*/comm")
	var library []string
	for _, name := range names {
		// A thread may be gone by now.
		if comm, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(comm), "psat-") {
			library = append(library, strings.TrimSpace(string(comm)))
		}
	}
	return library
}

// start makes an attestor, which the test closes.
func start(t *testing.T, config psat.Configuration, opts ...psat.Option) *psat.Attestor {
	t.Helper()
	attestor, err := psat.New(context.Background(), config, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return attestor
}

// onDevCluster makes an attestor for the dev cluster, which is closed when the test ends.
func onDevCluster(t *testing.T, opts ...psat.Option) *psat.Attestor {
	t.Helper()
	attestor := start(t, psat.RawConfig(devcluster.config), opts...)
	t.Cleanup(func() { closed(t, attestor) })
	return attestor
}

func closed(t *testing.T, attestor *psat.Attestor) {
	t.Helper()
	if err := attestor.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// refused is the library's error for a reason, or the test fails.
func refused(t *testing.T, err error, reason psat.Reason) *psat.Error {
	t.Helper()
	var e *psat.Error
	if !errors.As(err, &e) || !errors.Is(err, reason) {
		t.Fatalf("got the error %v, want the reason %s", err, reason)
	}
	return e
}

// hangingServer takes connections and says nothing.
type hangingServer struct {
	config      psat.Config
	connections atomic.Int64
}

func startHangingServer(t *testing.T) *hangingServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &hangingServer{config: configFor(t, listener.Addr().String())}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			server.connections.Add(1)
			defer connection.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return server
}

// configFor has the cluster "demo" at an address.
func configFor(t *testing.T, address string) psat.Config {
	t.Helper()
	kubeconfig := fmt.Sprintf(`{
		"apiVersion": "v1", "kind": "Config", "current-context": "demo",
		"clusters": [{"name": "demo", "cluster": {"server": "https://%s", "insecure-skip-tls-verify": true}}],
		"users": [{"name": "reviewer", "user": {"token": "of-no-use"}}],
		"contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "reviewer"}}]
	}`, address)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return psat.Config{
		TrustDomain: "example.org",
		Clusters: map[string]psat.ClusterConfig{
			"demo": {ServiceAccountAllowList: []string{"spire:spire-agent"}, KubeConfigFile: path},
		},
	}
}

// agree fails the test unless typed holds what the document does, under the same names.
func agree(t *testing.T, typed any, document json.RawMessage, ignored ...string) {
	t.Helper()
	again, err := json.Marshal(typed)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := errors.Join(json.Unmarshal(again, &got), json.Unmarshal(document, &want)); err != nil {
		t.Fatal(err)
	}
	for _, key := range ignored {
		delete(want, key)
	}
	for key, value := range want {
		if fmt.Sprint(got[key]) != fmt.Sprint(value) {
			t.Errorf("%s: got %v, the document has %v", key, got[key], value)
		}
	}
}
