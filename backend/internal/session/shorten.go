package session

import (
	"context"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Shorten is org.Updated: what an organization allows of people who stay signed in holds for those who do already, so that
// whoever has a cookie that was left somewhere does not have it for a year after that was given up.
func (s *Sessions) Shorten(ctx context.Context, tx *store.Tx, before, after *org.Organization) error {
	idle, absolute := after.Policies.IdleOf(true), after.Policies.AbsoluteOf(true)
	if idle >= before.Policies.IdleOf(true) && absolute >= before.Policies.AbsoluteOf(true) {
		return nil
	}
	return dbq.New(tx).ShortenPersistentSessions(ctx, dbq.ShortenPersistentSessionsParams{OrgID: after.ID, IdleSeconds: idle.Seconds(), AbsoluteSeconds: absolute.Seconds(), At: s.now()})
}
