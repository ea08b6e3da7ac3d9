package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// Of several requests with one code at once, one is the second factor.
func TestACodeByMailIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailCodes(org.SecondFactorRequired)
	s.verified(s.ada)
	b, page := s.mailed(s.ada)
	code := s.code(s.ada.Email)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { b.submit(page, "mail-code-form", "code", code) })
	}
	all.Wait()
	var sessions int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", s.ada.ID).Scan(&sessions); err != nil || sessions != 1 {
		t.Errorf("%d sessions: %v", sessions, err)
	}
	if used := s.recorded("second_factor.mail_code_used", s.ada); used != 1 {
		t.Errorf("used %d times", used)
	}
}

func TestMailsOfSecondFactorsAreLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailCodes(org.SecondFactorRequired)
	s.verified(s.ada)
	for range 10 {
		s.mailed(s.ada)
	}
	b, page := s.atFactor(s.ada)
	if a := b.submit(page, "mail-form"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.element("mail-submit") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	s.deliver()
	if sent := len(s.mailbox.List(s.ada.Email)); sent != 10 {
		t.Errorf("%d mails", sent)
	}
}

// What the account depends on is changed by whoever proves the mailbox, too: otherwise who knows the password would take
// another address, or add an app, and prove that.
func TestAccountPagesDemandTheCodeByMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailCodes(org.SecondFactorOptional)
	s.verified(s.ada)
	if b, a := s.atAccount(s.ada, "account/sign-in"); !strings.Contains(a.body, "a code by mail to "+s.ada.Email) {
		t.Errorf("it is not explained: %s", b.get("/acme/account/sign-in").text("methods-list"))
	}
	for _, path := range []string{"account/password", "account/passkeys", "account/second-factor", "account/email", "account/data", "account/delete"} {
		b := s.browser()
		a := b.submit(b.get("/acme/"+path), "login-form", "username", s.ada.Username, "password", password)
		if !wantsMail(a) {
			t.Errorf("%s: %d at %s", path, a.status, a.url)
		}
	}
	b, _ := s.atAccount(s.ada, "account/sign-in")
	page := b.get("/acme/account/second-factor")
	page = b.submit(b.submit(page, "mail-form"), "mail-code-form", "code", s.code(s.ada.Email))
	app := &codeApp{site: s, person: s.ada, secret: page.text("otp-secret")}
	if page = b.submit(page, "otp-form", "code", app.code()); len(page.recoveryCodes()) != 10 {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if _, a := s.atFactor(s.ada); a.element("otp-code") == nil || a.element("mail-form") != nil {
		t.Errorf("beside an app: %d at %s", a.status, a.url)
	}
}

// A device is remembered after a code of a mail as after one of an app, and no longer than the password.
func TestADeviceIsRememberedAfterACodeByMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	s.mailCodes(org.SecondFactorRequired)
	s.changePolicies(s.acme, func(p *org.Policies) { p.RememberedDeviceDays = 30 })
	b, page := s.mailed(s.ada)
	b.allowed(b.submit(page, "mail-code-form", "code", s.code(s.ada.Email), "remember", "yes"))
	if a := b.again(); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	s.openMagicLinks()
	page = b.submit(b.get(attribute(b.get(s.authorizeURL("prompt", "login")).element("magic-link"), "href")), "magic-link-form", "username", s.ada.Username)
	if a := b.submit(page, "confirm-form", "code", s.code(s.ada.Email)); !wantsApp(a) {
		t.Errorf("the mailbox signs in and is the device's factor: %d at %s", a.status, a.url)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactorEmailCodes = org.EmailCodesOff })
	if a := b.again(); !wantsApp(a) {
		t.Errorf("codes are switched off: %d at %s", a.status, a.url)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactorEmailCodes = org.EmailCodesOn })
	s.setPassword(s.ada, password, false)
	if a := b.again(); !wantsMail(a) {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// atLink is a browser in front of the page to which a link of an administrator leads.
func (s *site) atLink(person *user.User) (*browser, *answer) {
	s.t.Helper()
	var token string
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		token, _, err = s.app.Links.Create(ctx, tx, operator, s.acme.ID, person.ID)
		return err
	})
	b := s.browser()
	return b, b.get("/acme/login/link?token=" + token)
}

// Between the code and the session a step may wait: what the owner does meanwhile counts.
func TestACodeByMailIsJudgedAgainWhenTheSessionBegins(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(s *site, eva *user.User){
		"nothing happens": nil,
		"another address": func(s *site, eva *user.User) { s.setUser(eva, "email = 'other@acme.test'") },
		"not proved":      func(s *site, eva *user.User) { s.setUser(eva, "email_verified = false") },
		"a passkey":       func(s *site, eva *user.User) { s.passkey(eva, virtualwebauthn.AuthenticatorOptions{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPasskeySite(t)
			s.mailCodes(org.SecondFactorRequired)
			s.publish(s.acme, "Terms", time.Time{})
			eva := s.reachable("eva@acme.test")
			b, page := s.mailed(eva)
			page = b.submit(page, "mail-code-form", "code", s.code(eva.Email))
			if page.url.Path != "/acme/action/terms" {
				t.Fatalf("%d at %s", page.status, page.url)
			}
			if meanwhile != nil {
				meanwhile(s, eva)
			}
			b.submit(page, "terms-form", "accept", "1")
			a := b.get(s.authorizeURL("prompt", "none"))
			if in := a.url.Query().Get("error") != "login_required"; in != (meanwhile == nil) {
				t.Errorf("signed in: %v: %s", in, a.url)
			}
		})
	}
}

// setUser changes a person as an administrator does.
func (s *site) setUser(person *user.User, change string) {
	s.t.Helper()
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE users SET "+change+" WHERE id = $1", person.ID); err != nil {
		s.t.Fatal(err)
	}
}
