package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/admin"
)

func TestTheRateIsLimitedForEachActor(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *admin.Options) { o.RequestsPerMinute = 2 })
	grace, other := s.administrator(s.acme), s.administrator(s.acme)
	first := grace.get("/me").must(200)
	if first.header.Get("RateLimit") == "" || first.header.Get("RateLimit-Policy") != `"admin";q=2;w=60` || !strings.HasPrefix(first.header.Get("RateLimit"), `"admin";r=1;t=`) {
		t.Errorf("headers: %v", first.header)
	}
	grace.get("/me").must(200)
	third := grace.get("/me").refuses(429, "rate_limited")
	if third.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	other.get("/me").must(200)
}

func TestALostDatabaseIs503(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	mine := s.things(s.acme)
	s.Database.Cut()
	for _, o := range operations {
		if o.platform {
			continue
		}
		got := grace.do(o.method, o.at(mine), o.body, "If-Match", `"1"`)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d, Retry-After %q: %s", o.name, got.status, got.header.Get("Retry-After"), got.body)
		}
	}
	s.Database.Mend()
	grace.get("/me").must(200)
	if got := grace.get("/orgs/acme/users?q=fresh").must(200).column("id"); len(got) != 0 {
		t.Errorf("something was half done: %v", got)
	}
}

func TestAddressesAndMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	grace.get("/nothing").refuses(404, "unknown_address")
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/orgs/acme/users", "GET, POST"}, {"OPTIONS", "/orgs/acme/users", "GET, POST"}, {"HEAD", "/me", "GET"}, {"POST", "/openapi.json", "GET"},
	} {
		got := grace.do(c.method, c.path, nil)
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d, Allow %q", c.method, c.path, got.status, got.header.Get("Allow"))
		}
	}
	if got := grace.get("/me").header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	request := httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil)
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), `"openapi":"3.1.0"`) {
		t.Errorf("the document: %d %.80s", recorder.Code, recorder.Body)
	}
}
