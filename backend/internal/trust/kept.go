package trust

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Kept is under which name a trusted issuer knows a person.
type Kept struct {
	IssuerName string    `json:"issuer_name"`
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	CreatedAt  time.Time `json:"created_at"`
}

// KeptOfUser returns under which names trusted issuers know a person.
func (i *Issuers) KeptOfUser(ctx context.Context, orgID, userID uuid.UUID) ([]Kept, error) {
	rows, err := dbq.New(i.db).LinkedIdentitiesOfUser(ctx, dbq.LinkedIdentitiesOfUserParams{OrgID: orgID, UserID: userID})
	kept := make([]Kept, len(rows))
	for n, row := range rows {
		kept[n] = Kept(row)
	}
	return kept, err
}
