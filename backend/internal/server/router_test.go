package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/org"
)

func TestNoOrganizationCanTakeAGlobalAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	engine, err := s.app.router(newMetrics(s.app.Store, s.app.Hashes, s.app.Fetch, s.app.BackChannel), &health{app: s.app})
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range engine.Routes() {
		first, _, _ := strings.Cut(strings.TrimPrefix(route.Path, "/"), "/")
		if first != "" && !strings.HasPrefix(first, ":") && !errors.Is(org.ValidateSlug(first), org.ErrSlugReserved) && !errors.Is(org.ValidateSlug(first), org.ErrSlugInvalid) {
			t.Errorf("an organization could be named %q and would never be reached", first)
		}
	}
}

func TestWhatEveryAnswerCarries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for _, address := range []string{s.authorizeURL(), "/acme/jwks", "/nobody/login", "/healthz", "/acme/token"} {
		a := b.get(address)
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Strict-Transport-Security") == "" || a.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", address, a.header)
		}
	}
	page := b.get(s.authorizeURL())
	policy := page.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' https://app.example.test"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy of pages lacks %q: %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || page.header.Get("Cache-Control") == "" || !strings.Contains(page.header.Get("Cache-Control"), "no-store") {
		t.Errorf("%v", page.header)
	}
}

// RFC 6797 §8.2: a policy is for every port of the host; the applications that a developer runs on others have no TLS.
func TestNoStrictTransportForLocalhost(t *testing.T) {
	t.Parallel()
	for address, strict := range map[string]bool{"https://localhost:8080": false, "https://demo.localhost": false, "http://id.example.test": false, "https://id.example.test": true, "https://notlocalhost": true} {
		engine := gin.New()
		engine.Use(strictTransport(address))
		engine.GET("/", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		answer := httptest.NewRecorder()
		engine.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := answer.Header().Get("Strict-Transport-Security") != ""; got != strict {
			t.Errorf("%s: %v", address, answer.Header())
		}
	}
}

func TestTheHostHeaderNamesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/acme/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example.test"
	r.Header.Set("X-Forwarded-Host", "evil.example.test")
	if a := s.browser().do(r); strings.Contains(a.body, "evil") || !strings.Contains(a.body, s.server.URL+"/acme") {
		t.Fatalf("fault 16: %s", a.body)
	}
}

func TestBrowsersOfRegisteredOriginsMayCall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const registered, stranger = "https://app.example.test", "https://evil.example.test"
	ask := func(method, address, origin string) http.Header {
		r, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		response, err := s.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.Header
	}
	for _, address := range []string{"/acme/token", "/acme/userinfo", "/acme/revoke", "/acme/register", "/acme/jwks", "/acme/.well-known/openid-configuration"} {
		if got := ask(http.MethodOptions, address, registered); got.Get("Access-Control-Allow-Origin") != registered || got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", address, got)
		}
		if got := ask(http.MethodOptions, address, stranger); got.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s lets a stranger in: %v", address, got)
		}
	}
	for _, address := range []string{s.authorizeURL(), "/acme/login", "/acme/logout", "/acme/introspect"} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			if got := ask(method, address, registered); got.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s answers to scripts: %v", method, address, got)
			}
		}
	}
}

func TestAMethodTheAddressDoesNotHave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	if a := b.get("/acme/token"); a.status != 405 || a.header.Get("Allow") == "" || !strings.Contains(a.body, `"error":"invalid_request"`) {
		t.Errorf("programs get JSON: %d %v %s", a.status, a.header, a.body)
	}
	if a := b.post("/acme/login/link", nil); a.status != 405 || a.header.Get("Allow") == "" || a.element("error-page") == nil {
		t.Errorf("people get a page: %d %v", a.status, a.header)
	}
}
