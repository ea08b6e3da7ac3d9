package passwordhash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
)

func org(number byte) uuid.UUID { return uuid.UUID{15: number} }

func newQueue(t testing.TB, limits Limits) *Queue {
	t.Helper()
	queue, err := NewQueue(limits, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return queue
}

// occupied is a queue whose places are all taken until release is called.
func occupied(t *testing.T, limits Limits) (queue *Queue, release func()) {
	queue = newQueue(t, limits)
	free := make(chan struct{})
	for range limits.Concurrency {
		go queue.Do(context.Background(), org(255), func() { <-free })
	}
	synctest.Wait()
	return queue, func() { close(free) }
}

func TestOrganizationsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, release := occupied(t, Limits{Concurrency: 1, PerOrganization: 100, Total: 1000})
		var order []string // written by one worker at a time
		submit := func(number byte, name string) {
			go queue.Do(context.Background(), org(number), func() { order = append(order, name) })
			synctest.Wait()
		}
		for i := range 5 {
			submit(1, fmt.Sprintf("flood%d", i))
		}
		submit(2, "b0")
		submit(3, "c0")
		submit(2, "b1")
		if got := queue.Stats(); got != (Stats{Running: 1, Waiting: 8, Organizations: 3}) {
			t.Errorf("%+v", got)
		}
		release()
		synctest.Wait()
		want := []string{"flood0", "b0", "c0", "flood1", "b1", "flood2", "flood3", "flood4"}
		if !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		if got := queue.Stats(); got != (Stats{Done: 9}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestAFloodDelaysAnotherOrganizationByOneTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work = 30 * time.Millisecond
		queue := newQueue(t, Limits{Concurrency: 1, PerOrganization: 500, Total: 1000})
		for range 500 {
			go queue.Do(context.Background(), org(1), func() { time.Sleep(work) })
		}
		synctest.Wait()
		for range 10 {
			start := time.Now()
			if err := queue.Do(context.Background(), org(2), func() {}); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited > 2*work {
				t.Fatalf("waited %v beside a flood of another organization", waited)
			}
		}
		time.Sleep(time.Minute)
	})
}

func TestOverflowIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, release := occupied(t, Limits{Concurrency: 2, PerOrganization: 3, Total: 5})
		submit := func(number byte) error {
			result := make(chan error, 1)
			go func() { result <- queue.Do(context.Background(), org(number), func() {}) }()
			synctest.Wait()
			select {
			case err := <-result:
				return err
			default:
				return nil // it waits
			}
		}
		for range 3 {
			if err := submit(1); err != nil {
				t.Fatal(err)
			}
		}
		full := submit(1)
		if !errors.Is(full, ErrQueueFull) || !fault.IsKind(full, fault.Unavailable) || fault.From(full).RetryAfter != time.Second {
			t.Errorf("one more of the organization: %v", full)
		}
		if err := errors.Join(submit(2), submit(3)); err != nil {
			t.Errorf("other organizations: %v", err)
		}
		if err := submit(4); !errors.Is(err, ErrQueueFull) {
			t.Errorf("one more than all may have waiting: %v", err)
		}
		if got := queue.Stats(); got.Refused != 2 || got.Waiting != 5 || got.Running != 2 {
			t.Errorf("%+v", got)
		}
		release()
		synctest.Wait()
		if err := submit(1); err != nil {
			t.Errorf("after the queue was drained: %v", err)
		}
	})
}

func TestRetryAfterGrowsWithWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newQueue(t, Limits{Concurrency: 1, PerOrganization: 20, Total: 20})
		for range 40 { // teach it that work takes half a second
			queue.Do(context.Background(), org(1), func() { time.Sleep(500 * time.Millisecond) })
		}
		for range 21 {
			go queue.Do(context.Background(), org(1), func() { time.Sleep(500 * time.Millisecond) })
		}
		synctest.Wait()
		err := queue.Do(context.Background(), org(1), func() {})
		if got := fault.From(err).RetryAfter; got != 10*time.Second {
			t.Errorf("retry after %v with 20 × 0.5 s waiting", got)
		}
		time.Sleep(time.Minute)
	})
}

func TestACanceledCallerLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, release := occupied(t, Limits{Concurrency: 1, PerOrganization: 2, Total: 2})
		canceled, cancel := context.WithCancel(context.Background())
		result := make(chan error, 1)
		go func() { result <- queue.Do(canceled, org(1), func() { t.Error("work of a caller who left") }) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if got := queue.Stats(); got.Waiting != 0 || got.Organizations != 0 || got.Refused != 0 {
			t.Errorf("%+v", got)
		}
		if err := queue.Do(canceled, org(1), func() { t.Error("work of a caller who never was") }); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled before: %v", err)
		}

		deadline, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := queue.Do(deadline, org(1), func() { t.Error("late work") }); !errors.Is(err, ErrQueueFull) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline: %v", err)
		}
		release()
		synctest.Wait()
		if got := queue.Stats(); got.Running != 0 || got.Waiting != 0 || got.Refused != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAPanicFreesThePlace(t *testing.T) {
	queue := newQueue(t, Limits{Concurrency: 1, PerOrganization: 1, Total: 1})
	func() {
		defer func() { recover() }()
		queue.Do(ctx, org(1), func() { panic("out of memory") })
	}()
	if err := queue.Do(ctx, org(1), func() {}); err != nil || queue.Stats().Running != 0 {
		t.Fatalf("%v, %+v", err, queue.Stats())
	}
}

func TestWaitAndWorkAreObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type pair struct{ wait, work time.Duration }
		var seen []pair
		queue, err := NewQueue(Limits{1, 5, 5}, time.Now, func(wait, work time.Duration) { seen = append(seen, pair{wait, work}) })
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			go queue.Do(context.Background(), org(1), func() { time.Sleep(time.Second) })
			synctest.Wait()
		}
		time.Sleep(3 * time.Second)
		if want := []pair{{0, time.Second}, {time.Second, time.Second}}; !slices.Equal(seen, want) {
			t.Errorf("%v, want %v", seen, want)
		}
	})
}

// Many organizations, cancellations at random moments, overflow: never more than the limit at a
// time, everything is either done or refused, and no place is lost. Made for the race detector.
func TestNothingIsLostUnderPressure(t *testing.T) {
	const callers, concurrency = 2000, 3
	queue := newQueue(t, Limits{Concurrency: concurrency, PerOrganization: 50, Total: 300})
	var running, worst, finished, refused, left atomic.Int64
	var everyone sync.WaitGroup
	for i := range callers {
		everyone.Go(func() {
			patience, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%3 == 0 {
				time.AfterFunc(time.Duration(i%17)*100*time.Microsecond, cancel)
			}
			err := queue.Do(patience, org(byte(i%10)), func() {
				at := running.Add(1)
				for seen := worst.Load(); at > seen && !worst.CompareAndSwap(seen, at); seen = worst.Load() {
				}
				time.Sleep(20 * time.Microsecond)
				running.Add(-1)
			})
			switch {
			case err == nil:
				finished.Add(1)
			case errors.Is(err, ErrQueueFull):
				refused.Add(1)
			case errors.Is(err, context.Canceled):
				left.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	everyone.Wait()
	got := queue.Stats()
	if got.Running != 0 || got.Waiting != 0 || got.Organizations != 0 || int64(got.Done) != finished.Load() || int64(got.Refused) != refused.Load() {
		t.Errorf("%+v beside %d finished, %d refused", got, finished.Load(), refused.Load())
	}
	if worst.Load() > concurrency || finished.Load()+refused.Load()+left.Load() != callers {
		t.Errorf("%d at a time; %d+%d+%d of %d", worst.Load(), finished.Load(), refused.Load(), left.Load(), callers)
	}
}

func TestQueueRefusesUselessLimits(t *testing.T) {
	for _, limits := range []Limits{{}, {0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {-1, 1, 1}} {
		if _, err := NewQueue(limits, time.Now, nil); err == nil {
			t.Errorf("%+v was accepted", limits)
		}
	}
	if _, err := NewQueue(DefaultLimits(), time.Now, nil); err != nil {
		t.Error(err)
	}
}
