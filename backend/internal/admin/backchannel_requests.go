package admin

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ListBackchannelRequests implements the operation listBackchannelRequests.
func (h handlers) ListBackchannelRequests(ginContext context.Context, request api.ListBackchannelRequestsRequestObject) (api.ListBackchannelRequestsResponseObject, error) {
	call, p := callOf(ginContext), request.Params
	asked := or(p.User, uuid.Nil)
	items, next, err := page(h.cursors, p.Cursor, p.Limit, reading[grant.BackchannelRequest, api.BackchannelRequest]{
		of: list{"backchannel-requests", call.organization.ID.String(), asked.String()},
		rows: func(after *filter.Position, limit int32) ([]grant.BackchannelRequest, error) {
			return h.grants.PendingBackchannel(call.ctx, call.organization.ID, asked, olderThan(after), limit)
		},
		position: func(b grant.BackchannelRequest) filter.Position { return filter.Position{ID: b.ID} },
		show:     renderBackchannelRequest,
	})
	return api.ListBackchannelRequests200JSONResponse{Items: items, NextCursor: next}, err
}

func renderBackchannelRequest(b grant.BackchannelRequest) api.BackchannelRequest {
	rendered := api.BackchannelRequest{Id: b.ID, ClientId: b.ClientRow, ClientName: b.ClientName, UserId: b.UserID, Username: b.Username, Scopes: append([]string{}, b.Scopes...),
		AcrValues: append([]string{}, b.ACRValues...), BindingMessage: optional(b.BindingMessage), CreatedAt: b.CreatedAt, ExpiresAt: b.ExpiresAt}
	if len(b.Audience) > 0 {
		rendered.Resources = &b.Audience
	}
	var details []map[string]any
	if json.Unmarshal(b.Details, &details) == nil && len(details) > 0 {
		rendered.AuthorizationDetails = &details
	}
	return rendered
}

// DecideBackchannelRequest implements the operation decideBackchannelRequest. Whoever approves gets a client tokens of the
// person, and thus needs what it takes to change the account.
func (h handlers) DecideBackchannelRequest(ginContext context.Context, request api.DecideBackchannelRequestRequestObject) (api.DecideBackchannelRequestResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.grants.BackchannelByID(call.ctx, call.organization.ID, request.RequestId)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, found.UserID)
		if err != nil {
			return err
		}
		if request.Body.Decision == api.Approve {
			return h.backchannel.ApproveFor(ctx, tx, call.by.Actor(), call.organization, found, person)
		}
		return h.backchannel.DenyFor(ctx, tx, call.by.Actor(), call.organization, found)
	})
	if err != nil {
		return nil, err
	}
	return api.DecideBackchannelRequest204Response{}, nil
}
