package admin

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// ListDomains implements the operation listDomains.
func (h handlers) ListDomains(ginContext context.Context, _ api.ListDomainsRequestObject) (api.ListDomainsResponseObject, error) {
	call := callOf(ginContext)
	organization, err := h.organizations.ByID(call.ctx, h.db, call.organization.ID)
	if err != nil {
		return nil, err
	}
	found, err := h.domains.Of(call.ctx, h.db, organization.ID)
	if err != nil {
		return nil, err
	}
	items := make([]api.Domain, len(found))
	for n, domain := range found {
		items[n] = h.renderDomain(organization, domain)
	}
	address, err := h.renderAddress(call.ctx, organization)
	return api.ListDomains200JSONResponse{Items: items, Address: address}, err
}

// GetDomain implements the operation getDomain.
func (h handlers) GetDomain(ginContext context.Context, request api.GetDomainRequestObject) (api.GetDomainResponseObject, error) {
	call := callOf(ginContext)
	domain, err := h.domains.ByID(call.ctx, h.db, call.organization.ID, request.DomainId)
	if err != nil {
		return nil, err
	}
	return api.GetDomain200JSONResponse(h.renderDomain(call.organization, domain)), nil
}

// CreateDomain implements the operation createDomain.
func (h handlers) CreateDomain(ginContext context.Context, request api.CreateDomainRequestObject) (api.CreateDomainResponseObject, error) {
	call := callOf(ginContext)
	var claimed customdomain.Domain
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (_ uuid.UUID, err error) {
		claimed, err = h.domains.Claim(ctx, tx, call.by.Actor(), call.organization, request.Body.Host)
		return claimed.ID, err
	}})
	if err != nil {
		return nil, err
	}
	if replayed { // what this request may have made was rolled back
		if claimed, err = h.domains.ByID(call.ctx, h.db, call.organization.ID, made); err != nil {
			return nil, err
		}
	}
	return api.CreateDomain201JSONResponse{Body: h.renderDomain(call.organization, claimed), Headers: api.CreateDomain201ResponseHeaders{
		Location: Prefix + "/orgs/" + call.organization.Slug + "/domains/" + claimed.ID.String(), IdempotentReplayed: replayedHeader(replayed)}}, nil
}

// VerifyDomain implements the operation verifyDomain.
func (h handlers) VerifyDomain(ginContext context.Context, request api.VerifyDomainRequestObject) (api.VerifyDomainResponseObject, error) {
	call := callOf(ginContext)
	domain, err := h.domains.ByID(call.ctx, h.db, call.organization.ID, request.DomainId)
	if err == nil && domain.VerifiedAt.IsZero() {
		if err = h.domains.Proved(call.ctx, domain); err != nil {
			return nil, err
		}
		err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			domain, err = h.domains.Verify(ctx, tx, call.by.Actor(), call.organization.ID, domain.ID, customdomain.ByDNS)
			return err
		})
		h.domains.Forget(call.organization.ID)
	}
	if err != nil {
		return nil, err
	}
	return api.VerifyDomain200JSONResponse(h.renderDomain(call.organization, domain)), nil
}

// DeleteDomain implements the operation deleteDomain.
func (h handlers) DeleteDomain(ginContext context.Context, request api.DeleteDomainRequestObject) (api.DeleteDomainResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.domains.Remove(ctx, tx, call.by.Actor(), call.organization.ID, request.DomainId)
	})
	if err != nil {
		return nil, err
	}
	h.domains.Forget(call.organization.ID)
	return api.DeleteDomain204Response{}, nil
}

// MoveOrganization implements the operation moveOrganization.
func (h handlers) MoveOrganization(ginContext context.Context, request api.MoveOrganizationRequestObject) (api.MoveOrganizationResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	host := ""
	if request.Body.Domain != nil {
		if host, err = customdomain.Canonical(*request.Body.Domain); err != nil {
			return nil, customdomain.ErrMalformed.WithField("domain")
		}
	}
	if !or(request.Body.Unchecked, false) {
		if err := h.domains.Reachable(call.ctx, h.db, call.organization, host, h.issuers.OriginOf); err != nil {
			return nil, err
		}
	}
	var moved *org.Organization
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		moved, err = h.domains.Move(ctx, tx, call.by.Actor(), call.organization.ID, version, host, or(request.Body.GraceDays, customdomain.GraceDays))
		return err
	})
	if err != nil {
		return nil, err
	}
	h.organizations.Forget(moved)
	address, err := h.renderAddress(call.ctx, moved)
	return api.MoveOrganization200JSONResponse{Body: address, Headers: api.MoveOrganization200ResponseHeaders{ETag: etagOf(moved.Version)}}, err
}

// LeaveFormerAddress implements the operation leaveFormerAddress.
func (h handlers) LeaveFormerAddress(ginContext context.Context, request api.LeaveFormerAddressRequestObject) (api.LeaveFormerAddressResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := h.organizations.LeaveFormer(ctx, tx, call.by.Actor(), call.organization.ID, version)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.organizations.Forget(call.organization)
	return api.LeaveFormerAddress204Response{}, nil
}

func (a *API) renderDomain(organization *org.Organization, domain customdomain.Domain) api.Domain {
	rendered := api.Domain{Id: domain.ID, Host: domain.Host, Record: api.DomainRecord{Name: domain.Record.Name, Value: domain.Record.Value}, Status: api.Claimed, CreatedAt: domain.CreatedAt}
	if domain.VerifiedAt.IsZero() {
		return rendered
	}
	by := api.DomainProof(domain.VerifiedBy)
	rendered.VerifiedAt, rendered.VerifiedBy, rendered.Status = &domain.VerifiedAt, &by, api.Proved
	switch {
	case organization.Domain == domain.Host:
		rendered.Status = api.Present
	case organization.ServesFormer(a.domains.Now()) && organization.Former.Domain == domain.Host:
		rendered.Status = api.Former
	}
	return rendered
}

// renderAddress says where an organization is, and whom it has to tell.
func (a *API) renderAddress(ctx context.Context, organization *org.Organization) (api.OrganizationAddress, error) {
	party, _ := webauthn.PartyOf(a.issuers, organization)
	rendered := api.OrganizationAddress{Issuer: a.issuers.URL(organization), Domain: optional(organization.Domain), PasskeyParty: party.ID, Version: organization.Version}
	if organization.ServesFormer(a.domains.Now()) {
		rendered.Former = &api.FormerAddress{Issuer: a.issuers.URL(organization.AtFormer()), Until: organization.Former.Until}
	}
	var err error
	rendered.PasskeysHere, rendered.PasskeysElsewhere, err = a.passkeys.PeopleOf(ctx, a.db, organization.ID, party.ID)
	return rendered, err
}
