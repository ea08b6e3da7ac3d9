package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// require makes the actions the only ones that are required of a person.
func (s *site) require(person *user.User, actions ...user.RequiredAction) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *s.now(person)
		changed.RequiredActions = actions
		_, err := s.app.Users.Update(ctx, tx, operator, changed)
		return err
	})
}

// Strangers who sign up with an address use up nothing of what its owner needs to prove it, who is limited by themselves.
func TestStrangersDoNotKeepAnybodyFromProvingTheirAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	s.require(s.ada, user.VerifyEmail)
	for range 6 {
		s.asked(s.ada.Email)
	}
	for n := range 7 {
		b := s.browser()
		page := b.submit(b.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
		page = b.submit(page, "verify-email-form", "decision", "send")
		if limited := page.status == http.StatusTooManyRequests; limited != (n == 6) {
			t.Fatalf("%d: %d at %s", n, page.status, page.url)
		}
	}
}

func TestProvingTheAddressBecauseItIsRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	s.require(s.ada, user.VerifyEmail)
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "interaction_required" {
		t.Errorf("without asking: %s", silent.url)
	}
	page := b.get(s.authorizeURL()) // the session will do: nothing is added to the account
	if page.url.Path != "/acme/action/verify-email" || !strings.Contains(page.body, s.ada.Email) {
		t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
	}
	if a := b.submit(page, "verify-email-form"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("undecided: %d at %s", a.status, a.url)
	}
	code := b.submit(page, "verify-email-form", "decision", "send")
	if code.url.Path != "/acme/action/email" {
		t.Fatalf("%d at %s", code.status, code.url)
	}
	sent := s.code(s.ada.Email)
	if a := b.submit(code, "confirm-form", "code", wrongCode(sent)); a.status != http.StatusUnprocessableEntity || !s.now(s.ada).Must(user.VerifyEmail) {
		t.Errorf("guessed: %d at %s", a.status, a.url)
	}
	back := b.submit(b.get(code.url.String()), "address-again-form", "instead", "again")
	if back.url.Path != "/acme/action/verify-email" && back.element("confirm-form") == nil {
		t.Errorf("back: %d at %s", back.status, back.url)
	}
	other := s.browser()
	other.signIn()
	action, fields := code.form("confirm-form")
	fields.Set("code", sent)
	if a := other.post(action, fields); a.status != http.StatusGone {
		t.Errorf("in another browser: %d", a.status)
	}
	page = b.get(s.authorizeURL())
	code = b.submit(page, "verify-email-form", "decision", "send")
	thief := b.copied()
	if a := b.submit(code, "confirm-form", "code", s.code(s.ada.Email)); a.url.Query().Get("code") == "" {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if a := thief.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("a copied cookie survives that: %s", a.url)
	}
	if after := s.now(s.ada); !after.EmailVerified || len(after.RequiredActions) != 0 {
		t.Errorf("%+v", after)
	}
	if silent := other.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("another session ended: %s", silent.url)
	}
	s.require(s.ada, user.VerifyEmail)
	if a := b.submit(b.get(s.authorizeURL()), "verify-email-form", "decision", "refuse"); a.url.Query().Get("error") != "access_denied" {
		t.Errorf("refused: %d at %s", a.status, a.url)
	}
}

