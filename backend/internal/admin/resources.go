package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ListResources implements the operation listResources.
func (h handlers) ListResources(ginContext context.Context, request api.ListResourcesRequestObject) (api.ListResourcesResponseObject, error) {
	call := callOf(ginContext)
	items, next, err := page(h.cursors, request.Params.Cursor, request.Params.Limit, reading[*resource.Resource, api.Resource]{
		of: list{"resources", call.organization.ID.String()},
		rows: func(after *filter.Position, limit int32) ([]*resource.Resource, error) {
			return h.resources.List(call.ctx, h.db, call.organization.ID, after, limit)
		},
		position: func(r *resource.Resource) filter.Position { return filter.Position{ID: r.ID} },
		show:     renderResource,
	})
	return api.ListResources200JSONResponse{Items: items, NextCursor: next}, err
}

// GetResource implements the operation getResource.
func (h handlers) GetResource(ginContext context.Context, request api.GetResourceRequestObject) (api.GetResourceResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.resources.ByID(call.ctx, h.db, call.organization.ID, request.ResourceId)
	if err != nil {
		return nil, err
	}
	return api.GetResource200JSONResponse{Body: renderResource(found), Headers: api.GetResource200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// CreateResource implements the operation createResource.
func (h handlers) CreateResource(ginContext context.Context, request api.CreateResourceRequestObject) (api.CreateResourceResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	wanted := resource.Resource{OrgID: call.organization.ID, Identifier: body.Identifier, Name: body.Name, Scopes: or(body.Scopes, nil),
		AccessTokenLifetime: time.Duration(or(body.AccessTokenLifetimeSeconds, 0)) * time.Second, IntrospectionClients: or(body.IntrospectionClients, nil),
		Published: or(body.Published, false)}
	var created *resource.Resource
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
		if created, err = h.resources.Create(ctx, tx, call.by.Actor(), wanted); err != nil {
			return uuid.Nil, err
		}
		return created.ID, nil
	}})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		if created, err = h.resources.ByID(call.ctx, h.db, call.organization.ID, made); err != nil {
			return nil, err
		}
	}
	h.resources.Forget(call.organization.ID)
	return api.CreateResource201JSONResponse{Body: renderResource(created), Headers: api.CreateResource201ResponseHeaders{ETag: etagOf(created.Version),
		Location: Prefix + "/orgs/" + call.organization.Slug + "/resources/" + created.ID.String(), IdempotentReplayed: replayedHeader(replayed)}}, nil
}

// UpdateResource implements the operation updateResource.
func (h handlers) UpdateResource(ginContext context.Context, request api.UpdateResourceRequestObject) (api.UpdateResourceResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var updated *resource.Resource
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, err := h.resources.ByID(ctx, tx, call.organization.ID, request.ResourceId)
		if err != nil {
			return err
		}
		changed := *current
		changed.Version = version
		set(&changed.Identifier, body.Identifier)
		set(&changed.Name, body.Name)
		set(&changed.Scopes, body.Scopes)
		set(&changed.IntrospectionClients, body.IntrospectionClients)
		set(&changed.Published, body.Published)
		setLifetime(&changed.AccessTokenLifetime, body.AccessTokenLifetimeSeconds)
		updated, err = h.resources.Update(ctx, tx, call.by.Actor(), changed)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.resources.Forget(call.organization.ID)
	return api.UpdateResource200JSONResponse{Body: renderResource(updated), Headers: api.UpdateResource200ResponseHeaders{ETag: etagOf(updated.Version)}}, nil
}

// DeleteResource implements the operation deleteResource.
func (h handlers) DeleteResource(ginContext context.Context, request api.DeleteResourceRequestObject) (api.DeleteResourceResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.resources.Delete(ctx, tx, call.by.Actor(), call.organization.ID, request.ResourceId, version)
	})
	if err != nil {
		return nil, err
	}
	h.resources.Forget(call.organization.ID)
	return api.DeleteResource204Response{}, nil
}

func renderResource(r *resource.Resource) api.Resource {
	return api.Resource{Id: r.ID, Identifier: r.Identifier, Name: r.Name, Scopes: append([]string{}, r.Scopes...), AccessTokenLifetimeSeconds: seconds(r.AccessTokenLifetime),
		IntrospectionClients: append([]string{}, r.IntrospectionClients...), Published: r.Published, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}
}
