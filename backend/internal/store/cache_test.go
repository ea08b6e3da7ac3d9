package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func newTestCache() (*Cache[int], *Invalidations) {
	hub := NewInvalidations()
	return NewCache[int](hub, 100, func(change Change) []string { return []string{change.Lookup} }), hub
}

func constant(value int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return value, nil }
}

func TestCacheKeepsAndForgets(t *testing.T) {
	cache, hub := newTestCache()
	for _, step := range []struct {
		do   func()
		want int
	}{
		{func() {}, 1},
		{func() {}, 1},
		{func() { hub.Announce(Change{Lookup: "other"}) }, 1},
		{func() { hub.Announce(Change{Lookup: "a"}) }, 4},
		{func() { hub.flush() }, 5},
	} {
		step.do()
		load := step.want
		if got, err := cache.Get(t.Context(), "a", constant(load)); err != nil || got != step.want {
			t.Fatalf("got %d, %v, want %d", got, err, step.want)
		}
	}
}

func TestCacheDoesNotKeepWhatWasReadBeforeAnInvalidation(t *testing.T) {
	cache, hub := newTestCache()
	reading, goOn := make(chan struct{}), make(chan struct{})
	var waiter sync.WaitGroup
	waiter.Go(func() {
		got, err := cache.Get(context.Background(), "a", func(context.Context) (int, error) {
			close(reading)
			<-goOn
			return 1, nil // an old row
		})
		if err != nil || got != 1 {
			t.Errorf("the reader that began before gets what it read: %d, %v", got, err)
		}
	})
	<-reading
	hub.Announce(Change{Lookup: "a"})
	// Whoever asks after the invalidation must not join the old read.
	if got, err := cache.Get(t.Context(), "a", constant(2)); err != nil || got != 2 {
		t.Fatalf("got %d, %v", got, err)
	}
	close(goOn)
	waiter.Wait()
	if got, _ := cache.Get(t.Context(), "a", constant(3)); got != 2 {
		t.Fatalf("an old row replaced a newer one: %d", got)
	}
}

func TestCacheLoadsOnceForManyAndRemembersNoErrors(t *testing.T) {
	cache, _ := newTestCache()
	var loads atomic.Int32
	begin := make(chan struct{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			<-begin
			_, _ = cache.Get(context.Background(), "a", func(context.Context) (int, error) { loads.Add(1); return 7, nil })
		})
	}
	close(begin)
	all.Wait()
	if n := loads.Load(); n < 1 || n > 5 {
		t.Fatalf("%d loads for one key", n)
	}
	if _, err := cache.Get(t.Context(), "b", func(context.Context) (int, error) { return 0, errors.New("away") }); err == nil {
		t.Fatal("the error was swallowed")
	}
	if got, err := cache.Get(t.Context(), "b", constant(1)); err != nil || got != 1 {
		t.Fatalf("an error was remembered: %d, %v", got, err)
	}
}

func TestCacheAnAbandonedRequestDoesNotSpoilTheOthers(t *testing.T) {
	cache, _ := newTestCache()
	first, cancel := context.WithCancel(t.Context())
	reading, goOn := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	load := func(ctx context.Context) (int, error) {
		close(reading)
		<-goOn
		return 1, ctx.Err()
	}
	all.Go(func() {
		if _, err := cache.Get(first, "a", load); !errors.Is(err, context.Canceled) {
			t.Errorf("the abandoned request: %v", err)
		}
	})
	<-reading
	all.Go(func() {
		if got, err := cache.Get(context.Background(), "a", constant(1)); err != nil || got != 1 {
			t.Errorf("the other request: %d, %v", got, err)
		}
	})
	cancel()
	close(goOn)
	all.Wait()
}
