package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Kept is a session as it is kept, which may have ended.
type Kept struct {
	Session
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	EndReason string     `json:"end_reason,omitempty"`
}

// KeptOfUser returns everything that is kept of a person's sessions, newest first.
func (s *Sessions) KeptOfUser(ctx context.Context, orgID, userID uuid.UUID) ([]Kept, error) {
	rows, err := dbq.New(s.db).SessionsKeptOfUser(ctx, dbq.SessionsKeptOfUserParams{OrgID: orgID, UserID: userID})
	kept := make([]Kept, len(rows))
	for i, row := range rows {
		kept[i] = Kept{Session: fromRow(row), EndedAt: row.EndedAt}
		if row.EndReason != nil {
			kept[i].EndReason = *row.EndReason
		}
	}
	return kept, err
}
