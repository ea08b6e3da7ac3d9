package admin

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/user"
)

// optional is nil for the zero value: absent in JSON.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// or is what the pointer points at, or otherwise.
func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// set writes a value that a patch names.
func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// setText is set for a text that null removes.
func setText(into *string, value nullable.Nullable[string]) {
	if value.IsSpecified() {
		*into, _ = value.Get() // null has no value: ""
	}
}

func renamed[To, From ~string](values []From) []To {
	list := make([]To, len(values))
	for i, value := range values {
		list[i] = To(value)
	}
	return list
}

// recode translates between two structs with the same JSON.
func recode[To any](from any) (To, error) {
	var to To
	encoded, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(encoded, &to)
	}
	return to, err
}

func seconds(value time.Duration) *int { return optional(int(value / time.Second)) }

func renderPolicies(p org.Policies) (api.Policies, error) {
	rules, err := recode[api.RegistrationRules](p.RegistrationRules)
	if err != nil {
		return api.Policies{}, err
	}
	scopes, err := recode[[]api.ScopeDefinition](append([]org.ScopeDefinition{}, p.Scopes...))
	if err != nil {
		return api.Policies{}, err
	}
	var details *[]api.AuthorizationDetailsType
	if len(p.AuthorizationDetailTypes) > 0 {
		known, err := recode[[]api.AuthorizationDetailsType](p.AuthorizationDetailTypes)
		if err != nil {
			return api.Policies{}, err
		}
		details = &known
	}
	tokens, err := renderTokenPolicy(p.TokenPolicy)
	if err != nil {
		return api.Policies{}, err
	}
	var drafts *api.Drafts
	if len(p.Drafts) > 0 {
		drafts = new(renamed[string](p.Drafts))
	}
	var attesters *api.ClientAttesters
	if len(p.ClientAttesters) > 0 {
		if attesters, err = recode[*api.ClientAttesters](p.ClientAttesters); err != nil {
			return api.Policies{}, err
		}
	}
	claims, err := recode[[]api.ClaimDefinition](append([]org.ClaimDefinition{}, p.Claims...))
	if err != nil {
		return api.Policies{}, err
	}
	factorRoles, err := recode[api.SecondFactorRoles](p.SecondFactorRoles)
	return api.Policies{
		SecondFactorRoles: factorRoles, RememberedDeviceDays: p.RememberedDeviceDays, SecondFactorEmailCodes: api.EmailCodePolicy(p.EmailCodePolicy()),
		RegistrationRules: rules, Scopes: scopes, Claims: claims, AuthorizationDetailsTypes: details,
		SignUp: api.SignUpPolicy(p.SignUpPolicy()), SignUpEmailDomains: append(api.EmailDomains{}, p.SignUpEmailDomains...),
		Passkeys:                                 api.PasskeyPolicy(p.PasskeyPolicy()),
		PasswordMinimumLength:                    p.PasswordMinimum(),
		Attestation:                              renderAttestation(p.Attestation),
		PasswordRecovery:                         api.PasswordRecovery(p.RecoveryPolicy()),
		SignInNotices:                            api.SignInNotices(p.SignInNoticePolicy()),
		InvitationLifetimeDays:                   p.InvitationDays(),
		IdentifierFirst:                          api.IdentifierFirstPolicy(p.IdentifierFirstPolicy()),
		MagicLinks:                               api.MagicLinkPolicy(p.MagicLinkPolicy()),
		ProofOfWork:                              api.ProofOfWorkPolicy(p.ProofOfWorkPolicy()),
		AccountDeletion:                          api.AccountDeletionPolicy(p.AccountDeletionPolicy()),
		AccountDeletionGraceDays:                 p.AccountDeletionGrace(),
		EmailChange:                              api.EmailChangePolicy(p.EmailChangePolicy()),
		SecondFactor:                             api.SecondFactorPolicy(p.SecondFactorPolicy()),
		Registration:                             api.RegistrationPolicy(p.RegistrationPolicy()),
		ClientIdMetadataDocuments:                api.ClientDocumentPolicy(p.ClientDocumentPolicy()),
		ClientIdMetadataDocumentHosts:            append(api.ClientDocumentHosts{}, p.ClientIDMetadataDocumentHosts...),
		Profile:                                  api.ClientProfile(p.ProfileName()),
		RequireBoundTokens:                       p.RequireBoundTokens,
		RequireDpopNonce:                         p.RequireDPoPNonce,
		TokenPolicy:                              tokens,
		Drafts:                                   drafts,
		ClientAttesters:                          attesters,
		RequireAttestationChallenge:              optional(p.RequireAttestationChallenge),
		ClientCertificateAuthorities:             optional(p.ClientCertificateAuthorities),
		SessionsPerPerson:                        p.SessionsPerPerson,
		RememberMe:                               api.RememberMePolicy(p.RememberMePolicy()),
		RememberedSessionIdleLifetimeSeconds:     int(p.RememberedSessionIdle() / time.Second),
		RememberedSessionAbsoluteLifetimeSeconds: int(p.RememberedSessionAbsolute() / time.Second),
		SessionBinding:                           api.SessionBindingPolicy(p.SessionBindingPolicy()),
		SessionIdleLifetimeSeconds:               int(p.SessionIdle() / time.Second),
		SessionAbsoluteLifetimeSeconds:           int(p.SessionAbsolute() / time.Second),
		AccessTokenLifetimeSeconds:               int(p.AccessTokenLifetime() / time.Second),
		RefreshTokenLifetimeSeconds:              int(p.RefreshTokenLifetime() / time.Second),
		DefaultLocale:                            optional(p.DefaultLocale),
	}, err
}

