package server

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// knownForLong makes what a person can sign in with older than what counts as added by whoever changed their address.
func (s *site) knownForLong(person *user.User) {
	s.t.Helper()
	for _, statement := range []string{
		"UPDATE credentials SET created_at = created_at - interval '2 days', updated_at = updated_at - interval '2 days' WHERE user_id = $1",
		"UPDATE passkeys SET created_at = created_at - interval '2 days' WHERE user_id = $1",
		"UPDATE upstream_identities SET created_at = created_at - interval '2 days' WHERE user_id = $1",
	} {
		if _, err := s.app.Store.Exec(s.t.Context(), statement, person.ID); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A thief who changes the address twice and undoes the second change themselves does not keep the owner from undoing the first.
func TestUndoingALaterChangeLeavesTheEarlierOneToBeUndone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	s.knownForLong(s.ada)
	thief, page := s.moving(s.ada, "one@evil.test")
	thief.submit(page, "confirm-form", "code", s.code("one@evil.test"))
	owners := s.undoLink(s.ada.Email)
	again := thief.submit(thief.get("/acme/account/email"), "email-form", "email", "two@evil.test")
	thief.submit(again, "confirm-form", "code", s.code("two@evil.test"))
	thieves := s.undoLink("one@evil.test")
	undo := func(link, becomes string) {
		t.Helper()
		b := s.browser()
		if a := b.submit(b.get(link), "undo-address-form"); a.url.Path != "/acme/action/change-password" || s.now(s.ada).Email != becomes {
			t.Fatalf("%d at %s, the address is %s", a.status, a.url, s.now(s.ada).Email)
		}
	}
	undo(thieves, "one@evil.test")
	undo(owners, s.ada.Email)
	for _, link := range []string{thieves, owners} {
		if a := s.browser().get(link); a.status != http.StatusNotFound {
			t.Errorf("used twice: %d", a.status)
		}
	}
}

// Whoever changed the address linked an account of their own, and made a passkey before.
func TestUndoingAChangeRemovesWhatMadeSureOfTheAccount(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.site.verified(p.ada)
	p.linked(p.ada)
	p.knownForLong(p.ada)
	other := p.provide(p.acme, identityprovider.Provider{Alias: "theirs", Name: "Theirs", Issuer: "https://theirs.example.test", ClientID: "acme", Status: identityprovider.Active}, peerSecret)
	link := func(subject string) {
		p.inTx(func(ctx context.Context, tx *store.Tx) error {
			_, err := p.app.Providers.Link(ctx, tx, operator, identityprovider.Identity{OrgID: p.acme.ID, ProviderID: other.ID, Subject: subject, UserID: p.ada.ID})
			return err
		})
	}
	link("before")
	thief, page := p.moving(p.ada, "thief@evil.test")
	thief.submit(page, "confirm-form", "code", p.code("thief@evil.test"))
	link("after")
	owner := p.browser()
	if a := owner.submit(owner.get(p.undoLink(p.ada.Email)), "undo-address-form"); a.url.Path != "/acme/action/change-password" {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	left, err := p.app.Providers.OfUser(t.Context(), p.app.Store, p.acme.ID, p.ada.ID)
	if err != nil || len(left) != 1 || left[0].ProviderID != p.provider.ID {
		t.Errorf("%d accounts elsewhere are left: %v", len(left), err)
	}
}

// Where passwords are not recovered by mail, one that is as new as the change is taken away, and the page says who gives another.
func TestUndoingAChangeTakesANewPasswordAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	s.knownForLong(s.ada)
	s.changePolicies(s.acme, func(p *org.Policies) { p.PasswordRecovery = org.RecoveryClosed })
	thief, page := s.moving(s.ada, "thief@evil.test")
	thief.submit(page, "confirm-form", "code", s.code("thief@evil.test"))
	link := s.undoLink(s.ada.Email)
	changed := thief.submit(thief.get("/acme/account/password"), "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword)
	if ok, err := s.app.Passwords.Matches(t.Context(), s.acme.ID, s.ada.ID, chosenPassword); err != nil || !ok {
		t.Fatalf("the thief chose no password: %d at %s: %v", changed.status, changed.url, err)
	}
	b := s.browser()
	if a := b.submit(b.get(link), "undo-address-form"); !strings.Contains(a.text("address-undone"), "does not work any more") {
		t.Errorf("%d at %s: %s", a.status, a.url, a.body)
	}
	if ok, err := s.app.Passwords.Exists(t.Context(), s.app.Store, s.acme.ID, s.ada.ID); err != nil || ok {
		t.Errorf("the password of the thief is left: %v", err)
	}
}
