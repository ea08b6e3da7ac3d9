package webauthn_test

import (
	"context"
	"io/fs"
	"regexp"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	clavexsql "github.com/clavex/clavex/sql"
)

// What began with a passkey that is gone meanwhile is judged by what the passkey proved.
func TestWhatARemovedPasskeyBeganIsJudgedAsBefore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	model, client := fidotest.NewModel("Key"), f.Client(f.acme, "App").ID
	f.load(1, fidotest.Entry{Model: model})
	unproved, proved := f.signedIn(f.acme, client, f.ada, model), f.signedInBy(f.acme, client, f.User(f.acme, "bob@acme.test"), model, true)
	for _, who := range []*signedIn{unproved, proved} {
		f.remove(who, who.session.ID)
	}
	f.attestation(org.Attestation{Conveyance: org.ConveyDirect, AllowedModels: []uuid.UUID{model.AAGUID}, ExistingPasskeys: org.Refuse})
	for who, works := range map[*signedIn]bool{unproved: false, proved: true} {
		if uses := who.uses(); uses["session"] != works || uses["access token"] != works || uses["introspected refresh token"] != works {
			t.Errorf("want %v: %v", works, uses)
		}
	}
	f.end(f.acme)
	if ended := count(f.Events(f.acme.ID), "session.ended"); ended != 1 {
		t.Errorf("%d sessions ended", ended)
	}
}

// What goes on already when sessions and grants begin to carry whether their passkey was proved is judged like what begins later.
func TestWhatBeganBeforeItWasKnownWhatWasProved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	model, client := fidotest.NewModel("Key"), f.Client(f.acme, "App").ID
	f.load(1, fidotest.Entry{Model: model})
	begun := map[*signedIn]bool{f.signedIn(f.acme, client, f.ada, model): false, f.signedInBy(f.acme, client, f.User(f.acme, "bob@acme.test"), model, true): true,
		f.signedIn(f.acme, client, f.User(f.acme, "eve@acme.test"), &fidotest.Model{}): false}
	migration, err := fs.ReadFile(clavexsql.Migrations, "migrations/00048_attested_sessions.sql")
	if err != nil {
		t.Fatal(err)
	}
	fill := regexp.MustCompile(`(?s)\nDO \$\$.*?END \$\$;`).FindAllString(string(migration), -1)
	if len(fill) != 2 {
		t.Fatalf("%d statements", len(fill))
	}
	for _, statement := range append([]string{"UPDATE sessions SET attested = false, aaguid = NULLIF(aaguid, '00000000-0000-0000-0000-000000000000')",
		"UPDATE grants SET attested = false, passkey_id = NULL, aaguid = NULLIF(aaguid, '00000000-0000-0000-0000-000000000000')"}, append(fill, fill...)...) {
		if _, err := f.DB.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	f.attestation(org.Attestation{Conveyance: org.ConveyDirect, UnknownModels: org.Refuse, ExistingPasskeys: org.Refuse})
	for who, works := range begun {
		who.expect(t, who.session.UserID.String(), works)
	}
	for who := range begun {
		f.remove(who, uuid.Nil)
		if uses := who.uses(); uses["access token"] || uses["introspected refresh token"] {
			t.Errorf("what was granted with a passkey that is removed goes on: %v", uses)
		}
	}
}

// remove removes a passkey, and ends what it began but in one session.
func (f *fixture) remove(who *signedIn, keep uuid.UUID) {
	f.T.Helper()
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := f.passkeys.Delete(ctx, tx, domaintest.Operator, who.org.ID, who.session.UserID, who.passkey.ID, keep)
		return err
	})
}

// Whoever removes a passkey may have lost it: what was granted with it ends as its sessions do, offline access included, also
// when the session is over; nothing else of the person does.
func TestARemovedPasskeyLeavesNothingThatItGranted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	model, client := fidotest.NewModel("Key"), f.Client(f.acme, "App").ID
	lost, other, over := f.signedIn(f.acme, client, f.ada, model), f.signedIn(f.acme, client, f.ada, model), f.signedIn(f.acme, client, f.ada, model)
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		return f.Sessions.End(ctx, tx, domaintest.Operator, f.acme.ID, over.session.ID, "test")
	})
	if _, err := f.DB.Exec(t.Context(), "DELETE FROM sessions WHERE id = $1", over.session.ID); err != nil {
		t.Fatal(err)
	}
	offline := func(who *signedIn) bool {
		uses := who.uses()
		return uses["access token"] && uses["introspected refresh token"]
	}
	if !offline(over) {
		t.Fatal("offline access does not go on")
	}
	f.remove(lost, uuid.Nil)
	f.remove(over, uuid.Nil)
	f.remove(other, other.session.ID)
	for what, c := range map[string]struct {
		who  *signedIn
		want bool
	}{"removed": {lost, false}, "removed when the session was over": {over, false}, "removed in the session": {other, true}} {
		if got := offline(c.who); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
