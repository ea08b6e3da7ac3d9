package admin

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ListInitialAccessTokens implements the operation listInitialAccessTokens.
func (h handlers) ListInitialAccessTokens(ginContext context.Context, request api.ListInitialAccessTokensRequestObject) (api.ListInitialAccessTokensResponseObject, error) {
	call := callOf(ginContext)
	items, next, err := page(h.cursors, request.Params.Cursor, request.Params.Limit, reading[client.InitialAccessToken, api.InitialAccessToken]{
		of: list{"initial-access-tokens", call.organization.ID.String()},
		rows: func(after *filter.Position, limit int32) ([]client.InitialAccessToken, error) {
			return h.clients.ListInitialAccessTokens(call.ctx, h.db, call.organization.ID, after, limit)
		},
		position: func(t client.InitialAccessToken) filter.Position { return filter.Position{ID: t.ID} },
		show:     func(t client.InitialAccessToken) api.InitialAccessToken { return renderInitialAccessToken(&t) },
	})
	return api.ListInitialAccessTokens200JSONResponse{Items: items, NextCursor: next}, err
}

// CreateInitialAccessToken implements the operation createInitialAccessToken.
func (h handlers) CreateInitialAccessToken(ginContext context.Context, request api.CreateInitialAccessTokenRequestObject) (api.CreateInitialAccessTokenResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	wanted := client.InitialAccessToken{OrgID: call.organization.ID, Name: body.Name, MaxUses: or(body.MaxUses, 0), ExpiresAt: body.ExpiresAt}
	var created *client.InitialAccessToken
	var value string
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
		if created, value, err = h.clients.CreateInitialAccessToken(ctx, tx, call.by.Actor(), wanted); err != nil {
			return uuid.Nil, err
		}
		return created.ID, nil
	}})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		value = ""
		if created, err = h.clients.InitialAccessTokenByID(call.ctx, h.db, call.organization.ID, made); err != nil {
			return nil, err
		}
	}
	return api.CreateInitialAccessToken201JSONResponse{
		Body: api.InitialAccessTokenWithValue{InitialAccessToken: renderInitialAccessToken(created), Value: optional(value)},
		Headers: api.CreateInitialAccessToken201ResponseHeaders{Location: Prefix + "/orgs/" + call.organization.Slug + "/initial-access-tokens/" + created.ID.String(),
			IdempotentReplayed: replayedHeader(replayed)},
	}, nil
}

// GetInitialAccessToken implements the operation getInitialAccessToken.
func (h handlers) GetInitialAccessToken(ginContext context.Context, request api.GetInitialAccessTokenRequestObject) (api.GetInitialAccessTokenResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.clients.InitialAccessTokenByID(call.ctx, h.db, call.organization.ID, request.TokenId)
	if err != nil {
		return nil, err
	}
	return api.GetInitialAccessToken200JSONResponse(renderInitialAccessToken(found)), nil
}

// RevokeInitialAccessToken implements the operation revokeInitialAccessToken.
func (h handlers) RevokeInitialAccessToken(ginContext context.Context, request api.RevokeInitialAccessTokenRequestObject) (api.RevokeInitialAccessTokenResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := h.clients.RevokeInitialAccessToken(ctx, tx, call.by.Actor(), call.organization.ID, request.TokenId)
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.RevokeInitialAccessToken204Response{}, nil
}

func renderInitialAccessToken(t *client.InitialAccessToken) api.InitialAccessToken {
	return api.InitialAccessToken{Id: t.ID, Name: t.Name, MaxUses: optional(t.MaxUses), Uses: t.Uses, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt,
		CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt}
}
