package session

import (
	"context"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ReasonSurplus is why sessions end that are more than an organization allows a person.
const ReasonSurplus = "signed in on more devices than allowed"

// vouched reports whether somebody else than the person began the session, so that no browser has it.
func (a Authenticated) vouched() bool { return a.By != (audit.Actor{}) }

// limited reports whether the sign-in is one of a limited number.
func (a Authenticated) limited() bool {
	return a.Organization.Policies.SessionsPerPerson > 0 && !a.vouched() && !a.Passing
}

// hold keeps other sign-ins of the person waiting where their number is limited: of two at once, the second counts the first.
func (s *Sessions) hold(ctx context.Context, tx *store.Tx, proof Authenticated) error {
	if !proof.limited() {
		return nil
	}
	_, err := dbq.New(tx).HoldUser(ctx, dbq.HoldUserParams{OrgID: proof.Organization.ID, ID: proof.User.ID})
	return err
}

// endSurplus ends, as End does, what else the person is signed in with beyond what the organization allows: what was not used
// for longest.
func (s *Sessions) endSurplus(ctx context.Context, tx *store.Tx, proof Authenticated, begun Session) error {
	if !proof.limited() {
		return nil
	}
	now, reason := s.now(), ReasonSurplus
	ids, err := dbq.New(tx).EndSurplusSessions(ctx, dbq.EndSurplusSessionsParams{OrgID: begun.OrgID, UserID: begun.UserID, KeepID: begun.ID, Domain: proof.Organization.Domain,
		Others: int32(min(proof.Organization.Policies.SessionsPerPerson, org.MaximumSessionsPerPerson) - 1), At: &now, Reason: &reason})
	if err != nil || len(ids) == 0 {
		return err
	}
	by := audit.Actor{Kind: audit.User, ID: proof.User.ID.String(), Name: proof.User.Username}
	return s.ended(ctx, tx, ending{by, begun.OrgID, begun.UserID, ids, reason, now}, s.revokeWithSessions)
}
