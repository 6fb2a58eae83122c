// Command door is the conformance runner's door to Go: requests on stdin, replies on stdout, package psat between them.
//
// tests/conformance/README.md has the protocol. Each request has an attestor of its own. Go has one way to attest, so that
// the verbs A and Q differ in when the attestor is configured, and in what a refused submission looks like.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc/codes"

	psat "psat-attestor.example/bindings/go"
)

// crowd is how many attestations the verb T begins at once.
const crowd = 3

func main() {
	if err := serve(bufio.NewReader(os.Stdin), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "door:", err)
		os.Exit(3)
	}
}

func serve(requests io.Reader, replies io.Writer) error {
	for {
		r, err := readRequest(requests)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := ask(r)
		if err != nil {
			return err
		}
		if err := writeReply(replies, answer); err != nil {
			return err
		}
		if r.verb == 'X' {
			return nil
		}
	}
}

func ask(r request) (reply, error) {
	switch r.verb {
	case 'A':
		return attest(r, made, spelledOut)
	case 'E':
		return attest(r, made, explained)
	case 'Q':
		return attest(r, configuredLater, once)
	case 'T':
		return attest(r, made, firstOfMany)
	case 'V':
		return validate(r.config)
	case 'X':
		return statistics()
	default:
		return reply{}, fmt.Errorf("the verb %q is unknown", r.verb)
	}
}

func attest(
	r request,
	begin func(config []byte) (*psat.Attestor, error),
	judge func(*psat.Attestor, request) (reply, error),
) (reply, error) {
	attestor, err := begin(r.config)
	if err != nil {
		return refusal(err)
	}
	answer, err := judge(attestor, r)
	return answer, errors.Join(err, attestor.Close())
}

func made(config []byte) (*psat.Attestor, error) {
	return psat.New(context.Background(), psat.RawConfig(config))
}

func configuredLater(config []byte) (*psat.Attestor, error) {
	attestor, err := psat.New(context.Background(), psat.Config{})
	if err != nil || config == nil {
		return attestor, err
	}
	if _, err := attestor.Configure(context.Background(), psat.RawConfig(config)); err != nil {
		return nil, errors.Join(err, attestor.Close())
	}
	return attestor, nil
}

func once(attestor *psat.Attestor, r request) (reply, error) {
	return outcome(attestor.Attest(context.Background(), r.payload, optionsOf(r)...))
}

// spelledOut has a document for every refusal, as C's blocking call has.
func spelledOut(attestor *psat.Attestor, r request) (reply, error) {
	result, err := attestor.Attest(context.Background(), r.payload, optionsOf(r)...)
	if err != nil {
		return inFull(err)
	}
	return reply{document: result.Document}, nil
}

func explained(attestor *psat.Attestor, r request) (reply, error) {
	explanation, err := attestor.Explain(context.Background(), r.payload, optionsOf(r)...)
	if err != nil {
		return inFull(err)
	}
	return reply{code: int32(explanation.Code), document: explanation.Document}, nil
}

// inFull makes a document where an error of psat has its parts alone.
func inFull(err error) (reply, error) {
	var refused *psat.Error
	if !errors.As(err, &refused) || refused.Document != nil {
		return refusal(err)
	}
	document, err := json.Marshal(map[string]any{
		"code": refused.Code, "reason": refused.Reason, "message": refused.Message,
	})
	return reply{code: int32(refused.Code), document: document}, err
}

// firstOfMany cancels all but the first to end.
func firstOfMany(attestor *psat.Attestor, r request) (reply, error) {
	type ended struct {
		answer reply
		err    error
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	all := make(chan ended)
	for range crowd {
		go func() {
			answer, err := outcome(attestor.Attest(ctx, r.payload, optionsOf(r)...))
			all <- ended{answer, err}
		}()
	}
	first := <-all
	cancel()
	for range crowd - 1 {
		other := <-all
		first.err = errors.Join(first.err, other.err)
	}
	return first.answer, first.err
}

func optionsOf(r request) []psat.AttestOption {
	if r.options == nil {
		return nil
	}
	return []psat.AttestOption{psat.WithRawOptions(r.options)}
}

func outcome(result *psat.Result, err error) (reply, error) {
	if err != nil {
		return refusal(err)
	}
	return reply{document: result.Document}, nil
}

// refusal is the reply for an error of the library's; any other is a broken promise.
func refusal(err error) (reply, error) {
	var refused *psat.Error
	if !errors.As(err, &refused) {
		return reply{}, err
	}
	return reply{code: int32(refused.Code), document: refused.Document}, nil
}

func validate(config []byte) (reply, error) {
	validation, err := psat.Validate(psat.RawConfig(config))
	if err != nil {
		return refusal(err)
	}
	answer := reply{document: validation.Document}
	if !validation.Valid {
		answer.code = int32(codes.InvalidArgument)
	}
	return answer, nil
}

// statistics are those of an attestor without configuration: the count of documents is of the whole process.
func statistics() (reply, error) {
	attestor, err := psat.New(context.Background(), psat.Config{})
	if err != nil {
		return reply{}, err
	}
	stats, err := attestor.Stats()
	if err != nil {
		return reply{}, errors.Join(err, attestor.Close())
	}
	return reply{document: stats.Document}, attestor.Close()
}
