package session

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// endedWithSession is why grants end that live no longer than their session.
const endedWithSession = "session ended"

// End ends a session, revokes the grants that live only with it (those without offline_access), records it, and has
// the clients told that want to hear of it, all in the transaction. ErrNotFound when it does not exist or has ended.
func (s *Sessions) End(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, reason string) error {
	now := s.now()
	userID, err := dbq.New(tx).EndSession(ctx, dbq.EndSessionParams{OrgID: orgID, ID: id, At: &now, Reason: &reason})
	if store.IsNotFound(err) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	return s.ended(ctx, tx, ending{actor, orgID, userID, []uuid.UUID{id}, reason, now}, s.revokeWithSessions)
}

// EndOf is End for a session of a known person; one of anybody else is not found.
func (s *Sessions) EndOf(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, id uuid.UUID, reason string) error {
	now := s.now()
	ended, err := dbq.New(tx).EndSessionOfUser(ctx, dbq.EndSessionOfUserParams{OrgID: orgID, UserID: userID, ID: id, At: &now, Reason: &reason})
	if err != nil {
		return err
	}
	if ended == 0 {
		return ErrNotFound
	}
	return s.ended(ctx, tx, ending{actor, orgID, userID, []uuid.UUID{id}, reason, now}, s.revokeWithSessions)
}

// EndAll ends every session of a person but keep (uuid.Nil keeps none) and revokes all grants not made in
// it, offline access included: after a changed password or a disabled account nothing older works.
func (s *Sessions) EndAll(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, keep uuid.UUID, reason string) error {
	e, err := s.endSessionsOf(ctx, tx, actor, orgID, userID, keep, reason)
	if err != nil {
		return err
	}
	return s.ended(ctx, tx, e, func(ctx context.Context, tx *store.Tx, e ending) error {
		_, err := dbq.New(tx).RevokeGrantsOfUser(ctx, dbq.RevokeGrantsOfUserParams{OrgID: orgID, UserID: userID, KeepSessionID: &keep, At: &e.at, Reason: &reason})
		return err
	})
}

// EndEverywhere ends every session of a person, and as End does the grants that live with them, and those that have none
// because an issuer elsewhere vouched for the person: what was allowed to go on without the person (offline_access) goes
// on. It returns how many sessions ended.
func (s *Sessions) EndEverywhere(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID, reason string) (int, error) {
	e, err := s.endSessionsOf(ctx, tx, actor, orgID, userID, uuid.Nil, reason)
	if err != nil {
		return 0, err
	}
	if _, err := dbq.New(tx).RevokeGrantsWithoutSession(ctx, dbq.RevokeGrantsWithoutSessionParams{OrgID: orgID, UserID: userID, At: &e.at, Reason: &reason}); err != nil {
		return 0, err
	}
	if len(e.sessions) == 0 {
		return 0, nil
	}
	return len(e.sessions), s.ended(ctx, tx, e, s.revokeWithSessions)
}

// EndOfPasskey ends the sessions of a person that were begun with a passkey, but keep (uuid.Nil keeps none), and revokes what was
// granted in them, offline access included, also where the session is over: it may have been somebody else who had the passkey.
func (s *Sessions) EndOfPasskey(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, passkeyID, keep uuid.UUID, reason string) error {
	now := s.now()
	ids, err := dbq.New(tx).EndSessionsOfPasskey(ctx, dbq.EndSessionsOfPasskeyParams{OrgID: orgID, UserID: userID, PasskeyID: &passkeyID, KeepID: keep, At: &now, Reason: &reason})
	if err != nil {
		return err
	}
	return s.ended(ctx, tx, ending{actor, orgID, userID, ids, reason, now}, func(ctx context.Context, tx *store.Tx, e ending) error {
		if err := s.revokeWithSessions(ctx, tx, e); err != nil {
			return err
		}
		_, err := dbq.New(tx).RevokeGrantsOfPasskey(ctx, dbq.RevokeGrantsOfPasskeyParams{OrgID: orgID, UserID: userID, PasskeyID: &passkeyID, KeepSessionID: &keep, At: &now, Reason: &reason})
		return err
	})
}

// EndOfModels ends a batch of an organization's sessions that began with passkeys on some models, as End does, and returns
// how many. Doing it again goes on.
func (s *Sessions) EndOfModels(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, models []uuid.UUID, reason string, limit int32) (int, error) {
	now := s.now()
	rows, err := dbq.New(tx).EndSessionsOfModels(ctx, dbq.EndSessionsOfModelsParams{OrgID: orgID, Models: models, At: &now, Reason: &reason, RowLimit: limit})
	if err != nil {
		return 0, err
	}
	ended := map[uuid.UUID][]uuid.UUID{}
	for _, row := range rows {
		ended[row.UserID] = append(ended[row.UserID], row.ID)
	}
	return len(rows), s.endedOf(ctx, tx, ending{actor: actor, orgID: orgID, reason: reason, at: now}, ended)
}

