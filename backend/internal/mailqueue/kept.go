package mailqueue

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Kept is what is kept of a mail: that there was one, not what it said.
type Kept struct {
	ID        uuid.UUID `json:"id"`
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
}

// CountOfUser is how many mails of a kind were written to a person since then.
func (q *Queue) CountOfUser(ctx context.Context, db store.DB, orgID, userID uuid.UUID, kind Kind, since time.Time) (int64, error) {
	return dbq.New(db).CountMailsOfUser(ctx, dbq.CountMailsOfUserParams{OrgID: orgID, UserID: userID, Kind: string(kind), Since: since})
}

// KeptOfUser returns everything that is kept of the mails to a person, newest first.
func (q *Queue) KeptOfUser(ctx context.Context, orgID, userID uuid.UUID) ([]Kept, error) {
	rows, err := dbq.New(q.db).MailsOfUser(ctx, dbq.MailsOfUserParams{OrgID: orgID, UserID: userID})
	kept := make([]Kept, len(rows))
	for i, row := range rows {
		kept[i] = Kept{ID: row.ID, Kind: row.Kind, State: row.State, CreatedAt: row.CreatedAt}
	}
	return kept, err
}
