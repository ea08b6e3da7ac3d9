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

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

const passkeysPage = "account/passkeys"

// newAuthenticator is an authenticator that holds nothing yet.
func (s *site) newAuthenticator() *authenticator {
	return &authenticator{party: virtualwebauthn.RelyingParty{ID: passkeyHost, Name: "ACME", Origin: s.server.URL}, made: virtualwebauthn.NewAuthenticator(), credential: newCredential()}
}

// addPasskey makes a passkey on the page, and keeps the user handle as an authenticator does.
func (b *browser) addPasskey(page *answer, d *authenticator, name string) *answer {
	b.t.Helper()
	options := page.options()
	asked, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		b.t.Fatal(err)
	}
	d.made.Options.UserHandle = []byte(asked.UserID)
	return b.submit(page, "passkey-form", "name", name, "passkey", d.create(b.t, options))
}

func (s *site) passkeysOf(person *user.User) []credential.Passkey {
	s.t.Helper()
	own, err := s.app.Passkeys.OfUser(s.t.Context(), s.app.Store, person.OrgID, person.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return own
}

func TestPeopleLookAfterTheirPasskeys(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	b, page := s.atAccount(s.ada, passkeysPage)
	if !strings.Contains(page.body, "You have no passkey yet") || page.element("add-passkey") == nil || page.element("passkeys-list") == nil {
		t.Fatalf("%s", page.body)
	}
	d := s.newAuthenticator()
	page = b.addPasskey(page, d, " Work   laptop ")
	if page.status != http.StatusOK || page.text("done") == "" || !strings.Contains(page.text("passkeys-list"), "Work laptop") {
		t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
	}
	if written := s.mail(s.ada.Email); !strings.Contains(written.Subject, "added") || !strings.Contains(written.Text, "Work laptop") {
		t.Errorf("%+v", written)
	}
	var asked struct {
		Exclude []struct{ ID string } `json:"excludeCredentials"`
	}
	if err := json.Unmarshal([]byte(page.options()), &asked); err != nil || len(asked.Exclude) != 1 {
		t.Errorf("the same authenticator may make another one: %+v %v", asked, err)
	}
	own := s.passkeysOf(s.ada)
	t.Run("it signs in", func(t *testing.T) {
		other := s.browser()
		if a := other.usePasskeyAtFirst("/acme/login", d); a.url.Path != "/acme/" || !strings.Contains(a.body, "data-accepted-passkeys") {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("it has another name", func(t *testing.T) {
		action, fields := page.form("passkey-form")
		fields.Set("do", "rename")
		fields.Set("id", own[0].ID.String())
		for name, want := range map[string]int{"": http.StatusUnprocessableEntity, strings.Repeat("x", 101): http.StatusUnprocessableEntity, "Grey laptop": http.StatusOK} {
			fields.Set("name", name)
			if a := b.post(action, fields); a.status != want {
				t.Errorf("%q: %d", name, a.status)
			}
		}
		if got := s.passkeysOf(s.ada)[0].Name; got != "Grey laptop" {
			t.Errorf("%q", got)
		}
	})
	t.Run("it is removed after a question", func(t *testing.T) {
		asked := b.get("/acme/" + passkeysPage + "?remove=" + own[0].ID.String())
		if asked.element("remove-passkey-form") == nil || asked.element("last-way") != nil || len(s.passkeysOf(s.ada)) != 1 {
			t.Fatalf("%s", asked.body)
		}
		if a := b.submit(asked, "remove-passkey-form"); a.status != http.StatusOK || a.text("done") == "" || len(s.passkeysOf(s.ada)) != 0 {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if written := s.mail(s.ada.Email); !strings.Contains(written.Subject, "removed") || !strings.Contains(written.Text, "Grey laptop") {
			t.Errorf("%+v", written)
		}
		if a := s.browser().usePasskeyAtFirst("/acme/login", d); a.status != http.StatusUnprocessableEntity {
			t.Errorf("it signs in still: %d at %s", a.status, a.url)
		}
	})
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"credential.passkey_added", "credential.passkey_renamed", "credential.passkey_removed"} {
		if !slices.ContainsFunc(events, func(e audit.Record) bool { return e.Action == action && e.Actor.ID == s.ada.ID.String() }) {
			t.Errorf("no audit event %s", action)
		}
	}
}

// Whoever could not sign in any more is told so before the last passkey goes.
func TestTheLastWayIn(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	b, page := s.atAccount(s.ada, passkeysPage)
	first, second := s.newAuthenticator(), s.newAuthenticator()
	page = b.addPasskey(page, first, "One")
	page = b.addPasskey(page, second, "Two")
	if _, err := s.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	own := s.passkeysOf(s.ada)
	action, fields := page.form("passkey-form")
	fields.Set("do", "remove")
	answers := make([]*answer, 2)
	var all sync.WaitGroup
	for i := range own {
		form := map[string][]string{}
		for name, values := range fields {
			form[name] = values
		}
		form["id"] = []string{own[i].ID.String()}
		all.Go(func() { answers[i] = b.post(action, form) })
	}
	all.Wait()
	left := s.passkeysOf(s.ada)
	if len(left) != 1 {
		t.Fatalf("of two at once %d are left", len(left))
	}
	asked := b.get("/acme/" + passkeysPage + "?remove=" + left[0].ID.String())
	if asked.element("last-way") == nil {
		t.Fatalf("it is not said:\n%s", asked.body)
	}
	fields.Set("id", left[0].ID.String())
	if a := b.post(action, fields); a.status != http.StatusConflict || a.element("last-way") == nil || len(s.passkeysOf(s.ada)) != 1 {
		t.Errorf("without the question: %d at %s", a.status, a.url)
	}
	if a := b.submit(asked, "remove-passkey-form"); a.status != http.StatusOK || len(s.passkeysOf(s.ada)) != 0 {
		t.Errorf("after the question: %d at %s", a.status, a.url)
	}
}

// A passkey that does not prove what is demanded is none that is left.
func TestTheLastWayInIsOneThatIsAccepted(t *testing.T) {
	t.Parallel()
	s, service := newModelSite(t)
	b, page := s.atAccount(s.ada, passkeysPage)
	page = b.addPasskey(page, s.newAuthenticator(), "Unproved")
	b.addPasskey(page, s.newAuthenticator(), "Proved")
	own := s.passkeysOf(s.ada)
	s.prove(service, &authenticator{stored: own[1]})
	if _, err := s.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	asked := func(i int) bool {
		return b.get("/acme/"+passkeysPage+"?remove="+own[i].ID.String()).element("last-way") != nil
	}
	if asked(1) {
		t.Error("one that signs in is left")
	}
	s.demand()
	if !asked(1) || asked(0) {
		t.Errorf("the accepted one is the last: %v, the other one: %v", asked(1), asked(0))
	}
	var excluded struct{ ExcludeCredentials []struct{ ID string } }
	options := b.get("/acme/" + passkeysPage).options()
	if err := json.Unmarshal([]byte(options), &excluded); err != nil || len(excluded.ExcludeCredentials) != 1 {
		t.Errorf("an authenticator makes no passkey that holds one that does not sign in: %s %v", options, err)
	}
}

func TestPasskeysOfTheAccountPageBelongToTheirSession(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	bob := s.person(s.acme, "bob@acme.test")
	b, page := s.atAccount(s.ada, passkeysPage)
	other, otherPage := s.atAccount(bob, passkeysPage)
	his := s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	action, fields := page.form("passkey-form")
	with := func(namesAndValues ...string) *answer {
		form := map[string][]string{}
		for name, values := range fields {
			form[name] = values
		}
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			form[namesAndValues[i]] = []string{namesAndValues[i+1]}
		}
		return b.post(action, form)
	}
	t.Run("somebody else's are not found", func(t *testing.T) {
		for _, do := range []string{"rename", "remove"} {
			if a := with("do", do, "id", his.stored.ID.String(), "name", "Mine"); a.status != http.StatusNotFound {
				t.Errorf("%s: %d", do, a.status)
			}
		}
		if own := s.passkeysOf(bob); len(own) != 1 || own[0].Name != "Laptop" {
			t.Errorf("%+v", own)
		}
	})
	t.Run("a challenge of another session", func(t *testing.T) {
		if a := with("name", "Key", "passkey", s.newAuthenticator().create(t, otherPage.options())); a.status != http.StatusUnprocessableEntity || len(s.passkeysOf(s.ada)) != 0 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("one that is registered already", func(t *testing.T) {
		if a := with("name", "Key", "passkey", his.create(t, page.options())); a.status != http.StatusConflict || len(s.passkeysOf(s.ada)) != 0 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("the same answer twice", func(t *testing.T) {
		fresh := b.get("/acme/" + passkeysPage)
		made := s.newAuthenticator().create(t, fresh.options())
		if a := with("name", "Key", "passkey", made); a.status != http.StatusOK {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := with("name", "Key", "passkey", made); a.status != http.StatusUnprocessableEntity || len(s.passkeysOf(s.ada)) != 1 {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("a form without token, and one that asks for nothing", func(t *testing.T) {
		if a := with("csrf_token", "forged"); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
		if a := with("do", "nothing"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("without a fresh proof", func(t *testing.T) {
		s.longAgo(s.ada)
		if a := with("do", "remove", "id", s.passkeysOf(s.ada)[0].ID.String()); a.element("login-form") == nil || len(s.passkeysOf(s.ada)) != 1 {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("where they are switched off", func(t *testing.T) {
		fresh := other.get("/acme/" + passkeysPage)
		action, fields := fresh.form("passkey-form")
		fields.Set("passkey", s.newAuthenticator().create(t, fresh.options()))
		s.policies(s.acme, org.Policies{Passkeys: org.PasskeysOff})
		if a := other.get("/acme/" + passkeysPage); a.element("passkeys-off") == nil || a.element("passkey-form") != nil || !strings.Contains(a.text("passkeys-list"), "Laptop") {
			t.Errorf("%s", a.body)
		}
		if a := other.post(action, fields); a.status != http.StatusForbidden || len(s.passkeysOf(bob)) != 1 {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

// The limit holds for two devices that make the last one at once.
func TestTheLimitOfPasskeysHoldsForTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	var own *authenticator
	for range credential.MaximumPasskeys - 1 {
		own = s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	}
	b := s.browser()
	b.usePasskey(b.get("/acme/"+passkeysPage), own)
	page, answered := b.get("/acme/"+passkeysPage), make(chan *answer, 1)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		if err := s.app.Users.Hold(ctx, tx, s.acme.ID, s.ada.ID); err != nil {
			return err
		}
		last := own.stored
		last.CredentialID = []byte("made by another device, not committed")
		if _, err := s.app.Passkeys.Register(ctx, tx, operator, last); err != nil {
			return err
		}
		go func() { answered <- b.addPasskey(page, s.newAuthenticator(), "Another") }()
		dbtest.UntilALockIsAwaited(t, s.app.Store, func() bool { return len(answered) > 0 })
		return nil
	})
	if a := <-answered; !strings.Contains(a.text("notice"), "at most") {
		t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
	}
	if own := s.passkeysOf(s.ada); len(own) != credential.MaximumPasskeys {
		t.Errorf("%d passkeys", len(own))
	}
}
