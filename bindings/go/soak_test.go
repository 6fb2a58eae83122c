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

func TestTenThousandAttestationsWithRandomCancelsLeaveNothing(t *testing.T) {
	verify(t)
	attestor := onDevCluster(t)
	// The first ones make the threads that Go and the library want for this much work.
	attestMany(t, attestor, 2_000)
	threads, library := countThreads(t), len(libraryThreads(t))
	attestMany(t, attestor, 8_000)
	// Go makes one more now and then, when calls into C happen to overlap.
	if now := countThreads(t); now > threads+8 {
		t.Errorf("%d threads have become %d", threads, now)
	}
	if now := len(libraryThreads(t)); now > library {
		t.Errorf("%d threads of the library have become %d", library, now)
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
	for range 100 {
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
