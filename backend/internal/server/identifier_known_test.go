package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/user"
)

// Who it is about is known already: they are asked for the proof at once.
func TestWhoIsKnownNeedNotBeIdentified(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	b := s.browser()
	b.signIn()
	s.identifierFirst()
	t.Run("once more", func(t *testing.T) {
		page := b.get(s.authorizeURL("prompt", "login")).forWays(t, s.ada.Username)
		if a := b.submit(page, "login-form", "password", password); a.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("somebody else instead", func(t *testing.T) {
		page := b.get(s.authorizeURL("prompt", "login")).forWays(t, s.ada.Username)
		other := b.get(attribute(page.element("change-identifier"), "href"))
		if other.url.Path != "/acme/login" || attribute(other.element("username"), "value") != "" {
			t.Fatalf("%d at %s", other.status, other.url)
		}
		page = b.submit(other, "login-form", "username", bob.Username).forWays(t, bob.Username)
		if a := b.submit(page, "login-form", "password", password); a.element("consent-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("another hint", func(t *testing.T) {
		if a := b.get(s.authorizeURL("prompt", "login", "login_hint", "eve@acme.test")); a.url.Path != "/acme/login" || attribute(a.element("username"), "value") != "eve@acme.test" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("chosen", func(t *testing.T) {
		page := b.choose(b.get(s.authorizeURL("prompt", "select_account login")), s.ada).forWays(t, s.ada.Username)
		if page.element("change-identifier") != nil || page.element("accounts-again") == nil {
			t.Errorf("ways to somebody else:\n%s", page.body)
		}
		if a := b.submit(page, "login-form", "username", bob.Username, "password", password); a.url.Query().Get("code") != "" {
			t.Errorf("as somebody else: %d at %s", a.status, a.url)
		}
		if a := b.submit(page, "login-form", "password", password); s.subject(b.allowed(a)) != s.ada.ID.String() {
			t.Errorf("%d at %s", a.status, a.url)
		}
		again := b.choose(b.get(s.authorizeURL("prompt", "select_account login")), s.ada).forWays(t, s.ada.Username)
		accounts := b.submit(again, "accounts-again-form", "account", "again")
		if a := b.submit(accounts, "accounts-form", "account", "another"); a.url.Path != "/acme/login" || a.element("password") != nil {
			t.Errorf("another one: %d at %s", a.status, a.url)
		}
	})
	t.Run("before changes of the account", func(t *testing.T) {
		b := s.browser()
		page := b.submit(b.get("/acme/account/password"), "login-form", "username", s.ada.Username).forWays(t, s.ada.Username)
		if a := b.submit(page, "login-form", "password", password); a.url.Path != "/acme/account/password" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		s.longAgo(s.ada)
		page = b.get("/acme/account/password").forWays(t, s.ada.Username)
		if page.element("change-identifier") != nil {
			t.Error("nobody else changes that account")
		}
		if a := b.submit(page, "login-form", "password", password); a.url.Path != "/acme/account/password" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("whose session is elsewhere", func(t *testing.T) {
		idToken := s.idTokenOf(bob)
		page := s.browser().get(s.authorizeURL("id_token_hint", idToken))
		if page.url.Path != "/acme/login" || strings.Contains(page.body, bob.Username) {
			t.Errorf("whoever has an ID token learns a name: %d at %s", page.status, page.url)
		}
		b, page := s.identified(s.ada.Username, "id_token_hint", idToken)
		if a := b.submit(page, "login-form", "password", password); a.status != http.StatusUnprocessableEntity || a.element("change-identifier") == nil {
			t.Errorf("somebody else: %d at %s", a.status, a.url)
		}
	})
}

// idTokenOf is an ID token of somebody who signed in.
func (s *site) idTokenOf(person *user.User) string {
	s.t.Helper()
	b := s.browser()
	page := b.submit(b.get(s.authorizeURL()), "login-form", "username", person.Username)
	_, tokens := s.tokens(b.allowed(b.submit(page, "login-form", "password", password)))
	token, _ := tokens["id_token"].(string)
	return token
}
