package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ReasonExpired is why sessions end that were unused for too long, or are too old.
const ReasonExpired = "expired"

// lookAgain is when a session is looked at again that was due and did not end: somebody used it at that moment.
const lookAgain = time.Minute

// EndExpired ends, as End does, sessions that are over by time: a batch of those that clients are told of at an address of theirs
// (OpenID Connect Back-Channel Logout; what only a browser is told, nobody is told now). Of all others nothing follows: nobody is
// signed in by them since that moment, and refresh tokens are refused (an access token is good until its own end), so they get
// neither an end nor an event in the audit log, which would be one for almost every session there ever was. It reports whether there
// is more to do now. Called by a periodic job; it may run on several replicas at once and be interrupted anywhere: what ended is
// committed with those who are told of it.
func (s *Sessions) EndExpired(ctx context.Context, limit int32) (more bool, err error) {
	now := s.now()
	due, err := dbq.New(s.db).SessionsDue(ctx, dbq.SessionsDueParams{At: &now, RowLimit: limit})
	if err != nil {
		return false, err
	}
	of := map[uuid.UUID][]uuid.UUID{}
	for _, one := range due {
		if !slices.Contains(of[one.OrgID], one.SessionID) {
			of[one.OrgID] = append(of[one.OrgID], one.SessionID)
		}
	}
	var done int64
	for orgID, ids := range of {
		looked, problem := s.endExpiredOf(ctx, orgID, ids, now)
		done, err = done+looked, errors.Join(err, problem)
	}
	return len(due) == int(limit) && done > 0, err
}

// endExpiredOf ends those of an organization's sessions that are over, and then says when to look again at the others. The second
// holds sessions that go on, so it does not wait for the first.
func (s *Sessions) endExpiredOf(ctx context.Context, orgID uuid.UUID, ids []uuid.UUID, now time.Time) (looked int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		reason := ReasonExpired
		rows, err := dbq.New(tx).EndExpiredSessions(ctx, dbq.EndExpiredSessionsParams{OrgID: orgID, Ids: ids, At: &now, Reason: &reason})
		if err != nil {
			return err
		}
		ended := map[uuid.UUID][]uuid.UUID{}
		for _, row := range rows {
			ended[row.UserID] = append(ended[row.UserID], row.ID)
		}
		return s.endedOf(ctx, tx, ending{actor: audit.Actor{Kind: audit.System, Name: "session expiry"}, orgID: orgID, reason: reason, at: now}, ended)
	})
	if err != nil {
		return 0, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		held, err := dbq.New(tx).HoldSessions(ctx, dbq.HoldSessionsParams{OrgID: orgID, Ids: ids})
		if err != nil {
			return err
		}
		looked, err = dbq.New(tx).LookLater(ctx, dbq.LookLaterParams{OrgID: orgID, SessionIds: held, At: now, Soonest: now.Add(lookAgain)})
		return err
	})
	return looked, err
}
