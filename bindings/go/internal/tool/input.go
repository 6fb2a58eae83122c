package tool

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	// longestConfig is far more than any configuration has.
	longestConfig = 16 << 20
	// longestPayload is more than the library takes, which then says so.
	longestPayload = 1 << 20
	// standardInput is how a file's name says that it is none.
	standardInput = "-"
)

// read returns what is in a file, or on standard input. what is the kind of thing that is expected there. Opening a pipe may last
// as long as reading from it: what is not done when ctx ends is left to itself.
func (s *session) read(ctx context.Context, name, what string, longest int64) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	done := make(chan result, 1)
	go func() {
		content, err := s.readAll(name, what, longest)
		done <- result{content, err}
	}()
	select {
	case read := <-done:
		return read.content, read.err
	case <-ctx.Done():
		return nil, unusable("%s cannot be read: %s did not end within --timeout (%v)", what, described(name), s.timeout)
	}
}

func (s *session) readAll(name, what string, longest int64) ([]byte, error) {
	from := s.in
	if name != standardInput {
		file, err := os.Open(name)
		if err != nil {
			return nil, unusable("%s cannot be read: %v", what, err)
		}
		defer file.Close()
		from = file
	}
	if from == nil {
		return nil, unusable("%s cannot be read: there is no standard input", what)
	}
	content, err := io.ReadAll(io.LimitReader(from, longest+1))
	var pathError *fs.PathError
	switch {
	case errors.As(err, &pathError):
		return nil, unusable("%s cannot be read: %v", what, err)
	case err != nil:
		return nil, unusable("%s cannot be read: %s: %v", what, described(name), err)
	case int64(len(content)) > longest:
		return nil, unusable("%s has more than %d MiB: is it the right file?", described(name), longest>>20)
	}
	return content, nil
}

func described(name string) string {
	if name == standardInput {
		return "standard input"
	}
	return name
}

// agentPayload is what an agent would send, or has sent.
func (s *session) agentPayload(ctx context.Context) ([]byte, error) {
	switch {
	case s.payload != "" && (s.tokenFile != "" || s.cluster != ""):
		return nil, misused("--payload names cluster and token by itself: give either it, or --cluster and --token-file")
	case s.payload != "":
		return s.wholePayload(ctx)
	case s.tokenFile == "" && s.cluster == "":
		return nil, misused("whose token? Give --cluster NAME and --token-file FILE, or --payload FILE")
	case s.tokenFile == "":
		return nil, misused("--cluster needs the agent's token beside it: --token-file FILE")
	case s.cluster == "":
		return nil, misused("--token-file needs the name of the cluster beside it, as the agent's configuration has it: --cluster NAME")
	}
	token, err := s.token(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(map[string]string{"cluster": s.cluster, "token": token})
	if err != nil {
		return nil, errors.New("the payload cannot be written") // the error's text could hold the token
	}
	return payload, nil
}

func (s *session) wholePayload(ctx context.Context) ([]byte, error) {
	if err := s.oneStandardInput(s.payload); err != nil {
		return nil, err
	}
	payload, err := s.read(ctx, s.payload, "the payload", longestPayload)
	if err == nil && len(strings.TrimSpace(string(payload))) == 0 {
		err = unusable("%s is empty: it should have an agent's payload", described(s.payload))
	}
	return payload, err
}

func (s *session) token(ctx context.Context) (string, error) {
	if err := s.oneStandardInput(s.tokenFile); err != nil {
		return "", err
	}
	content, err := s.read(ctx, s.tokenFile, "the token", longestPayload)
	if err != nil {
		return "", err
	}
	// Some editors and shells put a mark in front of text.
	token := strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
	switch {
	case token == "":
		return "", unusable("%s is empty: it should have a token", described(s.tokenFile))
	case !utf8.ValidString(token):
		return "", unusable("%s has no token: it is not text", described(s.tokenFile))
	}
	return token, nil
}

// oneStandardInput refuses to read two things from it.
func (s *session) oneStandardInput(name string) error {
	if name == standardInput && s.psatConfig == standardInput {
		return misused("standard input cannot be the configuration and the agent's token or payload: name a file for one of them")
	}
	return nil
}
