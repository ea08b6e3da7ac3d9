package admin

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ListOrganizations implements the operation listOrganizations.
func (h handlers) ListOrganizations(ginContext context.Context, request api.ListOrganizationsRequestObject) (api.ListOrganizationsResponseObject, error) {
	call, p := callOf(ginContext), request.Params
	wanted := org.Filter{Search: or(p.Q, ""), Status: org.Status(or(p.Status, "")), Sort: org.Sort(or(p.Sort, api.ListOrganizationsParamsSort(org.ByName)))}
	of := list{"orgs", wanted.Search, string(wanted.Status), string(wanted.Sort)}
	items, next, err := page(h.cursors, p.Cursor, p.Limit, reading[org.Listed, api.OrganizationSummary]{
		of: of,
		rows: func(after *filter.Position, limit int32) ([]org.Listed, error) {
			wanted.After, wanted.Limit = after, limit
			return h.organizations.List(call.ctx, h.db, wanted)
		},
		position: func(l org.Listed) filter.Position { return l.Position },
		show:     func(l org.Listed) api.OrganizationSummary { return h.renderOrganizationSummary(l.Organization) },
	})
	return api.ListOrganizations200JSONResponse{Items: items, NextCursor: next}, err
}

// CreateOrganization implements the operation createOrganization.
func (h handlers) CreateOrganization(ginContext context.Context, request api.CreateOrganizationRequestObject) (api.CreateOrganizationResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	wanted := org.Organization{Slug: body.Slug, DisplayName: body.Name}
	logo, err := applyOrganization(&wanted, body.Branding, body.Policies)
	if err != nil {
		return nil, err
	}
	if err := h.checkSignUp(call.ctx, uuid.Nil, org.Policies{}, wanted.Policies); err != nil {
		return nil, err
	}
	if err := h.models.CheckPolicy(call.ctx, org.Attestation{}, wanted.Policies.Attestation); err != nil {
		return nil, err
	}
	if err := h.checkDefaults(call.ctx, uuid.Nil, "policies.", wanted.Policies.TokenPolicy); err != nil { // a new one has none
		return nil, err
	}
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (uuid.UUID, error) {
		created, err := h.organizations.Create(ctx, tx, call.by.Actor(), org.NewOrganization{Slug: wanted.Slug, DisplayName: wanted.DisplayName,
			Branding: wanted.Branding, Policies: wanted.Policies})
		if err != nil {
			return uuid.Nil, err
		}
		return created.ID, h.storeLogo(ctx, tx, created.ID, logo)
	}})
	if err != nil {
		return nil, err
	}
	created, rendered, err := h.readOrganization(call.ctx, made)
	if err != nil {
		return nil, err
	}
	h.organizations.Forget(created)
	return api.CreateOrganization201JSONResponse{Body: rendered, Headers: api.CreateOrganization201ResponseHeaders{
		ETag: etagOf(created.Version), Location: Prefix + "/orgs/" + created.Slug, IdempotentReplayed: replayedHeader(replayed)}}, nil
}

// readOrganization reads an organization with its logo, past the cache.
func (a *API) readOrganization(ctx context.Context, id uuid.UUID) (*org.Organization, api.Organization, error) {
	found, err := a.organizations.ByID(ctx, a.db, id)
	if err != nil {
		return nil, api.Organization{}, err
	}
	rendered, err := a.withLogo(ctx, found)
	return found, rendered, err
}

// withLogo renders an organization with its logo.
func (a *API) withLogo(ctx context.Context, o *org.Organization) (api.Organization, error) {
	if o.Branding.LogoDigest == "" {
		return a.renderOrganization(o, nil)
	}
	logo, err := a.organizations.Logo(ctx, o.ID)
	if fault.IsKind(err, fault.NotFound) { // removed meanwhile
		return a.renderOrganization(o, nil)
	}
	if err != nil {
		return api.Organization{}, err
	}
	return a.renderOrganization(o, &logo)
}

