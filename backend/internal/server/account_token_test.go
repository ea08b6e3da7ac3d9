package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/domaintest"
)

// copied is another browser of the same kind that presents what this one is signed in with, and nothing of other people.
func (b *browser) copied() *browser {
	b.t.Helper()
	thief := b.browser()
	server, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.http.Jar.Cookies(server) {
		if strings.Contains(cookie.Name, "-session-") {
			thief.http.Jar.SetCookies(server, []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/", Secure: true}})
		}
	}
	return thief
}

// Whoever changes what their account depends on leaves nothing to those who have a copy of their cookie.
func TestACopiedCookieDoesNotSurviveAChange(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	bob := s.person(s.acme, "bob@acme.test")
	for name, change := range map[string]func(b *browser) *answer{
		"password": func(b *browser) *answer {
			return b.submit(b.get("/acme/account/password"), "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword)
		},
		"second factor": func(b *browser) *answer {
			page := b.get("/acme/account/second-factor")
			return b.submit(page, "otp-form", "code", domaintest.OneTimePassword(t, page.text("otp-secret"), time.Now()))
		},
		"passkey": func(b *browser) *answer {
			return b.addPasskey(b.get("/acme/"+passkeysPage), s.newAuthenticator(), "Laptop")
		},
	} {
		person := s.person(s.acme, strings.ReplaceAll(name, " ", "-")+"@acme.test")
		b, _ := s.atAccount(bob, "account")
		a := b.submit(b.get("/acme/select-account"), "accounts-form", "account", "another")
		b.submit(a, "login-form", "username", person.Username, "password", password)
		thief := b.copied()
		if a := thief.get("/acme/account"); !strings.Contains(a.body, person.Username) {
			t.Fatalf("%s: the copy is worth nothing before: %d at %s", name, a.status, a.url)
		}
		if a := change(b); a.status != http.StatusOK || a.text("notice") != "" {
			t.Fatalf("%s: %d at %s:\n%s", name, a.status, a.url, a.body)
		}
		if a := thief.get("/acme/account"); a.element("login-form") == nil {
			t.Errorf("%s: the copy still signs in: %d at %s", name, a.status, a.url)
		}
		if a := b.get("/acme/account"); !strings.Contains(a.body, person.Username) || a.element("account-nav") == nil {
			t.Errorf("%s: whoever changed it is signed out: %d at %s", name, a.status, a.url)
		}
		if a := b.get("/acme/select-account"); !strings.Contains(a.body, bob.Username) || !strings.Contains(a.body, person.Username) {
			t.Errorf("%s: others in the browser are signed out: %d at %s", name, a.status, a.url)
		}
	}
}
