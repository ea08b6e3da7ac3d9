package server

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/logout"
)

// state is the browser state that scripts of this host read, "" when there is none.
func (b *browser) state() string {
	home, _ := url.Parse(b.server.URL + "/")
	for _, cookie := range b.http.Jar.Cookies(home) {
		if cookie.Name == "__Host-clavex-state-acme" {
			return cookie.Value
		}
	}
	return ""
}

func TestSessionStateFollowsTheBrowsersSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	matches := func(t *testing.T, state string, want bool) {
		t.Helper()
		hash, salt, found := strings.Cut(state, ".")
		if len(hash) != 43 || len(salt) < 22 || !found || strings.Contains(state, " ") {
			t.Fatalf("session_state is %q (Session Management 1.0 §2)", state)
		}
		if same := logout.SessionState(s.web.ClientID, "https://app.example.test", b.state(), salt) == state; same != want {
			t.Errorf("unchanged: %v, want %v", same, want)
		}
	}
	first := b.signIn().url.Query().Get("session_state")
	matches(t, first, true)
	t.Run("another one for each answer, all for the same state", func(t *testing.T) {
		again := b.get(s.authorizeURL("prompt", "none")).url.Query().Get("session_state")
		matches(t, again, true)
		matches(t, first, true)
		if again == first {
			t.Error("the salt is the same")
		}
	})
	t.Run("the same person who proves who they are again changes nothing", func(t *testing.T) {
		b.signIn("prompt", "login")
		matches(t, first, true)
	})
	t.Run("a lost browser state comes back with the next answer", func(t *testing.T) {
		home, _ := url.Parse(s.server.URL + "/")
		b.http.Jar.SetCookies(home, []*http.Cookie{{Name: "__Host-clavex-state-acme", Value: "", Path: "/", Secure: true, MaxAge: -1}})
		matches(t, first, false)
		b.get(s.authorizeURL("prompt", "none"))
		matches(t, first, true)
	})
	t.Run("in a fragment, with tokens", func(t *testing.T) {
		before, secretBefore := s.web, s.secret
		defer func() { s.web, s.secret = before, secretBefore }()
		s.everything()
		b.signIn()
		matches(t, fragment(b.get(s.authorizeURL("response_type", "code id_token"))).Get("session_state"), true)
	})
	t.Run("with the response type none", func(t *testing.T) {
		before, secretBefore := s.web, s.secret
		defer func() { s.web, s.secret = before, secretBefore }()
		s.everything()
		matches(t, b.signIn("response_type", "none").url.Query().Get("session_state"), true)
	})
	t.Run("upon a failure, for the state in which it failed (§3.2)", func(t *testing.T) {
		for name, failing := range map[string]*browser{"login_required": s.browser(), "consent_required": b} {
			parameters := []string{"prompt", "none"}
			if failing == b {
				parameters = append(parameters, "scope", "openid phone")
			}
			answer, again := failing.get(s.authorizeURL(parameters...)).url.Query(), failing.get(s.authorizeURL(parameters...)).url.Query()
			state := answer.Get("session_state")
			if hash, salt, _ := strings.Cut(state, "."); answer.Get("error") != name || hash == "" ||
				logout.SessionState(s.web.ClientID, "https://app.example.test", failing.state(), salt) != state {
				t.Errorf("%s: %v", name, answer)
			}
			if again.Get("session_state") == state {
				t.Errorf("%s: the value is the same for two requests", name)
			}
		}
		if q := b.get(s.authorizeURL("prompt", "none", "nonce", strings.Repeat("x", 5000))).url.Query(); q.Get("error") == "" || q.Has("session_state") {
			t.Errorf("a request that is wrong in itself says nothing of the browser: %v", q)
		}
	})
	t.Run("not without openid", func(t *testing.T) {
		if a := b.signIn("scope", "profile"); a.url.Query().Get("code") == "" || a.url.Query().Has("session_state") {
			t.Errorf("%s", a.url)
		}
	})
	t.Run("not for an application without a page", func(t *testing.T) {
		before := s.web
		defer func() { s.web = before }()
		s.web, _ = s.client(s.acme, client.Client{Name: "Native", AuthenticationMethod: client.None, ApplicationType: client.Native, RedirectURIs: []string{"com.example.app:/cb"},
			GrantTypes: []string{client.AuthorizationCode}})
		if a := b.signIn("redirect_uri", "com.example.app:/cb"); a.url.Query().Get("code") == "" || a.url.Query().Has("session_state") {
			t.Errorf("%s", a.url)
		}
	})
	t.Run("changed by another person's sign-in", func(t *testing.T) {
		other := s.browser()
		theirs := other.signIn().url.Query().Get("session_state")
		if _, salt, _ := strings.Cut(theirs, "."); logout.SessionState(s.web.ClientID, "https://app.example.test", b.state(), salt) == theirs {
			t.Error("two sessions have one state")
		}
	})
	t.Run("changed by signing out", func(t *testing.T) {
		b.submit(b.get("/acme/logout"), "logout-form", "decision", "confirm")
		if b.state() != "" {
			t.Error("the state is still there")
		}
		matches(t, first, false)
	})
}

func TestTheCheckSessionIframe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.browser().get("/acme/check_session")
	if a.status != http.StatusOK || a.header.Get("X-Frame-Options") != "" || a.header.Get("Content-Type") != "text/html; charset=utf-8" || len(a.header.Values("Set-Cookie")) != 0 {
		t.Fatalf("%d %v", a.status, a.header)
	}
	_, script, _ := strings.Cut(a.body, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	digest := sha256.Sum256([]byte(script))
	policy := a.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "';", "frame-ancestors *"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %s: %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Count(a.body, "<script") != 1 || !strings.Contains(a.body, `data-cookie="__Host-clavex-state-acme"`) {
		t.Errorf("%s\n%s", policy, a.body)
	}
	for _, page := range []string{"/acme/login", "/acme/logout"} {
		if a := s.browser().get(page); !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s may be embedded", page)
		}
	}
	if a := s.browser().get("/nobody/check_session"); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
}
