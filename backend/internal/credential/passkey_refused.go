package credential

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// endingBatch is how much one transaction ends.
const endingBatch = 500

// Why things end.
const (
	reasonModel = "the organization does not accept the model of the passkey"
	reasonUnmet = "the passkey does not prove a model that the organization accepts"
)

// Suspended is told of a passkey that was suspended because of its model, in the transaction.
type Suspended func(ctx context.Context, tx *store.Tx, userID uuid.UUID, name string) error

// EndRefused ends a batch of what began with passkeys on models that the organization refuses, or that do not fulfil what it
// demands, which is worth nothing already: sessions, then what was granted in them. It suspends passkeys whose model has a known
// weakness, for good, because what became known may have been used before. Each is recorded; of suspended passkeys their owners are told. It
// returns whether nothing is left. It may be interrupted and called again at any time.
func (p *Passkeys) EndRefused(ctx context.Context, orgID uuid.UUID, rules *fido.Rules, tell Suspended) (done bool, err error) {
	refused, actor := rules.Refused(), audit.Actor{Kind: audit.System, Name: "authenticator metadata"}
	type step func(context.Context, *store.Tx) (int, error)
	var steps []step
	if len(refused) > 0 {
		steps = append(steps, func(ctx context.Context, tx *store.Tx) (int, error) {
			return p.sessions.EndOfModels(ctx, tx, actor, orgID, refused, reasonModel, endingBatch)
		}, func(ctx context.Context, tx *store.Tx) (int, error) {
			return p.grants.RevokeOfModels(ctx, tx, actor, orgID, refused, reasonModel, endingBatch)
		})
	}
	if unsafe := rules.Unsafe(); len(unsafe) > 0 {
		steps = append(steps, func(ctx context.Context, tx *store.Tx) (int, error) {
			return p.suspend(ctx, tx, actor, orgID, unsafe, tell)
		})
	}
	if rules.Demands() {
		steps = append(steps, func(ctx context.Context, tx *store.Tx) (int, error) {
			return p.sessions.EndOfUnmet(ctx, tx, actor, orgID, rules.Accepted(), reasonUnmet, endingBatch)
		})
	}
	if len(rules.Accepted()) > 0 { // or the metadata may not be there yet: what is granted is of no use until it is, but not lost
		steps = append(steps, func(ctx context.Context, tx *store.Tx) (int, error) {
			return p.grants.RevokeOfUnmet(ctx, tx, actor, orgID, rules.Accepted(), reasonUnmet, endingBatch)
		})
	}
	for _, each := range steps {
		ended := 0
		err := p.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			ended, err = each(ctx, tx)
			return err
		})
		if err != nil || ended > 0 { // after the last one somebody looks once more
			return false, err
		}
	}
	return true, nil
}

func (p *Passkeys) suspend(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, models []uuid.UUID, tell Suspended) (int, error) {
	rows, err := dbq.New(tx).SuspendPasskeysOfModels(ctx, dbq.SuspendPasskeysOfModelsParams{OrgID: orgID, Models: models, At: new(p.now()), RowLimit: endingBatch})
	if err != nil {
		return 0, err
	}
	slices.SortFunc(rows, func(a, b dbq.SuspendPasskeysOfModelsRow) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for _, row := range rows {
		if err := p.record(ctx, tx, actor, "credential.passkey_model_suspended", orgID, row.UserID, map[string]any{"passkey_id": row.ID, "name": row.Name, "aaguid": row.Aaguid}); err != nil {
			return 0, err
		}
		if err := tell(ctx, tx, row.UserID, row.Name); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}
