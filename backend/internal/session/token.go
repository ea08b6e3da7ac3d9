package session

import (
	"context"
	"slices"

	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Replace gives a browser's session a fresh token, because its person changed what the account depends on: a copy of the token
// before is worth nothing. It returns the browser as it is when the transaction commits, everybody else in it as before;
// ErrNotFound when the session ended meanwhile, or has another token already. The session stays as it is until then, as for StillLive.
func (s *Sessions) Replace(ctx context.Context, tx *store.Tx, browser Browser, live *Live) (Browser, error) {
	if err := s.StillLive(ctx, tx, live.Session.OrgID, live.Session.ID); err != nil {
		return nil, err
	}
	fresh := *live
	fresh.token = secret.New(s.random)
	replaced, err := dbq.New(tx).ReplaceSessionToken(ctx, dbq.ReplaceSessionTokenParams{OrgID: live.Session.OrgID, ID: live.Session.ID,
		TokenHash: secret.Hash(fresh.token), FormerHash: secret.Hash(live.token)})
	if err != nil {
		return nil, err
	}
	if replaced == 0 {
		return nil, ErrNotFound
	}
	after := slices.Clone(browser)
	for i := range after {
		if after[i].Session.ID == live.Session.ID {
			after[i] = &fresh
		}
	}
	return after, nil
}
