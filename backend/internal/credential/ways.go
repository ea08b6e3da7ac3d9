package credential

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Ways are by what a person signs in: only what works, so not a passkey that was suspended or whose model is not accepted, nor an
// account at a provider that is switched off. Sign-ins by mail do not count, because the organization may end them any day.
type Ways struct{ Password, Passkey, Elsewhere bool }

// Any reports whether there is one at all.
func (w Ways) Any() bool { return w.Password || w.Passkey || w.Elsewhere }

// Ways returns by what else than one passkey, or one account elsewhere, a person signs in. rpID is the relying party of
// passkeys; "" where nobody signs in by them.
func (p *Passkeys) Ways(ctx context.Context, db store.DB, orgID, userID uuid.UUID, rpID string, without uuid.UUID) (Ways, error) {
	rules, err := p.models.Rules(ctx, orgID)
	if err != nil {
		return Ways{}, err
	}
	row, err := dbq.New(db).WaysIn(ctx, dbq.WaysInParams{OrgID: orgID, UserID: userID, RpID: rpID, Without: without, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	return Ways(row), err
}

// PeopleOf counts who has passkeys of a relying party, and who has those of others only; both stop at 10 001.
func (p *Passkeys) PeopleOf(ctx context.Context, db store.DB, orgID uuid.UUID, rpID string) (here, elsewhere int64, err error) {
	row, err := dbq.New(db).CountPeopleByRelyingParty(ctx, dbq.CountPeopleByRelyingPartyParams{OrgID: orgID, RpID: rpID})
	return row.Here, row.Elsewhere, err
}
