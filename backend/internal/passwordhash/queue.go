package passwordhash

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
)

// ErrQueueFull is returned when the work would have to wait longer than makes sense: too much waits
// already, or the caller's deadline passed while waiting. RetryAfter is an estimate.
var ErrQueueFull = fault.New(fault.Unavailable, "password_queue_full", "Too many people are signing in at the moment. Try again in a few seconds.")

// Bounds and precision of the Retry-After estimate.
const (
	minimumRetry = time.Second
	maximumRetry = 30 * time.Second
	assumedWork  = 50 * time.Millisecond // until the first work was measured
)

// Limits bound a Queue.
type Limits struct {
	Concurrency     int // work done at a time
	PerOrganization int // work waiting for one organization
	Total           int // work waiting for all organizations
}

// DefaultLimits leaves one core to everything else: max(1, cores − 1) at a time. Of one organization
// 64 per worker may wait, a few seconds of work; of all together eight times that.
func DefaultLimits() Limits {
	concurrency := max(1, runtime.GOMAXPROCS(0)-1)
	return Limits{Concurrency: concurrency, PerOrganization: 64 * concurrency, Total: 512 * concurrency}
}

// Queue bounds how much expensive work runs at a time and lets organizations take turns: each has a
// first-in-first-out queue of its own, and a free place goes to the next organization in the round,
// so a flood on one delays another's work by one turn at most. Work runs on the caller's goroutine.
type Queue struct {
	limits  Limits
	now     func() time.Time
	observe func(wait, work time.Duration)

	mutex   sync.Mutex
	lanes   map[uuid.UUID]*lane // those that have waiting work
	round   *list.List          // of the same *lane, the next to serve in front
	running int
	waiting int
	done    uint64
	refused uint64
	mean    time.Duration // moving average of the work
}

// lane is the queue of one organization.
type lane struct {
	orgID   uuid.UUID
	waiters *list.List // of *waiter
	place   *list.Element
}

type waiter struct {
	ready chan struct{} // closed when the place is given
	lane  *lane
	place *list.Element // nil once the place is given
}

// Stats is a snapshot of a Queue.
type Stats struct {
	Running       int    // work being done
	Waiting       int    // work waiting for its turn
	Organizations int    // organizations that have work waiting
	Done          uint64 // work finished since the start
	Refused       uint64 // work refused since the start, see ErrQueueFull
}

// NewQueue makes a queue. It refuses limits below one. Observe may be nil; it is called after each
// work, from the goroutine that did it, with the time it waited and took.
func NewQueue(limits Limits, now func() time.Time, observe func(wait, work time.Duration)) (*Queue, error) {
	if limits.Concurrency < 1 || limits.PerOrganization < 1 || limits.Total < 1 {
		return nil, fmt.Errorf("passwordhash: limits must be at least 1: %+v", limits)
	}
	if observe == nil {
		observe = func(time.Duration, time.Duration) {}
	}
	return &Queue{
		limits: limits, now: now, observe: observe,
		lanes: make(map[uuid.UUID]*lane), round: list.New(), mean: assumedWork,
	}, nil
}

// Do does the work when it is the organization's turn. It returns without doing it: ErrQueueFull when
// too much waits or the context's deadline passes in the queue, the context's error when it is
// canceled there. Work that has begun is not interrupted.
func (q *Queue) Do(ctx context.Context, orgID uuid.UUID, work func()) error {
	arrived := q.now()
	if err := q.acquire(ctx, orgID); err != nil {
		return err
	}
	started := q.now()
	defer func() {
		took := q.now().Sub(started)
		q.release(took, true)
		q.observe(started.Sub(arrived), took)
	}()
	work()
	return nil
}

// Stats returns a snapshot.
func (q *Queue) Stats() Stats {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return Stats{Running: q.running, Waiting: q.waiting, Organizations: len(q.lanes), Done: q.done, Refused: q.refused}
}

func (q *Queue) acquire(ctx context.Context, orgID uuid.UUID) error {
	if err := ctx.Err(); err != nil {
		return q.gaveUp(err)
	}
	waiting, err := q.enter(orgID)
	if waiting == nil {
		return err
	}
	select {
	case <-waiting.ready:
		return nil
	case <-ctx.Done():
	}
	q.mutex.Lock()
	given := waiting.place == nil
	if !given {
		q.leave(waiting)
	}
	q.mutex.Unlock()
	if given { // in the same moment; pass the place on
		q.release(0, false)
	}
	return q.gaveUp(ctx.Err())
}

// gaveUp translates the end of a context: a deadline that passes here means too much load.
func (q *Queue) gaveUp(cause error) error {
	if !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.refuse(cause)
}

// enter takes a free place (nil, nil) or a place in the organization's lane.
func (q *Queue) enter(orgID uuid.UUID) (*waiter, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.running < q.limits.Concurrency { // then nobody waits: a place freed goes to who waits
		q.running++
		return nil, nil
	}
	of := q.lanes[orgID]
	if q.waiting >= q.limits.Total || of != nil && of.waiters.Len() >= q.limits.PerOrganization {
		return nil, q.refuse(nil)
	}
	if of == nil {
		of = &lane{orgID: orgID, waiters: list.New()}
		of.place = q.round.PushBack(of)
		q.lanes[orgID] = of
	}
	entered := &waiter{ready: make(chan struct{}), lane: of}
	entered.place = of.waiters.PushBack(entered)
	q.waiting++
	return entered, nil
}

// release gives the place to the next organization's first, or frees it. finished tells that work
// was done, which counts into the average.
func (q *Queue) release(took time.Duration, finished bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if finished {
		q.done++
		q.mean += (took - q.mean) / 8
	}
	front := q.round.Front()
	if front == nil {
		q.running--
		return
	}
	of := front.Value.(*lane)
	next := of.waiters.Front().Value.(*waiter)
	q.round.MoveToBack(front)
	q.leave(next)
	close(next.ready)
}

// leave takes a waiter out of its lane, and an empty lane out of the round.
func (q *Queue) leave(leaving *waiter) {
	of := leaving.lane
	of.waiters.Remove(leaving.place)
	leaving.place = nil
	q.waiting--
	if of.waiters.Len() == 0 {
		q.round.Remove(of.place)
		delete(q.lanes, of.orgID)
	}
}

// refuse counts a refusal and estimates when what waits now will be done.
func (q *Queue) refuse(cause error) error {
	q.refused++
	estimate := q.mean * time.Duration(q.waiting) / time.Duration(q.limits.Concurrency)
	estimate = min(max(estimate, minimumRetry), maximumRetry)
	return ErrQueueFull.WithRetryAfter((estimate + time.Second - 1).Truncate(time.Second)).WithCause(cause)
}
