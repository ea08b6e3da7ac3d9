package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"

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
	r.Host = forgedHost
	r.Header.Set("X-Forwarded-Host", forgedHost)
	if a := s.browser().do(r); strings.Contains(a.body, forgedHost) || !strings.Contains(a.body, s.server.URL+"/acme") {
		t.Fatalf("fault 16: %s", a.body)
	}
}

const forgedHost = "evil.example.test"

// forging is a connection on which every request names another host, in whatever way a server could be made to believe it. No
// answer repeats that host.
type forging struct {
	http.RoundTripper
	t *testing.T
}

func (f forging) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = forgedHost
	r.Header.Set("X-Forwarded-Host", forgedHost)
	r.Header.Set("Forwarded", "host="+forgedHost)
	response, err := f.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(string(body), forgedHost) || strings.Contains(fmt.Sprint(response.Header), forgedHost) {
		f.t.Errorf("%s %s repeats the forged host: %v\n%s", r.Method, r.URL.Path, response.Header, body)
	}
	return response, err
}

var mailedLink = regexp.MustCompile(`[a-z]+://[^\s"'<>]+`)

// Fault 16: who asks for a mail to somebody else under a forged host would get its code or token, once they follow the link.
func TestMailsLeadToThePublicAddressWhateverHostWasAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	s.openMagicLinks()
	s.verified(s.ada)
	forger := func() *browser {
		b := s.browser()
		b.http.Transport = forging{b.http.Transport, t}
		return b
	}
	fromSignIn := func(link, form string) {
		b := forger()
		b.submit(b.get(attribute(b.get(s.authorizeURL()).element(link), "href")), form, "username", s.ada.Username)
	}
	for _, c := range []struct{ kind, to, below string }{
		{"a sign-up with an address that somebody has", s.ada.Email, "/acme/"},
		{"a forgotten password", s.ada.Email, "/acme/forgot-password/confirm?"},
		{"a magic link", s.ada.Email, "/acme/login/mail/confirm?"},
		{"a sign-up", newcomer, "/acme/sign-up/confirm?"},
		{"another address", movedTo, "/acme/action/email?"},
		{"a change to undo", s.ada.Email, "/acme/undo-email-change?"},
		{"an invitation", "eva@acme.test", "/acme/invitation?"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			switch c.kind {
			case "a forgotten password":
				fromSignIn("forgot-password", "forgot-password-form")
			case "a magic link":
				fromSignIn("magic-link", "magic-link-form")
			case "a sign-up", "a sign-up with an address that somebody has":
				b := forger()
				b.signUp(b.get(s.authorizeURL("prompt", "create")), c.to)
			case "another address", "a change to undo":
				b := forger()
				page := b.submit(b.get("/acme/account/email"), "login-form", "username", s.now(s.ada).Username, "password", password)
				if page = b.submit(page, "email-form", "email", movedTo); c.kind == "a change to undo" {
					b.submit(page, "confirm-form", "code", s.code(movedTo))
				}
			case "an invitation":
				b := forger()
				s.ada = s.now(s.ada)
				access := b.administratorsTokens(b)["access_token"].(string)
				if a := b.call(http.MethodPost, "/orgs/acme/users", access, `{"username":"eva","email":"`+c.to+`","invite":true}`); a.status != http.StatusCreated {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			written := s.mail(c.to)
			if whole := fmt.Sprintf("%+v", written); strings.Contains(whole, forgedHost) {
				t.Errorf("the forged host: %s", whole)
			}
			for part, content := range map[string]string{"text": written.Text, "HTML": html.UnescapeString(written.HTML)} {
				if !strings.Contains(content, s.server.URL+c.below) {
					t.Errorf("the %s does not lead to %s: %s", part, c.below, content)
				}
				for _, link := range mailedLink.FindAllString(content, -1) {
					if link != s.server.URL && !strings.HasPrefix(link, s.server.URL+"/") {
						t.Errorf("the %s leads to %s", part, link)
					}
				}
			}
		})
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
