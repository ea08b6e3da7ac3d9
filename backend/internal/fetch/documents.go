package fetch

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/clavex/clavex/backend/internal/fault"
)

// entryOverhead is added to a document's size when memory is counted.
const entryOverhead = 512

// Policy says how documents of one kind are fetched and kept.
type Policy[V any] struct {
	// Request is sent for every document, with its URL.
	Request Request
	// Parse turns an answer into what is kept. An error that is a fault is returned to whoever asks.
	Parse func(*Response) (V, error)
	// Lifetime is for documents that do not say how long they are fresh; Shortest and Longest bound what others say.
	Lifetime, Shortest, Longest time.Duration
	// StaleIfError is for how long after its freshness a document serves while no newer one can be had.
	StaleIfError time.Duration
	// FirstRetry is how long a failure is remembered; each further one doubles that, up to LastRetry.
	FirstRetry, LastRetry time.Duration
	// Refreshes is how many forced refreshes of one document may follow each other at once; one more is allowed every
	// RefreshEvery.
	Refreshes    int
	RefreshEvery time.Duration
}

// Documents keeps what was fetched, parsed, bounded in memory, failures included. It is safe for concurrent use.
// Values are shared and must not be changed. Each replica has its own.
type Documents[V any] struct {
	client  *Client
	policy  Policy[V]
	now     func() time.Time
	entries *otter.Cache[string, *entry[V]]
	flights singleflight.Group
	mutex   sync.Mutex // guards every entry's allowance
}

// entry is what is known of a document. It is replaced and never changed, its allowance excepted.
type entry[V any] struct {
	value      V
	present    bool // there is a value
	generation int  // counts the values
	bytes      int
	tag        string // ETag
	modified   string // Last-Modified
	freshUntil time.Time
	staleUntil time.Time

	failure  error // of the last attempt; nil after a success
	failures int   // in a row
	retryAt  time.Time

	refreshes *allowance
}

// NewDocuments makes a cache of documents with altogether about maximumBytes.
func NewDocuments[V any](client *Client, now func() time.Time, maximumBytes int, policy Policy[V]) *Documents[V] {
	return &Documents[V]{client: client, policy: policy, now: now, entries: otter.Must(&otter.Options[string, *entry[V]]{
		MaximumWeight: uint64(max(maximumBytes, 0)),
		Weigher: func(url string, known *entry[V]) uint32 {
			return uint32(min(len(url)+known.bytes+entryOverhead, 1<<30)) // bounded
		},
	})}
}

// Get returns the document at the URL, fetching it when it is not known, no longer fresh, or due after a failure.
// Simultaneous fetches of one document are one fetch. The error is a fault: that of the last attempt when it is too
// early for another one.
func (d *Documents[V]) Get(ctx context.Context, url string) (V, error) {
	known, ok := d.entries.GetIfPresent(url)
	if ok {
		now := d.now()
		if known.present && now.Before(known.freshUntil) {
			return known.value, nil
		}
		if now.Before(known.retryAt) {
			return known.serve(now)
		}
	}
	fetched, err := d.load(ctx, url, known)
	if err != nil {
		var none V
		return none, err
	}
	return fetched.serve(d.now())
}

// Fresh reports whether Get would answer from memory.
func (d *Documents[V]) Fresh(url string) bool {
	known, ok := d.entries.GetIfPresent(url)
	now := d.now()
	return ok && (known.present && now.Before(known.freshUntil) || now.Before(known.retryAt))
}

// Refresh fetches the document although it is fresh, because something in it was missed. It reports whether there is
// a newer one than before: false when the allowance is used up, the fetch failed, or nothing changed at the source.
func (d *Documents[V]) Refresh(ctx context.Context, url string) (V, bool, error) {
	before, known := d.entries.GetIfPresent(url)
	if known && !d.mayRefresh(before) {
		value, err := d.Get(ctx, url)
		return value, false, err
	}
	fetched, err := d.load(ctx, url, before)
	if err != nil {
		var none V
		return none, false, err
	}
	value, err := fetched.serve(d.now())
	return value, err == nil && fetched.failure == nil && (!known || fetched.generation != before.generation), err
}

func (d *Documents[V]) mayRefresh(known *entry[V]) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	now := d.now()
	return !now.Before(known.retryAt) && known.refreshes.take(now)
}

