package server

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// line is a connection to the database that can be cut.
type line struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	cut      bool
	open     map[net.Conn]bool
}

// newLine returns the database's URL through a line of its own.
func newLine(t testing.TB, databaseURL string) (*line, string) {
	t.Helper()
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, target: parsed.Host, open: map[net.Conn]bool{}}
	t.Cleanup(func() { listener.Close(); l.set(true) })
	go l.accept()
	parsed.Host = listener.Addr().String()
	return l, parsed.String()
}

func (l *line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.target)
		l.mu.Lock()
		if err != nil || l.cut {
			near.Close()
			if far != nil {
				far.Close()
			}
			l.mu.Unlock()
			continue
		}
		l.open[near], l.open[far] = true, true
		l.mu.Unlock()
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				pair[0].Close()
				pair[1].Close()
			}()
		}
	}
}

func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for connection := range l.open {
			connection.Close()
		}
		l.open = map[net.Conn]bool{}
	}
}

func TestALostDatabaseIsSaidAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	l, databaseURL := newLine(t, dbtest.URL(t))
	s := newSiteOn(t, databaseURL)
	b := s.browser()
	_, tokens := s.tokens(b.signIn())
	half := b.get(s.authorizeURL("prompt", "login"))

	l.set(true)
	t.Run("the person sees a page with 503, Retry-After and a way to try again", func(t *testing.T) {
		a := b.get(s.authorizeURL())
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.element("error-page") == nil || a.header.Get("Location") != "" {
			t.Fatalf("%d %v\n%s", a.status, a.header, a.body)
		}
		if strings.Contains(a.body, "connect") || strings.Contains(a.body, "127.0.0.1") {
			t.Fatal("the page tells of our insides")
		}
	})
	t.Run("a form in mid-sign-in", func(t *testing.T) {
		if a := b.submit(half, "login-form", "username", s.ada.Username, "password", password); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Fatalf("%d", a.status)
		}
	})
	t.Run("the token endpoint answers temporarily_unavailable", func(t *testing.T) {
		status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
		if status != http.StatusServiceUnavailable || body["error"] != oauth.CodeTemporarilyUnavailable {
			t.Fatalf("%d %v", status, body)
		}
	})

	l.set(false)
	t.Run("nothing was lost, nothing half done, no restart", func(t *testing.T) {
		status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
		if status != http.StatusOK {
			t.Fatalf("the refresh token was spent in the outage: %d %v", status, body)
		}
		if a := b.submit(half, "login-form", "username", s.ada.Username, "password", password); a.url.Query().Get("code") == "" {
			t.Fatalf("the sign-in does not go on: %d at %s", a.status, a.url)
		}
	})
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	l, databaseURL := newLine(t, dbtest.URL(t))
	s := newSiteOn(t, databaseURL)
	b := s.browser()
	if a := b.get("/healthz"); a.status != 200 {
		t.Fatalf("healthz %d", a.status)
	}
	l.set(true)
	if a := b.get("/readyz"); a.status != 503 {
		t.Fatalf("before the schema was seen: %d", a.status)
	}
	l.set(false)
	deadline := time.Now().Add(5 * time.Second)
	for b.get("/readyz").status != 200 {
		if time.Now().After(deadline) {
			t.Fatal("never ready")
		}
	}
	l.set(true)
	if a := b.get("/readyz"); a.status != 200 {
		t.Fatalf("an outage after the start keeps ready: %d", a.status)
	}
	if a := b.get("/healthz"); a.status != 200 {
		t.Fatalf("healthz %d", a.status)
	}
}

func TestRoundTripBudgets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.tokens(b.signIn())
	s.get(t, "/acme/jwks") // the caches are warm
	s.get(t, "/acme/.well-known/openid-configuration")
	for _, budget := range []struct {
		name string
		most int
		do   func()
	}{
		{"authorize with a live session", 2, func() { b.get(s.authorizeURL()) }},
		{"discovery", 0, func() { s.get(t, "/acme/.well-known/openid-configuration") }},
		{"JWKS", 0, func() { s.get(t, "/acme/jwks") }},
	} {
		t.Run(budget.name, func(t *testing.T) {
			s.trips.AtMost(t, budget.most, budget.name, budget.do)
		})
	}
	a := b.get(s.authorizeURL())
	var tokens map[string]any
	t.Run("code to token", func(t *testing.T) {
		s.trips.AtMost(t, 2, "code to token", func() { _, tokens = s.tokens(a) })
	})
	t.Run("refresh", func(t *testing.T) {
		s.trips.AtMost(t, 1, "refresh", func() {
			if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != 200 {
				t.Fatalf("%d %v", status, body)
			}
		})
	})
}

func (s *site) get(t *testing.T, address string) {
	t.Helper()
	response, err := s.server.Client().Get(s.server.URL + address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
		t.Fatalf("%s: %d %v", address, response.StatusCode, err)
	}
}
