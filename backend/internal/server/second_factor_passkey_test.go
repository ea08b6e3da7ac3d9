package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// atPasskey goes as far as the question for a passkey after the password.
func (b *browser) atPasskey(namesAndValues ...string) *answer {
	b.t.Helper()
	page := b.password(namesAndValues...)
	if page.url.Path != "/acme/login/second-factor" || page.element("passkey-form") == nil {
		b.t.Fatalf("expected to be asked for a passkey, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return page
}

// RFC 8176 §2: what was proved, and no more.
func TestAPasskeyIsASecondFactor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options  virtualwebauthn.AuthenticatorOptions
		unasked  bool // the authenticator does not verify its user
		app      bool
		amr, acr string
	}{
		"that stays in its device":            {amr: "pwd hwk user mfa", acr: session.ACRPhishingResistantHardware},
		"that is synchronized, beside an app": {options: virtualwebauthn.AuthenticatorOptions{BackupEligible: true, BackupState: true}, app: true, amr: "pwd swk user mfa", acr: session.ACRPhishingResistant},
		"without verification of the user":    {unasked: true, amr: "pwd hwk user mfa", acr: session.ACRPhishingResistantHardware},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPasskeySite(t)
			if c.app {
				s.addApp(s.ada)
			}
			d, b := s.passkey(s.ada, c.options), s.browser()
			page := b.atPasskey()
			if (page.element("otp-form") != nil) != c.app || page.element("passkey-unavailable") == nil != c.app {
				t.Errorf("what is offered:\n%s", page.body)
			}
			var asked struct {
				UserVerification string
				AllowCredentials []struct{ ID string }
			}
			if err := json.Unmarshal([]byte(page.options()), &asked); err != nil || asked.UserVerification != "preferred" || len(asked.AllowCredentials) != 1 {
				t.Errorf("%s %v", page.options(), err)
			}
			d.made.Options.UserNotVerified = c.unasked
			idToken, _ := s.exchange(b.allowed(b.usePasskey(page, d)))
			if got := strings.Join(texts(idToken["amr"]), " "); got != c.amr || idToken["acr"] != c.acr || idToken["sub"] != s.ada.ID.String() {
				t.Errorf("amr %v, acr %v", got, idToken["acr"])
			}
			sessions, err := s.app.Sessions.OfUser(t.Context(), s.acme.ID, s.ada.ID, uuid.Max, 1)
			if err != nil || sessions[0].PasskeyID != d.stored.ID || sessions[0].AAGUID != uuid.UUID(d.made.Aaguid) {
				t.Errorf("the session does not know what it began with: %+v %v", sessions, err)
			}
			if again := b.get(s.authorizeURL("acr_values", session.ACRPhishingResistant)); again.url.Query().Get("code") == "" {
				t.Errorf("asked again for what was proved: %d at %s", again.status, again.url)
			}
		})
	}
}

func TestPasskeysThatAreNoSecondFactor(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	bob := s.person(s.acme, "bob@acme.test")
	d, his := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}), s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	rival := s.organization("rival")
	elsewhere := s.passkey(s.person(rival, "ada@acme.test"), virtualwebauthn.AuthenticatorOptions{})
	refused := func(what string, a *answer, words string) {
		t.Helper()
		if a.status != http.StatusUnprocessableEntity || a.element("passkey-form") == nil || a.url.Path != "/acme/login/second-factor" || a.text("notice") != s.words(t, words) {
			t.Errorf("%s: %d at %s: %s", what, a.status, a.url, a.text("notice"))
		}
	}
	b := s.browser()
	refused("somebody else's", b.usePasskey(b.atPasskey(), his), "passkey_not_theirs")
	refused("another organization's", b.usePasskey(b.atPasskey(), elsewhere), "passkey_not_theirs")
	page := b.atPasskey()
	signIn := s.browser()
	first := signIn.get(s.authorizeURL())
	refused("a challenge of a sign-in", b.submit(page, "passkey-form", "passkey", d.answer(t, first.options())), "passkey_ceremony_over")
	d.made.Options.UserNotVerified = true
	if a := signIn.submit(first, "passkey-form", "passkey", d.answer(t, page.options())); a.status != http.StatusUnprocessableEntity || a.element("login-form") == nil {
		t.Errorf("what asks for less signs in alone: %d at %s", a.status, a.url)
	}
	d.made.Options.UserNotVerified = false
	other := b.atPasskey()
	refused("of another transaction", b.submit(page, "passkey-form", "passkey", d.answer(t, other.options())), "passkey_ceremony_over")
	action, fields := page.form("passkey-form")
	fields.Set("passkey", d.answer(t, page.options()))
	if a := s.browser().post(action, fields); a.status != http.StatusGone {
		t.Errorf("in another browser: %d at %s", a.status, a.url)
	}
	// Twice at once: one session begins.
	answers := make([]*answer, 3)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.post(action, fields) })
	}
	all.Wait()
	var sessions int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", s.ada.ID).Scan(&sessions); err != nil || sessions != 1 {
		t.Errorf("%d sessions: %v", sessions, err)
	}
	var failures int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'second_factor.failed' AND target_id = $1", s.ada.ID.String()).Scan(&failures); err != nil || failures != 2 {
		t.Errorf("%d failures are recorded: %v", failures, err)
	}
}

