package psat_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	psat "psat-attestor.example/bindings/go"
)

func TestCloseIsIdempotentAndEverythingElseIsRefused(t *testing.T) {
	verify(t)
	attestor := start(t, psat.RawConfig(devcluster.config))
	closed(t, attestor)
	closed(t, attestor)

	ctx := context.Background()
	_, err := attestor.Attest(ctx, devcluster.payload)
	refused(t, err, psat.ReasonShuttingDown)
	_, err = attestor.Configure(ctx, psat.RawConfig(devcluster.config))
	refused(t, err, psat.ReasonShuttingDown)
	_, err = attestor.Stats()
	refused(t, err, psat.ReasonShuttingDown)
}

func TestCloseEndsAttestationsAndWaitsForThem(t *testing.T) {
	verify(t)
	server := startHangingServer(t)
	goroutines := runtime.NumGoroutine()
	attestor := start(t, server.config)
	const many = 50
	outcomes := make(chan error, many)
	for range many {
		go func() {
			_, err := attestor.Attest(context.Background(), devcluster.payload)
			outcomes <- err
		}()
	}
	soon(t, "the attestations run", func() bool {
		stats, err := attestor.Stats()
		return err == nil && stats.Clusters["demo"].InFlight == many
	})
	if own := runtime.NumGoroutine() - goroutines - many; own > 1 {
		t.Errorf("the attestor has %d goroutines of its own", own)
	}
	begun := time.Now()
	closed(t, attestor)
	if took := time.Since(begun); took > prompt {
		t.Errorf("Close took %v", took)
	}
	for range many {
		refused(t, <-outcomes, psat.ReasonShuttingDown)
	}
}

func TestCloseMayBeCalledByManyWhileOthersBegin(t *testing.T) {
	verify(t)
	for range 20 {
		attestor := start(t, psat.RawConfig(devcluster.config))
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if i%4 == 0 {
					time.Sleep(time.Duration(i) * 100 * time.Microsecond)
					closed(t, attestor)
					// Every call is a barrier, not the first alone.
					if _, err := attestor.Stats(); err == nil {
						t.Error("Close returned before the attestor was closed")
					}
					return
				}
				for {
					if _, err := attestor.Attest(context.Background(), devcluster.payload); err != nil {
						refused(t, err, psat.ReasonShuttingDown)
						return
					}
				}
			})
		}
		all.Wait()
	}
}
