package user

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ObjectionLifetime is how long whoever reads the former mailbox may object to a changed address.
const ObjectionLifetime = 72 * time.Hour

// ErrObjectionInvalid is the answer to an objection that is too late, was made before, is another organization's, or is
// about an address that an administrator has changed since.
var ErrObjectionInvalid = fault.New(fault.NotFound, "email_objection_invalid", "This link was used before, has expired, or is incomplete.")

// AddressChange is a change of an address.
type AddressChange struct{ Before, After *User }

// ChangeEmail gives a person another address, which they proved. Who signs in by their address as username does so by the
// new one from then on; another username stays. ErrEmailTaken when somebody else has the address, or is called by it: of
// two people at once, the database lets one have it.
func (u *Users) ChangeEmail(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, address string) (AddressChange, error) {
	before, err := u.locked(ctx, tx, orgID, id)
	if err != nil {
		return AddressChange{}, err
	}
	changed := *before
	changed.Email, changed.EmailVerified = Normalize(address), true
	changed.done(VerifyEmail)
	if strings.EqualFold(before.Username, before.Email) {
		changed.Username = changed.Email
	}
	other, _, err := u.ByIdentifier(ctx, tx, orgID, changed.Email)
	if err == nil && other.ID != id {
		return AddressChange{}, ErrEmailTaken
	}
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		return AddressChange{}, err
	}
	after, err := u.write(ctx, tx, actor, "user.email_changed", before, changed)
	if err != nil && fault.From(err).Code == ErrUsernameTaken.Code {
		err = ErrEmailTaken
	}
	return AddressChange{before, after}, err
}

// ProveEmail reports that a person reads the mail of their address, and returns them as they are then. Somebody whose address
// is another one by now gets ErrNotFound. Proving it twice is harmless.
func (u *Users) ProveEmail(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, address string) (*User, error) {
	before, err := u.locked(ctx, tx, orgID, id)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(before.Email, Normalize(address)) {
		return nil, ErrNotFound
	}
	if before.EmailVerified && !before.Must(VerifyEmail) {
		return before, nil
	}
	changed := *before
	changed.EmailVerified = true
	changed.done(VerifyEmail)
	return u.write(ctx, tx, actor, "user.email_verified", before, changed)
}

// locked is a person who stays as they are until the transaction ends.
func (u *Users) locked(ctx context.Context, tx *store.Tx, orgID, id uuid.UUID) (*User, error) {
	if _, err := dbq.New(tx).HoldUser(ctx, dbq.HoldUserParams{OrgID: orgID, ID: id}); err != nil {
		if store.IsNotFound(err) {
			err = ErrNotFound
		}
		return nil, err
	}
	return u.ByID(ctx, tx, orgID, id)
}

// FormerAddress is what an address of a person was before they changed it, while the change may still be taken back.
type FormerAddress struct {
	Username  string    `json:"username"`
	Email     string    `json:"email"`
	Became    string    `json:"became"`
	ChangedAt time.Time `json:"changed_at"`
}

// FormerAddresses returns the former addresses that are kept of a person, the oldest first.
func (u *Users) FormerAddresses(ctx context.Context, db store.DB, orgID, id uuid.UUID) ([]FormerAddress, error) {
	rows, err := dbq.New(db).EmailChangesOfUser(ctx, dbq.EmailChangesOfUserParams{OrgID: orgID, UserID: id})
	former := make([]FormerAddress, len(rows))
	for n, row := range rows {
		former[n] = FormerAddress{Username: row.OldUsername, Email: row.OldEmail, Became: row.NewEmail, ChangedAt: row.CreatedAt}
	}
	return former, err
}

// LetObject keeps what a changed address was before, for whoever has the token of the hash.
func (u *Users) LetObject(ctx context.Context, tx *store.Tx, change AddressChange, tokenHash []byte) error {
	now := u.now()
	return dbq.New(tx).InsertEmailChange(ctx, dbq.InsertEmailChangeParams{OrgID: change.Before.OrgID, ID: store.NewID(), UserID: change.Before.ID, OldUsername: change.Before.Username,
		OldEmail: change.Before.Email, NewEmail: change.After.Email, ObjectionHash: tokenHash, CreatedAt: now, ExpiresAt: now.Add(ObjectionLifetime)})
}

// Objection is a change of an address that may be objected to.
type Objection struct {
	UserID    uuid.UUID
	Former    string // the address
	ChangedAt time.Time
}

// MayObject returns what the token of a letter is about, without using it. ErrObjectionInvalid when that is nothing.
func (u *Users) MayObject(ctx context.Context, db store.DB, orgID uuid.UUID, token string) (Objection, error) {
	row, err := u.objection(ctx, db, orgID, token)
	return Objection{row.UserID, row.OldEmail, row.CreatedAt}, err
}

func (u *Users) objection(ctx context.Context, db store.DB, orgID uuid.UUID, token string) (dbq.EmailChange, error) {
	row, err := dbq.New(db).OpenEmailChange(ctx, dbq.OpenEmailChangeParams{OrgID: orgID, ObjectionHash: secret.Hash(token), At: u.now()})
	if store.IsNotFound(err) {
		err = ErrObjectionInvalid
	}
	return row, err
}

// RestoreEmail gives a person back the address and username from before a change, which whoever reads that mailbox objected to.
// It and all later changes are closed: of objections at the same moment one succeeds, the others get ErrObjectionInvalid.
// ErrEmailTaken when somebody else has the address by now.
func (u *Users) RestoreEmail(ctx context.Context, tx *store.Tx, orgID uuid.UUID, token string) (*User, error) {
	row, err := u.objection(ctx, tx, orgID, token)
	if err != nil {
		return nil, err
	}
	before, err := u.locked(ctx, tx, orgID, row.UserID)
	if err != nil {
		return nil, err
	}
	if row, err = u.objection(ctx, tx, orgID, token); err != nil { // somebody was faster while this one waited
		return nil, err
	}
	now := u.now()
	if _, err := dbq.New(tx).CloseEmailChanges(ctx, dbq.CloseEmailChangesParams{OrgID: orgID, UserID: row.UserID, ID: row.ID, At: &now}); err != nil {
		return nil, err
	}
	changed := *before
	changed.Username, changed.Email, changed.EmailVerified = row.OldUsername, row.OldEmail, true
	restored, err := u.write(ctx, tx, audit.Actor{Kind: audit.Anonymous, Name: "former address"}, "user.email_restored", before, changed)
	if err != nil && fault.From(err).Code == ErrUsernameTaken.Code {
		err = ErrEmailTaken
	}
	return restored, err
}

// DeleteExpired forgets former addresses, at most limit of them. Called by a periodic job.
func (u *Users) DeleteExpired(ctx context.Context, db store.DB, limit int32) (int64, error) {
	return dbq.New(db).DeleteExpiredEmailChanges(ctx, dbq.DeleteExpiredEmailChangesParams{Before: u.now(), RowLimit: limit})
}
