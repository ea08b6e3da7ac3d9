package server

import (
	"context"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/user"
)

// ErrHasPasskey is the answer to a passkey that is required of somebody who has one that signs them in: the device that it
// is on would make no second one, and there would be nothing to do.
var ErrHasPasskey = fault.New(fault.Invalid, "required_action_done", "This user has a passkey already. Remove it first if they are to make another one.").WithField("required_actions")

// Doable says which required actions can be done at the organization now.
func (a *App) Doable(ctx context.Context, organization *org.Organization) login.Doable {
	return login.Doable{VerifyEmail: a.Mails.Works(ctx, organization.ID), EnrolPasskey: a.party(organization).ID != "" && !organization.SeenFromFormer() && organization.Policies.PasskeyPolicy() == org.PasskeysOn}
}

// MustAct reports whether a person has something to do before an application gets an answer about them.
func (a *App) MustAct(ctx context.Context, organization *org.Organization, person *user.User) (bool, error) {
	if len(person.RequiredActions) > 0 && len(a.Doable(ctx, organization).Left(person)) > 0 {
		return true, nil
	}
	due, err := a.Terms.Due(ctx, person)
	return due != nil, err
}

// MayRequire refuses to require of a person what they could not do at a sign-in, or have done. before are the actions that
// were required of them already.
func (a *App) MayRequire(ctx context.Context, db store.DB, organization *org.Organization, person *user.User, before []user.RequiredAction) error {
	if person.Must(user.AcceptTerms) && !slices.Contains(before, user.AcceptTerms) {
		if current, err := a.Terms.Current(ctx, organization.ID); err != nil {
			return err
		} else if current == nil {
			return terms.ErrNone
		}
	}
	if err := a.Doable(ctx, organization).MayRequire(person, before); err != nil || !person.Must(user.EnrolPasskey) || slices.Contains(before, user.EnrolPasskey) {
		return err
	}
	has, err := a.Passkeys.Usable(ctx, db, organization.ID, person.ID, a.party(organization).ID, time.Time{})
	if err == nil && has {
		return ErrHasPasskey
	}
	return err
}
