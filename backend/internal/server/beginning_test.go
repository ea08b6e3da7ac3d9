package server

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
)

// limited is a site where unknown browsers of one network may begin three sign-ins.
func limited(t *testing.T) *site {
	t.Helper()
	return newSiteOn(t, dbtest.URL(t), "sign_ins_per_network", "3", "trusted_proxies", "127.0.0.1")
}

// from makes the browser seem to stand behind an address.
func (b *browser) from(address string) *browser {
	b.http.Transport = behind{b.http.Transport, address}
	return b
}

type behind struct {
	http.RoundTripper
	address string
}

func (b behind) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", b.address)
	return b.RoundTripper.RoundTrip(r)
}

func TestBegunSignInsAreLimitedPerNetwork(t *testing.T) {
	t.Parallel()
	s := limited(t)
	s.organization("rival")
	rows := func() (count int) {
		if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM kv_entries WHERE kind = 'login-transaction'").Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	const office = "192.0.2.1"
	waiting := s.browser().from(office)
	page := waiting.get(s.authorizeURL())
	s.browser().from(office).get("/acme/login")
	s.browser().from(office).get("/acme/authorize?" + strings.TrimPrefix(s.authorizeURL(), "/acme/authorize?"))
	before := rows()
	for name, address := range map[string]string{"authorize": s.authorizeURL(), "login": "/acme/login", "home": "/acme/"} {
		t.Run(name, func(t *testing.T) {
			b := s.browser().from(office)
			a := b.get(address)
			wait, _ := strconv.Atoi(a.header.Get("Retry-After"))
			if a.status != http.StatusTooManyRequests || wait < 1 || wait > 600 || a.element("error-page") == nil || a.text("error-code") != "sign_ins_of_network_limited" {
				t.Fatalf("got %d, Retry-After %q:\n%s", a.status, a.header.Get("Retry-After"), a.body)
			}
			if attribute(a.element("retry"), "href") == "" || strings.Contains(a.url.Host, "app.example.test") {
				t.Fatalf("no way on, or a redirect to %s", a.url)
			}
			if len(a.header.Values("Set-Cookie")) > 0 {
				t.Fatal("who is refused needs no cookie")
			}
		})
	}
	t.Run("by form", func(t *testing.T) {
		path, query, _ := strings.Cut(s.authorizeURL(), "?")
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+path, strings.NewReader(query))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if a := s.browser().from(office).do(r); a.status != http.StatusTooManyRequests {
			t.Fatalf("got %d", a.status)
		}
	})
	t.Run("an invented cookie makes no browser known", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+s.authorizeURL(), nil)
		r.AddCookie(&http.Cookie{Name: "__Host-clavex-browser-acme", Value: strings.Repeat("A", 43)})
		if a := s.browser().from(office).do(r); a.status != http.StatusTooManyRequests {
			t.Fatalf("got %d", a.status)
		}
	})
	t.Run("nothing is stored for who is refused", func(t *testing.T) {
		if now := rows(); now != before {
			t.Fatalf("%d sign-ins kept, %d before", now, before)
		}
	})
	t.Run("in the person's language", func(t *testing.T) {
		for language, words := range map[string]string{"de": "Warten Sie", "it": "Attendere", "en": "from your network"} {
			if a := s.browser().from(office).get(s.authorizeURL("ui_locales", language)); !strings.Contains(a.text("error-description"), words) {
				t.Errorf("%s: %q", language, a.text("error-description"))
			}
		}
	})
	t.Run("another network, another organization", func(t *testing.T) {
		if a := s.browser().from("192.0.2.2").get(s.authorizeURL()); a.element("login-form") == nil {
			t.Fatalf("another network: %d", a.status)
		}
		if a := s.browser().from(office).get("/rival/login"); a.element("login-form") == nil {
			t.Fatalf("another organization: %d", a.status)
		}
	})
	t.Run("a sign-in that was begun goes on", func(t *testing.T) {
		a := waiting.submit(page, "login-form", "username", s.ada.Username, "password", password)
		if a = waiting.submit(a, "consent-form", "decision", "allow"); a.url.Query().Get("code") == "" {
			t.Fatalf("got %d at %s", a.status, a.url)
		}
	})
	t.Run("prompt=none is answered, because it begins nothing", func(t *testing.T) {
		if q := s.browser().from(office).get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("error") != "login_required" {
			t.Fatalf("got %v", q)
		}
	})
	shown := httptest.NewRecorder()
	s.metrics.handler().ServeHTTP(shown, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if !strings.Contains(shown.Body.String(), `clavex_logins_total{outcome="limited"} 8`) {
		t.Error("the metric did not count what was refused")
	}
}

