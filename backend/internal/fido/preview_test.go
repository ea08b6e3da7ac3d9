package fido_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// Who is affected by a policy, before it is saved: of this organization only.
func TestPreview(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	key, unknown := fidotest.NewModel("Key"), fidotest.NewModel("Unknown")
	demanding := org.Attestation{Conveyance: org.ConveyDirect, AllowedModels: []uuid.UUID{key.AAGUID}, ExistingPasskeys: org.Refuse}
	if err := w.Models.CheckPolicy(t.Context(), org.Attestation{}, demanding); !errors.Is(err, fido.ErrMetadataMissing) {
		t.Error(err)
	}
	if _, err := w.Models.Load(t.Context(), w.Metadata.BLOB(1, fidotest.Entry{Model: key, Statuses: reported("FIDO_CERTIFIED_L1")}), ""); err != nil {
		t.Fatal(err)
	}
	if err := w.Models.CheckPolicy(t.Context(), org.Attestation{}, demanding); err != nil {
		t.Error(err)
	}
	add := func(person *user.User, model *fidotest.Model, attested bool) {
		t.Helper()
		if _, err := w.DB.Exec(t.Context(), `INSERT INTO passkeys (org_id, id, user_id, credential_id, public_key, rp_id, sign_count, aaguid, backup_eligible, backup_state, user_verified,
			attestation_format, name, created_at, attested) VALUES ($1, $2, $3, $4, 'x', 'id.example.com', 0, $5, false, false, true, 'none', 'Key', now(), $6)`,
			person.OrgID, store.NewID(), person.ID, []byte(uuid.NewString()), model.AAGUID, attested); err != nil {
			t.Fatal(err)
		}
	}
	ada, bob, eve, zoe := w.User(acme, "ada@acme.test"), w.User(acme, "bob@acme.test"), w.User(acme, "eve@acme.test"), w.User(rival, "zoe@rival.test")
	add(ada, key, true)
	add(ada, unknown, false)
	add(bob, unknown, false)
	add(bob, unknown, false)
	add(eve, key, false)
	add(zoe, unknown, false)
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		_, _, err := w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: acme, User: bob, BrowserHash: []byte("b"), Methods: []string{"hwk"}, At: w.Clock.Now(), AAGUID: unknown.AAGUID})
		return err
	})
	for _, c := range []struct {
		name                                       string
		policy                                     org.Attestation
		passkeys, people, without, sessions, shown int64
	}{
		{"nothing", org.Attestation{}, 0, 0, 0, 0, 0},
		{"only new ones", org.Attestation{Conveyance: org.ConveyDirect, AllowedModels: []uuid.UUID{key.AAGUID}}, 0, 0, 0, 0, 0},
		{"denied", org.Attestation{DeniedModels: []uuid.UUID{unknown.AAGUID}}, 3, 2, 1, 1, 2},
		{"demanded of all", demanding, 4, 3, 2, 1, 3},
		{"a rival's policy", org.Attestation{DeniedModels: []uuid.UUID{uuid.New()}}, 0, 0, 0, 0, 0},
	} {
		got, err := w.Models.Preview(t.Context(), acme.ID, "id.example.com", c.policy)
		if err != nil {
			t.Fatal(err)
		}
		if got.Passkeys != c.passkeys || got.People != c.people || got.WithoutAnother != c.without || got.Sessions != c.sessions || int64(len(got.Sample)) != c.shown || len(got.Models) != 3 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
