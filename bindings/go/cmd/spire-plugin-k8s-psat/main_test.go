package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain is the program itself where a test starts it.
func TestMain(m *testing.M) {
	if os.Getenv("PSAT_TEST_AS_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// self is this test as the program.
func self(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, os.Args[0], arguments...)
	command.Env = append(os.Environ(), "PSAT_TEST_AS_PROGRAM=1")
	return command
}

func TestByHandItIsATool(t *testing.T) {
	out, err := self(t, "--version").Output()
	if err != nil || !strings.HasPrefix(string(out), "spire-plugin-k8s-psat ") {
		t.Errorf("got %q, %v", out, err)
	}
	var exit *exec.ExitError
	out, err = self(t, "validate", "--config", "absent").Output()
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || len(out) > 0 || !strings.Contains(string(exit.Stderr), "absent") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestSPIREsHandshakeDecidesWhateverTheArgumentsAre(t *testing.T) {
	command := self(t, "validate", "--help")
	command.Env = append(command.Env, handshake+"="+handshake, "PLUGIN_PROTOCOL_VERSIONS=1")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	// go-plugin's first line: versions, the address, the protocol.
	line, err := bufio.NewReader(out).ReadString('\n')
	if fields := strings.Split(line, "|"); err != nil || len(fields) < 5 || fields[4] != "grpc" {
		t.Errorf("got %q, %v", line, err)
	}
}
