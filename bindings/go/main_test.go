package psat_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// devcluster is the API server that the tests share: a program of this repository, which `make devcluster` builds.
var devcluster struct {
	config, payload, refused []byte
}

func TestMain(m *testing.M) {
	os.Exit(runOnDevCluster(m))
}

func runOnDevCluster(m *testing.M) int {
	dir, err := os.MkdirTemp("", "psat-go")
	if err != nil {
		return unable(err)
	}
	defer os.RemoveAll(dir)
	program := os.Getenv("PSAT_DEVCLUSTER")
	if program == "" {
		program = "../../target/debug/devcluster"
	}
	server := exec.Command(program, "serve", "--dir", dir)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return unable(fmt.Errorf("start the dev cluster, which `make devcluster` builds: %w", err))
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	for name, file := range map[string]*[]byte{
		"config.json":          &devcluster.config,
		"payload.json":         &devcluster.payload,
		"payload-refused.json": &devcluster.refused,
	} {
		if *file, err = readSoon(filepath.Join(dir, name)); err != nil {
			return unable(err)
		}
	}
	return m.Run()
}

// readSoon waits for a JSON document that is being written.
func readSoon(path string) ([]byte, error) {
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		file, err := os.ReadFile(path)
		if err == nil && bytes.HasSuffix(bytes.TrimSpace(file), []byte("}")) {
			return file, nil
		}
		if time.Since(begun) > 10*time.Second {
			return nil, fmt.Errorf("the dev cluster wrote no %s: %w", filepath.Base(path), err)
		}
	}
}

func unable(err error) int {
	fmt.Fprintln(os.Stderr, "the tests cannot begin:", err)
	return 1
}
