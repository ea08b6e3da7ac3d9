package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
)

func TestWhatIdentifiesNobodyIsAPageAndNeverARedirect(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn() // even a signed-in person is not redirected
	cases := map[string]struct {
		address string
		status  int
	}{
		"unknown organization":             {strings.Replace(s.authorizeURL(), "/acme/", "/nobody/", 1), 404},
		"unknown client":                   {s.authorizeURL("client_id", "nobody"), 400},
		"no client":                        {s.authorizeURL("client_id", ""), 400},
		"a client of another organization": {s.authorizeURL("client_id", client.ConsoleClientID), 400},
		"unregistered redirect URI":        {s.authorizeURL("redirect_uri", "https://evil.example.test/callback"), 400},
		"redirect URI with an added query": {s.authorizeURL("redirect_uri", callback+"?x=1"), 400},
		"redirect URI with a fragment":     {s.authorizeURL("redirect_uri", callback+"#x"), 400},
		"redirect URI with another case":   {s.authorizeURL("redirect_uri", "https://APP.example.test/callback"), 400},
		"redirect URI with a longer path":  {s.authorizeURL("redirect_uri", callback+"/more"), 400},
		"redirect URI with a user":         {s.authorizeURL("redirect_uri", "https://app.example.test@evil.test/callback"), 400},
		"no redirect URI with openid":      {s.authorizeURL("redirect_uri", ""), 400},
		"repeated client_id":               {s.authorizeURL() + "&client_id=other", 400},
		"repeated redirect_uri":            {s.authorizeURL() + "&redirect_uri=" + url.QueryEscape(callback), 400},
		"invalid UTF-8 in client_id":       {s.authorizeURL("client_id", "\xff\xfe"), 400},
		"NUL in client_id":                 {s.authorizeURL("client_id", "a\x00b"), 400},
		"an oversized query":               {s.authorizeURL() + "&x=" + strings.Repeat("a", 20<<10), 414},
		"an address that does not exist":   {"/acme/no-such-page", 404},
		"a malformed slug":                 {"/ACME/login", 404},
		"a slug with another path inside":  {"/acme%2Fx/login", 404},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := b.get(c.address)
			if a.status != c.status || a.header.Get("Location") != "" {
				t.Fatalf("got %d (Location %q), want a page with %d", a.status, a.header.Get("Location"), c.status)
			}
			if a.element("error-page") == nil || a.text("request-id") == "" || !strings.Contains(a.text("request-id"), a.header.Get("X-Request-Id")) {
				t.Fatalf("no error page with a request id:\n%s", a.body)
			}
		})
	}
}

func TestErrorsTravelToTheClientInItsResponseMode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	longState := strings.Repeat("s", 128)
	cases := map[string]struct {
		parameters []string
		suffix     string
		want       string
	}{
		"response_type missing (RFC 6749 §3.1.1)":   {[]string{"response_type", ""}, "", "invalid_request"},
		"response_type unsupported":                 {[]string{"response_type", "code none"}, "", "unsupported_response_type"},
		"code_challenge missing (OAuth 2.1 §7.5.1)": {[]string{"code_challenge", ""}, "", "invalid_request"},
		"code_challenge_method plain":               {[]string{"code_challenge_method", "plain"}, "", "invalid_request"},
		"code_challenge_method missing means plain": {[]string{"code_challenge_method", ""}, "", "invalid_request"},
		"code_challenge too short":                  {[]string{"code_challenge", "abc"}, "", "invalid_request"},
		"a repeated parameter (RFC 6749 §3.1)":      {nil, "&nonce=twice", "invalid_request"},
		"response_mode unknown":                     {[]string{"response_mode", "pigeon"}, "", "invalid_request"},
		"prompt none with another":                  {[]string{"prompt", "none login"}, "", "invalid_request"},
		"prompt create, which is not offered":       {[]string{"prompt", "create"}, "", "invalid_request"},
		"prompt none while signed out":              {[]string{"prompt", "none"}, "", "login_required"},
		"max_age no number":                         {[]string{"max_age", "soon"}, "", "invalid_request"},
		"max_age negative":                          {[]string{"max_age", "-1"}, "", "invalid_request"},
		"a request object that is none":             {[]string{"request", "e30.e30."}, "", "invalid_request_object"},
		"a request_uri that is not registered":      {[]string{"request_uri", "https://app.example.test/r"}, "", "invalid_request_uri"},
		"registration is not supported":             {[]string{"registration", "{}"}, "", "registration_not_supported"},
		"id_token_hint that is no token":            {[]string{"id_token_hint", "nonsense"}, "", "invalid_request"},
		"a malformed scope":                         {[]string{"scope", "openid \"quoted\""}, "", "invalid_scope"},
		"an overlong nonce":                         {[]string{"nonce", strings.Repeat("n", 2000)}, "", "invalid_request"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := b.get(s.authorizeURL(append([]string{"state", longState}, c.parameters...)...) + c.suffix)
			q := a.url.Query()
			if a.status != http.StatusSeeOther || !strings.HasPrefix(a.url.String(), callback+"?") {
				t.Fatalf("expected a redirect to the client, got %d at %s", a.status, a.url)
			}
			if q.Get("error") != c.want || q.Get("state") != longState || q.Get("iss") != s.server.URL+"/acme" || q.Get("code") != "" {
				t.Fatalf("got %v, want error %s with state and iss", q, c.want)
			}
		})
	}
	t.Run("fragment", func(t *testing.T) {
		a := b.get(s.authorizeURL("prompt", "none", "response_mode", "fragment"))
		if f, _ := url.ParseQuery(a.url.Fragment); a.url.RawQuery != "" || f.Get("error") != "login_required" {
			t.Fatalf("got %s", a.url)
		}
	})
	t.Run("form_post (missing response_type honours response_mode)", func(t *testing.T) {
		a := b.get(s.authorizeURL("response_type", "", "response_mode", "form_post"))
		if a.status != 200 || !strings.Contains(a.body, `action="`+callback+`"`) || !strings.Contains(a.body, "invalid_request") ||
			!strings.Contains(a.header.Get("Content-Security-Policy"), "https://app.example.test") {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	})
}

func TestWhatARequestDemandsOfTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	b := s.browser()
	_, tokens := s.tokens(b.signIn("scope", "openid"))
	idToken := tokens["id_token"].(string)
	asksAgain := func(t *testing.T, want bool, parameters ...string) *answer {
		t.Helper()
		a := b.get(s.authorizeURL(append([]string{"scope", "openid"}, parameters...)...))
		if asked := a.element("login-form") != nil; asked != want {
			t.Fatalf("asked: %v, want %v (%d at %s)", asked, want, a.status, a.url)
		}
		return a
	}
	t.Run("nothing", func(t *testing.T) { asksAgain(t, false) })
	t.Run("max_age met", func(t *testing.T) { asksAgain(t, false, "max_age", "1000") })
	t.Run("max_age absurdly large", func(t *testing.T) { asksAgain(t, false, "max_age", "99999999999999999") })
	t.Run("max_age 0", func(t *testing.T) { asksAgain(t, true, "max_age", "0") })
	t.Run("prompt login", func(t *testing.T) { asksAgain(t, true, "prompt", "login") })
	t.Run("prompt select_account asks which account, for no password", func(t *testing.T) {
		if a := asksAgain(t, false, "prompt", "select_account"); a.element("accounts-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
	t.Run("id_token_hint of the same person", func(t *testing.T) { asksAgain(t, false, "id_token_hint", idToken, "prompt", "none") })
	t.Run("prompt consent asks although it was given", func(t *testing.T) {
		a := b.get(s.authorizeURL("scope", "openid", "prompt", "consent"))
		if a.element("consent-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if a = b.submit(a, "consent-form", "decision", "allow"); a.url.Query().Get("code") == "" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
	t.Run("more scopes ask for consent", func(t *testing.T) {
		if q := b.get(s.authorizeURL("scope", "openid email", "prompt", "none")).url.Query(); q.Get("error") != "consent_required" {
			t.Fatalf("%v", q)
		}
	})
	t.Run("prompt login: auth_time moves and an old proof does not do", func(t *testing.T) {
		a := asksAgain(t, true, "prompt", "login")
		time.Sleep(1100 * time.Millisecond) // auth_time counts seconds
		a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
		_, again := s.tokens(a)
		if before, after := claims(t, idToken)["auth_time"].(float64), claims(t, again["id_token"].(string))["auth_time"].(float64); after <= before {
			t.Fatalf("auth_time %v → %v", before, after)
		}
		if claims(t, idToken)["sid"] != claims(t, again["id_token"].(string))["sid"] {
			t.Fatal("the same person's session goes on")
		}
	})
	t.Run("id_token_hint of somebody else", func(t *testing.T) {
		other := s.browser()
		a := other.submit(other.get(s.authorizeURL("scope", "openid")), "login-form", "username", bob.Username, "password", password)
		other.submit(a, "consent-form", "decision", "allow")
		if q := other.get(s.authorizeURL("scope", "openid", "prompt", "none", "id_token_hint", idToken)).url.Query(); q.Get("error") != "login_required" {
			t.Fatalf("%v", q)
		}
		a = other.get(s.authorizeURL("scope", "openid", "id_token_hint", idToken))
		if a = other.submit(a, "login-form", "username", bob.Username, "password", password); a.status != http.StatusUnprocessableEntity {
			t.Fatalf("the wrong person was let through: %d at %s", a.status, a.url)
		}
		if a = other.submit(a, "login-form", "username", s.ada.Username, "password", password); a.url.Query().Get("code") == "" {
			t.Fatalf("the right person: %d at %s", a.status, a.url)
		}
		if q := other.get(s.authorizeURL("scope", "openid", "prompt", "none", "id_token_hint", idToken)).url.Query(); q.Get("code") == "" {
			t.Fatalf("%v", q)
		}
	})
}
