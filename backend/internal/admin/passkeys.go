package admin

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/store"
)

// ListUserPasskeys implements the operation listUserPasskeys.
func (h handlers) ListUserPasskeys(ginContext context.Context, request api.ListUserPasskeysRequestObject) (api.ListUserPasskeysResponseObject, error) {
	call := callOf(ginContext)
	if _, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId); err != nil {
		return nil, err
	}
	passkeys, err := h.passkeys.OfUser(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	index, err := h.models.Index(call.ctx)
	if err != nil {
		return nil, err
	}
	items := make([]api.Passkey, len(passkeys))
	for i, passkey := range passkeys {
		items[i] = renderPasskey(passkey)
		items[i].Model = optional(index[passkey.AAGUID].Description)
	}
	return api.ListUserPasskeys200JSONResponse{Items: items}, nil
}

func renderPasskey(p credential.Passkey) api.Passkey {
	rendered := api.Passkey{Id: p.ID, Name: p.Name, RpId: p.RPID, BackupEligible: p.BackupEligible, BackedUp: p.BackupState, Transports: p.Transports,
		AttestationFormat: p.Attestation.Format, CreatedAt: p.CreatedAt, LastUsedAt: moment(p.LastUsedAt), SuspendedAt: moment(p.SuspendedAt), Attested: p.Attested}
	if p.Suspension != "" {
		rendered.Suspension = new(api.PasskeySuspension(p.Suspension))
	}
	if p.AAGUID != uuid.Nil {
		rendered.Aaguid = &p.AAGUID
	}
	return rendered
}

// DeleteUserPasskey implements the operation deleteUserPasskey.
func (h handlers) DeleteUserPasskey(ginContext context.Context, request api.DeleteUserPasskeyRequestObject) (api.DeleteUserPasskeyResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		name, err := h.passkeys.Delete(ctx, tx, call.by.Actor(), person.OrgID, person.ID, request.PasskeyId, uuid.Nil)
		if err != nil {
			return err
		}
		return h.letters.PasskeyRemoved(ctx, tx, call.organization, person, name)
	})
	if err != nil {
		return nil, err
	}
	return api.DeleteUserPasskey204Response{}, nil
}
