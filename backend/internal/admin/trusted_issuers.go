package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
	"github.com/clavex/clavex/backend/internal/trust"
)

// errOwnIssuer refuses trust in oneself: what an organization says of its own people is no sign-in of theirs.
var errOwnIssuer = fault.New(fault.Invalid, "trusted_issuer_malformed", "An organization does not trust itself in this way: use token exchange.").WithField("issuer")

// ListTrustedIssuers implements the operation listTrustedIssuers.
func (h handlers) ListTrustedIssuers(ginContext context.Context, request api.ListTrustedIssuersRequestObject) (api.ListTrustedIssuersResponseObject, error) {
	call := callOf(ginContext)
	items, next, err := page(h.cursors, request.Params.Cursor, request.Params.Limit, reading[*trust.Issuer, api.TrustedIssuer]{
		of: list{"trusted-issuers", call.organization.ID.String()},
		rows: func(after *filter.Position, limit int32) ([]*trust.Issuer, error) {
			return h.trusted.List(call.ctx, h.db, call.organization.ID, after, limit)
		},
		position: func(i *trust.Issuer) filter.Position { return filter.Position{ID: i.ID} },
		show:     renderTrustedIssuer,
	})
	return api.ListTrustedIssuers200JSONResponse{Items: items, NextCursor: next}, err
}

// GetTrustedIssuer implements the operation getTrustedIssuer.
func (h handlers) GetTrustedIssuer(ginContext context.Context, request api.GetTrustedIssuerRequestObject) (api.GetTrustedIssuerResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.trusted.ByID(call.ctx, h.db, call.organization.ID, request.TrustedIssuerId)
	if err != nil {
		return nil, err
	}
	return api.GetTrustedIssuer200JSONResponse{Body: renderTrustedIssuer(found), Headers: api.GetTrustedIssuer200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// CreateTrustedIssuer implements the operation createTrustedIssuer.
func (h handlers) CreateTrustedIssuer(ginContext context.Context, request api.CreateTrustedIssuerRequestObject) (api.CreateTrustedIssuerResponseObject, error) {
	call := callOf(ginContext)
	wanted := trust.Issuer{OrgID: call.organization.ID}
	if err := setTrustedIssuer(&wanted, recast(*request.Body)); err != nil {
		return nil, err
	}
	if h.issuers.Means(call.organization, wanted.Issuer, h.domains.Now()) {
		return nil, errOwnIssuer
	}
	var created *trust.Issuer
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
		if created, err = h.trusted.Create(ctx, tx, call.by.Actor(), wanted); err != nil {
			return uuid.Nil, err
		}
		return created.ID, nil
	}})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		if created, err = h.trusted.ByID(call.ctx, h.db, call.organization.ID, made); err != nil {
			return nil, err
		}
	}
	h.trusted.Forget(call.organization.ID)
	return api.CreateTrustedIssuer201JSONResponse{Body: renderTrustedIssuer(created), Headers: api.CreateTrustedIssuer201ResponseHeaders{ETag: etagOf(created.Version),
		Location: Prefix + "/orgs/" + call.organization.Slug + "/trusted-issuers/" + created.ID.String(), IdempotentReplayed: replayedHeader(replayed)}}, nil
}

// UpdateTrustedIssuer implements the operation updateTrustedIssuer.
func (h handlers) UpdateTrustedIssuer(ginContext context.Context, request api.UpdateTrustedIssuerRequestObject) (api.UpdateTrustedIssuerResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var updated *trust.Issuer
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, err := h.trusted.ByID(ctx, tx, call.organization.ID, request.TrustedIssuerId)
		if err != nil {
			return err
		}
		changed := *current
		changed.Version = version
		if err := setTrustedIssuer(&changed, *request.Body); err != nil {
			return err
		}
		if h.issuers.Means(call.organization, changed.Issuer, h.domains.Now()) {
			return errOwnIssuer
		}
		updated, err = h.trusted.Update(ctx, tx, call.by.Actor(), changed)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.trusted.Forget(call.organization.ID)
	return api.UpdateTrustedIssuer200JSONResponse{Body: renderTrustedIssuer(updated), Headers: api.UpdateTrustedIssuer200ResponseHeaders{ETag: etagOf(updated.Version)}}, nil
}

// DeleteTrustedIssuer implements the operation deleteTrustedIssuer.
func (h handlers) DeleteTrustedIssuer(ginContext context.Context, request api.DeleteTrustedIssuerRequestObject) (api.DeleteTrustedIssuerResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.trusted.Delete(ctx, tx, call.by.Actor(), call.organization.ID, request.TrustedIssuerId, version)
	})
	if err != nil {
		return nil, err
	}
	h.trusted.Forget(call.organization.ID)
	return api.DeleteTrustedIssuer204Response{}, nil
}

// ListLinkedIdentities implements the operation listLinkedIdentities.
func (h handlers) ListLinkedIdentities(ginContext context.Context, request api.ListLinkedIdentitiesRequestObject) (api.ListLinkedIdentitiesResponseObject, error) {
	call, userID := callOf(ginContext), or(request.Params.UserId, uuid.Nil)
	if _, err := h.trusted.ByID(call.ctx, h.db, call.organization.ID, request.TrustedIssuerId); err != nil {
		return nil, err
	}
	items, next, err := page(h.cursors, request.Params.Cursor, request.Params.Limit, reading[*trust.Identity, api.LinkedIdentity]{
		of: list{"linked-identities", call.organization.ID.String(), request.TrustedIssuerId.String(), userID.String()},
		rows: func(after *filter.Position, limit int32) ([]*trust.Identity, error) {
			return h.trusted.Identities(call.ctx, h.db, call.organization.ID, request.TrustedIssuerId, userID, after, limit)
		},
		position: func(i *trust.Identity) filter.Position { return filter.Position{ID: i.ID} },
		show:     renderLinkedIdentity,
	})
	return api.ListLinkedIdentities200JSONResponse{Items: items, NextCursor: next}, err
}