func TestAKnownBrowserDoesNotPayForItsNetwork(t *testing.T) {
	t.Parallel()
	s := limited(t)
	const office = "2001:db8::1"
	known := s.browser().from(office)
	known.signIn() // one of three
	for range 20 { // with its session, and because the application wants more than it proves
		if q := known.get(s.authorizeURL()).url.Query(); q.Get("code") == "" {
			t.Fatalf("got %v", q)
		}
		if a := known.get(s.authorizeURL("prompt", "login")); a.element("login-form") == nil {
			t.Fatalf("got %d", a.status)
		}
	}
	for range 2 { // it used up nothing of what newcomers have
		if a := s.browser().from("2001:db8::2").get(s.authorizeURL()); a.element("login-form") == nil {
			t.Fatalf("a newcomer: %d", a.status)
		}
	}
	if a := s.browser().from("2001:db8::3").get(s.authorizeURL()); a.status != http.StatusTooManyRequests {
		t.Fatalf("the network is full: %d", a.status)
	}
	a := known.get("/acme/logout")
	known.submit(a, "logout-form", "decision", "confirm")
	if a := known.get(s.authorizeURL()); a.element("login-form") == nil {
		t.Fatalf("signed out it is still known: %d", a.status)
	}
	t.Run("its own count is bounded", func(t *testing.T) {
		for range 200 {
			if a := known.get("/acme/login"); a.status == http.StatusTooManyRequests {
				if a.header.Get("Retry-After") == "" || a.text("error-code") != "sign_ins_of_browser_limited" {
					t.Fatalf("got %s", a.body)
				}
				return
			}
		}
		t.Fatal("200 sign-ins were begun in one browser")
	})
}

func TestNoLimitOnBegunSignIns(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "sign_ins_per_network", "0")
	for range 10 {
		if a := s.browser().get("/acme/login"); a.element("login-form") == nil {
			t.Fatalf("got %d", a.status)
		}
	}
}

func TestTheBackButtonAfterASignInLeadsOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	b := s.browser()
	login := b.get(s.authorizeURL())
	consent := b.submit(login, "login-form", "username", s.ada.Username, "password", password)
	if a := b.submit(consent, "consent-form", "decision", "allow"); a.url.Query().Get("code") == "" {
		t.Fatalf("got %d at %s", a.status, a.url)
	}
	for name, back := range map[string]func() *answer{
		"to the login page":   func() *answer { return b.get(login.url.String()) },
		"to the consent page": func() *answer { return b.get(consent.url.String()) },
		"and the form again":  func() *answer { return b.submit(consent, "consent-form", "decision", "allow") },
		"with an address in the query that nobody registered": func() *answer {
			return b.get(login.url.String() + "&redirect_uri=https://evil.example.test/&client_id=evil&return_url=https://evil.example.test/")
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := back()
			if a.status != http.StatusGone || attribute(a.element("continue"), "href") != "https://app.example.test/" || !strings.Contains(a.text("continue"), "Payroll") {
				t.Fatalf("got %d:\n%s", a.status, a.body)
			}
			if attribute(a.element("home"), "href") != "/acme/" || a.element("restart") != nil || strings.Contains(a.body, "evil") {
				t.Fatalf("got:\n%s", a.body)
			}
		})
	}
	t.Run("another browser and another organization learn nothing", func(t *testing.T) {
		for name, a := range map[string]*answer{"browser": s.browser().get(login.url.String()), "organization": b.get(strings.Replace(login.url.String(), "/acme/", "/rival/", 1))} {
			if a.status != http.StatusGone || a.element("continue") != nil || strings.Contains(a.body, "Payroll") || a.element("home") == nil {
				t.Fatalf("%s: %d\n%s", name, a.status, a.body)
			}
		}
	})
	t.Run("the organization's page says who is signed in", func(t *testing.T) {
		if a := b.get("/acme/"); a.status != http.StatusOK || !strings.Contains(a.body, s.ada.Username) {
			t.Fatalf("got %d", a.status)
		}
	})
	t.Run("after a refusal too", func(t *testing.T) {
		page := b.get(s.authorizeURL("prompt", "consent"))
		b.submit(page, "consent-form", "decision", "deny")
		if a := b.get(page.url.String()); a.status != http.StatusGone || attribute(a.element("continue"), "href") != "https://app.example.test/" {
			t.Fatalf("got %d:\n%s", a.status, a.body)
		}
	})
	t.Run("a sign-in of our own leads to the organization's page only", func(t *testing.T) {
		own := s.browser()
		page := own.get("/acme/login")
		own.submit(page, "login-form", "username", s.ada.Username, "password", password)
		if a := own.get(page.url.String()); a.status != http.StatusGone || a.element("continue") != nil || a.element("home") == nil {
			t.Fatalf("got %d:\n%s", a.status, a.body)
		}
	})
	t.Run("native applications have no page to return to", func(t *testing.T) {
		native, _ := s.client(s.acme, client.Client{Name: "Terminal", ApplicationType: client.Native, AuthenticationMethod: client.None, RedirectURIs: []string{"http://127.0.0.1/callback"}, GrantTypes: []string{client.AuthorizationCode}, RequireConsent: true})
		page := b.get(s.authorizeURL("client_id", native.ClientID, "redirect_uri", "http://127.0.0.1:4711/callback"))
		b.submit(page, "consent-form", "decision", "allow")
		if a := b.get(page.url.String()); a.status != http.StatusGone || a.element("continue") != nil || a.element("home") == nil {
			t.Fatalf("got %d:\n%s", a.status, a.body)
		}
	})
}
