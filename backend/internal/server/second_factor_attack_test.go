package server

import (
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// Where more is demanded than a password, somebody who has a passkey uses it. Whoever learned their password, or reads their
// mail, adds nothing beside it.
func TestNothingGoesAroundAPasskey(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	device := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	demand := []string{"claims", `{"id_token":{"acr":{"essential":true,"values":["` + session.ACRMultiFactor + `"]}}}`}
	for name, c := range map[string]struct {
		policy    org.SecondFactor
		parameter []string
	}{"required": {org.SecondFactorRequired, nil}, "demanded": {org.SecondFactorOptional, demand}} {
		s.secondFactor(c.policy)
		b := s.browser()
		page := b.password(c.parameter...)
		if page.url.Path != "/acme/login/second-factor" || page.element("passkey-form") == nil || page.element("otp-form") != nil {
			t.Fatalf("%s: a password alone: %d at %s:\n%s", name, page.status, page.url, page.body)
		}
		transaction := page.url.Query().Get("transaction")
		for _, path := range []string{"/acme/login", "/acme/login/second-factor/add", "/acme/consent"} {
			if a := b.get(s.server.URL + path + "?transaction=" + transaction); a.element("otp-form") != nil || a.element("consent-form") != nil {
				t.Errorf("%s: %s is open: %d at %s", name, path, a.status, a.url)
			}
		}
		if signedIn := b.usePasskey(page, device); signedIn.element("consent-form") == nil && signedIn.url.Query().Get("code") == "" {
			t.Errorf("%s: the passkey: %d at %s", name, signedIn.status, signedIn.url)
		}
	}
	s.secondFactor(org.SecondFactorOptional)
	if a := s.browser().password(); a.element("passkey-form") == nil || a.url.Path != "/acme/login/second-factor" {
		t.Errorf("where nothing more is demanded: %d at %s", a.status, a.url)
	}
	s.secondFactor(org.SecondFactorOff)
	if a := s.browser().password(); a.element("consent-form") == nil && a.url.Query().Get("code") == "" {
		t.Errorf("where nobody is asked: %d at %s", a.status, a.url)
	}
}

// A session that was begun with the password alone, before there was an app, does not outlive it.
func TestAddingAnAppEndsWhatBeganWithoutIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	thief := s.browser()
	thief.signIn()
	sudo, _ := s.atAccount(s.ada, "account/password")
	if a := sudo.get(s.server.URL + "/acme/account/password"); a.element("login-form") != nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	s.addApp(s.ada)
	for name, b := range map[string]*browser{"signed in": thief, "with a fresh proof": sudo} {
		for _, path := range []string{"/acme/account", "/acme/account/second-factor", "/acme/account/passkeys"} {
			if a := b.get(s.server.URL + path); a.element("login-form") == nil {
				t.Errorf("%s: %s is open: %d at %s", name, path, a.status, a.url)
			}
		}
	}
}
