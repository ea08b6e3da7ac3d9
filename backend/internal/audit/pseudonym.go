package audit

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Pseudonymise takes a person who was erased out of a batch of an organization's events, and returns how many it changed: 0
// when none names them any more. In the stead of their identifier stands the pseudonym; their name, address, browser and
// everything that was written about them are gone. What they did to others, and what others did, can still be read. It is
// the one exception to the rule that events are never altered. limit bounds each of the three ways to name a person.
func (l *Log) Pseudonymise(ctx context.Context, db store.DB, orgID, userID uuid.UUID, pseudonym string, limit int32) (int64, error) {
	return dbq.New(db).PseudonymiseEvents(ctx, dbq.PseudonymiseEventsParams{OrgID: orgID, Person: userID.String(), Pseudonym: pseudonym, RowLimit: limit})
}
