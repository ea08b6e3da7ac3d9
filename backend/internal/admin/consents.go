package admin

import (
	"context"

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
	items, next, err := page(h.cursors, request.Params.Cursor, request.Params.Limit, reading[grant.Consent, api.Consent]{
		of: list{"consents", call.organization.ID.String(), request.UserId.String()},
		rows: func(after *filter.Position, limit int32) ([]grant.Consent, error) {
			return h.grants.Consents(call.ctx, call.organization.ID, request.UserId, olderThan(after), limit)
		},
		position: func(c grant.Consent) filter.Position { return filter.Position{ID: c.ID} },
		show:     renderConsent,
	})
	return api.ListUserConsents200JSONResponse{Items: items, NextCursor: next}, err
}

func renderConsent(c grant.Consent) api.Consent {
	rendered := api.Consent{ClientId: c.ClientID, ClientName: c.ClientName, Scopes: append([]string{}, c.Scopes...), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	if len(c.Resources) > 0 {
		rendered.Resources = &c.Resources
	}
	return rendered
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
