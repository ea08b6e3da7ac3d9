package audit

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// OfPerson returns what concerns a person, newest first: done to them, or done by them to what is theirs. Of an
// administrator it returns nothing that they did to others. actions narrows it, nil does not; before is the cursor
// (uuid.Max for the newest).
func (l *Log) OfPerson(ctx context.Context, db store.DB, orgID, userID uuid.UUID, actions []string, before uuid.UUID, limit int32) ([]Record, error) {
	if actions == nil {
		actions = []string{}
	}
	rows, err := dbq.New(db).AuditEventsOfPerson(ctx, dbq.AuditEventsOfPersonParams{OrgID: orgID, Person: userID.String(), Actions: actions, BeforeID: before, RowLimit: limit})
	records := make([]Record, len(rows))
	for i, row := range rows {
		records[i] = fromRow(dbq.AuditEventRow(row))
	}
	return records, err
}