func (a *API) renderOrganization(o *org.Organization, logo *org.Logo) (api.Organization, error) {
	policies, err := renderPolicies(o.Policies)
	rendered := api.Organization{
		Id: o.ID, Slug: o.Slug, Name: o.DisplayName, Issuer: a.issuers.URL(o), Status: api.OrganizationStatus(o.Status),
		Branding: api.Branding{BrandColor: optional(o.Branding.BrandColor)}, Policies: policies,
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, Version: o.Version,
	}
	if logo != nil {
		rendered.Branding.Logo = new("data:" + logo.MediaType + ";base64," + base64.StdEncoding.EncodeToString(logo.Content))
	}
	return rendered, err
}

func (a *API) renderOrganizationSummary(o *org.Organization) api.OrganizationSummary {
	return api.OrganizationSummary{Id: o.ID, Slug: o.Slug, Name: o.DisplayName, Issuer: a.issuers.URL(o), Status: api.OrganizationStatus(o.Status),
		BrandColor: optional(o.Branding.BrandColor), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, Version: o.Version}
}

func renderUser(u *user.User, hasPassword bool, invitation *api.Invitation) (api.User, error) {
	profile, err := recode[api.Profile](u.Profile)
	if err != nil {
		return api.User{}, err
	}
	attributes := api.Attributes(u.Attributes)
	if attributes == nil {
		attributes = api.Attributes{}
	}
	var eraseAt *time.Time
	if !u.EraseAt.IsZero() {
		eraseAt = &u.EraseAt
	}
	return api.User{
		Id: u.ID, Username: u.Username, Email: optional(u.Email), EmailVerified: u.EmailVerified, PhoneNumber: optional(u.PhoneNumber),
		PhoneNumberVerified: u.PhoneNumberVerified, Status: api.UserStatus(u.Status), EraseAt: eraseAt, Profile: profile, Attributes: attributes,
		RequiredActions: renamed[api.RequiredAction](u.RequiredActions), HasPassword: hasPassword, Invitation: invitation,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Version: u.Version,
	}, nil
}

func renderUserSummary(u *user.User, invitation *api.InvitationState) api.UserSummary {
	return api.UserSummary{Id: u.ID, Username: u.Username, Name: optional(u.Profile.Name), Email: optional(u.Email), EmailVerified: u.EmailVerified,
		Status: api.UserStatus(u.Status), Invitation: invitation, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Version: u.Version}
}

func renderRoles(roles, assignable []role.Role) api.UserRoles {
	return api.UserRoles{Roles: renamed[api.Role](roles), Assignable: renamed[api.Role](assignable)}
}

func renderClientSummary(c *client.Client) api.ClientSummary {
	return api.ClientSummary{Id: c.ID, ClientId: c.ClientID, ClientName: c.Name, TokenEndpointAuthMethod: api.TokenEndpointAuthMethod(c.AuthenticationMethod),
		ApplicationType: api.ApplicationType(c.ApplicationType), GrantTypes: renamed[api.GrantType](c.GrantTypes), Status: api.ClientStatus(c.Status),
		BuiltIn: c.Origin == client.BuiltIn, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version}
}

func renderEvent(r audit.Record) api.AuditEvent {
	event := api.AuditEvent{
		Id: r.ID, OccurredAt: r.OccurredAt, Action: r.Action, Outcome: api.AuditOutcome(r.Outcome),
		Actor:     api.AuditActor{Type: api.AuditActorType(r.Actor.Kind), Id: optional(r.Actor.ID), Name: optional(r.Actor.Name)},
		UserAgent: optional(r.UserAgent), RequestId: optional(r.RequestID), Details: state(r.Details),
	}
	if r.Target.Kind != "" {
		event.Target = &api.AuditTarget{Type: r.Target.Kind, Id: optional(r.Target.ID)}
	}
	if r.Address.IsValid() {
		event.ClientAddress = new(r.Address.String())
	}
	event.Before, event.After = changed(state(r.Before), state(r.After))
	if event.Target != nil {
		event.Target.Name = nameOf(state(r.After), state(r.Before))
	}
	return event
}

// state reads recorded fields. What is not an object stands under "value".
func state(raw json.RawMessage) *api.AuditState {
	if len(raw) == 0 {
		return nil
	}
	var fields api.AuditState
	if json.Unmarshal(raw, &fields) == nil && fields != nil {
		return &fields
	}
	var value any
	if json.Unmarshal(raw, &value) != nil || value == nil {
		return nil
	}
	return &api.AuditState{"value": value}
}

// changed leaves out of a before and an after what is the same in both, and what every change changes.
func changed(before, after *api.AuditState) (*api.AuditState, *api.AuditState) {
	if before == nil || after == nil {
		return before, after
	}
	was, is := api.AuditState{}, api.AuditState{}
	for name, value := range *before {
		if !reflect.DeepEqual(value, (*after)[name]) && name != "version" && name != "updated_at" {
			was[name] = value
		}
	}
	for name, value := range *after {
		if !reflect.DeepEqual(value, (*before)[name]) && name != "version" && name != "updated_at" {
			is[name] = value
		}
	}
	return &was, &is
}

// nameOf finds what people call the target, in what was recorded of it.
func nameOf(states ...*api.AuditState) *string {
	for _, recorded := range states {
		if recorded == nil {
			continue
		}
		for _, field := range []string{"username", "client_name", "display_name"} {
			if name, ok := (*recorded)[field].(string); ok && name != "" {
				return &name
			}
		}
	}
	return nil
}
