package notice

import (
	"context"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// PathInvitation is the page, below an organization, that the link of an invitation leads to.
const PathInvitation = "invitation"

// ErrInvitationNeedsMail is the answer to an invitation where no mail is sent.
var ErrInvitationNeedsMail = fault.New(fault.Invalid, "mail_not_configured", "Nobody can be invited before mail is sent: set mail_host in the configuration, or enter a mail server of the organization, first.").
	WithField("invite")

// MayInvite judges whether somebody could be invited: ErrInvitationNeedsMail, and the faults of credential.MayInvite.
func (l Letters) MayInvite(ctx context.Context, organization *org.Organization, person *user.User) error {
	if err := credential.MayInvite(organization, person); err != nil {
		return err
	}
	if !l.Mails.Works(ctx, organization.ID) {
		return ErrInvitationNeedsMail
	}
	return nil
}

// Invite sends a person who has nothing to sign in by an invitation; an earlier one is worth nothing any more. The person
// must be locked, or made in the same transaction.
func (l Letters) Invite(ctx context.Context, tx *store.Tx, invitations *credential.Invitations, actor audit.Actor, organization *org.Organization, person *user.User) error {
	if err := l.MayInvite(ctx, organization, person); err != nil {
		return err
	}
	token, expires, err := invitations.Create(ctx, tx, actor, organization, person)
	if err != nil {
		return err
	}
	return l.Tell(ctx, tx, organization, person, Letter{Kind: Invitation, Expires: expires, Write: func(f letter.Frame) letter.Content {
		until := f.Text.Moment(expires.Truncate(time.Minute), text.Zone(person.Profile.Zoneinfo))
		return letter.Invitation(f, person.Username, l.Issuers.Endpoint(organization.Present(), PathInvitation)+"?token="+token, until)
	}})
}
