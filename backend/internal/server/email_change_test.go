package server

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

const movedTo = "countess@new.test"

// verified makes the address of a person a proved one.
func (s *site) verified(person *user.User) {
	s.t.Helper()
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE users SET email_verified = true WHERE id = $1", person.ID); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) now(person *user.User) *user.User {
	s.t.Helper()
	now, err := s.app.Users.ByID(s.t.Context(), s.app.Store, person.OrgID, person.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

// moving is a browser in front of the page that wants the code of the mail to another address.
func (s *site) moving(person *user.User, to string) (*browser, *answer) {
	s.t.Helper()
	b, page := s.atAccount(person, "account/email")
	page = b.submit(page, "email-form", "email", to)
	if page.url.Path != "/acme/action/email" || page.element("confirm-form") == nil {
		s.t.Fatalf("expected the page for the code, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b, page
}

var undoPattern = regexp.MustCompile(`https://\S+/acme/undo-email-change\?token=\S+`)

// undoLink is that of the latest mail to the address, "" when it has none.
func (s *site) undoLink(to string) string { return undoPattern.FindString(s.mail(to).Text) }

func TestChangingTheAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	elsewhere, present := s.browser(), s.ada.Email
	elsewhere.signIn()
	forgetting, forgot := s.forgot(present)
	former := s.code(present)
	b, page := s.moving(s.ada, "  "+movedTo)
	if s.now(s.ada).Email != present {
		t.Fatal("the address was changed before it was proved")
	}
	code := s.code(movedTo)
	for range 2 { // what a mail scanner does
		if a := s.browser().get(s.server.URL + "/acme/action/email?transaction=" + page.url.Query().Get("transaction") + "&code=" + strings.ReplaceAll(code, "-", "")); a.element("other-browser") == nil || strings.Contains(a.body, code) {
			t.Errorf("the link elsewhere: %d at %s", a.status, a.url)
		}
	}
	if a := b.get("/acme/action/email?transaction=" + page.url.Query().Get("transaction") + "&code=" + strings.ReplaceAll(code, "-", "")); attribute(a.element("code"), "value") != code || s.now(s.ada).Email != present {
		t.Errorf("the link here: %d at %s", a.status, a.url)
	}
	thief := b.copied()
	done := b.submit(page, "confirm-form", "code", code)
	if a := thief.get("/acme/account"); a.element("login-form") == nil {
		t.Errorf("a copied cookie survives: %d at %s", a.status, a.url)
	}
	if done.url.Path != "/acme/account" || done.text("done") == "" {
		t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
	if now := s.now(s.ada); now.Email != movedTo || !now.EmailVerified || now.Username != movedTo {
		t.Errorf("%+v", now)
	}
	if a := elsewhere.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("another session goes on: %s", a.url)
	}
	if a := forgetting.submit(forgot, "confirm-form", "code", former); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a code that went to the former mailbox: %d at %s", a.status, a.url)
	}
	if a := b.submit(page, "confirm-form", "code", code); a.status != http.StatusGone {
		t.Errorf("sent twice: %d at %s", a.status, a.url)
	}
	if told := s.mail(movedTo); undoPattern.MatchString(told.Text) || !strings.Contains(told.Subject, "changed") {
		t.Errorf("the new address: %+v", told)
	}
	if told := s.mail(present); !undoPattern.MatchString(told.Text) || strings.Contains(told.Text, movedTo) {
		t.Errorf("the former address: %+v", told)
	}
	for try, works := range map[string]bool{present: false, movedTo: true} {
		fresh := s.browser()
		if a := fresh.submit(fresh.get(s.authorizeURL()), "login-form", "username", try, "password", password); (a.element("login-form") == nil) != works {
			t.Errorf("%s: %d at %s", try, a.status, a.url)
		}
	}
}

// A username that is no address stays.
func TestAUsernameThatIsNoAddressStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET username = 'ada' WHERE id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	ada := s.now(s.ada)
	b, page := s.moving(ada, movedTo)
	b.submit(page, "confirm-form", "code", s.code(movedTo))
	if now := s.now(ada); now.Username != "ada" || now.Email != movedTo {
		t.Errorf("%+v", now)
	}
	// The former address was never proved: whoever reads it is told and decides nothing.
	if s.undoLink(s.ada.Email) != "" {
		t.Error("an address that was never proved may object")
	}
}

func TestChangingAnAddressTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	s.moving(bob, "warm-up@new.test")
	b, taken := s.moving(s.ada, bob.Email)
	_, free := s.moving(s.ada, movedTo)
	if words := strings.ReplaceAll(textOf(taken), bob.Email, "…"); words != strings.ReplaceAll(textOf(free), movedTo, "…") || taken.status != free.status {
		t.Errorf("%d %s\n%d %s", taken.status, words, free.status, textOf(free))
	}
	if told := s.mail(bob.Email); codePattern.MatchString(told.Text) || strings.Contains(told.Text, s.ada.Email) {
		t.Errorf("%+v", told)
	}
	if a := b.submit(taken, "confirm-form", "code", "2345-CFGH"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// Two people who prove one address, which a mailbox of both is: one has it.
func TestOfTwoPeopleOneHasTheAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	first, firstPage := s.moving(s.ada, movedTo)
	firstCode := s.code(movedTo)
	second, secondPage := s.moving(bob, strings.ToUpper(movedTo))
	secondCode := s.code(strings.ToUpper(movedTo))
	answers := make([]*answer, 2)
	var both sync.WaitGroup
	both.Go(func() { answers[0] = first.submit(firstPage, "confirm-form", "code", firstCode) })
	both.Go(func() { answers[1] = second.submit(secondPage, "confirm-form", "code", secondCode) })
	both.Wait()
	changed := 0
	for _, a := range answers {
		switch {
		case a.url.Path == "/acme/account" && a.text("done") != "":
			changed++
		case a.status != http.StatusConflict || a.element("confirm-form") == nil:
			t.Errorf("%d at %s", a.status, a.url)
		}
	}
	if changed != 1 {
		t.Errorf("%d people have the address", changed)
	}
}

func TestWhoseAddressIsChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	bob := s.person(s.acme, "bob@acme.test")
	b, page := s.moving(s.ada, movedTo)
	code := s.code(movedTo)
	action, fields := page.form("confirm-form")
	fields.Set("code", code)
	stranger, _ := s.atAccount(bob, "account")
	for _, address := range []string{action, strings.Replace(action, "acme", "rival", 1)} {
		if a := stranger.post(address, fields); a.status != http.StatusGone {
			t.Errorf("another browser at %s: %d", address, a.status)
		}
	}
	forged := url.Values{}
	for name := range fields {
		forged[name] = fields[name]
	}
	forged.Set("csrf_token", "x")
	if a := b.post(action, forged); a.status != http.StatusForbidden {
		t.Errorf("forged: %d", a.status)
	}
	if a := b.submit(page, "confirm-form", "code", wrongCode(code)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("guessed: %d", a.status)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error { // signed out elsewhere meanwhile
		_, err := s.app.Sessions.EndEverywhere(ctx, tx, operator, s.acme.ID, s.ada.ID, "test")
		return err
	})
	if a := b.post(action, fields); a.url.Path != "/acme/login" {
		t.Errorf("after the session: %d at %s", a.status, a.url)
	}
	if s.now(s.ada).Email == movedTo || s.now(bob).Email == movedTo {
		t.Error("the address was changed")
	}
	s.longAgo(bob)
	if a := stranger.get("/acme/account/email"); a.element("login-form") == nil {
		t.Errorf("without a fresh proof: %d at %s", a.status, a.url)
	}
}

func TestFormsOfAnotherAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	s.openSignUp(s.acme, "new.test")
	b, page := s.atAccount(s.ada, "account/email")
	for _, wrong := range []string{"", "ada", "Ada <ada@new.test>", "ada@elsewhere.test", "a@new.test, b@new.test", strings.Repeat("x", 250) + "@new.test"} {
		if a := b.submit(page, "email-form", "email", wrong); a.status != http.StatusUnprocessableEntity || a.element("email-form") == nil || a.text("notice") == "" {
			t.Errorf("%q: %d at %s", wrong, a.status, a.url)
		}
	}
	s.openSignUp(s.acme)
	if a := b.submit(page, "email-form", "email", strings.ToUpper(s.ada.Email)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the same: %d", a.status)
	}
	asked := b.submit(page, "email-form", "email", movedTo)
	code := s.code(movedTo)
	again := b.submit(asked, "resend-form", "resend", "again")
	if a := b.submit(again, "confirm-form", "code", code); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the code of the earlier mail: %d at %s", a.status, a.url)
	}
	if a := b.submit(again, "address-again-form", "instead", "again"); a.url.Path != "/acme/account/email" {
		t.Errorf("back: %d at %s", a.status, a.url)
	}
	if a := b.submit(again, "confirm-form", "code", s.code(movedTo)); a.url.Path != "/acme/account" || s.now(s.ada).Email == movedTo || a.text("done") != "" {
		t.Errorf("given up: %d at %s", a.status, a.url)
	}
	late := b.submit(page, "email-form", "email", movedTo)
	code = s.code(movedTo)
	s.changePolicies(s.acme, func(p *org.Policies) { p.EmailChange = org.EmailChangeClosed })
	if a := b.submit(late, "confirm-form", "code", code); a.status != http.StatusForbidden || s.now(s.ada).Email == movedTo {
		t.Errorf("closed meanwhile: %d at %s", a.status, a.url)
	}
	if a := b.get("/acme/account/email"); a.status != http.StatusForbidden || a.text("error-code") != "email_change_closed" {
		t.Errorf("closed: %d at %s", a.status, a.url)
	}
	if a := b.get("/acme/account"); a.element("change-email") != nil {
		t.Error("the profile leads there")
	}
}

func TestChangingAddressesIsLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, page := s.atAccount(s.ada, "account/email")
	for n := range 11 {
		a := b.submit(page, "email-form", "email", strings.Repeat("x", n+1)+"@new.test")
		if limited := a.status == http.StatusTooManyRequests; limited != (n == 10) {
			t.Errorf("%d: %d at %s", n, a.status, a.url)
		}
	}
}

// Whoever reads the former mailbox undoes what somebody in a stolen session did.
func TestUndoingAChangeOfAddress(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.verified(s.ada)
	kept := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.knownForLong(s.ada)
	thief := s.browser() // whose session began with the passkey of its owner
	page := thief.submit(thief.usePasskey(thief.get("/acme/account/email"), kept), "email-form", "email", "thief@evil.test")
	thief.submit(page, "confirm-form", "code", s.code("thief@evil.test"))
	link := s.undoLink(s.ada.Email)
	if link == "" {
		t.Fatal("no way to object")
	}
	s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	again := thief.submit(thief.get("/acme/account/email"), "email-form", "email", "second@evil.test")
	if again.element("confirm-form") != nil {
		thief.submit(again, "confirm-form", "code", s.code("second@evil.test"))
	}
	enrol := thief.get("/acme/account/second-factor")
	app := &codeApp{site: s, person: s.ada, secret: enrol.text("otp-secret")}
	if codes := thief.submit(enrol, "otp-form", "code", app.code()).recoveryCodes(); len(codes) != 10 {
		t.Fatalf("no app was added: %d at %s", enrol.status, enrol.url)
	}
	s.organization("rival")
	owner := s.browser()
	if a := owner.get(strings.Replace(link, "/acme/", "/rival/", 1)); a.status != http.StatusNotFound {
		t.Errorf("at another organization: %d", a.status)
	}
	if a := owner.get(link[:len(link)-1]); a.status != http.StatusNotFound {
		t.Errorf("incomplete: %d", a.status)
	}
	question := owner.get(link)
	if question.element("undo-address-form") == nil || s.now(s.ada).Email == s.ada.Email {
		t.Fatalf("opening it: %d at %s", question.status, question.url)
	}
	action, fields := question.form("undo-address-form")
	if a := s.browser().post(action, fields); a.status != http.StatusForbidden {
		t.Errorf("forged: %d", a.status)
	}
	answers := make([]*answer, 2)
	var both sync.WaitGroup
	for n := range answers {
		both.Go(func() { answers[n] = owner.post(action, fields) })
	}
	both.Wait()
	choose := answers[0]
	if choose.url.Path != "/acme/action/change-password" {
		choose = answers[1]
	}
	if answers[0].status+answers[1].status != http.StatusOK+http.StatusNotFound || choose.element("password-form") == nil {
		t.Fatalf("%d at %s, %d at %s", answers[0].status, answers[0].url, answers[1].status, answers[1].url)
	}
	if now := s.now(s.ada); now.Email != s.ada.Email || now.Username != s.ada.Username {
		t.Errorf("%+v", now)
	}
	if left := s.passkeysOf(s.ada); len(left) != 1 || string(left[0].CredentialID) != string(kept.credential.ID) {
		t.Errorf("%d passkeys are left", len(left))
	}
	if enrolled, err := s.app.SecondFactors.Enrolled(t.Context(), s.acme.ID, s.ada.ID); err != nil || enrolled {
		t.Errorf("the app of the thief is left: %v", err)
	}
	if a := thief.get("/acme/account"); a.element("login-form") == nil {
		t.Errorf("the thief is signed in: %d at %s", a.status, a.url)
	}
	if ok, err := s.app.Passwords.Exists(t.Context(), s.app.Store, s.acme.ID, s.ada.ID); err != nil || ok {
		t.Errorf("the password that the thief may know is left: %v", err)
	}
	owner.submit(choose, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword)
	if ok, err := s.app.Passwords.Matches(t.Context(), s.acme.ID, s.ada.ID, chosenPassword); err != nil || !ok {
		t.Errorf("she cannot choose another: %v", err)
	}
	if a := owner.get(link); a.status != http.StatusNotFound || a.text("error-code") != "email_objection_invalid" {
		t.Errorf("used twice: %d", a.status)
	}
}

func TestWhenNobodyUndoesAChangeOfAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	change := func(to string) string {
		b, page := s.moving(s.now(s.ada), to)
		b.submit(page, "confirm-form", "code", s.code(to))
		return s.undoLink(s.ada.Email)
	}
	link := change("one@new.test")
	t.Run("an administrator decided since", func(t *testing.T) {
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			changed := *s.now(s.ada)
			changed.Email = "administrator@acme.test"
			_, err := s.app.Users.Update(ctx, tx, operator, changed)
			return err
		})
		if a := s.browser().get(link); a.status != http.StatusNotFound {
			t.Errorf("%d", a.status)
		}
	})
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET email = 'one@new.test' WHERE id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	t.Run("somebody has the address by now", func(t *testing.T) {
		s.person(s.acme, s.ada.Email)
		b := s.browser()
		if a := b.submit(b.get(link), "undo-address-form"); a.status != http.StatusConflict || s.now(s.ada).Email != "one@new.test" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("too late", func(t *testing.T) {
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE email_changes SET expires_at = now() - interval '1 second'"); err != nil {
			t.Fatal(err)
		}
		if a := s.browser().get(link); a.status != http.StatusNotFound {
			t.Errorf("%d", a.status)
		}
		removed, err := s.app.Users.DeleteExpired(t.Context(), s.app.Store, 10)
		if err != nil || removed == 0 {
			t.Errorf("%d were cleaned up: %v", removed, err)
		}
	})
}

// Where passwords are not recovered by mail, a mailbox opens nothing: the change is undone, and an older password stays.
func TestUndoingWherePasswordsAreNotRecovered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	s.knownForLong(s.ada)
	s.changePolicies(s.acme, func(p *org.Policies) { p.PasswordRecovery = org.RecoveryClosed })
	thief, page := s.moving(s.ada, "thief@evil.test")
	thief.submit(page, "confirm-form", "code", s.code("thief@evil.test"))
	b := s.browser()
	if a := b.submit(b.get(s.undoLink(s.ada.Email)), "undo-address-form"); a.element("address-undone") == nil || s.now(s.ada).Email != s.ada.Email {
		t.Errorf("%d at %s", a.status, a.url)
	}
	if ok, err := s.app.Passwords.Matches(t.Context(), s.acme.ID, s.ada.ID, password); err != nil || !ok {
		t.Errorf("the password is gone: %v", err)
	}
	if a := thief.get("/acme/account"); a.element("login-form") == nil {
		t.Errorf("the thief is signed in: %d at %s", a.status, a.url)
	}
}

// What is told of a change is written in the language of whose account it is, not of the browser it was made in.
func TestChangesAreToldInThePersonsLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.app.Store.Exec(t.Context(), `UPDATE users SET profile = '{"locale":"de"}' WHERE id = $1`, s.ada.ID); err != nil {
		t.Fatal(err)
	}
	b, page := s.forgot(s.ada.Username, "ui_locales", "it")
	change := b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
	b.submit(change, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword)
	if told := s.mail(s.ada.Email); !strings.Contains(told.Subject, "geändert") {
		t.Errorf("%q", told.Subject)
	}
}
