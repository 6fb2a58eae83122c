// Package load attests many agents at once with one implementation of node attestation, and tells what it cost.
//
// The programs that use it take the same arguments and print the same JSON object as the driver in C, so that one script
// measures them all.
package load

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// besideTimeout is how long an attestation at the cluster beside may take.
const besideTimeout = 2 * time.Second

// Attest judges one payload. The error carries a gRPC status.
type Attest func(ctx context.Context, payload []byte) error

// Open makes an attestor of the content of a configuration file.
type Open func(config []byte) (Attest, error)

type arguments struct {
	config, payloads         string
	warmUpPayloads, beside   string
	warmUp, count            int
	inFlight, besideInFlight int
}

// Main runs a program: it reads the arguments, attests, and prints what it cost.
func Main(open Open) {
	var a arguments
	flag.StringVar(&a.config, "config", "", "configuration `file`")
	flag.StringVar(&a.payloads, "payloads", "", "`file` of payloads, one on each line")
	flag.IntVar(&a.count, "count", 0, "attestations that are measured")
	flag.StringVar(&a.warmUpPayloads, "warm-up-payloads", "", "`file` of payloads before that; absent: the same ones")
	flag.IntVar(&a.warmUp, "warm-up", 0, "attestations before that")
	flag.IntVar(&a.inFlight, "in-flight", 1, "attestations at the same time")
	flag.StringVar(&a.beside, "beside", "", "`file` of payloads that are attested beside, and not measured")
	flag.IntVar(&a.besideInFlight, "beside-in-flight", 0, "how many of those at the same time")
	flag.Parse()
	result, err := run(a, open)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

func run(a arguments, open Open) (*result, error) {
	config, err := os.ReadFile(a.config)
	if err != nil {
		return nil, err
	}
	payloads, err := openPayloads(a.payloads)
	if err != nil {
		return nil, err
	}
	var r result
	if r.StartRSS, err = memory("VmRSS"); err != nil {
		return nil, err
	}
	begun := time.Now()
	attest, err := open(config)
	if err != nil {
		return nil, err
	}
	r.New = time.Since(begun).Nanoseconds()
	if err := r.opened(); err != nil {
		return nil, err
	}
	stop := beside(a, attest)
	if err := warmUp(a, attest); err != nil {
		return nil, err
	}
	crowd := newCrowd(attest, payloads, a.count)
	before := now()
	crowd.run(a.inFlight)
	r.spent(before, now())
	stop()
	r.answered(crowd)
	r.PeakRSS, err = memory("VmHWM")
	return &r, err
}

// warmUp ends with the line "ready", and waits for a line to come, or the end of input.
func warmUp(a arguments, attest Attest) error {
	path := a.warmUpPayloads
	if path == "" {
		path = a.payloads
	}
	payloads, err := openPayloads(path)
	if err != nil {
		return err
	}
	newCrowd(attest, payloads, a.warmUp).run(a.inFlight)
	if _, err := fmt.Println("ready"); err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// beside keeps attestations of another cluster going until the function that it returns is called.
func beside(a arguments, attest Attest) func() {
	if a.beside == "" {
		return func() {}
	}
	payloads, err := openPayloads(a.beside)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var crowd sync.WaitGroup
	for i := range a.besideInFlight {
		crowd.Go(func() {
			for ctx.Err() == nil {
				limited, done := context.WithTimeout(ctx, besideTimeout)
				_ = attest(limited, payloads.read(i)) // How it ends is of no interest.
				done()
			}
		})
	}
	return func() {
		cancel()
		crowd.Wait()
	}
}

// crowd is agents that attest, each once.
type crowd struct {
	attest   Attest
	payloads *payloads
	next     atomic.Int64
	// latencies has the nanoseconds of each.
	latencies []int64

	mu      sync.Mutex
	codes   map[codes.Code]int
	refusal error // the first one
}

func newCrowd(attest Attest, payloads *payloads, count int) *crowd {
	return &crowd{attest: attest, payloads: payloads, latencies: make([]int64, count), codes: map[codes.Code]int{}}
}

// run attests them all, some at the same time.
func (c *crowd) run(inFlight int) {
	var attesting sync.WaitGroup
	for range min(inFlight, len(c.latencies)) {
		attesting.Go(func() {
			for {
				i := int(c.next.Add(1)) - 1
				if i >= len(c.latencies) {
					return
				}
				c.one(i)
			}
		})
	}
	attesting.Wait()
}

func (c *crowd) one(i int) {
	payload := c.payloads.read(i)
	begun := time.Now()
	err := c.attest(context.Background(), payload)
	c.latencies[i] = time.Since(begun).Nanoseconds()

	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes[status.Code(err)]++
	if c.refusal == nil {
		c.refusal = err
	}
}