// GetOrganization implements the operation getOrganization.
func (h handlers) GetOrganization(ginContext context.Context, _ api.GetOrganizationRequestObject) (api.GetOrganizationResponseObject, error) {
	call := callOf(ginContext)
	found, rendered, err := h.readOrganization(call.ctx, call.organization.ID)
	if err != nil {
		return nil, err
	}
	return api.GetOrganization200JSONResponse{Body: rendered, Headers: api.GetOrganization200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// logoChange is what a body does to the logo.
type logoChange struct {
	named   bool   // the body says something about it
	content []byte // nil removes it
}

// applyOrganization writes what a body names into an organization.
func applyOrganization(o *org.Organization, branding *api.BrandingPatch, policies *api.PoliciesPatch) (logoChange, error) {
	if policies != nil {
		set(&o.Policies.SessionIdleSeconds, policies.SessionIdleLifetimeSeconds)
		set(&o.Policies.SessionAbsoluteSeconds, policies.SessionAbsoluteLifetimeSeconds)
		set(&o.Policies.AccessTokenLifetimeSeconds, policies.AccessTokenLifetimeSeconds)
		set(&o.Policies.RefreshTokenLifetimeSeconds, policies.RefreshTokenLifetimeSeconds)
		if policies.Registration != nil {
			o.Policies.Registration = org.Registration(*policies.Registration)
		}
		if policies.ClientIdMetadataDocuments != nil {
			o.Policies.ClientIDMetadataDocuments = org.ClientDocuments(*policies.ClientIdMetadataDocuments)
		}
		set(&o.Policies.ClientIDMetadataDocumentHosts, policies.ClientIdMetadataDocumentHosts)
		if policies.Profile != nil {
			o.Policies.Profile = org.Profile(*policies.Profile)
		}
		set(&o.Policies.RequireBoundTokens, policies.RequireBoundTokens)
		set(&o.Policies.RequireDPoPNonce, policies.RequireDpopNonce)
		if policies.TokenPolicy != nil {
			var err error
			if o.Policies.TokenPolicy, err = recode[org.TokenPolicy](policies.TokenPolicy); err != nil {
				return logoChange{}, err
			}
		}
		set(&o.Policies.ClientCertificateAuthorities, policies.ClientCertificateAuthorities)
		set(&o.Policies.RequireAttestationChallenge, policies.RequireAttestationChallenge)
		if policies.Drafts != nil {
			o.Policies.Drafts = renamed[org.Draft](*policies.Drafts)
		}
		if policies.ClientAttesters != nil {
			var err error
			if o.Policies.ClientAttesters, err = recode[[]org.ClientAttester](*policies.ClientAttesters); err != nil {
				return logoChange{}, err
			}
		}
		if policies.SignUp != nil {
			o.Policies.SignUp = org.SignUp(*policies.SignUp)
		}
		set(&o.Policies.SignUpEmailDomains, policies.SignUpEmailDomains)
		if policies.Passkeys != nil {
			o.Policies.Passkeys = org.Passkeys(*policies.Passkeys)
		}
		set(&o.Policies.InvitationLifetimeDays, policies.InvitationLifetimeDays)
		if policies.MagicLinks != nil {
			o.Policies.MagicLinks = org.MagicLinks(*policies.MagicLinks)
		}
		if policies.IdentifierFirst != nil {
			o.Policies.IdentifierFirst = org.IdentifierFirst(*policies.IdentifierFirst)
		}
		if policies.SignInNotices != nil {
			o.Policies.SignInNotices = org.SignInNotices(*policies.SignInNotices)
		}
		set(&o.Policies.AccountDeletionGraceDays, policies.AccountDeletionGraceDays)
		if policies.ProofOfWork != nil {
			o.Policies.ProofOfWork = org.ProofOfWork(*policies.ProofOfWork)
		}
		if policies.AccountDeletion != nil {
			o.Policies.AccountDeletion = org.AccountDeletion(*policies.AccountDeletion)
		}
		if policies.EmailChange != nil {
			o.Policies.EmailChange = org.EmailChange(*policies.EmailChange)
		}
		if policies.Attestation != nil {
			o.Policies.Attestation = attestationOf(*policies.Attestation)
		}
		if policies.SecondFactor != nil {
			o.Policies.SecondFactor = org.SecondFactor(*policies.SecondFactor)
		}
		if policies.SecondFactorEmailCodes != nil {
			o.Policies.SecondFactorEmailCodes = org.EmailCodes(*policies.SecondFactorEmailCodes)
		}
		set(&o.Policies.RememberedDeviceDays, policies.RememberedDeviceDays)
		set(&o.Policies.SessionsPerPerson, policies.SessionsPerPerson)
		set(&o.Policies.RememberedSessionIdleSeconds, policies.RememberedSessionIdleLifetimeSeconds)
		set(&o.Policies.RememberedSessionAbsoluteSeconds, policies.RememberedSessionAbsoluteLifetimeSeconds)
		if policies.RememberMe != nil {
			o.Policies.RememberMe = org.RememberMe(*policies.RememberMe)
		}
		if policies.SessionBinding != nil {
			o.Policies.SessionBinding = org.SessionBinding(*policies.SessionBinding)
		}
		if policies.SecondFactorRoles != nil {
			var err error
			if o.Policies.SecondFactorRoles, err = recode[map[string]org.SecondFactor](policies.SecondFactorRoles); err != nil {
				return logoChange{}, err
			}
		}
		if policies.PasswordMinimumLength != nil {
			o.Policies.PasswordMinimumLength = *policies.PasswordMinimumLength
		}
		if policies.PasswordRecovery != nil {
			o.Policies.PasswordRecovery = org.Recovery(*policies.PasswordRecovery)
		}
		setText(&o.Policies.DefaultLocale, policies.DefaultLocale)
		if err := applyClaims(&o.Policies, policies); err != nil {
			return logoChange{}, err
		}
	}
	if branding == nil {
		return logoChange{}, nil
	}
	setText(&o.Branding.BrandColor, branding.BrandColor)
	if !branding.Logo.IsSpecified() {
		return logoChange{}, nil
	}
	if branding.Logo.IsNull() {
		o.Branding.LogoDigest = ""
		return logoChange{named: true}, nil
	}
	address, _ := branding.Logo.Get()
	_, encoded, _ := strings.Cut(address, ";base64,") // the contract prescribes the form
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(content) == 0 {
		return logoChange{}, org.ErrLogoInvalid.WithCause(err)
	}
	o.Branding.LogoDigest = org.LogoDigest(content)
	return logoChange{named: true, content: content}, nil
}

// applyClaims writes the scopes, the claims and the registration rules that a body names. Of the rules each list is
// replaced for itself.
func applyClaims(p *org.Policies, policies *api.PoliciesPatch) (err error) {
	if policies.Scopes != nil {
		if p.Scopes, err = recode[[]org.ScopeDefinition](*policies.Scopes); err != nil {
			return err
		}
	}
	if policies.Claims != nil {
		if p.Claims, err = recode[[]org.ClaimDefinition](*policies.Claims); err != nil {
			return err
		}
	}
	if policies.AuthorizationDetailsTypes != nil {
		if p.AuthorizationDetailTypes, err = recode[[]org.AuthorizationDetailType](*policies.AuthorizationDetailsTypes); err != nil {
			return err
		}
	}
	rules := policies.RegistrationRules
	if rules == nil {
		return nil
	}
	set(&p.RegistrationRules.RedirectHosts, rules.RedirectHosts)
	set(&p.RegistrationRules.Scopes, rules.Scopes)
	if rules.GrantTypes != nil {
		p.RegistrationRules.GrantTypes = renamed[string](*rules.GrantTypes)
	}
	if rules.SoftwareStatementIssuers != nil {
		p.RegistrationRules.SoftwareStatementIssuers, err = recode[[]org.SoftwareStatementIssuer](*rules.SoftwareStatementIssuers)
	}
	return err
}

func (h handlers) storeLogo(ctx context.Context, tx *store.Tx, id uuid.UUID, change logoChange) error {
	if !change.named {
		return nil
	}
	if change.content == nil {
		return h.organizations.RemoveLogo(ctx, tx, id)
	}
	_, err := h.organizations.StoreLogo(ctx, tx, id, change.content)
	return err
}

// UpdateOrganization implements the operation updateOrganization.
func (h handlers) UpdateOrganization(ginContext context.Context, request api.UpdateOrganizationRequestObject) (api.UpdateOrganizationResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var updated *org.Organization
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, err := h.organizations.ByID(ctx, tx, call.organization.ID)
		if err != nil {
			return err
		}
		changed := *current
		changed.Version = version
		set(&changed.DisplayName, body.Name)
		logo, err := applyOrganization(&changed, body.Branding, body.Policies)
		if err != nil {
			return err
		}
		if err := h.checkSignUp(ctx, current.ID, current.Policies, changed.Policies); err != nil {
			return err
		}
		if err := h.models.CheckPolicy(ctx, current.Policies.Attestation, changed.Policies.Attestation); err != nil {
			return err
		}
		if body.Policies != nil && body.Policies.TokenPolicy != nil {
			if err := h.checkDefaults(ctx, current.ID, "policies.", changed.Policies.TokenPolicy); err != nil {
				return err
			}
		}
		if updated, err = h.organizations.Update(ctx, tx, call.by.Actor(), changed); err != nil {
			return err
		}
		if err := h.attestationChanged(ctx, tx, current, updated); err != nil {
			return err
		}
		if updated.Policies.ProfileName() != current.Policies.ProfileName() || updated.Policies.RequireBoundTokens && !current.Policies.RequireBoundTokens {
			if err := h.checkFollowers(ctx, tx, updated); err != nil {
				return err
			}
		}
		return h.storeLogo(ctx, tx, current.ID, logo)
	})
	if err != nil {
		return nil, err
	}
	h.organizations.Forget(updated)
	rendered, err := h.withLogo(call.ctx, updated)
	if err != nil {
		return nil, err
	}
	return api.UpdateOrganization200JSONResponse{Body: rendered, Headers: api.UpdateOrganization200ResponseHeaders{ETag: etagOf(updated.Version)}}, nil
}

