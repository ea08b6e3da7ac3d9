package admin

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ListUserConsents implements the operation listUserConsents.
func (h handlers) ListUserConsents(ginContext context.Context, request api.ListUserConsentsRequestObject) (api.ListUserConsentsResponseObject, error) {
	call := callOf(ginContext)
	if _, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId); err != nil {
		return nil, err
	}
	of := list{"consents", call.organization.ID.String(), request.UserId.String()}
	after, err := h.cursors.decode(request.Params.Cursor, of)
	if err != nil {
		return nil, err
	}
	before := uuid.Max
	if after != nil {
		before = after.ID
	}
	limit := or(request.Params.Limit, defaultLimit)
	consents, err := h.grants.Consents(call.ctx, call.organization.ID, request.UserId, before, int32(limit)+1)
	if err != nil {
		return nil, err
	}
	page := api.ConsentList{Items: []api.Consent{}}
	consents, page.NextCursor = cut(h.cursors, consents, limit, of, func(c grant.Consent) filter.Position { return filter.Position{ID: c.ID} })
	for _, given := range consents {
		page.Items = append(page.Items, api.Consent{ClientId: given.ClientID, ClientName: given.ClientName, Scopes: given.Scopes,
			CreatedAt: given.CreatedAt, UpdatedAt: given.UpdatedAt})
	}
	return api.ListUserConsents200JSONResponse(page), nil
}

// WithdrawUserConsent implements the operation withdrawUserConsent.
func (h handlers) WithdrawUserConsent(ginContext context.Context, request api.WithdrawUserConsentRequestObject) (api.WithdrawUserConsentResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		return h.grants.Withdraw(ctx, tx, call.by.Actor(), person.OrgID, person.ID, request.ClientId)
	})
	if err != nil {
		return nil, err
	}
	return api.WithdrawUserConsent204Response{}, nil
}
