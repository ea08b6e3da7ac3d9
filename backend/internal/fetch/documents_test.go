package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

// source is a server of one document whose answers a test changes.
type source struct {
	mutex   sync.Mutex
	fetches int
	handler http.HandlerFunc
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	s.fetches++
	handler := s.handler
	s.mutex.Unlock()
	handler(w, r)
}

func (s *source) answers(handler http.HandlerFunc) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.handler = handler
}

func (s *source) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.fetches
}

func says(body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Add(name, value)
		}
		_, _ = fmt.Fprint(w, body)
	}
}

func fails(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

var errUnparsable = fault.New(fault.Invalid, "unparsable", "The document makes no sense.")

type library struct {
	*Documents[string]
	*source
	t   *testing.T
	url string
	now time.Time
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	l := &library{source: &source{}, t: t, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	server, roots := tlsServer(t, l.source.ServeHTTP)
	l.url = server.URL
	l.Documents = NewDocuments(New(Options{AllowedNetworks: loopback, Roots: roots}), func() time.Time { return l.now }, 1<<20, Policy[string]{
		Parse: func(r *Response) (string, error) {
			if strings.HasPrefix(string(r.Body), "<") {
				return "", errUnparsable
			}
			return string(r.Body), nil
		},
		Lifetime: 5 * time.Minute, Shortest: time.Minute, Longest: time.Hour, StaleIfError: 30 * time.Minute,
		FirstRetry: 10 * time.Second, LastRetry: time.Minute, Refreshes: 2, RefreshEvery: 20 * time.Second,
	})
	return l
}

// gets asks and compares; want is a value or an error.
func (l *library) gets(want any, fetches int) {
	l.t.Helper()
	value, err := l.Get(l.t.Context(), l.url)
	l.compare(value, err, want, fetches)
}

func (l *library) refreshes(want any, newer bool, fetches int) {
	l.t.Helper()
	value, changed, err := l.Refresh(l.t.Context(), l.url)
	l.compare(value, err, want, fetches)
	if changed != newer {
		l.t.Errorf("newer: %t", changed)
	}
}

func (l *library) compare(value string, err error, want any, fetches int) {
	l.t.Helper()
	if expected, failure := want.(error); failure {
		if !errors.Is(err, expected) {
			l.t.Errorf("got %q, %v, want %v", value, err, expected)
		}
	} else if err != nil || value != want {
		l.t.Errorf("got %q, %v, want %q", value, err, want)
	}
	if got := l.count(); got != fetches {
		l.t.Errorf("%d fetches, want %d", got, fetches)
	}
}

func (l *library) passes(span time.Duration) { l.now = l.now.Add(span) }

func TestFreshness(t *testing.T) {
	for name, c := range map[string]struct {
		header []string
		fresh  time.Duration
	}{
		"nothing said":                          {nil, 5 * time.Minute},
		"RFC 9111 §5.2.2.1 max-age":             {[]string{"Cache-Control: public, Max-Age=600"}, 10 * time.Minute},
		"max-age before Expires":                {[]string{"Cache-Control: max-age=600", "Expires: Thu, 01 Jan 1970 00:00:00 GMT"}, 10 * time.Minute},
		"less its age":                          {[]string{"Cache-Control: max-age=600", "Age: 240"}, 6 * time.Minute},
		"older than its time":                   {[]string{"Cache-Control: max-age=600", "Age: 900"}, time.Minute},
		"shorter than the floor":                {[]string{"Cache-Control: max-age=5"}, time.Minute},
		"longer than the ceiling":               {[]string{"Cache-Control: max-age=31536000"}, time.Hour},
		"longer than anything":                  {[]string{"Cache-Control: max-age=99999999999999999999999"}, time.Hour},
		"RFC 9111 §5.2.2.4 no-cache":            {[]string{"Cache-Control: max-age=600, no-cache"}, time.Minute},
		"RFC 9111 §5.2.2.5 no-store":            {[]string{"Cache-Control: no-store"}, time.Minute},
		"malformed max-age":                     {[]string{"Cache-Control: max-age=-1"}, time.Minute},
		"RFC 9111 §5.3 Expires":                 {[]string{"Date: Thu, 01 Jan 2026 10:00:00 GMT", "Expires: Thu, 01 Jan 2026 10:20:00 GMT"}, 20 * time.Minute},
		"Expires, by a clock that differs":      {[]string{"Date: Thu, 01 Jan 2020 10:00:00 GMT", "Expires: Thu, 01 Jan 2020 10:20:00 GMT"}, 20 * time.Minute},
		"Expires in the past":                   {[]string{"Date: Thu, 01 Jan 2026 10:00:00 GMT", "Expires: Thu, 01 Jan 2026 09:00:00 GMT"}, time.Minute},
		"RFC 9111 §5.3 an Expires that is none": {[]string{"Expires: 0"}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(t)
			l.answers(says("one", c.header...))
			l.gets("one", 1)
			l.answers(says("two"))
			l.passes(c.fresh - time.Second)
			l.gets("one", 1)
			l.passes(time.Second)
			l.gets("two", 2)
		})
	}
}

func TestFailuresAreRememberedLongerEachTime(t *testing.T) {
	l := newLibrary(t)
	l.answers(fails)
	l.gets(ErrStatus, 1)
	for i, wait := range []time.Duration{10, 20, 40, 60, 60} {
		l.passes(wait*time.Second - time.Second)
		l.gets(ErrStatus, i+1)
		l.refreshes(ErrStatus, false, i+1)
		l.passes(time.Second)
		l.gets(ErrStatus, i+2)
	}
	l.answers(says("one"))
	l.passes(time.Minute)
	l.gets("one", 7)
	// A success forgets them all.
	l.answers(says("<html>"))
	l.passes(5*time.Minute + 30*time.Minute)
	l.gets(errUnparsable, 8)
	l.passes(10 * time.Second)
	l.gets(errUnparsable, 9)
}

func TestAStaleDocumentServesWhileNoNewerOneCanBeHad(t *testing.T) {
	l := newLibrary(t)
	l.answers(says("one"))
	l.gets("one", 1)
	l.answers(fails)
	l.passes(5 * time.Minute)
	l.gets("one", 2)
	l.gets("one", 2) // the failure is remembered
	l.answers(says("<html>maintenance"))
	l.passes(10 * time.Second)
	l.gets("one", 3)
	l.passes(30*time.Minute - 11*time.Second)
	l.gets("one", 4)
	l.passes(time.Second)
	l.gets(errUnparsable, 4) // bounded also when it is too early for the next attempt
	l.answers(says("two"))
	l.passes(time.Minute)
	l.gets("two", 5)
}

func TestConditionalRequests(t *testing.T) {
	l := newLibrary(t)
	l.answers(says("one", `ETag: "1"`, "Last-Modified: Thu, 01 Jan 2026 10:00:00 GMT"))
	l.gets("one", 1)
	l.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != `"1"` || r.Header.Get("If-Modified-Since") != "Thu, 01 Jan 2026 10:00:00 GMT" {
			fails(w, r)
			return
		}
		w.Header().Set("Cache-Control", "max-age=1200")
		w.WriteHeader(http.StatusNotModified)
	})
	l.passes(5 * time.Minute)
	l.gets("one", 2)
	l.passes(20*time.Minute - time.Second)
	l.gets("one", 2)
	l.refreshes("one", false, 3) // fetched, and nothing is new
	l.answers(says("two", `ETag: "2"`))
	l.refreshes("two", true, 4)
}

