// Command many-agents attests many agents at once through the agent API of a SPIRE server.
//
// It reads tokens from stdin, one on each line, up to an empty line. For each it keeps a client that attests over and over
// until stdin ends, each with a key of its own, and retries what fails. Then each client attests once more, and has to
// succeed within the time to recover. The result is a JSON object on stdout.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	agentv1 "github.com/spiffe/spire-api-sdk/proto/spire/api/server/agent/v1"
	"github.com/spiffe/spire-api-sdk/proto/spire/api/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

const pause = 200 * time.Millisecond

var (
	address  = flag.String("server", "", "address of the SPIRE server")
	cluster  = flag.String("cluster", "demo", "cluster that the payloads name")
	recovery = flag.Duration("recover", 30*time.Second, "time in which each client has to attest at the end")
)

// tally is the result.
type tally struct {
	mu sync.Mutex
	// IDs has the agents by ID, with how often each attested.
	IDs map[string]int `json:"ids"`
	// Refusals has how often each code and message came.
	Refusals map[string]int `json:"refusals"`
	// Clients is how many there were, and Lost how many of them could not attest at the end.
	Clients int `json:"clients"`
	Lost    int `json:"lost"`
}

func main() {
	flag.Parse()
	result, err := run()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "many-agents:", err)
		os.Exit(1)
	}
}

func run() (*tally, error) {
	stdin := bufio.NewReader(os.Stdin)
	tokens, err := readTokens(stdin)
	if err != nil {
		return nil, err
	}
	// As an agent's first connection, with insecure_bootstrap.
	conn, err := grpc.NewClient(*address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		return nil, err
	}
	defer conn.Close()

	result := &tally{IDs: map[string]int{}, Refusals: map[string]int{}, Clients: len(tokens)}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for _, token := range tokens {
		client, err := newClient(conn, token)
		if err != nil {
			return nil, err
		}
		clients.Go(func() { client.run(result, stop) })
	}
	_, err = io.Copy(io.Discard, stdin)
	close(stop)
	clients.Wait()
	return result, err
}

func readTokens(from *bufio.Reader) ([]string, error) {
	var tokens []string
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == "\n" {
			return tokens, nil
		}
		tokens = append(tokens, line)
	}
}

type client struct {
	api    agentv1.AgentClient
	params *agentv1.AttestAgentRequest_Params
}

func newClient(conn *grpc.ClientConn, token string) (*client, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(map[string]string{"cluster": *cluster, "token": token})
	if err != nil {
		return nil, err
	}
	return &client{agentv1.NewAgentClient(conn), &agentv1.AttestAgentRequest_Params{
		Data:   &types.AttestationData{Type: "k8s_psat", Payload: payload},
		Params: &agentv1.AgentX509SVIDParams{Csr: csr},
	}}, nil
}

func (c *client) run(result *tally, stop <-chan struct{}) {
	for running := true; running; {
		result.add(c.attest())
		select {
		case <-stop:
			running = false
		case <-time.After(pause):
		}
	}
	for giveUp := time.Now().Add(*recovery); !result.add(c.attest()); time.Sleep(pause) {
		if time.Now().After(giveUp) {
			result.lose()
			return
		}
	}
}

func (c *client) attest() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	stream, err := c.api.AttestAgent(ctx)
	if err != nil {
		return "", err
	}
	// An error of Send is told by Recv.
	_ = stream.Send(&agentv1.AttestAgentRequest{Step: &agentv1.AttestAgentRequest_Params_{Params: c.params}})
	response, err := stream.Recv()
	if err != nil {
		return "", err
	}
	id := response.GetResult().GetSvid().GetId()
	return "spiffe://" + id.GetTrustDomain() + id.GetPath(), nil
}

func (t *tally) add(id string, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		refused := status.Convert(err)
		t.Refusals[fmt.Sprintf("%s: %s", refused.Code(), refused.Message())]++
		return false
	}
	t.IDs[id]++
	return true
}

func (t *tally) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Lost++
}
