package fetch

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/clavex/clavex/backend/internal/fault"
)

// turns bounds how many requests run at the same time. Who comes too late waits until its context ends.
type turns struct {
	all   chan struct{}
	mutex sync.Mutex
	sites map[string]*queue
	width int
}

type queue struct {
	slots chan struct{}
	users int // who holds or waits for a slot; the last one removes the queue
}

func newTurns(perSite, overall int) *turns {
	return &turns{all: make(chan struct{}, overall), sites: map[string]*queue{}, width: perSite}
}

// take waits for a turn. The site's comes first: who waits for a slow site keeps nobody else waiting.
func (t *turns) take(ctx context.Context, site string) (done func(), err error) {
	own := t.enter(site)
	if err := wait(ctx, own.slots, site); err != nil {
		t.leave(site, own)
		return nil, err
	}
	if err := wait(ctx, t.all, site); err != nil {
		<-own.slots
		t.leave(site, own)
		return nil, err
	}
	return func() {
		<-t.all
		<-own.slots
		t.leave(site, own)
	}, nil
}

func (t *turns) enter(site string) *queue {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	own := t.sites[site]
	if own == nil {
		own = &queue{slots: make(chan struct{}, t.width)}
		t.sites[site] = own
	}
	own.users++
	return own
}

func (t *turns) leave(site string, own *queue) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if own.users--; own.users == 0 {
		delete(t.sites, site)
	}
}

func wait(ctx context.Context, slots chan struct{}, site string) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		if ctx.Err() == context.Canceled {
			return fault.ErrCanceled.WithCause(ctx.Err())
		}
		return ErrBusy.WithMessage("Too many requests to %s are under way. Try again shortly.", site)
	}
}

// Outcome is how a request ended, for metrics.
type Outcome int

// The outcomes.
const (
	Succeeded Outcome = iota
	Refused           // the address or its answer broke a rule
	Failed            // the host could not be reached, or took too long
	Busy              // the request did not get its turn
	Abandoned         // its caller went away
	outcomes
)

// Outcomes lists all of them.
func Outcomes() []Outcome { return []Outcome{Succeeded, Refused, Failed, Busy, Abandoned} }

// String returns the outcome's label.
func (o Outcome) String() string {
	return [outcomes]string{"success", "refused", "failed", "busy", "abandoned"}[o]
}

type counts [outcomes]atomic.Uint64

// Count returns how many requests ended that way since the start.
func (c *Client) Count(outcome Outcome) uint64 { return c.counts[outcome].Load() }

func (c *Client) count(response *Response, err error) (*Response, error) {
	outcome := Succeeded
	switch known := fault.From(err); {
	case err == nil:
	case known.Is(ErrBusy):
		outcome = Busy
	case known.Is(fault.ErrCanceled):
		outcome = Abandoned
	case known.Kind == fault.Invalid:
		outcome = Refused
	default:
		outcome = Failed
	}
	c.counts[outcome].Add(1)
	return response, err
}
