package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// reservedClientIDs is how the identifiers of Clavex's own clients begin.
const reservedClientIDs = "clavex-"

var errReservedClientID = fault.New(fault.Invalid, "client_id_reserved", "A client_id that begins with clavex- belongs to Clavex itself. Choose another one.").WithField("client_id")

// ListClients implements the operation listClients.
func (h handlers) ListClients(ginContext context.Context, request api.ListClientsRequestObject) (api.ListClientsResponseObject, error) {
	call, p := callOf(ginContext), request.Params
	wanted := client.Filter{Search: or(p.Q, ""), Status: client.Status(or(p.Status, "")), Sort: client.Sort(or(p.Sort, api.ListClientsParamsSort(client.ByName)))}
	of := list{"clients", call.organization.ID.String(), wanted.Search, string(wanted.Status), string(wanted.Sort)}
	items, next, err := page(h.cursors, p.Cursor, p.Limit, reading[client.Listed, api.ClientSummary]{
		of: of,
		rows: func(after *filter.Position, limit int32) ([]client.Listed, error) {
			wanted.After, wanted.Limit = after, limit
			return h.clients.List(call.ctx, h.db, call.organization.ID, wanted)
		},
		position: func(l client.Listed) filter.Position { return l.Position },
		show:     func(l client.Listed) api.ClientSummary { return renderClientSummary(l.Client) },
	})
	return api.ListClients200JSONResponse{Items: items, NextCursor: next}, err
}

// GetClient implements the operation getClient.
func (h handlers) GetClient(ginContext context.Context, request api.GetClientRequestObject) (api.GetClientResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.clients.ByID(call.ctx, h.db, call.organization.ID, request.Id)
	if err != nil {
		return nil, err
	}
	rendered, err := renderClient(found)
	if err != nil {
		return nil, err
	}
	return api.GetClient200JSONResponse{Body: rendered, Headers: api.GetClient200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// CreateClient implements the operation createClient.
func (h handlers) CreateClient(ginContext context.Context, request api.CreateClientRequestObject) (api.CreateClientResponseObject, error) {
	call := callOf(ginContext)
	wanted, err := newClient(call.organization.ID, *request.Body, call.body)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.ToLower(wanted.ClientID), reservedClientIDs) {
		return nil, errReservedClientID
	}
	if err := call.by.mayChangeClient(call.organization, nil, wanted.Scopes); err != nil {
		return nil, err
	}
	if err := h.checkDefaults(call.ctx, call.organization.ID, "", wanted.Metadata.TokenPolicy); err != nil {
		return nil, err
	}
	var created *client.Client
	var secret string
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{
		prepare: func() error {
			if err := wanted.Complete(); err != nil {
				return err
			}
			return wanted.CheckSector(call.ctx, h.fetch)
		},
		make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
			if err := oauth.HoldProfile(ctx, tx, h.organizations, &wanted); err != nil {
				return uuid.Nil, err
			}
			if created, secret, err = h.clients.Create(ctx, tx, call.by.Actor(), wanted, ""); err != nil {
				return uuid.Nil, err
			}
			return created.ID, nil
		},
	})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		secret = ""
		if created, err = h.clients.ByID(call.ctx, h.db, call.organization.ID, made); err != nil {
			return nil, err
		}
	}
	h.clients.Forget(created)
	_ = h.signing.Ensure(call.ctx, created.OrgID, created.SignsBy()...)
	rendered, err := renderClient(created)
	if err != nil {
		return nil, err
	}
	return api.CreateClient201JSONResponse{
		Body: api.ClientWithSecret{Client: rendered, ClientSecret: optional(secret)},
		Headers: api.CreateClient201ResponseHeaders{ETag: etagOf(created.Version),
			Location: Prefix + "/orgs/" + call.organization.Slug + "/clients/" + created.ID.String(), IdempotentReplayed: replayedHeader(replayed)},
	}, nil
}

