package server

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

var invitationPattern = regexp.MustCompile(`/acme/invitation\?token=\S+`)

// invited is somebody who was invited, and the link of the letter.
func (s *site) invited(email string, required ...user.RequiredAction) (made *user.User, link string) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.app.Users.Create(ctx, tx, operator, user.User{OrgID: s.acme.ID, Username: email, Email: email, RequiredActions: required})
		return err
	})
	return made, s.invite(made)
}

// invite sends a person an invitation, once more, and reads the link of the letter.
func (s *site) invite(person *user.User) string {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.letters.Invite(ctx, tx, s.app.Invitations, operator, s.acme, person)
	})
	link := invitationPattern.FindString(s.mail(person.Email).Text)
	if link == "" {
		s.t.Fatalf("no link in %q", s.mail(person.Email).Text)
	}
	return link
}

func (s *site) invitation(person *user.User) credential.InvitationState {
	s.t.Helper()
	all, err := s.app.Invitations.Of(s.t.Context(), s.app.Store, person.OrgID, person.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return all[person.ID].State
}

func chosen(password string) []string {
	return []string{"new_password", password, "new_password_confirmation", password}
}

func TestAcceptingAnInvitation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	eva, link := s.invited("eva@acme.test", user.ChangePassword)
	for range 2 { // scanners of mail
		if a := s.browser().get(link); a.element("password-form") == nil || a.url.Path != "/acme/invitation/accept" {
			t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
		}
	}
	if s.invitation(eva) != credential.InvitationOpen || s.now(eva).EmailVerified {
		t.Fatal("opening the link changes something")
	}
	b := s.browser()
	page := b.get(link)
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("the link alone signs in: %s", silent.url)
	}
	for _, wrong := range [][]string{chosen("short"), {"new_password", chosenPassword, "new_password_confirmation", "another"}, chosen("eva@acme.test")} {
		if page = b.submit(page, "password-form", wrong...); page.status != http.StatusUnprocessableEntity || page.text("notice") == "" {
			t.Fatalf("%v: %d at %s", wrong, page.status, page.url)
		}
	}
	if a := b.submit(page, "password-form", chosen(chosenPassword)...); a.url.Path != "/acme/" {
		t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	if after := s.now(eva); s.invitation(eva) != credential.InvitationAccepted || !after.EmailVerified || len(after.RequiredActions) != 0 {
		t.Errorf("%s, %+v", s.invitation(eva), after)
	}
	if a := s.browser().get(link); a.status != http.StatusNotFound || a.text("error-code") != "invitation_invalid" {
		t.Errorf("opened again: %d %s", a.status, a.text("error-code"))
	}
	if again := b.submit(page, "password-form", chosen("Another-No-1822")...); again.status != http.StatusGone {
		t.Errorf("sent again: %d at %s", again.status, again.url)
	}
	fresh := s.browser()
	if a := fresh.submit(fresh.get("/acme/login"), "login-form", "username", eva.Username, "password", chosenPassword); a.url.Path != "/acme/" {
		t.Errorf("the password: %d at %s", a.status, a.url)
	}
	var events int
	err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action IN ('invitation.sent', 'invitation.accepted', 'user.email_verified')").Scan(&events)
	if err != nil || events != 3 {
		t.Errorf("%d events: %v", events, err)
	}
}