func TestWhatChangesDuringAPasskeyAsSecondFactor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*site, *authenticator)
		want   func(*answer) bool
	}{
		"the passkey is removed": {func(s *site, d *authenticator) {
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				_, err := s.app.Passkeys.Delete(ctx, tx, operator, s.acme.ID, s.ada.ID, d.stored.ID, uuid.Nil)
				return err
			})
		}, func(a *answer) bool { return a.element("consent-form") != nil }}, // there is none to be asked for
		"removed, and one is required": {func(s *site, d *authenticator) {
			s.secondFactor(org.SecondFactorRequired)
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				_, err := s.app.Passkeys.Delete(ctx, tx, operator, s.acme.ID, s.ada.ID, d.stored.ID, uuid.Nil)
				return err
			})
		}, func(a *answer) bool { return a.url.Path == "/acme/login/second-factor/add" }},
		"its model is refused, and one is required": {func(s *site, d *authenticator) {
			s.policies(s.acme, org.Policies{SecondFactor: org.SecondFactorRequired, Attestation: org.Attestation{DeniedModels: []uuid.UUID{uuid.UUID(d.made.Aaguid)}}})
		}, func(a *answer) bool { return a.url.Path == "/acme/login/second-factor/add" }},
		"it does not prove what is demanded": {func(s *site, _ *authenticator) { s.demand() }, func(a *answer) bool { return a.element("consent-form") != nil }},
		"the password is replaced":           {func(s *site, _ *authenticator) { s.setPassword(s.ada, chosenPassword, false) }, func(a *answer) bool { return a.url.Path == "/acme/login" }},
		"its counter goes back": {func(s *site, d *authenticator) {
			if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE passkeys SET sign_count = 100 WHERE id = $1", d.stored.ID); err != nil {
				s.t.Fatal(err)
			}
		}, func(a *answer) bool {
			return a.status == http.StatusUnprocessableEntity && strings.Contains(a.text("notice"), "copied")
		}},
		"nobody is asked any more": {func(s *site, _ *authenticator) { s.secondFactor(org.SecondFactorOff) }, func(a *answer) bool { return a.element("consent-form") != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPasskeySite(t)
			d, b := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}), s.browser()
			page := b.atPasskey()
			response := d.answer(t, page.options())
			c.change(s, d)
			if a := b.submit(page, "passkey-form", "passkey", response); !c.want(a) {
				t.Errorf("%d at %s:\n%s", a.status, a.url, a.body)
			}
		})
	}
}

// demand has the organization demand of every passkey, also those that existed before, that it proves a model that the metadata
// describes.
func (s *site) demand() {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) {
		p.Attestation = org.Attestation{Conveyance: org.ConveyDirect, UnknownModels: org.Refuse, ExistingPasskeys: org.Refuse}
	})
}

// prove makes a passkey one that proved its model, which the metadata describes.
func (s *site) prove(service *fidotest.Service, d *authenticator) {
	s.t.Helper()
	model := fidotest.NewModel("Accepted key")
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE passkeys SET aaguid = $1, attested = true WHERE id = $2", model.AAGUID, d.stored.ID); err != nil {
		s.t.Fatal(err)
	}
	s.loadModels(service.BLOB(1, fidotest.Entry{Model: model}))
}

