package server

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

const chosenPassword = "Difference-No-1822"

// forgot is a browser in front of the page that wants the code, after it was said whose password is forgotten.
func (s *site) forgot(typed string, namesAndValues ...string) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	link := b.get(s.authorizeURL(namesAndValues...)).element("forgot-password")
	if link == nil {
		s.t.Fatal("the sign-in page leads nowhere")
	}
	page := b.submit(b.get(attribute(link, "href")), "forgot-password-form", "username", typed)
	if page.element("confirm-form") == nil {
		s.t.Fatalf("expected the page for the code, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b, page
}

func TestAForgottenPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	elsewhere := s.browser() // signed in with the forgotten password
	_, tokens := s.tokens(elsewhere.signIn())
	b, page := s.forgot(s.ada.Username)
	page = b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
	if page.url.Path != "/acme/action/change-password" {
		t.Fatalf("expected the page for a new password, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("signed in before a password was chosen: %s", silent.url)
	}
	page = b.submit(page, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword)
	if page.url.Query().Get("code") == "" { // the application has her consent already
		t.Fatalf("expected to be back at the application, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	if a := elsewhere.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("a session of the forgotten password goes on: %s", a.url)
	}
	if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
		t.Errorf("a refresh token of the forgotten password goes on: %d %v", status, body)
	}
	for try, works := range map[string]bool{password: false, chosenPassword: true} {
		fresh := s.browser()
		if a := fresh.submit(fresh.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", try); (a.url.Query().Get("code") != "") != works {
			t.Errorf("%s: %d at %s", try, a.status, a.url)
		}
	}
	if told := s.mail(s.ada.Email); !strings.Contains(told.Text, s.ada.Username) || codePattern.MatchString(told.Text) || !strings.Contains(told.Subject, "changed") {
		t.Errorf("she is not told: %+v", told)
	}
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, event := range events {
		seen[event.Action] = true
	}
	for _, action := range []string{"one_time_link.created", "one_time_link.used", "credential.password_set", "session.ended", "mail.sent"} {
		if !seen[action] {
			t.Errorf("no audit event %s", action)
		}
	}
}

// Whether there is such a person is told to their mailbox and to nobody else.
func TestForgettingTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.disabled("gone@acme.test")
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Users.Create(ctx, tx, operator, user.User{OrgID: s.acme.ID, Username: "mailless"})
		return err
	})
	// The least of a few times: what works in the background on the same pool counts, too.
	ask := func(typed string) (page *answer, trips int, b *browser) {
		trips = math.MaxInt
		for range 3 {
			b = s.browser()
			form := b.get(attribute(b.get(s.authorizeURL()).element("forgot-password"), "href"))
			trips = min(trips, s.trips.During(func() { page = b.submit(form, "forgot-password-form", "username", typed) }))
		}
		return page, trips, b
	}
	ask("warm-up") // statements are prepared once per connection
	known, knownTrips, _ := ask(s.ada.Username)
	words := func(a *answer, typed string) string { return strings.ReplaceAll(textOf(a), typed, "…") }
	for _, typed := range []string{"nobody@acme.test", "gone@acme.test", "mailless"} {
		unknown, trips, b := ask(typed)
		if known.status != unknown.status || known.url.Path != unknown.url.Path || words(known, s.ada.Username) != words(unknown, typed) {
			t.Errorf("%s: %d %s\n%d %s", typed, known.status, words(known, s.ada.Username), unknown.status, words(unknown, typed))
		}
		if trips != knownTrips {
			t.Errorf("%s: %d and %d round trips", typed, knownTrips, trips)
		}
		if a := b.submit(unknown, "confirm-form", "code", "2345-CFGH"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", typed, a.status)
		}
	}
	s.deliver()
	for _, received := range s.mailbox.List("") {
		if received.To != s.ada.Email {
			t.Errorf("a mail went to %q", received.To)
		}
	}
}

// disabled makes a person who may not sign in.
func (s *site) disabled(email string) {
	s.t.Helper()
	person := s.person(s.acme, email)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *person
		changed.Status = user.Disabled
		_, err := s.app.Users.Update(ctx, tx, operator, changed)
		return err
	})
}

