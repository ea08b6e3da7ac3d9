package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// passkeyHost is a host that the test server's certificate and clients know; browsers let nobody use passkeys at an IP
// address.
const passkeyHost = "example.com"

// newPasskeySite is a site where passkeys can be used.
func newPasskeySite(t testing.TB, settings ...string) *site {
	t.Helper()
	s := newSiteOn(t, dbtest.URL(t), append([]string{"public_url", "https://" + passkeyHost}, settings...)...)
	s.server.URL = "https://" + passkeyHost
	return s
}

// authenticator is an authenticator with one passkey, in a browser at our pages.
type authenticator struct {
	party      virtualwebauthn.RelyingParty
	made       virtualwebauthn.Authenticator
	credential virtualwebauthn.Credential
	stored     credential.Passkey
}

// newCredential makes a key pair. virtualwebauthn writes the coordinates of a point without leading zeros, which COSE_Key
// wants.
func newCredential() virtualwebauthn.Credential {
	for {
		if made := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(made.Key.AttestationData()) == 77 {
			return made
		}
	}
}

// passkey makes a passkey of a person.
func (s *site) passkey(person *user.User, options virtualwebauthn.AuthenticatorOptions) *authenticator {
	s.t.Helper()
	party, _ := webauthn.NewRelyingParty(s.server.URL)
	d := &authenticator{party: virtualwebauthn.RelyingParty{ID: party.ID, Name: "ACME", Origin: s.server.URL}, credential: newCredential()}
	about := webauthn.About{OrgID: person.OrgID, Subject: "test", Browser: "test", Party: party}
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		handle, err := s.app.Passkeys.Handle(ctx, tx, person.OrgID, person.ID)
		if err != nil {
			return err
		}
		options.UserHandle = handle
		d.made = virtualwebauthn.NewAuthenticatorWithOptions(options)
		asked, err := s.app.Ceremonies.Create(webauthn.NewPasskey{About: about, Handle: handle, Username: person.Username, DisplayName: person.DisplayName(), PartyName: "ACME"})
		if err != nil {
			return err
		}
		made, err := s.app.Ceremonies.Created(ctx, about, d.create(s.t, string(asked)))
		if err != nil {
			return err
		}
		made.OrgID, made.UserID, made.Name = person.OrgID, person.ID, "Laptop"
		d.stored, err = s.app.Passkeys.Register(ctx, tx, operator, made)
		return err
	})
	return d
}

func (d *authenticator) create(t testing.TB, options string) string {
	t.Helper()
	asked, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	return virtualwebauthn.CreateAttestationResponse(d.party, d.made, d.credential, *asked)
}

func (d *authenticator) answer(t testing.TB, options string) string {
	t.Helper()
	asked, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	if d.credential.Counter > 0 {
		d.credential.Counter++
	}
	return virtualwebauthn.CreateAssertionResponse(d.party, d.made, d.credential, *asked)
}

// usePasskey answers the sign-in page with a passkey.
func (b *browser) usePasskey(page *answer, d *authenticator) *answer {
	b.t.Helper()
	return b.submit(page, "passkey-form", "passkey", d.answer(b.t, page.options()))
}

// options are those of the ceremony that a page offers.
func (a *answer) options() string {
	a.t.Helper()
	form := a.element("passkey-form")
	if form == nil {
		a.t.Fatalf("no passkey is asked for at %s (status %d):\n%s", a.url, a.status, a.body)
	}
	return attribute(form, "data-options")
}