func TestMakingAPasskeyBecauseItIsRequired(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	b := s.browser()
	b.signIn()
	s.require(s.ada, user.EnrolPasskey)
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "interaction_required" {
		t.Errorf("without asking: %s", silent.url)
	}
	page := b.get(s.authorizeURL())
	if page.element("login-form") == nil {
		t.Fatalf("a passkey is made with nothing but a session: %d at %s", page.status, page.url)
	}
	page = b.submit(page, "login-form", "username", s.ada.Username, "password", password)
	if page.url.Path != "/acme/action/passkey" || page.element("add-passkey") == nil {
		t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
	}
	d := s.newAuthenticator()
	made := d.create(t, page.options())
	action, fields := page.form("passkey-form")
	fields.Set("passkey", made)
	if a := s.browser().post(action, fields); a.status != http.StatusGone {
		t.Errorf("in another browser: %d", a.status)
	}
	if a := b.submit(page, "passkey-form", "passkey", "{}"); a.status != http.StatusUnprocessableEntity || len(s.passkeysOf(s.ada)) != 0 {
		t.Errorf("what is none: %d at %s", a.status, a.url)
	}
	before := s.sessionsOf(s.ada)
	done := b.submit(page, "passkey-form", "passkey", made)
	if done.url.Query().Get("code") == "" {
		t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
	// It is a factor of this sign-in, which is told as what it was; its session goes on, and is refused with the passkey.
	idToken, _ := s.exchange(done)
	if got := texts(idToken["amr"]); !slices.Equal(got, []string{"pwd", "user", "mfa"}) || idToken["acr"] != session.ACRMultiFactor {
		t.Errorf("amr %v, acr %v", got, idToken["acr"])
	}
	if after := s.sessionsOf(s.ada); !slices.Equal(before, after) {
		t.Errorf("sessions %v became %v", before, after)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("nothing is left to do, and something is asked: %s", silent.url)
	}
	if next := s.browser().password(); next.url.Path != "/acme/login/second-factor" {
		t.Errorf("the next sign-in does not ask for it: %d at %s", next.status, next.url)
	}
	if len(s.passkeysOf(s.ada)) != 1 || len(s.now(s.ada).RequiredActions) != 0 || !strings.Contains(s.mail(s.ada.Email).Subject, "passkey") {
		t.Errorf("%d passkeys, %v, %q", len(s.passkeysOf(s.ada)), s.now(s.ada).RequiredActions, s.mail(s.ada.Email).Subject)
	}
	if a := b.submit(page, "passkey-form", "passkey", made); a.status != http.StatusGone || len(s.passkeysOf(s.ada)) != 1 {
		t.Errorf("sent again: %d at %s", a.status, a.url)
	}
	bob := s.person(s.acme, "bob@acme.test", user.EnrolPasskey)
	refusing := s.browser()
	page = refusing.submit(refusing.get(s.authorizeURL()), "login-form", "username", bob.Username, "password", password)
	if a := refusing.submit(page, "refuse-form", "instead", "refuse"); a.url.Query().Get("error") != "access_denied" || !s.now(bob).Must(user.EnrolPasskey) {
		t.Errorf("refused: %d at %s", a.status, a.url)
	}
}

// Nobody is locked out by what cannot be done, and several actions are done one after the other.
func TestRequiredActionsThatWait(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	all := []user.RequiredAction{user.EnrolPasskey, user.ChangePassword, user.VerifyEmail}
	bob := s.person(s.acme, "bob@acme.test", all...)
	s.changePolicies(s.acme, func(p *org.Policies) { p.Passkeys = org.PasskeysOff })
	b := s.browser()
	page := b.submit(b.get(s.authorizeURL()), "login-form", "username", bob.Username, "password", password)
	if page.url.Path != "/acme/action/change-password" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	page = b.submit(page, "password-form", chosen(chosenPassword)...)
	if page.url.Path != "/acme/action/verify-email" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	page = b.submit(b.submit(page, "verify-email-form", "decision", "send"), "confirm-form", "code", s.code(bob.Email))
	if a := b.allowed(page); a.url.Query().Get("code") == "" || !s.now(bob).Must(user.EnrolPasskey) {
		t.Errorf("%d at %s, left %v", a.status, a.url, s.now(bob).RequiredActions)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("what waits keeps the application from its answer: %s", silent.url)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.Passkeys = org.PasskeysOn })
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "interaction_required" {
		t.Errorf("what waited is not asked for: %s", silent.url)
	}
	// Whoever has no address has nothing to prove.
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET email = NULL, required_actions = '{verify_email}' WHERE id = $1", bob.ID); err != nil {
		t.Fatal(err)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("without an address: %s", silent.url)
	}
}