// checkSignUp refuses to let people sign up where they cannot be written to.
func (h handlers) checkSignUp(ctx context.Context, orgID uuid.UUID, before, after org.Policies) error {
	if after.SignUpPolicy() == org.SignUpOpen && before.SignUpPolicy() != org.SignUpOpen && !h.sendsMail(ctx, orgID) {
		return org.ErrSignUpNeedsMail
	}
	return nil
}

// checkFollowers refuses a profile that clients which follow the organization's cannot meet. It names as many as an
// answer holds.
func (h handlers) checkFollowers(ctx context.Context, tx *store.Tx, organization *org.Organization) error {
	unmet, more, err := oauth.CannotMeet(ctx, tx, h.clients, organization, maximumProblems)
	if err != nil || len(unmet) == 0 {
		return err
	}
	problems := make([]api.FieldError, len(unmet))
	for i, each := range unmet {
		problems[i] = api.FieldError{Field: "policies.profile", Code: oauth.CodeProfileNotMet, Message: clip(each.Client.Name) + " (" + clip(each.Client.ClientID) + "): " + each.Reason}
	}
	message := fmt.Sprintf("%s cannot meet the profile %s. Change them, or give them a profile of their own.", counted(len(problems), "client"), organization.Policies.ProfileName())
	if more {
		message = "More than " + message
	}
	return refuse(http.StatusConflict, fault.Conflict, oauth.CodeProfileNotMet, message).withFields(problems...)
}

