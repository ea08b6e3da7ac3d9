package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Leaving is the state of a person who asked that their account be erased: until EraseAt they may keep it by signing in.
// Nothing else works for them, as for somebody who is disabled.
const Leaving Status = "leaving"

// The faults of leaving.
var (
	ErrNotActive  = fault.New(fault.Conflict, "user_not_active", "This account is not active any more.")
	ErrNotLeaving = fault.New(fault.Conflict, "user_not_leaving", "This account is not about to be erased any more.")
	// ErrLeaving says that somebody who leaves can be kept or deleted, but not disabled: that would undo what they asked for.
	ErrLeaving = fault.New(fault.Conflict, "user_leaving", "This person asked that the account be erased. Keep the account first (status active), or delete it.").WithField("status")
)

// MayProve reports whether the person may prove who they are: the active ones to sign in, and those who leave to keep their
// account.
func (u *User) MayProve() bool { return u.Status == Active || u.Status == Leaving }

// mayBecome refuses changes of the status that only Leave and Keep make.
func (u *User) mayBecome(after Status) error {
	if u.Status == Leaving && after == Disabled {
		return ErrLeaving
	}
	return nil
}

// Leave has an active person erased at a moment, unless they keep the account before. ErrNotActive when they are not active
// any more.
func (u *Users) Leave(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, eraseAt time.Time) (*User, error) {
	row, err := dbq.New(tx).LeaveUser(ctx, dbq.LeaveUserParams{OrgID: orgID, ID: id, EraseAt: eraseAt, At: u.now()})
	if store.IsNotFound(err) {
		return nil, ErrNotActive
	}
	leaving, err := FromRow(row, err)
	if err != nil {
		return nil, err
	}
	return leaving, u.log.Record(ctx, tx, orgID, audit.Event{Action: "user.erasure_requested", Actor: actor, Target: Target(leaving),
		Details: map[string]any{"erase_at": eraseAt.UTC().Format(time.RFC3339)}})
}

// Keep makes a person who leaves an active one again. ErrNotLeaving when they were kept, or erased, meanwhile.
func (u *Users) Keep(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID) (*User, error) {
	row, err := dbq.New(tx).KeepUser(ctx, dbq.KeepUserParams{OrgID: orgID, ID: id, At: u.now()})
	if store.IsNotFound(err) {
		return nil, ErrNotLeaving
	}
	kept, err := FromRow(row, err)
	if err != nil {
		return nil, err
	}
	return kept, u.log.Record(ctx, tx, orgID, audit.Event{Action: "user.erasure_withdrawn", Actor: actor, Target: Target(kept)})
}

// Due is a person whose time has come.
type Due struct{ OrgID, ID uuid.UUID }

// DueErasures are people who are to be erased now, those who wait longest first.
func (u *Users) DueErasures(ctx context.Context, db store.DB, limit int32) ([]Due, error) {
	rows, err := dbq.New(db).DueErasures(ctx, dbq.DueErasuresParams{At: u.now(), RowLimit: limit})
	due := make([]Due, len(rows))
	for i, row := range rows {
		due[i] = Due{row.OrgID, row.ID}
	}
	return due, err
}

// Erase removes a person whose time has come, with everything that belongs to them, and returns who it was. The audit log
// is to be told the pseudonym (OpenErasures). ErrNotLeaving when they kept the account.
func (u *Users) Erase(ctx context.Context, tx *store.Tx, due Due, pseudonym string) (*User, error) {
	row, err := dbq.New(tx).EraseUser(ctx, dbq.EraseUserParams{OrgID: due.OrgID, ID: due.ID, At: u.now()})
	if store.IsNotFound(err) {
		return nil, ErrNotLeaving
	}
	erased, err := FromRow(row, err)
	if err != nil {
		return nil, err
	}
	queries := dbq.New(tx)
	if _, err := queries.DeleteLogoutDeliveriesOfUser(ctx, dbq.DeleteLogoutDeliveriesOfUserParams{OrgID: due.OrgID, UserID: due.ID}); err != nil {
		return nil, err
	}
	if err := queries.InsertErasure(ctx, dbq.InsertErasureParams{OrgID: due.OrgID, UserID: due.ID, Pseudonym: pseudonym, ErasedAt: u.now()}); err != nil {
		return nil, err
	}
	return erased, u.log.Record(ctx, tx, due.OrgID, audit.Event{Action: "user.erased", Actor: audit.Actor{Kind: audit.System, Name: "erasure"},
		Target: audit.Target{Kind: "user", ID: pseudonym}})
}

// Erasure is a person who was erased, and whom audit events may name still.
type Erasure struct {
	OrgID, UserID uuid.UUID
	Pseudonym     string
	ErasedAt      time.Time
}

// OpenErasures are those whose audit events are to be brought under their pseudonym, the earliest first.
func (u *Users) OpenErasures(ctx context.Context, db store.DB, after Erasure, limit int32) ([]Erasure, error) {
	rows, err := dbq.New(db).OpenErasures(ctx, dbq.OpenErasuresParams{ErasedAt: after.ErasedAt, UserID: after.UserID, RowLimit: limit})
	open := make([]Erasure, len(rows))
	for i, row := range rows {
		open[i] = Erasure{row.OrgID, row.UserID, row.Pseudonym, row.ErasedAt}
	}
	return open, err
}

// FinishErasure forgets whose the pseudonym was.
func (u *Users) FinishErasure(ctx context.Context, db store.DB, finished Erasure) error {
	return dbq.New(db).DeleteErasure(ctx, dbq.DeleteErasureParams{OrgID: finished.OrgID, UserID: finished.UserID})
}