func TestSigningInWithAPasskey(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	for name, c := range map[string]struct {
		options virtualwebauthn.AuthenticatorOptions
		amr     string
	}{
		"that stays in its device": {virtualwebauthn.AuthenticatorOptions{}, "hwk user mfa"},
		"that is synchronized":     {virtualwebauthn.AuthenticatorOptions{BackupEligible: true, BackupState: true}, "swk user mfa"},
	} {
		t.Run(name, func(t *testing.T) {
			d, b := s.passkey(s.ada, c.options), s.browser()
			page := b.get(s.authorizeURL())
			if got := attribute(page.element("username"), "autocomplete"); got != "username webauthn" {
				t.Errorf("autocomplete %q", got)
			}
			_, fields := page.form("passkey-form")
			a := b.usePasskey(page, d)
			if a.element("consent-form") != nil {
				a = b.submit(a, "consent-form", "decision", "allow")
			}
			status, tokens := s.tokens(a)
			if status != http.StatusOK {
				t.Fatalf("%d at %s: %d %v", a.status, a.url, status, tokens)
			}
			claims := claims(t, tokens["id_token"].(string))
			var amr []string
			for _, method := range claims["amr"].([]any) {
				amr = append(amr, method.(string))
			}
			if strings.Join(amr, " ") != c.amr || claims["sub"] != s.ada.ID.String() {
				t.Errorf("amr %v, sub %v", amr, claims["sub"])
			}
			sessions, err := s.app.Sessions.OfUser(t.Context(), s.acme.ID, s.ada.ID, uuid.Max, 1)
			if err != nil || sessions[0].PasskeyID != d.stored.ID || sessions[0].AAGUID != uuid.UUID(d.made.Aaguid) {
				t.Errorf("%+v %v", sessions, err)
			}
			if a := b.post("/acme/login/passkey", fields); a.status != http.StatusGone {
				t.Errorf("the transaction goes on after its end: %d at %s", a.status, a.url)
			}
			passkeys, err := s.app.Passkeys.OfUser(t.Context(), s.app.Store, s.acme.ID, s.ada.ID)
			if i := slices.IndexFunc(passkeys, func(p credential.Passkey) bool { return p.ID == d.stored.ID }); err != nil || passkeys[i].LastUsedAt.IsZero() {
				t.Errorf("%+v %v", passkeys, err)
			}
		})
	}
}

// WebAuthn Level 3 §5.4.3, §14.6.1: what authenticators know a person by is 64 random bytes of that person at that organization.
func TestUserHandlesAreRandom(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	handle := func(person *user.User) (handle []byte) {
		t.Helper()
		s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
			handle, err = s.app.Passkeys.Handle(ctx, tx, person.OrgID, person.ID)
			return err
		})
		return handle
	}
	namesake := s.person(s.organization("rival"), s.ada.Email)
	seen := map[string]string{}
	for name, person := range map[string]*user.User{"ada": s.ada, "her namesake elsewhere": namesake, "somebody else": s.person(s.acme, "bob@acme.test")} {
		made := handle(person)
		if len(made) != 64 || !bytes.Equal(made, handle(person)) {
			t.Errorf("%s: %x, then %x", name, made, handle(person))
		}
		halves := map[string]bool{string(made[:32]): true, string(made[32:]): true}
		for half := range halves {
			if former, ok := seen[half]; ok || len(halves) != 2 {
				t.Errorf("%s has bytes of %s", name, former)
			}
			seen[half] = name
		}
		if bytes.Contains(made, person.ID[:]) || bytes.Contains(made, person.OrgID[:]) || bytes.Contains(made, []byte(person.Username)) {
			t.Errorf("%s: the handle tells who it is: %x", name, made)
		}
	}
}

func TestPasskeysThatDoNotSignIn(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	rival := s.organization("rival")
	stranger := s.passkey(s.person(rival, "ada@acme.test"), virtualwebauthn.AuthenticatorOptions{})
	mine := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	mine.credential.Counter = 10
	altered := func(change func(*authenticator)) *authenticator {
		copied := *mine
		change(&copied)
		return &copied
	}
	for name, c := range map[string]struct {
		device *authenticator
		want   string
	}{
		"of another organization": {stranger, "passkey_refused"},
		"at another origin":       {altered(func(d *authenticator) { d.party.Origin = "https://evil.example.com" }), "passkey_refused"},
		"of another RP ID":        {altered(func(d *authenticator) { d.party.ID = "evil.example.com" }), "passkey_refused"},
		"user not verified":       {altered(func(d *authenticator) { d.made.Options.UserNotVerified = true }), "passkey_user_not_verified"},
		"nobody present":          {altered(func(d *authenticator) { d.made.Options.UserNotPresent = true }), "passkey_refused"},
		"can be copied now":       {altered(func(d *authenticator) { d.made.Options.BackupEligible = true }), "passkey_refused"},
		"of nobody":               {altered(func(d *authenticator) { d.credential = newCredential() }), "passkey_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.app.Store.Exec(t.Context(), "DELETE FROM sign_in_failures"); err != nil {
				t.Fatal(err)
			}
			b := s.browser()
			page := b.get(s.authorizeURL())
			a := b.usePasskey(page, c.device)
			if a.status != http.StatusUnprocessableEntity || a.element("login-form") == nil || a.options() == page.options() {
				t.Fatalf("%d at %s", a.status, a.url)
			}
			if got, want := a.text("notice"), s.words(t, c.want); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if a := b.submit(a, "login-form", "username", s.ada.Username, "password", password); a.url.Path != "/acme/login/second-factor" {
				t.Errorf("the password does not go on: %d at %s", a.status, a.url)
			}
		})
	}
}

