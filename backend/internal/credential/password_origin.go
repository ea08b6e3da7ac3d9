package credential

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// A password that was chosen by a mail or a link says no more than that somebody had those. It is remembered, because a mail
// is no other factor beside it: who reads the mailbox would have both.

// ByLink reports whether the person's password was chosen by whoever read a mail or had a link, and nobody who proved more chose
// another one since. Who has no password has none that says more.
func (p *Passwords) ByLink(ctx context.Context, db store.DB, orgID, userID uuid.UUID) (bool, error) {
	byLink, err := dbq.New(db).PasswordByLink(ctx, dbq.PasswordByLinkParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) {
		return true, nil
	}
	return byLink, err
}

// ChosenAfter is the password as somebody chose it who proved themselves by methods (amr), in place of the one that they have
// now: with another factor it says more than a mail or a link; with the present password as much as that; else no more.
func (p *Passwords) ChosenAfter(ctx context.Context, db store.DB, orgID, userID uuid.UUID, methods []string, hashed Hashed) (Hashed, error) {
	var err error
	switch {
	case slices.Contains(methods, session.MethodMultipleFactors):
		hashed.byLink = false
	case slices.Contains(methods, session.MethodPassword):
		hashed.byLink, err = p.ByLink(ctx, db, orgID, userID)
	default:
		hashed.byLink = true
	}
	return hashed, err
}
