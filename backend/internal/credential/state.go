package credential

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Exists reports whether the person has a password.
func (p *Passwords) Exists(ctx context.Context, db store.DB, orgID, userID uuid.UUID) (bool, error) {
	_, err := dbq.New(db).PasswordOfUser(ctx, dbq.PasswordOfUserParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
