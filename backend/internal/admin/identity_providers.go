package admin

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// errOwnProvider refuses to sign in at oneself.
var errOwnProvider = fault.New(fault.Invalid, "identity_provider_malformed", "An organization is no identity provider of its own.").WithField("issuer")

// ListIdentityProviders implements the operation listIdentityProviders.
func (h handlers) ListIdentityProviders(ginContext context.Context, _ api.ListIdentityProvidersRequestObject) (api.ListIdentityProvidersResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.providers.List(call.ctx, h.db, call.organization.ID)
	items := make([]api.IdentityProvider, len(found))
	for n, one := range found {
		items[n] = h.renderIdentityProvider(call.organization, one)
	}
	return api.ListIdentityProviders200JSONResponse{Items: items}, err
}

// GetIdentityProvider implements the operation getIdentityProvider.
func (h handlers) GetIdentityProvider(ginContext context.Context, request api.GetIdentityProviderRequestObject) (api.GetIdentityProviderResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.providers.ByID(call.ctx, h.db, call.organization.ID, request.IdentityProviderId)
	if err != nil {
		return nil, err
	}
	return api.GetIdentityProvider200JSONResponse{Body: h.renderIdentityProvider(call.organization, found), Headers: api.GetIdentityProvider200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// CreateIdentityProvider implements the operation createIdentityProvider.
func (h handlers) CreateIdentityProvider(ginContext context.Context, request api.CreateIdentityProviderRequestObject) (api.CreateIdentityProviderResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	wanted := identityprovider.Provider{OrgID: call.organization.ID, Alias: body.Alias, Name: body.Name, Issuer: body.Issuer, ClientID: body.ClientId, Scopes: or(body.Scopes, nil),
		Status: identityprovider.Status(or(body.Status, "")), ClientAuthentication: string(or(body.ClientAuthentication, ""))}
	if h.issuers.Means(call.organization, wanted.Issuer, h.domains.Now()) {
		return nil, errOwnProvider
	}
	var created *identityprovider.Provider
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
		if created, err = h.providers.Create(ctx, tx, call.by.Actor(), wanted, or(body.ClientSecret, "")); err != nil {
			return uuid.Nil, err
		}
		return created.ID, nil
	}})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		if created, err = h.providers.ByID(call.ctx, h.db, call.organization.ID, made); err != nil {
			return nil, err
		}
	}
	h.providers.Forget(call.organization.ID)
	return api.CreateIdentityProvider201JSONResponse{Body: h.renderIdentityProvider(call.organization, created), Headers: api.CreateIdentityProvider201ResponseHeaders{ETag: etagOf(created.Version),
		Location: Prefix + "/orgs/" + call.organization.Slug + "/identity-providers/" + created.ID.String(), IdempotentReplayed: replayedHeader(replayed)}}, nil
}

// UpdateIdentityProvider implements the operation updateIdentityProvider.
func (h handlers) UpdateIdentityProvider(ginContext context.Context, request api.UpdateIdentityProviderRequestObject) (api.UpdateIdentityProviderResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var updated *identityprovider.Provider
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, err := h.providers.ByID(ctx, tx, call.organization.ID, request.IdentityProviderId)
		if err != nil {
			return err
		}
		changed := *current
		changed.Version = version
		set(&changed.Alias, body.Alias)
		set(&changed.Name, body.Name)
		set(&changed.ClientID, body.ClientId)
		set(&changed.Scopes, body.Scopes)
		if body.Status != nil {
			changed.Status = identityprovider.Status(*body.Status)
		}
		if body.ClientAuthentication != nil {
			changed.ClientAuthentication = string(*body.ClientAuthentication)
		}
		updated, err = h.providers.Update(ctx, tx, call.by.Actor(), changed, body.ClientSecret)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.providers.Forget(call.organization.ID)
	return api.UpdateIdentityProvider200JSONResponse{Body: h.renderIdentityProvider(call.organization, updated), Headers: api.UpdateIdentityProvider200ResponseHeaders{ETag: etagOf(updated.Version)}}, nil
}

// DeleteIdentityProvider implements the operation deleteIdentityProvider.
func (h handlers) DeleteIdentityProvider(ginContext context.Context, request api.DeleteIdentityProviderRequestObject) (api.DeleteIdentityProviderResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.providers.Delete(ctx, tx, call.by.Actor(), call.organization.ID, request.IdentityProviderId, version)
	})
	if err != nil {
		return nil, err
	}
	h.providers.Forget(call.organization.ID)
	return api.DeleteIdentityProvider204Response{}, nil
}

// ListUserIdentities implements the operation listUserIdentities.
func (h handlers) ListUserIdentities(ginContext context.Context, request api.ListUserIdentitiesRequestObject) (api.ListUserIdentitiesResponseObject, error) {
	call := callOf(ginContext)
	person, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	found, err := h.providers.OfUser(call.ctx, h.db, person.OrgID, person.ID)
	if err != nil {
		return nil, err
	}
	all, err := h.providers.List(call.ctx, h.db, person.OrgID)
	names := map[uuid.UUID]string{}
	for _, provider := range all {
		names[provider.ID] = provider.Name
	}
	items := make([]api.UserIdentity, len(found))
	for n, one := range found {
		items[n] = api.UserIdentity{Id: one.ID, IdentityProviderId: one.ProviderID, IdentityProviderName: names[one.ProviderID], Subject: one.Subject, Name: optional(one.Name),
			CreatedAt: one.CreatedAt, LastUsedAt: one.LastUsedAt}
	}
	return api.ListUserIdentities200JSONResponse{Items: items}, err
}

// DeleteUserIdentity implements the operation deleteUserIdentity.
func (h handlers) DeleteUserIdentity(ginContext context.Context, request api.DeleteUserIdentityRequestObject) (api.DeleteUserIdentityResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		removed, err := h.providers.Unlink(ctx, tx, call.by.Actor(), person.OrgID, person.ID, request.IdentityId)
		if err != nil {
			return err
		}
		provider, err := h.providers.ByID(ctx, tx, person.OrgID, removed.ProviderID)
		if err != nil {
			return err
		}
		if err := h.sessions.EndAll(ctx, tx, call.by.Actor(), person.OrgID, person.ID, uuid.Nil, "account elsewhere removed"); err != nil {
			return err
		}
		return h.letters.IdentityUnlinked(ctx, tx, call.organization, person, provider.Name)
	})
	if err != nil {
		return nil, err
	}
	return api.DeleteUserIdentity204Response{}, nil
}

func (h handlers) renderIdentityProvider(organization *org.Organization, p *identityprovider.Provider) api.IdentityProvider {
	return api.IdentityProvider{Id: p.ID, Alias: p.Alias, Name: p.Name, Status: api.IdentityProviderStatus(p.Status), Issuer: p.Issuer, ClientId: p.ClientID,
		ClientAuthentication: api.IdentityProviderAuthentication(p.ClientAuthentication), Scopes: p.Scopes, RedirectUri: h.issuers.Endpoint(organization, "idp/"+p.Alias+"/callback"),
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version}
}
