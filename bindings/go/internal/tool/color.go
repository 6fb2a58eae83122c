package tool

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// color is when text has colours.
type color string

const (
	colorAuto   color = "auto"
	colorAlways color = "always"
	colorNever  color = "never"
)

// String is what the flag is set to.
func (c *color) String() string { return string(*c) }

// Set takes one of the three words.
func (c *color) Set(word string) error {
	switch color(word) {
	case colorAuto, colorAlways, colorNever:
		*c = color(word)
		return nil
	}
	return errors.New("it is auto, always or never")
}

// on says whether text that goes there has colours.
func (c color) on(terminal bool) bool {
	if c != colorAuto {
		return c == colorAlways
	}
	return terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminalWidth is the width in columns of what is written to, and whether it is a terminal at all.
func terminalWidth(w io.Writer) (columns int, terminal bool) {
	file, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Col), true
}
