package psat_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	psat "psat-attestor.example/bindings/go"
)

// goroutines is how many attest at once.
const goroutines = 100

func TestTenThousandAttestationsWithRandomCancelsLeaveNothing(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	attestMany(t, attestor, 10_000)
	// The library has some that run tasks and a few that read files.
	if threads := libraryThreads(t); len(threads) > 16 {
		t.Errorf("the library has %d threads: %v", len(threads), threads)
	}
	// Go has at most one for each call that is inside C, and a few of its own.
	if threads := countThreads(t); threads > goroutines+32 {
		t.Errorf("there are %d threads", threads)
	}
	stats, err := attestor.Stats()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("attestations: %v", stats.Attestations)
	if stats.DocumentsAlive != 0 || stats.Clusters["demo"].InFlight != 0 || stats.Attestations[psat.ReasonOK] == 0 ||
		stats.Attestations[psat.ReasonCanceled] == 0 || stats.Attestations[psat.ReasonDeadlineExceeded] == 0 {
		t.Errorf("got %s", stats.Document)
	}
}

// attestMany attests that often, a hundred at a time, with contexts that end after 0 to 50 ms in either way.
func attestMany(t *testing.T, attestor *psat.Attestor, count int64) {
	t.Helper()
	var begun atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for begun.Add(1) <= count {
				attestWithRandomEnd(t, attestor)
			}
		})
	}
	all.Wait()
}

func attestWithRandomEnd(t *testing.T, attestor *psat.Attestor) {
	end := rand.N(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), end)
	if rand.N(2) == 0 {
		ctx, cancel = context.WithCancel(context.Background())
		defer time.AfterFunc(end, cancel).Stop()
	}
	defer cancel()
	_, err := attestor.Attest(ctx, devcluster.payload)
	switch {
	case err == nil:
	case errors.Is(err, psat.ReasonCanceled) && errors.Is(err, context.Canceled):
	case errors.Is(err, psat.ReasonDeadlineExceeded) && errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, psat.ReasonOverloaded):
	case errors.Is(err, psat.ReasonAPIUnreachable):
		// The dev cluster closes connections on which too many requests have been given up.
	default:
		t.Error(err)
	}
}

func countThreads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("needs /proc")
	}
	return len(tasks)
}