// words is what pages say in English about a fault.
func (s *site) words(t *testing.T, code string) string {
	t.Helper()
	switch code {
	case "passkey_refused":
		return "This passkey does not open an account here. Use another one, or sign in with your password."
	case "passkey_not_theirs":
		return "This passkey is none of this account. Use another one."
	case "passkey_ceremony_over":
		return "This took too long, or was sent twice. Try again."
	case "passkey_user_not_verified":
		return "Your device did not check that it is you. Set up a PIN, fingerprint or face on it, then try again."
	}
	t.Fatalf("no words for %s", code)
	return ""
}

func TestAnswersOfPasskeysBelongToTheirSignIn(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	d := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	const over = "This took too long, or was sent twice. Try again."
	b := s.browser()
	first, second := b.get(s.authorizeURL()), b.get(s.authorizeURL())
	t.Run("another transaction of the same browser", func(t *testing.T) {
		if a := b.submit(second, "passkey-form", "passkey", d.answer(t, first.options())); a.status != http.StatusUnprocessableEntity || a.text("notice") != over {
			t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
		}
	})
	t.Run("another browser", func(t *testing.T) {
		other := s.browser()
		page := other.get(s.authorizeURL())
		if a := other.submit(page, "passkey-form", "passkey", d.answer(t, first.options())); a.status != http.StatusUnprocessableEntity || a.text("notice") != over {
			t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
		}
		action, fields := first.form("passkey-form")
		fields.Set("passkey", d.answer(t, first.options()))
		if a := other.post(action, fields); a.status != http.StatusGone {
			t.Errorf("the form itself: %d at %s", a.status, a.url)
		}
	})
	t.Run("a form from elsewhere", func(t *testing.T) {
		action, fields := first.form("passkey-form")
		fields.Set("passkey", d.answer(t, first.options()))
		if a := b.post(action, fields, "Origin", "https://evil.example"); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
		fields.Set("csrf_token", "forged")
		if a := b.post(action, fields); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("what is no answer", func(t *testing.T) {
		for name, text := range map[string]string{"nothing": "", "not JSON": "{", "too large to be read": strings.Repeat("a", 200<<10), "too large for a field": strings.Repeat("a", 20<<10),
			"too large for a passkey": `{"id":"` + strings.Repeat("a", 15<<10) + `"}`} {
			a := b.submit(first, "passkey-form", "passkey", text)
			switch name {
			case "too large to be read":
				if a.status != http.StatusRequestEntityTooLarge {
					t.Errorf("%s: %d", name, a.status)
				}
			case "too large for a field":
				if a.status != http.StatusBadRequest {
					t.Errorf("%s: %d", name, a.status)
				}
			default:
				if a.status != http.StatusUnprocessableEntity || a.element("login-form") == nil {
					t.Errorf("%s: %d at %s", name, a.status, a.url)
				}
			}
		}
	})
	t.Run("reloading leads back to the sign-in", func(t *testing.T) {
		if a := b.get("/acme/login/passkey?" + first.url.RawQuery); a.status != http.StatusOK || a.url.Path != "/acme/login" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("twice at once", func(t *testing.T) {
		page := b.get(s.authorizeURL())
		action, fields := page.form("passkey-form")
		fields.Set("passkey", d.answer(t, page.options()))
		answers := make([]*answer, 4)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = b.post(action, fields) })
		}
		all.Wait()
		signedIn := 0
		for _, a := range answers {
			if a.element("consent-form") != nil {
				signedIn++
			}
		}
		var sessions int
		if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM sessions WHERE passkey_id = $1", d.stored.ID).Scan(&sessions); err != nil || sessions != 1 || signedIn == 0 {
			t.Errorf("%d sessions, %d times at the next step, %v", sessions, signedIn, err)
		}
	})
}