// CreateLinkedIdentity implements the operation createLinkedIdentity.
func (h handlers) CreateLinkedIdentity(ginContext context.Context, request api.CreateLinkedIdentityRequestObject) (api.CreateLinkedIdentityResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	if _, err := h.trusted.ByID(call.ctx, h.db, call.organization.ID, request.TrustedIssuerId); err != nil {
		return nil, err
	}
	wanted := trust.Identity{OrgID: call.organization.ID, IssuerID: request.TrustedIssuerId, Subject: body.Subject, UserID: body.UserId}
	var created *trust.Identity
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
		if created, err = h.trusted.Link(ctx, tx, call.by.Actor(), wanted); err != nil {
			return uuid.Nil, err
		}
		return created.ID, nil
	}})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		if created, err = h.trusted.IdentityByID(call.ctx, h.db, call.organization.ID, request.TrustedIssuerId, made); err != nil {
			return nil, err
		}
	}
	return api.CreateLinkedIdentity201JSONResponse{Body: renderLinkedIdentity(created), Headers: api.CreateLinkedIdentity201ResponseHeaders{
		Location:           Prefix + "/orgs/" + call.organization.Slug + "/trusted-issuers/" + request.TrustedIssuerId.String() + "/identities/" + created.ID.String(),
		IdempotentReplayed: replayedHeader(replayed)}}, nil
}

// DeleteLinkedIdentity implements the operation deleteLinkedIdentity.
func (h handlers) DeleteLinkedIdentity(ginContext context.Context, request api.DeleteLinkedIdentityRequestObject) (api.DeleteLinkedIdentityResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.trusted.Unlink(ctx, tx, call.by.Actor(), call.organization.ID, request.TrustedIssuerId, request.IdentityId)
	})
	if err != nil {
		return nil, err
	}
	return api.DeleteLinkedIdentity204Response{}, nil
}

// recast is a new trusted issuer as the patch of an empty one.
func recast(body api.TrustedIssuerCreate) api.TrustedIssuerPatch {
	return api.TrustedIssuerPatch{Issuer: &body.Issuer, Name: &body.Name, Status: body.Status, Jwks: body.Jwks, JwksUri: body.JwksUri, Algorithms: body.Algorithms,
		AssertionTypes: body.AssertionTypes, SubjectClaim: body.SubjectClaim, SubjectMatch: body.SubjectMatch, Clients: body.Clients, Scopes: body.Scopes,
		Resources: body.Resources, MaximumLifetimeSeconds: body.MaximumLifetimeSeconds}
}

// setTrustedIssuer writes what a patch names. Keys in one form take the place of those in the other; both are refused.
func setTrustedIssuer(into *trust.Issuer, patch api.TrustedIssuerPatch) error {
	set(&into.Issuer, patch.Issuer)
	set(&into.Name, patch.Name)
	if patch.Status != nil {
		into.Status = trust.Status(*patch.Status)
	}
	if patch.Jwks != nil || patch.JwksUri != nil {
		into.JWKS, into.JWKSURI = nil, or(patch.JwksUri, "")
	}
	if patch.Jwks != nil {
		var err error
		if into.JWKS, err = json.Marshal(patch.Jwks); err != nil {
			return err
		}
	}
	if patch.Algorithms != nil {
		into.Algorithms = renamed[jose.Algorithm](*patch.Algorithms)
	}
	set(&into.AssertionTypes, patch.AssertionTypes)
	set(&into.SubjectClaim, patch.SubjectClaim)
	if patch.SubjectMatch != nil {
		if into.SubjectMatch = trust.Match(*patch.SubjectMatch); patch.SubjectClaim == nil {
			into.SubjectClaim = "" // that of the match
		}
	}
	set(&into.Clients, patch.Clients)
	if patch.Scopes != nil {
		into.Scopes = renamed[string](*patch.Scopes)
	}
	set(&into.Resources, patch.Resources)
	if patch.MaximumLifetimeSeconds != nil {
		into.MaximumLifetime = time.Duration(*patch.MaximumLifetimeSeconds) * time.Second
	}
	return nil
}

func renderTrustedIssuer(i *trust.Issuer) api.TrustedIssuer {
	rendered := api.TrustedIssuer{Id: i.ID, Issuer: i.Issuer, Name: i.Name, Status: api.TrustedIssuerStatus(i.Status), JwksUri: optional(i.JWKSURI),
		Algorithms: renamed[api.KeyPairAlgorithm](i.Algorithms), AssertionTypes: i.AssertionTypes, SubjectClaim: i.SubjectClaim,
		SubjectMatch: api.TrustedIssuerSubjectMatch(i.SubjectMatch), Clients: append([]string{}, i.Clients...), Scopes: append([]string{}, i.Scopes...),
		Resources: append([]string{}, i.Resources...), MaximumLifetimeSeconds: int(i.MaximumLifetime / time.Second), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, Version: i.Version}
	if len(i.JWKS) > 0 {
		rendered.Jwks = &api.JSONWebKeySet{}
		_ = json.Unmarshal(i.JWKS, rendered.Jwks) // it was judged when it was written
	}
	return rendered
}

func renderLinkedIdentity(i *trust.Identity) api.LinkedIdentity {
	return api.LinkedIdentity{Id: i.ID, Subject: i.Subject, UserId: i.UserID, CreatedAt: i.CreatedAt}
}
