// Package tool is what an operator gets who starts the plugin's file by hand: it reads the server's configuration as SPIRE
// does, and says whether it is valid, whether its clusters can be used, and why an agent is refused.
package tool

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	psat "psat-attestor.example/bindings/go"
)

// Exit codes. They are documented in the help.
const (
	exitFine     = 0
	exitNo       = 1 // the answer is no
	exitUsage    = 2 // wrong usage, or a file that cannot be used
	exitInternal = 3
)

// Streams are where the tool reads and writes. Answers go to Out, everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// command is one of the tool's commands.
type command struct {
	name    string
	summary string
	// about and example are for its help.
	about, example string
	// flags are those that it has beside the ones that all have.
	flags func(*flag.FlagSet, *options)
	run   func(context.Context, *session) (int, error)
}

// session is one run of one command.
type session struct {
	options
	in  io.Reader
	out *page
	err *page
	// loaded is the configuration that the attestor was made of, once it was.
	loaded *source
}

// Run runs the command that arguments name, those after the program's own name, and returns the exit code.
func Run(ctx context.Context, arguments []string, streams Streams) int {
	diagnostics := newPage(streams.Err, colorNever)
	if len(arguments) == 0 {
		diagnostics.raw(overview())
		return exitUsage
	}
	if word, named := arguments[0], len(arguments) == 2; word == "help" && named {
		// The two of "help check" may come in either order.
		arguments = []string{arguments[1], word}
	}
	switch arguments[0] {
	case "--help", "-help", "-h", "help":
		return finish(diagnostics, newPage(streams.Out, colorNever).raw(overview()))
	case "--version", "-version", "-V", "version":
		return finish(diagnostics, newPage(streams.Out, colorNever).raw(program+" "+psat.Version()+"\n"))
	}
	for _, candidate := range commands() {
		if candidate.name == arguments[0] {
			return candidate.start(ctx, arguments[1:], streams, diagnostics)
		}
	}
	// It is not repeated: who leaves out the command may have begun with a token.
	diagnostics.line("%s: there is no such command; see %s --help", program, program)
	return exitUsage
}

func (c *command) start(ctx context.Context, arguments []string, streams Streams, diagnostics *page) int {
	opts, err := c.parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		return finish(diagnostics, newPage(streams.Out, colorNever).raw(c.help()))
	}
	s := &session{options: opts, in: streams.In, out: newPage(streams.Out, opts.color), err: diagnostics}
	exit := exitUsage
	if err == nil {
		exit, err = c.within(ctx, s)
	}
	if err != nil {
		exit = s.tell(c.name, err)
	}
	return max(exit, finish(diagnostics, s.out))
}

// within runs the command in the time that it may take, reading included.
func (c *command) within(ctx context.Context, s *session) (int, error) {
	if s.timeout == 0 {
		return c.run(ctx, s)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return c.run(ctx, s)
}

// finish says whether all that was to be written could be.
func finish(diagnostics, written *page) int {
	if written.failure == nil {
		return exitFine
	}
	diagnostics.line("%s: the answer could not be written: %v", program, written.failure)
	return exitInternal
}

// tell writes an error to the operator, and returns the exit code that it means.
func (s *session) tell(command string, err error) int {
	s.err.line("%s %s: %v", program, command, err)
	var wrong *usageError
	if !errors.As(err, &wrong) {
		return exitInternal
	}
	if wrong.help {
		s.err.line("See %s %s --help.", program, command)
	}
	return exitUsage
}

// usageError is something that whoever called can put right.
type usageError struct {
	text string
	// help is whether the help tells how.
	help bool
}

func (e *usageError) Error() string { return e.text }

// misused is wrong usage of the command line.
func misused(format string, arguments ...any) error {
	return &usageError{text: fmt.Sprintf(format, arguments...), help: true}
}

// unusable is a file that cannot be used.
func unusable(format string, arguments ...any) error {
	return &usageError{text: fmt.Sprintf(format, arguments...)}
}
