package credential

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrHashUnreadable is the fault of an imported hash that could never be verified.
var ErrHashUnreadable = fault.New(fault.Invalid, "password_hash_unreadable",
	"This is not a hash that can be verified here, or verifying it would cost too much.").WithField("password_hash")

// CheckHash judges a hash that another system made (passwordhash.Check). The error is ErrHashUnreadable.
func CheckHash(encoded string) error {
	if err := passwordhash.Check(encoded); err != nil {
		return ErrHashUnreadable.WithCause(err)
	}
	return nil
}

// CopyIn makes hashes that CheckHash accepted the passwords of people who have none yet, many at once, and records
// nothing: whoever imports them does. The first sign-in replaces each by one of ours. Their kinds are imitated once ImitateImported
// says so.
func (p *Passwords) CopyIn(ctx context.Context, tx *store.Tx, orgID uuid.UUID, hashes map[uuid.UUID]string) error {
	if len(hashes) == 0 {
		return nil
	}
	now, rows := p.now(), make([]dbq.CopyPasswordsParams, 0, len(hashes))
	for userID, encoded := range hashes {
		rows = append(rows, dbq.CopyPasswordsParams{OrgID: orgID, ID: store.NewID(), UserID: userID, Kind: "password", Secret: encoded, Imported: true, CreatedAt: now, UpdatedAt: now})
	}
	_, err := dbq.New(tx).CopyPasswords(ctx, rows)
	return err
}

// ImitateImported has the kinds of hashes counted at the next sign-in, not within the hour, so that those of CopyIn are imitated at once.
// A count reads up to countedPeople hashes.
func (p *Passwords) ImitateImported(ctx context.Context, tx *store.Tx, orgID uuid.UUID) error {
	return dbq.New(tx).ExpireDecoyShares(ctx, dbq.ExpireDecoySharesParams{OrgID: orgID, RpID: hashShares, CountedAt: time.Unix(0, 0)})
}