// A passkey that does not prove what an organization demands is as if its owner had none: it is not asked for, so nobody is locked
// out by it, and where a second factor is demanded they add one, as people do who have none.
func TestAPasskeyThatDoesNotProveWhatIsDemandedIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s, service := newModelSite(t)
	unproved, proved := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}), s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.demand()
	if a := s.browser().password(); a.element("consent-form") == nil {
		t.Errorf("asked for what is refused: %d at %s:\n%s", a.status, a.url, a.body)
	}
	s.secondFactor(org.SecondFactorRequired)
	if a := s.browser().password(); a.url.Path != "/acme/login/second-factor/add" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	s.prove(service, proved)
	b := s.browser()
	page := b.atPasskey()
	var asked struct{ AllowCredentials []struct{ ID string } }
	if err := json.Unmarshal([]byte(page.options()), &asked); err != nil || len(asked.AllowCredentials) != 1 {
		t.Errorf("of one that is refused and one that is not: %s %v", page.options(), err)
	}
	if a := b.submit(page, "passkey-form", "passkey", unproved.answer(t, page.options())); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text("notice"), "prove") {
		t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
	}
	if a := b.allowed(b.usePasskey(b.atPasskey(), proved)); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s:\n%s", a.status, a.url, a.body)
	}
}

// A session that began with the password alone is made stronger.
func TestSteppingUpWithAPasskey(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	b := s.browser()
	before, _ := s.exchange(b.signIn())
	d := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	demand := `{"id_token":{"acr":{"essential":true,"values":["` + session.ACRPhishingResistant + `"]}}}`
	if silent := b.get(s.authorizeURL("prompt", "none", "claims", demand)); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("without asking: %s", silent.url)
	}
	for name, parameters := range map[string][]string{"demanded": {"claims", demand}, "wished for": {"acr_values", session.ACRPhishingResistant}} {
		if page := b.get(s.authorizeURL(parameters...)); page.url.Path != "/acme/login/second-factor" || page.element("otp-form") != nil {
			t.Errorf("%s: %d at %s", name, page.status, page.url)
		}
	}
	strong, _ := s.exchange(b.usePasskey(b.get(s.authorizeURL("claims", demand)), d))
	if strong["acr"] != session.ACRPhishingResistant || strong["auth_time"] != before["auth_time"] || strong["sid"] != before["sid"] || !slices.Equal(texts(strong["amr"]), []string{"pwd", "hwk", "user", "mfa"}) {
		t.Errorf("%v, before %v", strong, before)
	}
	// A code of an app does not reach what cannot be phished, so it is not asked for.
	app := s.addAppBeside(s.person(s.acme, "eve@acme.test"))
	eve := s.browser()
	page := eve.submit(eve.get(s.authorizeURL("claims", demand)), "login-form", "username", app.person.Username, "password", password)
	if page.element("passkey-form") == nil || page.element("otp-form") != nil {
		t.Errorf("%d at %s:\n%s", page.status, page.url, page.body)
	}
	// What began with the passkey ends with it.
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Passkeys.Delete(ctx, tx, operator, s.acme.ID, s.ada.ID, d.stored.ID, uuid.Nil)
		return err
	})
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("the session goes on without the passkey: %s", silent.url)
	}
}

// addAppBeside is somebody who has an app and a passkey.
func (s *site) addAppBeside(eve *user.User) *codeApp {
	app := s.addApp(eve)
	s.passkey(eve, virtualwebauthn.AuthenticatorOptions{})
	return app
}