// EndOfUnmet is EndOfModels for sessions that began with passkeys that do not prove one of the accepted models.
func (s *Sessions) EndOfUnmet(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, accepted []uuid.UUID, reason string, limit int32) (int, error) {
	now := s.now()
	rows, err := dbq.New(tx).EndSessionsOfUnmetPasskeys(ctx, dbq.EndSessionsOfUnmetPasskeysParams{OrgID: orgID, AcceptedModels: accepted, At: &now, Reason: &reason, RowLimit: limit})
	if err != nil {
		return 0, err
	}
	ended := map[uuid.UUID][]uuid.UUID{}
	for _, row := range rows {
		ended[row.UserID] = append(ended[row.UserID], row.ID)
	}
	return len(rows), s.endedOf(ctx, tx, ending{actor: actor, orgID: orgID, reason: reason, at: now}, ended)
}

// endedOf does what follows from the end of sessions of several people, in an order that does not depend on chance.
func (s *Sessions) endedOf(ctx context.Context, tx *store.Tx, e ending, of map[uuid.UUID][]uuid.UUID) error {
	for _, userID := range slices.SortedFunc(maps.Keys(of), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		e.userID, e.sessions = userID, of[userID]
		if err := s.ended(ctx, tx, e, s.revokeWithSessions); err != nil {
			return err
		}
	}
	return nil
}

// EndOthers is End for every session of a person but one. It returns how many ended.
func (s *Sessions) EndOthers(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, keep uuid.UUID, reason string) (int, error) {
	e, err := s.endSessionsOf(ctx, tx, actor, orgID, userID, keep, reason)
	if err != nil || len(e.sessions) == 0 {
		return 0, err
	}
	return len(e.sessions), s.ended(ctx, tx, e, s.revokeWithSessions)
}

// ending is one or more sessions of one person that were just ended.
type ending struct {
	actor         audit.Actor
	orgID, userID uuid.UUID
	sessions      []uuid.UUID
	reason        string
	at            time.Time
}

func (s *Sessions) endSessionsOf(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, keep uuid.UUID, reason string) (ending, error) {
	now := s.now()
	// Nobody is remembered on another device who signs out everywhere, or changed what they prove themselves by.
	if _, err := dbq.New(tx).ForgetDevicesOfUser(ctx, dbq.ForgetDevicesOfUserParams{OrgID: orgID, UserID: userID}); err != nil {
		return ending{}, err
	}
	ids, err := dbq.New(tx).EndSessionsOfUser(ctx, dbq.EndSessionsOfUserParams{OrgID: orgID, UserID: userID, KeepID: keep, At: &now, Reason: &reason})
	return ending{actor, orgID, userID, ids, reason, now}, err
}

func (s *Sessions) revokeWithSessions(ctx context.Context, tx *store.Tx, e ending) error {
	_, err := dbq.New(tx).RevokeGrantsOfSessions(ctx, dbq.RevokeGrantsOfSessionsParams{OrgID: e.orgID, SessionIds: e.sessions, At: &e.at, Reason: new(endedWithSession)})
	return err
}

// ended does what follows from the end of sessions.
func (s *Sessions) ended(ctx context.Context, tx *store.Tx, e ending, revoke func(context.Context, *store.Tx, ending) error) error {
	if err := revoke(ctx, tx, e); err != nil {
		return err
	}
	for _, id := range e.sessions {
		if err := s.log.Record(ctx, tx, e.orgID, audit.Event{Action: "session.ended", Actor: e.actor,
			Target: audit.Target{Kind: "session", ID: id.String()}, Details: map[string]any{"reason": e.reason, "user_id": e.userID}}); err != nil {
			return err
		}
	}
	return s.tell(ctx, tx, e)
}

// StillLive returns ErrNotFound when a session ended meanwhile. It stays as it is until the transaction ends, so whoever
// ends it afterwards sees what happened in it.
func (s *Sessions) StillLive(ctx context.Context, tx *store.Tx, orgID, id uuid.UUID) error {
	rules, err := s.models.Rules(ctx, orgID)
	if err != nil {
		return err
	}
	_, err = dbq.New(tx).LockLiveSession(ctx, dbq.LockLiveSessionParams{OrgID: orgID, ID: id, At: s.now(), RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	if store.IsNotFound(err) {
		return ErrNotFound
	}
	return err
}
