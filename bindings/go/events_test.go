package psat_test

import (
	"context"
	"sync"
	"testing"
	"time"

	psat "psat-attestor.example/bindings/go"
)

func TestEventsTellFromTheFirstConfigurationOn(t *testing.T) {
	verify(t)
	begun := time.Now()
	var events []psat.Event // filled by one goroutine, which Close waits for
	attestor := start(t, psat.RawConfig(devcluster.config), psat.WithEvents(psat.LevelDebug, func(event psat.Event) {
		events = append(events, event)
	}))
	_, err := attestor.Attest(context.Background(), devcluster.refused, psat.WithRequestID("r-1"))
	refused(t, err, psat.ReasonServiceAccountNotAllowed)
	closed(t, attestor)

	var configured, refusal bool
	for _, event := range events {
		if age := event.Time().Sub(begun); age < -time.Second || age > time.Minute || event.Message == "" {
			t.Errorf("got %+v", event)
		}
		configured = configured || event.Level == psat.LevelInfo && event.Fields["config_generation"] == 1.0
		refusal = refusal || event.Level == psat.LevelWarn && event.Fields["request_id"] == "r-1" &&
			event.Fields["reason"] == "SERVICE_ACCOUNT_NOT_ALLOWED"
	}
	if !configured || !refusal {
		t.Errorf("configured: %v, refusal: %v, in %s", configured, refusal, documents(events))
	}
}

func TestEventsAboveTheLevelAreNotDelivered(t *testing.T) {
	verify(t)
	attestor := start(t, psat.RawConfig(devcluster.config), psat.WithEvents(psat.LevelError, func(event psat.Event) {
		t.Errorf("got %s", event.Document)
	}))
	defer closed(t, attestor)
	_, err := attestor.Attest(context.Background(), devcluster.refused)
	refused(t, err, psat.ReasonServiceAccountNotAllowed)
}

func TestLevelsHaveWords(t *testing.T) {
	for level, word := range map[psat.Level]string{psat.LevelError: "error", psat.LevelTrace: "trace", 9: "Level(9)"} {
		if level.String() != word {
			t.Errorf("got %q, want %q", level, word)
		}
	}
}

func TestUnknownLevelsAreRefused(t *testing.T) {
	verify(t)
	_, err := psat.New(context.Background(), psat.RawConfig(devcluster.config), psat.WithEvents(9, func(psat.Event) {}))
	refused(t, err, psat.ReasonOptionsMalformed)
}

func TestEventsFloodDoesNotStopAttestations(t *testing.T) {
	verify(t)
	slow := psat.WithEvents(psat.LevelTrace, func(psat.Event) { time.Sleep(50 * time.Microsecond) })
	attestor := onDevCluster(t, slow)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				if _, err := attestor.Attest(context.Background(), devcluster.payload); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func documents(events []psat.Event) []string {
	var all []string
	for _, event := range events {
		all = append(all, string(event.Document))
	}
	return all
}