// load fetches and keeps, once for everybody who waits. Whoever saw what was known before a fetch (nil for nothing) and
// comes here after it takes its result.
func (d *Documents[V]) load(ctx context.Context, url string, seen *entry[V]) (*entry[V], error) {
	result := d.flights.DoChan(url, func() (any, error) {
		if known, ok := d.entries.GetIfPresent(url); ok && known != seen {
			return known, nil
		}
		// The fetch outlives the request that began it, because others wait for it too; it has a limit of its own.
		return d.fetch(context.WithoutCancel(ctx), url)
	})
	select {
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, ErrTimeout.WithCause(ctx.Err())
		}
		return nil, fault.ErrCanceled.WithCause(ctx.Err())
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*entry[V]), nil
	}
}

// fetch makes one attempt and keeps its result. That we are busy says nothing about the document and is not kept.
func (d *Documents[V]) fetch(ctx context.Context, url string) (*entry[V], error) {
	before, known := d.entries.GetIfPresent(url)
	if !known {
		before = &entry[V]{refreshes: newAllowance(d.policy.Refreshes, d.policy.RefreshEvery, d.now())}
	}
	response, err := d.client.Get(ctx, d.request(url, before))
	var value V
	if err == nil && response.Status != http.StatusNotModified {
		value, err = d.policy.Parse(response)
	}
	now := d.now()
	after := *before
	switch {
	case errors.Is(err, ErrBusy):
		if before.present && now.Before(before.staleUntil) {
			return before, nil
		}
		return nil, err
	case err != nil:
		after.failure = err
		after.retryAt = now.Add(backoff(d.policy.FirstRetry, d.policy.LastRetry, after.failures))
		after.failures++
	default:
		after.failure, after.failures, after.retryAt = nil, 0, time.Time{}
		if response.Status != http.StatusNotModified {
			after.value, after.present, after.bytes = value, true, len(response.Body)
			after.tag, after.modified = response.Header.Get("ETag"), response.Header.Get("Last-Modified")
			after.generation++
		}
		fresh, told := lifetime(response.Header)
		if !told {
			fresh = d.policy.Lifetime
		}
		after.freshUntil = now.Add(min(max(fresh, d.policy.Shortest), d.policy.Longest))
		after.staleUntil = after.freshUntil.Add(d.policy.StaleIfError)
	}
	d.entries.Set(url, &after)
	return &after, nil
}

// request asks for the document only if it changed (RFC 9110 §13.1.2, §13.1.3).
func (d *Documents[V]) request(url string, known *entry[V]) Request {
	request := d.policy.Request
	request.URL = url
	if known.tag == "" && known.modified == "" {
		return request
	}
	if request.Header = request.Header.Clone(); request.Header == nil {
		request.Header = http.Header{}
	}
	if known.tag != "" {
		request.Header.Set("If-None-Match", known.tag)
	}
	if known.modified != "" {
		request.Header.Set("If-Modified-Since", known.modified)
	}
	return request
}

// serve answers from what is known: the document while it is fresh or, with a newer one out of reach, not too old.
func (e *entry[V]) serve(now time.Time) (V, error) {
	if e.present && (e.failure == nil || now.Before(e.staleUntil)) {
		return e.value, nil
	}
	var none V
	return none, e.failure
}

// backoff is first, doubled with every failure before this one, at most last.
func backoff(first, last time.Duration, failures int) time.Duration {
	wait := first
	for range failures {
		if wait *= 2; wait >= last {
			break
		}
	}
	return min(wait, last)
}

// allowance is a bucket of refreshes that fills up again.
type allowance struct {
	left, most int
	every      time.Duration
	filled     time.Time
}

func newAllowance(most int, every time.Duration, now time.Time) *allowance {
	return &allowance{left: most, most: most, every: every, filled: now}
}

func (a *allowance) take(now time.Time) bool {
	if gained := int(now.Sub(a.filled) / a.every); gained > 0 {
		a.left = min(a.most, a.left+gained)
		a.filled = a.filled.Add(time.Duration(gained) * a.every)
	}
	if a.left == 0 {
		return false
	}
	if a.left == a.most {
		a.filled = now // the time for the next one begins when the bucket stops being full
	}
	a.left--
	return true
}