// DeleteOrganization implements the operation deleteOrganization.
func (h handlers) DeleteOrganization(ginContext context.Context, request api.DeleteOrganizationRequestObject) (api.DeleteOrganizationResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var deleting *org.Organization
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if deleting, err = h.organizations.SetStatus(ctx, tx, call.by.Actor(), call.organization.ID, org.Deleting, version); err != nil {
			return err
		}
		return h.enqueueDeletion(ctx, tx, call.organization.ID)
	})
	if err != nil {
		return nil, err
	}
	h.organizations.Forget(deleting)
	rendered, err := h.renderOrganization(deleting, nil)
	if err != nil {
		return nil, err
	}
	return api.DeleteOrganization202JSONResponse(rendered), nil
}

// setStatus brings an organization into a state, which changes nothing when it is there. Nobody sends a
// version here, so a change by somebody else meanwhile is no reason to refuse.
func (h handlers) setStatus(call *call, wanted org.Status) (*org.Organization, api.Organization, error) {
	var after *org.Organization
	err := again(func() error {
		return h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if after, err = h.organizations.ByID(ctx, tx, call.organization.ID); err != nil || after.Status == wanted {
				return err
			}
			after, err = h.organizations.SetStatus(ctx, tx, call.by.Actor(), after.ID, wanted, after.Version)
			return err
		})
	})
	if err != nil {
		return nil, api.Organization{}, err
	}
	h.organizations.Forget(after)
	rendered, err := h.withLogo(call.ctx, after)
	return after, rendered, err
}

// errBusy is what a change becomes that others were faster than every time.
var errBusy = fault.New(fault.Conflict, "changed_meanwhile", "Somebody else is changing this at the same time. Try again.")

// again repeats a change that reads the version itself until nobody is faster.
func again(change func() error) error {
	for range 5 {
		if err := change(); !fault.IsKind(err, fault.PreconditionFailed) {
			return err
		}
	}
	return errBusy
}

// SuspendOrganization implements the operation suspendOrganization.
func (h handlers) SuspendOrganization(ginContext context.Context, _ api.SuspendOrganizationRequestObject) (api.SuspendOrganizationResponseObject, error) {
	after, rendered, err := h.setStatus(callOf(ginContext), org.Suspended)
	if err != nil {
		return nil, err
	}
	return api.SuspendOrganization200JSONResponse{Body: rendered, Headers: api.SuspendOrganization200ResponseHeaders{ETag: etagOf(after.Version)}}, nil
}

// RestoreOrganization implements the operation restoreOrganization.
func (h handlers) RestoreOrganization(ginContext context.Context, _ api.RestoreOrganizationRequestObject) (api.RestoreOrganizationResponseObject, error) {
	after, rendered, err := h.setStatus(callOf(ginContext), org.Active)
	if err != nil {
		return nil, err
	}
	return api.RestoreOrganization200JSONResponse{Body: rendered, Headers: api.RestoreOrganization200ResponseHeaders{ETag: etagOf(after.Version)}}, nil
}
