package psat

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A goroutine may be anywhere between its decision to call and the call: the handle has to wait for it.
func TestCloseFreesNothingBeforeACallThatIsToBegin(t *testing.T) {
	a, err := New(context.Background(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-begun
		cancel()
	}()
	_, _, err = a.blocking(ctx, "the call", time.Time{}, func() (int32, []byte) {
		close(begun)
		<-release
		return a.handle.Stats()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	closed := make(chan error)
	go func() { closed <- a.Close() }()
	select {
	case <-closed:
		t.Fatal("it is closed, and the call has yet to begin")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