func TestCodesOfForgottenPasswords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	unchanged := func(t *testing.T) {
		t.Helper()
		fresh := s.browser()
		if a := fresh.submit(fresh.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password); a.element("login-form") != nil {
			t.Errorf("the password was changed: %d at %s", a.status, a.url)
		}
	}
	t.Run("guessed", func(t *testing.T) {
		b, page := s.forgot(s.ada.Username)
		right := s.code(s.ada.Email)
		for range 5 {
			if a := b.submit(page, "confirm-form", "code", wrongCode(right)); a.status != http.StatusUnprocessableEntity {
				t.Errorf("%d", a.status)
			}
		}
		if a := b.submit(page, "confirm-form", "code", right); a.status != http.StatusUnprocessableEntity {
			t.Errorf("right, too late: %d at %s", a.status, a.url)
		}
		unchanged(t)
	})
	t.Run("another browser, another organization", func(t *testing.T) {
		_, page := s.forgot(s.ada.Username)
		action, fields := page.form("confirm-form")
		fields.Set("code", s.code(s.ada.Email))
		other := s.browser()
		other.get(s.authorizeURL())
		for _, address := range []string{action, strings.Replace(action, "acme", "rival", 1)} {
			if a := other.post(address, fields); a.status != http.StatusGone {
				t.Errorf("%s: %d", address, a.status)
			}
		}
		unchanged(t)
	})
	t.Run("of another request", func(t *testing.T) {
		first, firstPage := s.forgot(s.ada.Username)
		_, _ = s.forgot(s.ada.Username)
		if a := first.submit(firstPage, "confirm-form", "code", s.code(s.ada.Email)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

func TestRecoveryIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, page := s.forgot(s.ada.Username)
	action, fields := page.form("confirm-form")
	fields.Set("code", s.code(s.ada.Email))
	answers := make([]*answer, 3)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.post(action, fields) })
	}
	all.Wait()
	for _, a := range answers {
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%d at %s", a.status, a.url)
		}
	}
	change := b.get("/acme/login?transaction=" + fields.Get("transaction"))
	if change.url.Path != "/acme/action/change-password" {
		t.Fatalf("%d at %s", change.status, change.url)
	}
	if a := b.submit(change, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); a.element("consent-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	for _, replay := range []*answer{b.post(action, fields), b.submit(change, "password-form", "new_password", "Another-No-1843", "new_password_confirmation", "Another-No-1843")} {
		if replay.url.Path != "/acme/consent" {
			t.Errorf("%d at %s", replay.status, replay.url)
		}
	}
	fresh := s.browser()
	if a := fresh.submit(fresh.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", chosenPassword); a.element("login-form") != nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

func TestRecoveryLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	again := func(typed string) *answer {
		b := s.browser()
		return b.submit(b.get(attribute(b.get(s.authorizeURL()).element("forgot-password"), "href")), "forgot-password-form", "username", typed)
	}
	for _, typed := range []string{s.ada.Username, "nobody@acme.test"} {
		for range 6 {
			s.forgot(typed)
		}
		if a := again(strings.ToUpper(typed)); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d", typed, a.status)
		}
	}
	t.Run("another name of the same account is refused in silence", func(t *testing.T) {
		s := newSite(t)
		var grace *user.User
		s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
			grace, err = s.app.Users.Create(ctx, tx, operator, user.User{OrgID: s.acme.ID, Username: "grace", Email: "grace@acme.test"})
			return err
		})
		for range 6 {
			s.forgot("grace")
			s.forgot("grace@acme.test")
		}
		s.deliver()
		if sent := len(s.mailbox.List(grace.Email)); sent != 10 {
			t.Errorf("%d mails", sent)
		}
	})
}

func TestWhereForgottenPasswordsAreNotReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	closed := func(t *testing.T, base string) {
		t.Helper()
		b := s.browser()
		if a := b.get(base + "/login"); a.element("login-form") == nil || a.element("forgot-password") != nil {
			t.Errorf("%s: the sign-in page leads there: %d", base, a.status)
		}
		if a := b.get(base + "/forgot-password"); a.status != http.StatusForbidden || a.text("error-code") != "password_recovery_closed" {
			t.Errorf("%s: %d %s", base, a.status, a.body)
		}
	}
	t.Run("the system organization", func(t *testing.T) { closed(t, "/system") })
	b, page := s.forgot(s.ada.Username)
	code := s.code(s.ada.Email)
	s.setPolicies(func(s *site) { s.acme.Policies.PasswordRecovery = org.RecoveryClosed })
	t.Run("an organization that closed it", func(t *testing.T) { closed(t, "/acme") })
	t.Run("closed meanwhile", func(t *testing.T) {
		if a := b.submit(page, "confirm-form", "code", code); a.url.Path != "/acme/login" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

func TestFormsOfForgottenPasswords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	page := b.get("/acme/forgot-password")
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"nobody":         {[]string{"username", "  "}, 422},
		"too long":       {[]string{"username", strings.Repeat("x", 300)}, 422},
		"no token":       {[]string{"csrf_token", ""}, 403},
		"no transaction": {[]string{"transaction", ""}, 410},
	} {
		if a := b.submit(page, "forgot-password-form", append([]string{"username", "ada"}, c.values...)...); a.status != c.status {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	if a := b.submit(page, "sign-in-form", "instead", "sign_in"); a.element("login-form") == nil {
		t.Errorf("back: %d at %s", a.status, a.url)
	}
	page = b.submit(page, "forgot-password-form", "username", "ada")
	if again := b.submit(page, "forgot-password-again-form", "instead", "again"); again.element("forgot-password-form") == nil {
		t.Errorf("again: %d at %s", again.status, again.url)
	}
	hinted := s.browser()
	login := hinted.get(s.authorizeURL("login_hint", s.ada.Username))
	if a := hinted.get(attribute(login.element("forgot-password"), "href")); attribute(a.element("username"), "value") != s.ada.Username {
		t.Errorf("the hint is lost: %d at %s", a.status, a.url)
	}
	elsewhere := s.browser().get("/acme/forgot-password/confirm?transaction=x&code=2345-CFGH")
	if elsewhere.element("other-browser") == nil {
		t.Errorf("%d", elsewhere.status)
	}
}