// What an account depends on is changed by whoever proves all that its person has.
func TestAccountPagesDemandThePasskey(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	maker, page := s.atAccount(s.ada, passkeysPage)
	if page = maker.addPasskey(page, s.newAuthenticator(), "One"); page.element("passkeys-list") == nil || page.status != http.StatusOK {
		t.Fatalf("who made the first one just now is asked for it: %d at %s", page.status, page.url)
	}
	s.longAgo(s.ada)
	if a := maker.get("/acme/" + passkeysPage); a.element("login-form") == nil {
		t.Errorf("a proof of long ago: %d at %s", a.status, a.url)
	}
	d := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	for _, path := range []string{"account/password", "account/passkeys", "account/second-factor", "account/email", "account/data"} {
		b := s.browser()
		a := b.submit(b.get("/acme/"+path), "login-form", "username", s.ada.Username, "password", password)
		if a.url.Path != "/acme/login/second-factor" {
			t.Fatalf("%s: a password alone opens it: %d at %s", path, a.status, a.url)
		}
		if a = b.usePasskey(a, d); a.url.Path != "/acme/"+path || a.element("account-nav") == nil {
			t.Errorf("%s: %d at %s", path, a.status, a.url)
		}
	}
	// Where one is required, the last one stays.
	s.secondFactor(org.SecondFactorRequired)
	b := s.browser()
	b.usePasskey(b.submit(b.get("/acme/"+passkeysPage), "login-form", "username", s.ada.Username, "password", password), d)
	for i, left := range s.passkeysOf(s.ada) {
		a := b.submit(b.get("/acme/"+passkeysPage+"?remove="+left.ID.String()), "remove-passkey-form")
		if i == 0 && (a.status != http.StatusOK || len(s.passkeysOf(s.ada)) != 1) {
			t.Errorf("one of two: %d at %s", a.status, a.url)
		}
		if i == 1 && (a.status != http.StatusConflict || len(s.passkeysOf(s.ada)) != 1) {
			t.Errorf("the last one: %d at %s", a.status, a.url)
		}
	}
}

// Who lost their passkeys says so when they choose a password by mail; where a second factor is demanded, a mailbox does not
// replace it.
func TestLostPasskeys(t *testing.T) {
	t.Parallel()
	choose := []string{"new_password", chosenPassword, "new_password_confirmation", chosenPassword}
	t.Run("said to be lost", func(t *testing.T) {
		t.Parallel()
		s := newPasskeySite(t)
		s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
		b, page := s.forgot(s.ada.Username)
		page = b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
		if page.element("passkeys-lost") == nil {
			t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
		}
		if a := b.submit(page, "password-form", append(choose, "passkeys_lost", "yes")...); a.element("consent-form") == nil || len(s.passkeysOf(s.ada)) != 0 {
			t.Errorf("%d at %s, %d passkeys", a.status, a.url, len(s.passkeysOf(s.ada)))
		}
		if told := s.mail(s.ada.Email); !strings.Contains(told.Subject, "passkey") {
			t.Errorf("she is not told: %+v", told)
		}
	})
	t.Run("not said to be", func(t *testing.T) {
		t.Parallel()
		s := newPasskeySite(t)
		d := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
		b, page := s.forgot(s.ada.Username)
		page = b.submit(b.submit(page, "confirm-form", "code", s.code(s.ada.Email)), "password-form", choose...)
		if page.element("passkey-form") == nil || page.url.Path != "/acme/login/second-factor" {
			t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
		}
		if a := b.usePasskey(page, d); a.element("consent-form") == nil || len(s.passkeysOf(s.ada)) != 1 {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("where one is required", func(t *testing.T) {
		t.Parallel()
		s := newPasskeySite(t)
		d := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
		b, page := s.forgot(s.ada.Username)
		chosen := b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
		s.secondFactor(org.SecondFactorRequired)
		a := b.submit(chosen, "password-form", append(choose, "passkeys_lost", "yes")...)
		if a.url.Path != "/acme/login/second-factor" || len(s.passkeysOf(s.ada)) != 1 {
			t.Fatalf("a mailbox replaces the passkey: %d at %s", a.status, a.url)
		}
		if a = b.usePasskey(a, d); a.element("password-form") == nil || a.element("passkeys-lost") != nil {
			t.Errorf("with the passkey: %d at %s", a.status, a.url)
		}
	})
	t.Run("of somebody who has an app", func(t *testing.T) {
		t.Parallel()
		s := newPasskeySite(t)
		app := s.addAppBeside(s.ada)
		b, page := s.forgot(s.ada.Username)
		page = b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
		if page.element("otp-form") == nil {
			t.Fatalf("%d at %s", page.status, page.url)
		}
		if page = b.submit(page, "otp-form", "code", app.code()); page.element("password-form") == nil || page.element("passkeys-lost") != nil {
			t.Errorf("%d at %s", page.status, page.url)
		}
		if b.submit(page, "password-form", append(choose, "passkeys_lost", "yes")...); len(s.passkeysOf(s.ada)) != 1 {
			t.Error("what is not offered is done")
		}
	})
}