// Whoever links an account elsewhere does first what is required of them; the order cannot be turned around.
func TestWhatIsRequiredComesBeforeLinking(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	s := p.site
	b, there := p.elsewhere()
	page := b.get(p.there(there))
	s.require(s.ada, user.VerifyEmail)
	page = b.submit(page, "login-form", "username", s.ada.Username, "password", password)
	if page.url.Path != "/acme/action/verify-email" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	_, fields := page.form("verify-email-form")
	fields.Set("decision", "link")
	if a := b.post("/acme/action/link-account", fields); a.url.Path != "/acme/action/verify-email" || p.identities() != 0 {
		t.Errorf("linked before: %d at %s", a.status, a.url)
	}
	page = b.submit(b.submit(page, "verify-email-form", "decision", "send"), "confirm-form", "code", s.code(s.ada.Email))
	if page.url.Path != "/acme/action/link-account" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if a := b.allowed(b.submit(page, "link-identity-form", "decision", "link")); a.url.Query().Get("code") == "" || p.identities() != 1 {
		t.Errorf("%d at %s, %d linked", a.status, a.url, p.identities())
	}
}

// An address that an administrator corrects while the code is on its way: the code proves nothing, no further mail goes to
// the former one, and the new one is asked about.
func TestAnAddressThatIsCorrectedWhileItIsProved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.require(s.ada, user.VerifyEmail)
	b := s.browser()
	page := b.submit(b.password(), "verify-email-form", "decision", "send")
	former := s.code(s.ada.Email)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *s.now(s.ada)
		changed.Email, changed.EmailVerified = "ada@corrected.test", false
		_, err := s.app.Users.Update(ctx, tx, operator, changed)
		return err
	})
	for _, answer := range []*answer{b.submit(page, "confirm-form", "code", former), b.submit(page, "resend-form", "resend", "again"), b.get(page.url.String())} {
		if answer.url.Path != "/acme/action/verify-email" || !strings.Contains(answer.body, "ada@corrected.test") {
			t.Errorf("%d at %s", answer.status, answer.url)
		}
	}
	if after := s.now(s.ada); after.EmailVerified || !after.Must(user.VerifyEmail) {
		t.Errorf("%+v", after)
	}
	// Not required any more: nothing is left to prove.
	page = b.submit(b.get(page.url.String()), "verify-email-form", "decision", "send")
	s.require(s.ada)
	if a := b.allowed(b.get(page.url.String())); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// Nothing is required that could not be done, by whichever way.
func TestWhatCannotBeRequired(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	refused := func(code string, organization *org.Organization, person *user.User, before ...user.RequiredAction) {
		t.Helper()
		if err := s.app.MayRequire(t.Context(), s.app.Store, organization, person, before); (code == "") != (err == nil) || err != nil && fault.From(err).Code != code {
			t.Errorf("%v: %v, want %q", person.RequiredActions, err, code)
		}
	}
	with := func(person user.User, actions ...user.RequiredAction) *user.User {
		person.RequiredActions = actions
		return &person
	}
	all := []user.RequiredAction{user.ChangePassword, user.VerifyEmail, user.EnrolPasskey}
	refused("", s.acme, with(*s.ada, all...))
	nameless := *s.ada
	nameless.Email = ""
	refused("required_action_impossible", s.acme, with(nameless, user.VerifyEmail))
	refused("", s.acme, with(nameless, user.VerifyEmail), user.VerifyEmail) // it waits already
	off := *s.acme
	off.Policies.Passkeys = org.PasskeysOff
	refused("required_action_impossible", &off, with(*s.ada, user.EnrolPasskey))
	refused("", &off, with(*s.ada, all...), all...)
	s.require(s.ada, user.EnrolPasskey)
	b := s.browser()
	page := b.password()
	b.submit(page, "passkey-form", "passkey", s.newAuthenticator().create(t, page.options()))
	refused("required_action_done", s.acme, with(*s.now(s.ada), user.EnrolPasskey))
	silent := newSite(t)
	if err := silent.app.MayRequire(t.Context(), silent.app.Store, silent.acme, with(*silent.ada, user.EnrolPasskey), nil); fault.From(err).Code != "required_action_impossible" {
		t.Errorf("where browsers use no passkeys: %v", err)
	}
}

// sessionsOf are the ids of the sessions of somebody that live.
func (s *site) sessionsOf(person *user.User) (ids []string) {
	s.t.Helper()
	rows, err := s.app.Store.Query(s.t.Context(), "SELECT id::text FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY id", person.ID)
	if err == nil {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}