func TestAcceptingAnInvitationWithAPasskey(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	eva, link := s.invited("eva@acme.test")
	b := s.browser()
	page := b.get(link)
	if wrong := b.submit(page, "passkey-form", "passkey", "{}"); wrong.status != http.StatusUnprocessableEntity || s.invitation(eva) != credential.InvitationOpen {
		t.Errorf("%d, %s", wrong.status, s.invitation(eva))
	}
	d := s.newAuthenticator()
	if a := b.submit(page, "passkey-form", "passkey", d.create(t, page.options())); a.url.Path != "/acme/" {
		t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	if s.invitation(eva) != credential.InvitationAccepted || !s.now(eva).EmailVerified || len(s.passkeysOf(eva)) != 1 {
		t.Errorf("%s, %d passkeys", s.invitation(eva), len(s.passkeysOf(eva)))
	}
	// Where an organization has no passkeys, none is offered and none counts.
	bob, link := s.invited("bob@acme.test")
	page = s.browser().get(link)
	s.changePolicies(s.acme, func(p *org.Policies) { p.Passkeys = org.PasskeysOff })
	late := s.browser()
	if page := late.get(link); page.element("passkey-form") != nil || page.element("password-form") == nil {
		t.Errorf("passkeys are offered where there are none: %d", page.status)
	}
	_, fields := late.get(link).form("password-form")
	fields.Set("passkey", s.newAuthenticator().create(t, page.options()))
	if a := late.post("/acme/invitation/accept", fields); a.status != http.StatusUnprocessableEntity || s.invitation(bob) != credential.InvitationOpen {
		t.Errorf("a passkey counts where there are none: %d at %s", a.status, a.url)
	}
}

func TestInvitationsThatAreWorthNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	sql := func(statement string) func(*user.User) {
		return func(person *user.User) {
			if _, err := s.app.Store.Exec(t.Context(), statement, person.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, change := range map[string]func(*user.User){
		"revoked": func(person *user.User) {
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				return s.app.Invitations.Revoke(ctx, tx, operator, person.OrgID, person.ID)
			})
		},
		"expired":          sql("UPDATE invitations SET expires_at = sent_at WHERE user_id = $1"),
		"another address":  sql("UPDATE users SET email = 'moved-' || email WHERE id = $1"),
		"disabled":         sql("UPDATE users SET status = 'disabled' WHERE id = $1"),
		"invited again":    func(person *user.User) { s.invite(person) },
		"given a password": func(person *user.User) { s.setPassword(person, "Given-No-1822", false) },
	} {
		eva, link := s.invited("eva-" + strings.ReplaceAll(name, " ", "-") + "@acme.test")
		waiting := s.browser()
		page := waiting.get(link)
		change(eva)
		if a := s.browser().get(link); a.status != http.StatusNotFound || a.text("error-code") != "invitation_invalid" {
			t.Errorf("%s: opened: %d %s", name, a.status, a.text("error-code"))
		}
		a := waiting.submit(page, "password-form", chosen(chosenPassword)...)
		if a.element("error-page") == nil && a.element("login-form") == nil {
			t.Errorf("%s: accepted: %d at %s", name, a.status, a.url)
		}
		if silent := waiting.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") != "" {
			t.Errorf("%s: signed in", name)
		}
		if matches, err := s.app.Passwords.Matches(t.Context(), eva.OrgID, eva.ID, chosenPassword); err != nil || matches {
			t.Errorf("%s: the password was set: %v", name, err)
		}
	}
	_, link := s.invited("fay@acme.test")
	for _, address := range []string{strings.Replace(link, "acme", "rival", 1), "/acme/invitation", "/acme/invitation?token=x"} {
		if a := s.browser().get(address); a.status != http.StatusNotFound || a.text("error-code") != "invitation_invalid" {
			t.Errorf("%s: %d %s", address, a.status, a.text("error-code"))
		}
	}
}

func TestAnInvitationIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	eva, link := s.invited("eva@acme.test")
	passwords := []string{"First-No-1822", "Second-No-1822", "Third-No-1822"}
	answers := make([]*answer, len(passwords))
	pages, browsers := make([]*answer, len(passwords)), make([]*browser, len(passwords))
	for i := range passwords {
		browsers[i] = s.browser()
		pages[i] = browsers[i].get(link)
	}
	var all sync.WaitGroup
	for i, password := range passwords {
		action, fields := pages[i].form("password-form")
		fields.Set("new_password", password)
		fields.Set("new_password_confirmation", password)
		all.Go(func() { answers[i] = browsers[i].post(action, fields) })
	}
	all.Wait()
	accepted := 0
	for i, a := range answers {
		matches, err := s.app.Passwords.Matches(t.Context(), eva.OrgID, eva.ID, passwords[i])
		if err != nil {
			t.Fatal(err)
		}
		if in := a.url.Path == "/acme/"; in != matches {
			t.Errorf("signed in: %v, but the password counts: %v (%d at %s)", in, matches, a.status, a.url)
		}
		if matches {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d of 3 were accepted", accepted)
	}
}

// What an organization asks of everybody comes after the invitation, and what a forgotten password gives ends it.
func TestAroundAnInvitation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	eva, link := s.invited("eva@acme.test")
	recovering, code := s.forgot(eva.Username)
	page := recovering.submit(code, "confirm-form", "code", s.code(eva.Email))
	if a := recovering.submit(page, "password-form", chosen(chosenPassword)...); a.url.Query().Get("code") == "" && a.element("consent-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if a := s.browser().get(link); a.text("error-code") != "invitation_invalid" || s.invitation(eva) != credential.InvitationAccepted {
		t.Errorf("she chose a password by mail, and her invitation is %s", s.invitation(eva))
	}
	s.secondFactor(org.SecondFactorRequired)
	_, link = s.invited("bob@acme.test")
	b := s.browser()
	if a := b.submit(b.get(link), "password-form", chosen(chosenPassword)...); a.url.Path != "/acme/login/second-factor/add" {
		t.Errorf("where a second factor is required: %d at %s", a.status, a.url)
	}
}
