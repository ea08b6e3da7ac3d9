package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// mailCodes makes codes of mails second factors.
func (s *site) mailCodes(policy org.SecondFactor) {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor, p.SecondFactorEmailCodes = policy, org.EmailCodesOn })
}

// reachable is a person whose address was proved.
func (s *site) reachable(email string) *user.User {
	s.t.Helper()
	made := s.person(s.acme, email)
	s.verified(made)
	return made
}

// atFactor is a browser in which a password of the person was proved.
func (s *site) atFactor(person *user.User, namesAndValues ...string) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	return b, b.submit(b.get(s.authorizeURL(namesAndValues...)), "login-form", "username", person.Username, "password", password)
}

// mailed is a browser in front of the page that wants the code of the mail.
func (s *site) mailed(person *user.User, namesAndValues ...string) (*browser, *answer) {
	s.t.Helper()
	b, page := s.atFactor(person, namesAndValues...)
	page = b.submit(page, "mail-form")
	if page.element("mail-code-form") == nil || page.url.Path != "/acme/login/second-factor" {
		s.t.Fatalf("expected the page for the code, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b, page
}

// setExpiry says when the code of a sign-in expires.
func (s *site) setExpiry(page *answer, at string) {
	s.t.Helper()
	_, fields := page.form("mail-code-form")
	if _, err := s.app.Store.Exec(s.t.Context(), `UPDATE kv_entries SET value = convert_to(jsonb_set(convert_from(value, 'UTF8')::jsonb,
		'{progress,factor_mail,expires}', to_jsonb($2::text))::text, 'UTF8') WHERE kind = 'login-transaction' AND id = $1`, fields.Get("transaction"), at); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) recorded(action string, of *user.User) (n int) {
	s.t.Helper()
	if err := s.app.Store.QueryRow(s.t.Context(), "SELECT count(*) FROM audit_events WHERE action = $1 AND target_id = $2", action, of.ID.String()).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// wantsMail, wantsApp and wantsNothing are where a sign-in may be after the password.
func wantsMail(a *answer) bool {
	return a.url.Path == "/acme/login/second-factor" && a.element("mail-submit") != nil && a.element("otp-form") == nil
}
func wantsApp(a *answer) bool { return a.url.Path == "/acme/login/second-factor/add" }
func wantsNothing(a *answer) bool {
	return a.element("consent-form") != nil || a.url.Query().Get("code") != ""
}

func TestACodeByMailIsASecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailCodes(org.SecondFactorRequired)
	s.verified(s.ada)
	b, page := s.atFactor(s.ada)
	if !wantsMail(page) || strings.Contains(page.body, s.ada.Email) || !strings.Contains(page.body, "a•••@acme.test") {
		t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
	}
	s.deliver()
	if sent := len(s.mailbox.List(s.ada.Email)); sent != 0 {
		t.Errorf("%d mails before she asks for one", sent)
	}
	page = b.submit(page, "mail-form")
	code := s.code(s.ada.Email)
	if told := s.mail(s.ada.Email); !strings.Contains(told.Text, "with your password") || strings.Contains(told.Text, "/login/second-factor") {
		t.Errorf("%+v", told)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("a password alone signs in: %s", silent.url)
	}
	if wrong := b.submit(page, "mail-code-form", "code", wrongCode(code)); wrong.status != http.StatusUnprocessableEntity || wrong.text("notice") == "" {
		t.Errorf("a wrong code: %d", wrong.status)
	}
	idToken, _ := s.exchange(b.allowed(b.submit(page, "mail-code-form", "code", strings.ToLower(code))))
	if got := texts(idToken["amr"]); !slices.Equal(got, []string{"pwd", "otp", "mca", "mfa"}) || idToken["acr"] != session.ACRMultiFactor {
		t.Errorf("amr %v, acr %v", got, idToken["acr"])
	}
	if sent, used, failed := s.recorded("second_factor.mail_code_sent", s.ada), s.recorded("second_factor.mail_code_used", s.ada), s.recorded("second_factor.failed", s.ada); sent != 1 || used != 1 || failed != 1 {
		t.Errorf("%d sent, %d used, %d failed", sent, used, failed)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("the session does not do: %s", silent.url)
	}
}

// Nowhere else than where a second factor is demanded, and of nobody who has one.
func TestWhereACodeByMailIsASecondFactor(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	bob, unproved := s.reachable("bob@acme.test"), s.person(s.acme, "una@acme.test")
	app := s.addApp(s.reachable("eve@acme.test"))
	s.verified(s.ada)
	s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.mailCodes(org.SecondFactorOptional)
	essential := func(acr string) []string {
		return []string{"claims", `{"id_token":{"acr":{"essential":true,"values":["` + acr + `"]}}}`}
	}
	bank := s.bank()
	for name, c := range map[string]struct {
		who        *user.User
		parameters []string
		want       func(*answer) bool
	}{
		"nothing is demanded":           {bob, nil, wantsNothing},
		"a context is demanded":         {bob, essential(session.ACRMultiFactor), wantsMail},
		"a context is wished for":       {bob, []string{"acr_values", session.ACRMultiFactor}, wantsMail},
		"the application demands":       {bob, []string{"client_id", bank.ClientID}, wantsMail},
		"an address that is not proved": {unproved, essential(session.ACRMultiFactor), wantsApp},
		"who has an app":                {app.person, essential(session.ACRMultiFactor), func(a *answer) bool { return a.element("otp-code") != nil && a.element("mail-form") == nil }},
		"who has a passkey":             {s.ada, essential(session.ACRMultiFactor), func(a *answer) bool { return a.element("passkey-form") != nil && a.element("mail-form") == nil }},
		"what it does not reach":        {bob, essential(session.ACRPhishingResistant), func(a *answer) bool { return !wantsMail(a) && a.url.Query().Get("code") == "" }},
	} {
		if _, a := s.atFactor(c.who, c.parameters...); !c.want(a) {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	// A role; a session that began with the password alone; the organization says no; no mail is sent.
	s.changePolicies(s.acme, func(p *org.Policies) {
		p.SecondFactorRoles = map[string]org.SecondFactor{string(role.OrganizationAuditor): org.SecondFactorRequired}
	})
	carol := s.reachable("carol@acme.test")
	b, before := s.atFactor(carol)
	before = b.allowed(before)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Roles.Set(ctx, tx, role.Grantor{Actor: operator, Platform: true}, s.acme.ID, carol.ID, false, []role.Role{role.OrganizationAuditor})
	})
	page := b.get(s.authorizeURL())
	if before.url.Query().Get("code") == "" || !wantsMail(page) {
		t.Fatalf("a session of before: %d at %s", page.status, page.url)
	}
	page = b.submit(page, "mail-form")
	if a := b.submit(page, "mail-code-form", "code", s.code(carol.Email)); a.url.Query().Get("code") == "" {
		t.Errorf("made stronger: %d at %s", a.status, a.url)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactorEmailCodes = org.EmailCodesOff })
	if _, a := s.atFactor(carol); !wantsApp(a) {
		t.Errorf("switched off: %d at %s", a.status, a.url)
	}
}

// Who reads a mailbox and nothing else has one factor, however often it is shown.
func TestOneMailboxIsNotTwoFactors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailCodes(org.SecondFactorRequired)
	s.openMagicLinks()
	recovered := func(t *testing.T, person *user.User, chosen string) (*browser, *answer) {
		t.Helper()
		b, page := s.forgot(person.Username)
		page = b.submit(page, "confirm-form", "code", s.code(person.Email))
		return b, b.submit(page, "password-form", "new_password", chosen, "new_password_confirmation", chosen)
	}
	signIn := func(person *user.User, chosen string) *answer {
		b := s.browser()
		return b.submit(b.get(s.authorizeURL()), "login-form", "username", person.Username, "password", chosen)
	}
	t.Run("a password chosen by mail", func(t *testing.T) {
		ann := s.reachable("ann@acme.test")
		b, page := recovered(t, ann, chosenPassword)
		if !wantsApp(page) || !strings.Contains(page.body, "proves nothing more") {
			t.Errorf("in the same sign-in: %d at %s", page.status, page.url)
		}
		_, fields := page.form("otp-form")
		for _, name := range []string{"mail", "code"} {
			fields.Set(name, "2345-CFGH")
		}
		if a := b.post("/acme/login/second-factor", fields); !wantsApp(a) {
			t.Errorf("sent in its place: %d at %s", a.status, a.url)
		}
		if a := signIn(ann, chosenPassword); !wantsApp(a) {
			t.Errorf("in another one: %d at %s", a.status, a.url)
		}
		s.setPassword(ann, password, false)
		if a := signIn(ann, password); !wantsMail(a) {
			t.Errorf("after an administrator set one: %d at %s", a.status, a.url)
		}
	})
	t.Run("changed with itself", func(t *testing.T) {
		s.secondFactor(org.SecondFactorOptional)
		defer s.secondFactor(org.SecondFactorRequired)
		ben := s.reachable("ben@acme.test")
		b, page := recovered(t, ben, chosenPassword)
		if page = b.allowed(page); page.url.Query().Get("code") == "" {
			t.Fatalf("%d at %s", page.status, page.url)
		}
		page = b.get("/acme/account/password")
		if page = b.submit(page, "password-form", "new_password", "Analytical-1842", "new_password_confirmation", "Analytical-1842"); page.url.Path != "/acme/account/sign-in" || !strings.Contains(page.body, "proves nothing more") {
			t.Errorf("%d at %s:\n%s", page.status, page.url, page.body)
		}
		s.secondFactor(org.SecondFactorRequired)
		if a := signIn(ben, "Analytical-1842"); !wantsApp(a) {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := b.get(s.authorizeURL()); a.element("login-form") == nil {
			t.Errorf("its session: %d at %s", a.status, a.url)
		}
	})
	t.Run("a link of an administrator, also where the password has to be changed", func(t *testing.T) {
		cleo := s.reachable("cleo@acme.test")
		b, page := s.atLink(cleo)
		if page = b.submit(page, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); !wantsApp(page) {
			t.Errorf("%d at %s", page.status, page.url)
		}
		s.setPassword(cleo, password, true)
		b, page = s.atFactor(cleo)
		if !wantsMail(page) {
			t.Fatalf("a password of an administrator: %d at %s", page.status, page.url)
		}
		page = b.submit(b.submit(page, "mail-form"), "mail-code-form", "code", s.code(cleo.Email))
		if page = b.submit(page, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); !wantsNothing(page) {
			t.Errorf("%d at %s", page.status, page.url)
		}
		if a := signIn(cleo, chosenPassword); !wantsMail(a) {
			t.Errorf("chosen with two factors: %d at %s", a.status, a.url)
		}
	})
	t.Run("signed in by mail", func(t *testing.T) {
		dan := s.reachable("dan@acme.test")
		b, page := s.byMail(dan.Username)
		if page = b.submit(page, "confirm-form", "code", s.code(dan.Email)); !wantsApp(page) {
			t.Errorf("%d at %s", page.status, page.url)
		}
		s.secondFactor(org.SecondFactorOptional)
		defer s.secondFactor(org.SecondFactorRequired)
		b, page = s.byMail(dan.Username)
		b.allowed(b.submit(page, "confirm-form", "code", s.code(dan.Email)))
		page = b.get("/acme/account/password")
		if page = b.submit(page, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); page.url.Path != "/acme/account/sign-in" {
			t.Fatalf("%d at %s", page.status, page.url)
		}
		s.secondFactor(org.SecondFactorRequired)
		if a := signIn(dan, chosenPassword); !wantsApp(a) {
			t.Errorf("the password that was chosen with that: %d at %s", a.status, a.url)
		}
	})
	t.Run("an account begins with its mailbox", func(t *testing.T) {
		finn, link := s.invited("finn@acme.test")
		b := s.browser()
		if a := b.submit(b.get(link), "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); !wantsMail(a) {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := signIn(finn, chosenPassword); !wantsMail(a) {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

func TestCodesThatAreNoSecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailCodes(org.SecondFactorRequired)
	s.openMagicLinks()
	s.organization("rival")
	refused := func(t *testing.T, what string, a *answer) {
		t.Helper()
		if a.status != http.StatusUnprocessableEntity || a.text("notice") == "" {
			t.Errorf("%s: %d at %s", what, a.status, a.url)
		}
	}
	t.Run("guessed", func(t *testing.T) {
		ann := s.reachable("ann@acme.test")
		b, page := s.mailed(ann)
		right := s.code(ann.Email)
		for _, code := range []string{"", "2345", "000000", wrongCode(right), wrongCode(right)} {
			refused(t, code, b.submit(page, "mail-code-form", "code", code))
		}
		refused(t, "right, too late", b.submit(page, "mail-code-form", "code", right))
		if a := b.submit(page, "mail-form"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || attribute(a.element("mail-again"), "data-after") == "" {
			t.Errorf("another mail at once: %d", a.status)
		}
		for n := range 3 {
			s.setExpiry(page, "2020-01-01T00:00:00Z")
			if page = b.submit(page, "mail-form"); page.element("mail-code-form") == nil || (page.element("mail-again") == nil) != (n == 2) {
				t.Fatalf("mail %d: %d at %s:\n%s", n+2, page.status, page.url, page.body)
			}
		}
		refused(t, "that of an earlier mail", b.submit(page, "mail-code-form", "code", right))
		s.setExpiry(page, "2020-01-01T00:00:00Z")
		_, fields := page.form("mail-code-form")
		fields.Set("mail", "again")
		if a := b.post("/acme/login/second-factor", fields); a.status != http.StatusTooManyRequests {
			t.Errorf("a fifth mail: %d at %s", a.status, a.url)
		}
	})
	t.Run("expired", func(t *testing.T) {
		ben := s.reachable("ben@acme.test")
		b, page := s.mailed(ben)
		code := s.code(ben.Email)
		s.setExpiry(page, "2020-01-01T00:00:00Z")
		refused(t, "expired", b.submit(page, "mail-code-form", "code", code))
		page = b.submit(page, "mail-form")
		if a := b.submit(page, "mail-code-form", "code", s.code(ben.Email)); !wantsNothing(a) {
			t.Errorf("a new one: %d at %s", a.status, a.url)
		}
	})
	t.Run("replayed, taken elsewhere, meant for something else", func(t *testing.T) {
		cleo := s.reachable("cleo@acme.test")
		other, otherPage := s.mailed(cleo)
		b, page := s.mailed(cleo)
		code := s.code(cleo.Email)
		refused(t, "of another sign-in", other.submit(otherPage, "mail-code-form", "code", code))
		action, fields := page.form("mail-code-form")
		fields.Set("code", code)
		stranger := s.browser()
		stranger.get(s.authorizeURL())
		for _, address := range []string{action, strings.Replace(action, "acme", "rival", 1)} {
			if a := stranger.post(address, fields); a.status != http.StatusGone {
				t.Errorf("another browser at %s: %d", address, a.status)
			}
			if a := stranger.get(address + "?transaction=" + fields.Get("transaction")); a.status != http.StatusGone {
				t.Errorf("another browser looks at %s: %d", address, a.status)
			}
		}
		if a := b.post(strings.Replace(action, "acme", "rival", 1), fields); a.status != http.StatusGone {
			t.Errorf("another organization: %d", a.status)
		}
		if a := b.submit(page, "mail-code-form", "code", code, "csrf_token", "x"); a.status != http.StatusForbidden {
			t.Errorf("a forged form: %d", a.status)
		}
		atMagic, magic := s.byMail(cleo.Username)
		refused(t, "to sign in by mail", atMagic.submit(magic, "confirm-form", "code", code))
		refused(t, "one to sign in by mail", other.submit(otherPage, "mail-code-form", "code", s.code(cleo.Email)))
		done := b.submit(page, "mail-code-form", "code", code)
		if !wantsNothing(done) {
			t.Fatalf("%d at %s", done.status, done.url)
		}
		if a := b.submit(page, "mail-code-form", "code", code); a.url.Path == "/acme/login/second-factor" {
			t.Errorf("used twice: %d at %s", a.status, a.url)
		}
		b.allowed(done)
		if a := b.submit(page, "mail-code-form", "code", code); a.status != http.StatusGone {
			t.Errorf("after the end: %d at %s", a.status, a.url)
		}
		if used := s.recorded("second_factor.mail_code_used", cleo); used != 1 {
			t.Errorf("used %d times", used)
		}
	})
	t.Run("in the wrong order", func(t *testing.T) {
		dan := s.reachable("dan@acme.test")
		b := s.browser()
		page := b.get(s.authorizeURL())
		_, fields := page.form("login-form")
		fields.Set("mail", "send")
		if a := b.post("/acme/login/second-factor", fields); a.element("login-form") == nil {
			t.Errorf("before the password: %d at %s", a.status, a.url)
		}
		b, page = s.atFactor(dan)
		_, fields = page.form("mail-form")
		fields.Del("mail")
		fields.Set("code", "2345-CFGH")
		refused(t, "before a mail", b.post("/acme/login/second-factor", fields))
		if sent := s.recorded("second_factor.mail_code_sent", dan); sent != 0 {
			t.Errorf("%d mails", sent)
		}
	})
	for name, c := range map[string]struct {
		change func(*testing.T, *user.User)
		want   func(*answer) bool
	}{
		"the address is another one": {func(t *testing.T, who *user.User) {
			if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET email = 'moved-' || email WHERE id = $1", who.ID); err != nil {
				t.Fatal(err)
			}
		}, func(a *answer) bool { return a.status == http.StatusUnprocessableEntity }},
		"it counts as proved no more": {func(t *testing.T, who *user.User) {
			if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET email_verified = false WHERE id = $1", who.ID); err != nil {
				t.Fatal(err)
			}
		}, wantsApp},
		"the password is another one": {func(_ *testing.T, who *user.User) { s.setPassword(who, password, false) },
			func(a *answer) bool { return a.element("login-form") != nil }},
		"there is an app": {func(_ *testing.T, who *user.User) {
			s.changePolicies(s.acme, func(p *org.Policies) {
				p.SecondFactor, p.SecondFactorEmailCodes = org.SecondFactorOptional, org.EmailCodesOff
			})
			s.addApp(who)
			s.mailCodes(org.SecondFactorRequired)
		}, func(a *answer) bool { return a.element("otp-code") != nil }},
	} {
		t.Run("meanwhile: "+name, func(t *testing.T) {
			who := s.reachable(strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ":", "") + "@acme.test")
			b, page := s.mailed(who)
			code := s.code(who.Email)
			c.change(t, who)
			if a := b.submit(page, "mail-code-form", "code", code); !c.want(a) {
				t.Errorf("%d at %s", a.status, a.url)
			}
		})
	}
	t.Run("meanwhile: it is switched off", func(t *testing.T) {
		eve := s.reachable("eve@acme.test")
		b, page := s.mailed(eve)
		code := s.code(eve.Email)
		s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactorEmailCodes = org.EmailCodesOff })
		if a := b.submit(page, "mail-code-form", "code", code); !wantsApp(a) {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}
