package session

import (
	"context"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Shorten is org.Updated: how long an organization allows people to be signed in holds for those who are already, so that
// whoever has a copied cookie, or one that was left somewhere, has it no longer than is allowed now. Nothing lives longer by it.
func (s *Sessions) Shorten(ctx context.Context, tx *store.Tx, before, after *org.Organization) error {
	shorter := false
	for _, persistent := range []bool{false, true} {
		shorter = shorter || after.Policies.IdleOf(persistent) < before.Policies.IdleOf(persistent) || after.Policies.AbsoluteOf(persistent) < before.Policies.AbsoluteOf(persistent)
	}
	if !shorter {
		return nil
	}
	return dbq.New(tx).ShortenSessions(ctx, dbq.ShortenSessionsParams{OrgID: after.ID, At: s.now(),
		IdleSeconds: after.Policies.IdleOf(false).Seconds(), AbsoluteSeconds: after.Policies.AbsoluteOf(false).Seconds(),
		PersistentIdleSeconds: after.Policies.IdleOf(true).Seconds(), PersistentAbsoluteSeconds: after.Policies.AbsoluteOf(true).Seconds()})
}