// The person that the application names, or that was chosen, and nobody else; whatever else must be done is done.
func TestAPasskeyIsAnotherAnswerToTheSameSignIn(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	b := s.browser()
	_, tokens := s.tokens(b.signIn())
	mine := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	bob := s.person(s.acme, "bob@acme.test", user.ChangePassword)
	his := s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	hint := tokens["id_token"].(string)
	t.Run("somebody else than was asked for (id_token_hint)", func(t *testing.T) {
		other := s.browser()
		a := other.usePasskey(other.get(s.authorizeURL("id_token_hint", hint)), his)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text("notice"), "another account") {
			t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
		}
		if a := other.usePasskey(a, mine); a.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("proved anew (prompt=login)", func(t *testing.T) {
		if a := b.usePasskey(b.get(s.authorizeURL("prompt", "login")), mine); a.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("with a required action", func(t *testing.T) {
		other := s.browser()
		if a := other.usePasskey(other.get(s.authorizeURL()), his); a.element("password-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("removed meanwhile", func(t *testing.T) {
		other := s.browser()
		page := other.usePasskey(other.get(s.authorizeURL()), his)
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			_, err := s.app.Passkeys.Delete(ctx, tx, operator, s.acme.ID, bob.ID, his.stored.ID, uuid.Nil)
			return err
		})
		if a := other.submit(page, "password-form", "new_password", newPassword, "new_password_confirmation", newPassword); a.element("login-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := other.usePasskey(other.get(s.authorizeURL()), his); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("of somebody who is disabled meanwhile", func(t *testing.T) {
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET status = 'disabled' WHERE id = $1", s.ada.ID); err != nil {
			t.Fatal(err)
		}
		if a := s.browser().usePasskeyAtFirst(s.authorizeURL(), mine); a.status != http.StatusUnprocessableEntity || a.text("notice") != s.words(t, "passkey_refused") {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

func (b *browser) usePasskeyAtFirst(address string, d *authenticator) *answer {
	b.t.Helper()
	return b.usePasskey(b.get(address), d)
}

func TestRemovingAPasskeyEndsItsSessions(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	first, second := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}), s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	one, two := s.browser(), s.browser()
	for b, d := range map[*browser]*authenticator{one: first, two: second} {
		if a := b.usePasskeyAtFirst("/acme/login", d); a.url.Path != "/acme/" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Passkeys.Delete(ctx, tx, operator, s.acme.ID, s.ada.ID, first.stored.ID, uuid.Nil)
		return err
	})
	if a := one.get("/acme/"); a.url.Path != "/acme/login" {
		t.Errorf("the session goes on: %s", a.url)
	}
	if a := two.get("/acme/"); a.url.Path != "/acme/" {
		t.Errorf("another one ended: %s", a.url)
	}
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Limit: 50})
	if err != nil || !slices.ContainsFunc(events, func(e audit.Record) bool { return e.Action == "credential.passkey_removed" }) {
		t.Errorf("it is not recorded: %v", err)
	}
}

func TestWherePasskeysAreNotUsed(t *testing.T) {
	t.Parallel()
	t.Run("an organization that switched them off", func(t *testing.T) {
		t.Parallel()
		s := newPasskeySite(t)
		d := s.passkey(s.person(s.acme, "bob@acme.test", user.ChangePassword), virtualwebauthn.AuthenticatorOptions{})
		b := s.browser()
		before, waiting := b.get(s.authorizeURL()), s.browser()
		page := waiting.usePasskeyAtFirst(s.authorizeURL(), d)
		s.policies(s.acme, org.Policies{Passkeys: org.PasskeysOff})
		if a := b.get(s.authorizeURL()); a.element("passkey-form") != nil || attribute(a.element("username"), "autocomplete") != "username" {
			t.Errorf("it is offered:\n%s", a.body)
		}
		if a := b.usePasskey(before, d); a.status != http.StatusUnprocessableEntity || a.element("login-form") == nil {
			t.Errorf("a page of before: %d at %s", a.status, a.url)
		}
		if a := waiting.submit(page, "password-form", "new_password", newPassword, "new_password_confirmation", newPassword); a.element("login-form") == nil {
			t.Errorf("what was proved before: %d at %s", a.status, a.url)
		}
	})
	t.Run("an address that is none of a host", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		if page := s.browser().get(s.authorizeURL()); page.element("passkey-form") != nil {
			t.Errorf("%s", page.body)
		}
	})
}

// policies changes an organization's policies.
func (s *site) policies(organization *org.Organization, policies org.Policies) {
	s.t.Helper()
	changed := *organization
	changed.Policies = policies
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Organizations.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Organizations.Forget(organization)
}

// The page tells neither who exists nor anything else about accounts: what is asked for is the same for everybody.
func TestPasskeysAreAskedForWithoutNamingAnybody(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	for _, hint := range []string{"ada@acme.test", "nobody@acme.test"} {
		var asked map[string]any
		if err := json.Unmarshal([]byte(s.browser().get(s.authorizeURL("login_hint", hint)).options()), &asked); err != nil {
			t.Fatal(err)
		}
		if allowed, _ := asked["allowCredentials"].([]any); len(allowed) != 0 || asked["rpId"] != passkeyHost {
			t.Errorf("%v", asked)
		}
	}
}
