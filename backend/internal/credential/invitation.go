package credential

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// The faults of invitations.
var (
	// ErrInvitationInvalid is the one answer to an invitation that was accepted, revoked, replaced by a later one, has
	// expired, is another organization's or unknown, or went to an address that the person has no more.
	ErrInvitationInvalid  = fault.New(fault.NotFound, "invitation_invalid", "This invitation was used already, has expired, or was withdrawn. Ask your administrator for a new one.")
	ErrInvitationNotFound = fault.New(fault.NotFound, "invitation_not_found", "No invitation of this person is open.")
	ErrNotInvited         = fault.New(fault.Conflict, "user_can_sign_in", "This person has a password or a passkey already. Make a one-time link if they cannot get in.")
	ErrInvitationAddress  = fault.New(fault.Invalid, "email_missing", "An invitation goes by mail: give the person an e-mail address.").WithField("email")
	ErrInvitationDisabled = fault.New(fault.Conflict, "user_disabled", "This account is disabled. Enable it first.")
	ErrNobodyInvited      = fault.New(fault.Invalid, "invitations_off", "Nobody is invited by mail to the organization of the platform's administrators. Make a one-time link and hand it over.").WithField("invite")
)

// InvitationState is what became of an invitation.
type InvitationState string

// The states of an invitation.
const (
	InvitationOpen     InvitationState = "invited"
	InvitationExpired  InvitationState = "expired"
	InvitationAccepted InvitationState = "accepted"
	InvitationRevoked  InvitationState = "revoked"
)

// Invitation is that a person was invited by a letter to have their account.
type Invitation struct {
	State      InvitationState
	Email      string // where the letter went
	SentAt     time.Time
	ExpiresAt  time.Time
	AcceptedAt time.Time // zero: it was not
}

// Invitations keeps who was invited. Whoever opens the link of the letter chooses how they sign in, once, which proves the
// address. Only the hash of a link's token is stored. It is safe for concurrent use.
type Invitations struct {
	log    *audit.Log
	now    func() time.Time
	random io.Reader
}

// NewInvitations makes the keeper of invitations.
func NewInvitations(log *audit.Log, now func() time.Time, random io.Reader) *Invitations {
	return &Invitations{log: log, now: now, random: random}
}

// MayInvite judges whether somebody could be invited: ErrNobodyInvited, ErrInvitationAddress, ErrInvitationDisabled.
func MayInvite(organization *org.Organization, person *user.User) error {
	switch {
	case organization.Slug == org.SystemSlug: // one mailbox would open every organization
		return ErrNobodyInvited
	case person.Email == "":
		return ErrInvitationAddress
	case person.Status != user.Active && person.Status != "": // "" is somebody who is made now
		return ErrInvitationDisabled
	}
	return nil
}

// Create invites a person who has nothing to sign in by, for as long as the organization says, and returns the token of the
// link for the letter. The letter before it is worth nothing any more. The person must be locked. ErrNotInvited, and the
// faults of MayInvite.
func (i *Invitations) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, organization *org.Organization, person *user.User) (token string, expires time.Time, err error) {
	if err := MayInvite(organization, person); err != nil {
		return "", time.Time{}, err
	}
	queries, now := dbq.New(tx), i.now()
	able, err := queries.CanSignIn(ctx, dbq.CanSignInParams{OrgID: person.OrgID, UserID: person.ID})
	if err != nil {
		return "", time.Time{}, err
	}
	if able != nil && *able {
		return "", time.Time{}, ErrNotInvited
	}
	token, expires = secret.New(i.random), now.Add(organization.Policies.InvitationLifetime())
	err = queries.UpsertInvitation(ctx, dbq.UpsertInvitationParams{OrgID: person.OrgID, UserID: person.ID, Email: person.Email, TokenHash: secret.Hash(token), SentAt: now, ExpiresAt: expires})
	if err != nil {
		return "", time.Time{}, err
	}
	return token, expires, i.record(ctx, tx, actor, "invitation.sent", person.OrgID, person.ID, map[string]any{"email": person.Email, "expires_at": expires})
}

// Revoke makes the open invitation of a person worth nothing. ErrInvitationNotFound when there is none; one that has
// expired counts as open.
func (i *Invitations) Revoke(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID) error {
	now := i.now()
	revoked, err := dbq.New(tx).RevokeInvitation(ctx, dbq.RevokeInvitationParams{OrgID: orgID, UserID: userID, At: &now})
	if err == nil && revoked == 0 {
		err = ErrInvitationNotFound
	}
	if err != nil {
		return err
	}
	return i.record(ctx, tx, actor, "invitation.revoked", orgID, userID, nil)
}

// Person returns who was invited by an open invitation, without accepting it: mail scanners open links too.
// ErrInvitationInvalid.
func (i *Invitations) Person(ctx context.Context, db store.DB, orgID uuid.UUID, tokenHash []byte) (uuid.UUID, error) {
	invited, err := dbq.New(db).OpenInvitation(ctx, dbq.OpenInvitationParams{OrgID: orgID, TokenHash: tokenHash, At: i.now()})
	if store.IsNotFound(err) {
		return uuid.Nil, ErrInvitationInvalid
	}
	return invited, err
}

// Accept spends an invitation in the transaction of what it allowed, and returns the address that it proved. The person
// must be locked. Of simultaneous uses exactly one succeeds; the others get ErrInvitationInvalid.
func (i *Invitations) Accept(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID, tokenHash []byte) (email string, err error) {
	now := i.now()
	email, err = dbq.New(tx).AcceptInvitation(ctx, dbq.AcceptInvitationParams{OrgID: orgID, UserID: userID, TokenHash: tokenHash, At: &now})
	if store.IsNotFound(err) {
		return "", ErrInvitationInvalid
	}
	if err != nil {
		return "", err
	}
	return email, i.record(ctx, tx, actor, "invitation.accepted", orgID, userID, map[string]any{"email": email})
}

// Of returns the invitations of people by their identifiers; of who was never invited there is none.
func (i *Invitations) Of(ctx context.Context, db store.DB, orgID uuid.UUID, userIDs ...uuid.UUID) (map[uuid.UUID]Invitation, error) {
	rows, err := dbq.New(db).InvitationsOfUsers(ctx, dbq.InvitationsOfUsersParams{OrgID: orgID, UserIds: userIDs})
	found := make(map[uuid.UUID]Invitation, len(rows))
	for _, row := range rows {
		one := Invitation{State: InvitationOpen, Email: row.Email, SentAt: row.SentAt, ExpiresAt: row.ExpiresAt}
		switch {
		case row.AcceptedAt != nil:
			one.State, one.AcceptedAt = InvitationAccepted, *row.AcceptedAt
		case row.RevokedAt != nil:
			one.State = InvitationRevoked
		case !row.ExpiresAt.After(i.now()):
			one.State = InvitationExpired
		}
		found[row.UserID] = one
	}
	return found, err
}

func (i *Invitations) record(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, orgID, userID uuid.UUID, details map[string]any) error {
	return i.log.Record(ctx, tx, orgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}, Details: details})
}

// settleInvitation ends the open invitation of a person who has something to sign in by now: it was accepted if that is
// their own doing.
func settleInvitation(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID, at time.Time) error {
	themselves := actor.Kind == audit.User && actor.ID == userID.String()
	_, err := dbq.New(tx).SettleInvitation(ctx, dbq.SettleInvitationParams{OrgID: orgID, UserID: userID, ByThemselves: themselves, At: at})
	return err
}
