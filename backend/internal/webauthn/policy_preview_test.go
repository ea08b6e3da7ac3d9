package webauthn_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// The preview of a policy says what saving it does.
func TestThePreviewSaysWhatSavingDoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	model, weak, broken, client := fidotest.NewModel("Key"), fidotest.NewModel("Weak"), fidotest.NewModel("Broken"), f.Client(f.acme, "App").ID
	f.load(1, fidotest.Entry{Model: model, Statuses: []fidotest.Status{{Status: "FIDO_CERTIFIED_L2"}}}, fidotest.Entry{Model: weak}, fidotest.Entry{Model: broken, Statuses: []fidotest.Status{{Status: "RETIRED"}}})
	none := &fidotest.Model{}
	var everybody []*signedIn
	for _, c := range []struct {
		name      string
		passkeys  []*fidotest.Model // that prove their model when it is the second one
		password  bool
		elsewhere bool
		former    bool // the last passkey is one of a host that the organization left
	}{
		{name: "unproved", passkeys: []*fidotest.Model{model}}, {name: "with a password", passkeys: []*fidotest.Model{model}, password: true},
		{name: "with an account elsewhere", passkeys: []*fidotest.Model{model}, elsewhere: true},
		{name: "proved", passkeys: []*fidotest.Model{none, model}}, {name: "weak", passkeys: []*fidotest.Model{none, weak}}, {name: "without a model", passkeys: []*fidotest.Model{none}},
		{name: "broken", passkeys: []*fidotest.Model{broken, broken}}, {name: "broken, with a password", passkeys: []*fidotest.Model{broken}, password: true},
		{name: "proved, at a host that was left", passkeys: []*fidotest.Model{none, model}, former: true},
	} {
		person := f.User(f.acme, strings.NewReplacer(" ", "-", ",", "").Replace(c.name)+"@acme.test")
		for i, of := range c.passkeys {
			everybody = append(everybody, f.signedInBy(f.acme, client, person, of, i == 1))
		}
		f.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
			if c.password {
				_, err = tx.Exec(ctx, "INSERT INTO credentials (org_id, id, user_id, kind, secret, created_at, updated_at) VALUES ($1, $2, $3, 'password', 'x', now(), now())", f.acme.ID, store.NewID(), person.ID)
			}
			if c.elsewhere {
				err = f.elsewhere(ctx, tx, person)
			}
			if c.former {
				_, err = tx.Exec(ctx, "UPDATE passkeys SET rp_id = 'left.test' WHERE org_id = $1 AND id = $2", f.acme.ID, everybody[len(everybody)-1].passkey.ID)
			}
			return err
		})
	}
	usable := func() (passkeys map[uuid.UUID]bool, sessions int) {
		t.Helper()
		passkeys = map[uuid.UUID]bool{}
		for _, who := range everybody {
			uses := who.uses()
			passkeys[who.passkey.ID] = uses["proof that waits"]
			if uses["session"] {
				sessions++
			}
		}
		return passkeys, sessions
	}
	for _, policy := range []org.Attestation{
		{},
		{Conveyance: org.ConveyDirect, AllowedModels: []uuid.UUID{model.AAGUID}},
		{RefusedStatuses: &[]string{"RETIRED"}},
		{Conveyance: org.ConveyDirect, MinimumCertification: "FIDO_CERTIFIED_L1", DeniedModels: []uuid.UUID{broken.AAGUID}, ExistingPasskeys: org.Refuse},
	} {
		before, alive := usable()
		preview, err := f.Models.Preview(t.Context(), f.acme.ID, rpID, policy)
		if err != nil {
			t.Fatal(err)
		}
		f.attestation(policy)
		f.end(f.acme)
		after, left := usable()
		var stopped, without int64
		affected := map[uuid.UUID]bool{}
		for _, who := range everybody {
			if before[who.passkey.ID] && !after[who.passkey.ID] {
				stopped++
				affected[who.session.UserID] = true
			}
		}
		for id := range affected {
			ways, err := f.passkeys.Ways(t.Context(), f.DB, f.acme.ID, id, rpID, uuid.Nil)
			if err != nil {
				t.Fatal(err)
			}
			if !ways.Any() {
				without++
			}
		}
		if preview.Passkeys != stopped || preview.People != int64(len(affected)) || preview.WithoutAnother != without || preview.Sessions != int64(alive-left) {
			t.Errorf("%+v: %+v, but %d passkeys of %d people stopped, %d of them have no other way in, %d sessions ended", policy, preview, stopped, len(affected), without, alive-left)
		}
		f.attestation(org.Attestation{}) // what ended stays ended; those that are suspended are none of the next preview
	}
}

// elsewhere gives a person an account at a provider.
func (f *fixture) elsewhere(ctx context.Context, tx *store.Tx, person *user.User) error {
	_, err := tx.Exec(ctx, `WITH provider AS (
			INSERT INTO identity_providers (org_id, id, alias, name, issuer, client_id, client_authentication, scopes, created_at, updated_at)
			VALUES ($1, $2, 'elsewhere', 'Elsewhere', 'https://elsewhere.test', 'clavex', 'none', '{openid}', now(), now()) RETURNING org_id, id)
		INSERT INTO upstream_identities (org_id, id, provider_id, subject, name, user_id, created_at, last_used_at)
		SELECT org_id, $3, id, 'subject', 'name', $4, now(), now() FROM provider`, person.OrgID, store.NewID(), store.NewID(), person.ID)
	return err
}
