package tool

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestColoursAreForTerminalsUnlessAskedFor(t *testing.T) {
	b := newBench(t, "{}")
	const escape = "\x1b["
	for _, c := range []struct {
		flag, noColor string
		want          bool
	}{
		{"", "", false}, {"--color auto", "", false}, {"--color never", "", false},
		{"--color always", "", true}, {"--color always", "1", true},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		if got := b.run(t, good+" "+c.flag); strings.Contains(got.out, escape) != c.want {
			t.Errorf("%+v: %q", c, got.out)
		}
	}
}

func TestATerminalHasColoursAndItsOwnWidth(t *testing.T) {
	b := newBench(t, "{}")
	otherAccount(t, b)
	for _, c := range []struct {
		noColor, term string
		columns       uint16
		colours       bool
	}{
		{"", "xterm", 120, true}, {"", "xterm", 60, true}, {"1", "xterm", 60, false}, {"", "dumb", 60, false},
		{"", "xterm", 0, true}, // the width is not known
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		text := onTerminal(t, c.columns, good)
		if strings.Contains(text, "\x1b[1;31mfail\x1b[0m") != c.colours {
			t.Errorf("%+v: %q", c, text)
		}
		want := "  pass  token_form               the token is a JWS, signed with a public-key"
		if c.columns == 60 {
			want = "  pass  token_form               the token is a JWS, signed"
		} else if c.columns == 120 {
			want += " algorithm"
		}
		text = strings.NewReplacer("\x1b[32m", "", "\x1b[0m", "").Replace(text)
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%+v: no line is %q in\n%s", c, want, text)
		}
	}
}

// onTerminal runs the tool with its output on a pseudo-terminal, and returns what arrives there.
func onTerminal(t *testing.T, columns uint16, line string) string {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	defer screen.Close()
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: columns}); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan string)
	go func() {
		var text strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			text.Write(buffer[:n])
			if err != nil { // EIO, once the terminal is closed
				arrived <- text.String()
				return
			}
		}
	}()
	Run(t.Context(), strings.Fields(line), Streams{Out: terminal, Err: terminal})
	terminal.Close()
	return strings.ReplaceAll(<-arrived, "\r\n", "\n")
}