// UpdateClient implements the operation updateClient. What takes long, and what is wrong with the client itself, comes
// before the transaction: a version that is the same then means that everything is.
func (h handlers) UpdateClient(ginContext context.Context, request api.UpdateClientRequestObject) (api.UpdateClientResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	current, err := h.clients.ByID(call.ctx, h.db, call.organization.ID, request.Id)
	if err != nil {
		return nil, err
	}
	if current.Origin == client.BuiltIn {
		return nil, client.ErrBuiltIn
	}
	if current.Version != version {
		return nil, client.ErrVersionMismatch
	}
	changed, err := patchedClient(*current, *request.Body, call.body)
	if err != nil {
		return nil, err
	}
	if err := call.by.mayChangeClient(call.organization, current.Scopes, changed.Scopes); err != nil {
		return nil, err
	}
	if body := request.Body; body.TokenPolicy.IsSpecified() {
		if err := h.checkDefaults(call.ctx, call.organization.ID, "", changed.Metadata.TokenPolicy); err != nil {
			return nil, err
		}
	}
	if err := changed.Complete(); err != nil {
		return nil, err
	}
	if current.Origin == client.MetadataDocument {
		if same, err := current.SaysTheSameAs(&changed); err != nil || !same {
			return nil, errors.Join(err, client.ErrDescribed)
		}
	}
	if changed.Metadata.SectorIdentifierURI != current.Metadata.SectorIdentifierURI || !slices.Equal(changed.RedirectURIs, current.RedirectURIs) {
		if err := changed.CheckSector(call.ctx, h.fetch); err != nil {
			return nil, err
		}
	}
	var updated *client.Client
	var secret string
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := oauth.HoldProfile(ctx, tx, h.organizations, &changed); err != nil {
			return err
		}
		updated, secret, err = h.clients.Update(ctx, tx, call.by.Actor(), changed)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.clients.Forget(updated)
	_ = h.signing.Ensure(call.ctx, updated.OrgID, updated.SignsBy()...)
	rendered, err := renderClient(updated)
	if err != nil {
		return nil, err
	}
	return api.UpdateClient200JSONResponse{Body: api.ClientWithSecret{Client: rendered, ClientSecret: optional(secret)},
		Headers: api.UpdateClient200ResponseHeaders{ETag: etagOf(updated.Version)}}, nil
}

// DeleteClient implements the operation deleteClient.
func (h handlers) DeleteClient(ginContext context.Context, request api.DeleteClientRequestObject) (api.DeleteClientResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var current *client.Client
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		var err error
		if current, err = h.clients.ByID(ctx, tx, call.organization.ID, request.Id); err != nil {
			return err
		}
		if err := call.by.mayChangeClient(call.organization, current.Scopes, nil); err != nil {
			return err
		}
		return h.clients.Delete(ctx, tx, call.by.Actor(), call.organization.ID, request.Id, version)
	})
	if err != nil {
		return nil, err
	}
	h.clients.Forget(current)
	return api.DeleteClient204Response{}, nil
}

// RotateClientSecret implements the operation rotateClientSecret.
func (h handlers) RotateClientSecret(ginContext context.Context, request api.RotateClientSecretRequestObject) (api.RotateClientSecretResponseObject, error) {
	call := callOf(ginContext)
	var rotated *client.Client
	var secret string
	err := again(func() error {
		return h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
			current, err := h.clients.ByID(ctx, tx, call.organization.ID, request.Id)
			if err != nil {
				return err
			}
			if err := call.by.mayChangeClient(call.organization, current.Scopes, current.Scopes); err != nil {
				return err
			}
			rotated, secret, err = h.clients.RotateSecret(ctx, tx, call.by.Actor(), call.organization.ID, request.Id, current.Version)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	h.clients.Forget(rotated)
	return api.RotateClientSecret201JSONResponse{ClientSecret: secret}, nil
}
