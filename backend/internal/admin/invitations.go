package admin

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// errInvitedWithPassword is the answer to a creation that says both: who is invited chooses how they sign in.
var errInvitedWithPassword = fault.New(fault.Invalid, "password_with_invitation", "Whoever is invited chooses how they sign in. Leave out either the password or the invitation.").WithField("password")

func (h handlers) mayInvite(call *call, invite, hasPassword bool, wanted *user.User) error {
	switch {
	case !invite:
		return nil
	case hasPassword:
		return errInvitedWithPassword
	}
	return h.letters.MayInvite(call.ctx, call.organization, wanted)
}

// SendInvitation implements the operation sendInvitation.
func (h handlers) SendInvitation(ginContext context.Context, request api.SendInvitationRequestObject) (api.SendInvitationResponseObject, error) {
	call := callOf(ginContext)
	var sent *api.Invitation
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		if err := h.letters.Invite(ctx, tx, h.invitations, call.by.Actor(), call.organization, person); err != nil {
			return err
		}
		sent, err = h.invitationOf(ctx, tx, person)
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.SendInvitation200JSONResponse(*sent), nil
}

// RevokeInvitation implements the operation revokeInvitation.
func (h handlers) RevokeInvitation(ginContext context.Context, request api.RevokeInvitationRequestObject) (api.RevokeInvitationResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		return h.invitations.Revoke(ctx, tx, call.by.Actor(), person.OrgID, person.ID)
	})
	if err != nil {
		return nil, err
	}
	return api.RevokeInvitation204Response{}, nil
}

// invitationOf is the invitation of a person; nil when there never was one.
func (a *API) invitationOf(ctx context.Context, db store.DB, person *user.User) (*api.Invitation, error) {
	all, err := a.invitations.Of(ctx, db, person.OrgID, person.ID)
	found, invited := all[person.ID]
	if err != nil || !invited {
		return nil, err
	}
	return &api.Invitation{State: api.InvitationState(found.State), Email: found.Email, SentAt: found.SentAt, ExpiresAt: found.ExpiresAt, AcceptedAt: moment(found.AcceptedAt)}, nil
}

func invitationState(invited map[uuid.UUID]credential.Invitation, id uuid.UUID) *api.InvitationState {
	found, ok := invited[id]
	if !ok {
		return nil
	}
	return new(api.InvitationState(found.State))
}

func idsOf(rows []user.Listed) []uuid.UUID {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.User.ID
	}
	return ids
}
