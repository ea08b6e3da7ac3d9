package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
)

// openWithPasskeys is a site where people sign up, also with passkeys.
func openWithPasskeys(t *testing.T) *site {
	t.Helper()
	s := newPasskeySite(t)
	s.openSignUp(s.acme)
	return s
}

func TestSigningUpWithAPasskey(t *testing.T) {
	t.Parallel()
	s := openWithPasskeys(t)
	b := s.browser()
	form := b.get(s.authorizeURL("prompt", "create"))
	if form.element("sign-up-passkey") == nil {
		t.Fatalf("it is not offered:\n%s", form.body)
	}
	before := s.people(s.acme)
	page := b.signUp(form, newcomer, "new_password", "", "with", "passkey")
	page = b.submit(page, "confirm-form", "code", s.code(newcomer))
	if page.url.Path != "/acme/sign-up/passkey" || page.element("add-passkey") == nil || s.people(s.acme) != before {
		t.Fatalf("%d at %s, %d people:\n%s", page.status, page.url, s.people(s.acme), page.body)
	}
	t.Run("no step is skipped and none comes back", func(t *testing.T) {
		for _, address := range []string{"/acme/sign-up/confirm", "/acme/login", "/acme/consent"} {
			if a := b.get(address + "?" + page.url.RawQuery); a.url.Path != "/acme/sign-up/passkey" {
				t.Errorf("%s leads to %s", address, a.url)
			}
		}
		other := s.browser()
		other.get("/acme/login")
		if a := other.get(page.url.String()); a.status != http.StatusGone {
			t.Errorf("another browser: %d at %s", a.status, a.url)
		}
	})
	t.Run("what is no passkey makes no account", func(t *testing.T) {
		d := s.newAuthenticator()
		d.made.Options.UserNotVerified = true
		for _, answer := range []string{"", d.create(t, page.options())} {
			if a := b.submit(page, "passkey-form", "passkey", answer); a.status != http.StatusUnprocessableEntity || a.element("add-passkey") == nil || s.people(s.acme) != before {
				t.Errorf("%d at %s", a.status, a.url)
			} else {
				page = a
			}
		}
	})
	d := s.newAuthenticator()
	asked, err := virtualwebauthn.ParseAttestationOptions(page.options())
	if err != nil {
		t.Fatal(err)
	}
	d.made.Options.UserHandle = []byte(asked.UserID)
	answer := d.create(t, page.options())
	a := b.submit(page, "passkey-form", "passkey", answer)
	if a.element("consent-form") == nil || s.people(s.acme) != before+1 {
		t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	if again := b.submit(page, "passkey-form", "passkey", answer); again.element("consent-form") == nil || s.people(s.acme) != before+1 {
		t.Errorf("sent twice: %d at %s", again.status, again.url)
	}
	status, tokens := s.tokens(b.submit(a, "consent-form", "decision", "allow"))
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, tokens)
	}
	if amr, _ := claims(t, tokens["id_token"].(string))["amr"].([]any); len(amr) != 3 || amr[0] != "hwk" {
		t.Errorf("amr %v", amr)
	}
	made, stored, err := s.app.Users.ByIdentifier(t.Context(), s.app.Store, s.acme.ID, newcomer)
	if err != nil || !made.EmailVerified || stored != "" {
		t.Errorf("%+v %v", made, err)
	}
	t.Run("it signs in, and no password does", func(t *testing.T) {
		later := s.browser()
		if a := later.submit(later.get("/acme/login"), "login-form", "username", newcomer, "password", ""); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d", a.status)
		}
		if a := later.usePasskeyAtFirst("/acme/login", d); a.url.Path != "/acme/" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("who lost it chooses a password by mail", func(t *testing.T) {
		lost := s.browser()
		page := lost.submit(lost.get("/acme/forgot-password"), "forgot-password-form", "username", newcomer)
		page = lost.submit(page, "confirm-form", "code", s.code(newcomer))
		if a := lost.submit(page, "password-form", "new_password", newPassword, "new_password_confirmation", newPassword, "passkeys_lost", "yes"); a.url.Path != "/acme/" {
			t.Errorf("%d at %s:\n%s", a.status, a.url, a.body)
		}
	})
}

func TestSigningUpWithAPasskeyMeanwhile(t *testing.T) {
	t.Parallel()
	s := openWithPasskeys(t)
	proved := func(email string) (*browser, *answer) {
		b := s.browser()
		page := b.signUp(b.get(s.authorizeURL("prompt", "create")), email, "new_password", "", "with", "passkey")
		return b, b.submit(page, "confirm-form", "code", s.code(email))
	}
	t.Run("somebody else proved the address", func(t *testing.T) {
		b, page := proved("twice@new.test")
		other, otherPage := proved("twice@new.test")
		if a := other.submit(otherPage, "passkey-form", "passkey", s.newAuthenticator().create(t, otherPage.options())); a.element("consent-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if a := b.submit(page, "passkey-form", "passkey", s.newAuthenticator().create(t, page.options())); a.status != http.StatusConflict || a.element("login-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("a passkey that somebody has", func(t *testing.T) {
		b, page := proved("copied@new.test")
		if a := b.submit(page, "passkey-form", "passkey", s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}).create(t, page.options())); a.status != http.StatusUnprocessableEntity ||
			!strings.Contains(a.text("notice"), "registered already") {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("the answer of another sign-up", func(t *testing.T) {
		b, page := proved("one@new.test")
		_, otherPage := proved("other@new.test")
		if a := b.submit(page, "passkey-form", "passkey", s.newAuthenticator().create(t, otherPage.options())); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("passkeys are switched off", func(t *testing.T) {
		b, page := proved("off@new.test")
		s.changePolicies(s.acme, func(p *org.Policies) { p.Passkeys = org.PasskeysOff })
		before := s.people(s.acme)
		a := b.submit(page, "passkey-form", "passkey", s.newAuthenticator().create(t, page.options()))
		if a.status != http.StatusUnprocessableEntity || a.element("passkey-form") != nil || s.people(s.acme) != before {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if a := b.submit(a, "sign-up-again-form", "instead", "again"); a.element("sign-up-form") == nil || a.element("sign-up-passkey") != nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := b.signUp(b.get(s.authorizeURL("prompt", "create")), "off2@new.test", "new_password", "", "with", "passkey"); a.status == http.StatusOK && a.element("confirm-form") != nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}