func TestForcedRefreshesAreLimited(t *testing.T) {
	l := newLibrary(t)
	l.refreshes(ErrStatus, false, l.countAfter(fails))
	l.passes(10 * time.Second)
	l.answers(says("one"))
	l.gets("one", 2)
	l.answers(says("two"))
	l.refreshes("two", true, 3)
	l.answers(says("three"))
	l.refreshes("three", true, 4)
	l.answers(says("four"))
	for range 100 {
		l.refreshes("three", false, 4)
	}
	l.passes(20*time.Second - time.Second)
	l.refreshes("three", false, 4)
	l.passes(time.Second)
	l.refreshes("four", true, 5)
	l.refreshes("four", false, 5)
	l.passes(40 * time.Second) // the allowance does not grow beyond its size
	for fetches := 6; fetches <= 7; fetches++ {
		l.refreshes("four", true, fetches)
	}
	l.refreshes("four", false, 7)
	// A refresh that fails takes nothing away, and is not repeated at once.
	l.passes(40 * time.Second)
	l.answers(fails)
	l.refreshes("four", false, 8)
	l.refreshes("four", false, 8)
	l.gets("four", 8)
}

// countAfter sets the answers and returns the number of fetches after the next one.
func (l *library) countAfter(handler http.HandlerFunc) int {
	l.answers(handler)
	return l.count() + 1
}

func TestSimultaneousFetchesAreOne(t *testing.T) {
	l := newLibrary(t)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	var fetches atomic.Int32
	l.answers(func(w http.ResponseWriter, r *http.Request) {
		if fetches.Add(1) == 1 {
			close(arrived)
		}
		<-proceed
		says("one")(w, r)
	})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { l.mustGet() })
	}
	<-arrived
	for range 20 {
		group.Go(func() { l.mustGet() })
	}
	close(proceed)
	group.Wait()
	if fetches.Load() != 1 {
		t.Errorf("%d fetches", fetches.Load())
	}
}

func (l *library) mustGet() {
	if value, err := l.Get(l.t.Context(), l.url); err != nil || value != "one" {
		l.t.Error(value, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := newLibrary(t)
	l.answers(says(strings.Repeat("a", 60<<10)))
	for i := range 100 {
		if _, err := l.Get(t.Context(), fmt.Sprintf("%s/%d", l.url, i)); err != nil {
			t.Fatal(err)
		}
	}
	l.entries.CleanUp()
	if kept := l.entries.EstimatedSize(); kept == 0 || kept > 17 {
		t.Errorf("%d documents of 60 KiB in 1 MiB", kept)
	}
}

func TestWhoeverGoesAwayLeavesTheFetchToTheOthers(t *testing.T) {
	l := newLibrary(t)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	l.answers(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-proceed
		says("one")(w, r)
	})
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := l.Get(ctx, l.url)
		gone <- err
	}()
	<-arrived
	leave()
	if err := <-gone; !errors.Is(err, fault.ErrCanceled) {
		t.Error(err)
	}
	var group sync.WaitGroup
	group.Go(func() { l.mustGet() })
	close(proceed)
	group.Wait()
	l.gets("one", 1)
}
