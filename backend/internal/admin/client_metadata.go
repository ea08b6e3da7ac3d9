package admin

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// newClient is the client that a body describes. sent is the body as it came: what the client says of itself is read
// by the one table of package client, as at the registration endpoint.
func newClient(orgID uuid.UUID, body api.ClientCreate, sent []byte) (client.Client, error) {
	wanted := client.Client{
		OrgID: orgID, ClientID: or(body.ClientId, ""), Origin: client.Administrator, AuthenticationMethod: client.ClientSecretBasic,
		Scopes: or(body.Scopes, nil), RequireConsent: or(body.RequireConsent, true), Profile: org.Profile(or(body.Profile, "")),
		// Dynamic registration defaults to RS256 as its specification says; whoever chooses nothing here gets the better one.
		IDTokenSignedResponseAlg: string(api.ES256), Metadata: client.Metadata{AuthorizationSignedResponseAlg: string(api.ES256), IntrospectionSignedResponseAlg: string(api.ES256)},
		AccessTokenLifetime:  time.Duration(or(body.AccessTokenLifetimeSeconds, 0)) * time.Second,
		RefreshTokenLifetime: time.Duration(or(body.RefreshTokenLifetimeSeconds, 0)) * time.Second,
	}
	wanted.Metadata.SecondFactor = org.SecondFactor(or(body.SecondFactor, ""))
	if body.TokenExchange != nil {
		wanted.Metadata.TokenExchange = tokenExchange(*body.TokenExchange)
	}
	if body.TokenPolicy != nil {
		var err error
		if wanted.Metadata.TokenPolicy, err = recode[org.TokenPolicy](body.TokenPolicy); err != nil {
			return client.Client{}, err
		}
	}
	if err := setMembers(&wanted, sent); err != nil {
		return client.Client{}, err
	}
	set(&wanted.Metadata.Resources, body.Resources)
	if body.IdentityAssertions != nil {
		var err error
		if wanted.Metadata.IdentityAssertions, err = recode[[]client.IdentityAssertionPolicy](*body.IdentityAssertions); err != nil {
			return client.Client{}, err
		}
	}
	if body.Scopes == nil {
		wanted.Scopes = []string{}
		if wanted.GrantTypes == nil || wanted.MayUse(client.AuthorizationCode) || wanted.MayUse(client.Implicit) {
			wanted.Scopes = []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail}
		}
	}
	return wanted, nil
}

// patchedClient applies a merge patch (RFC 7396).
func patchedClient(c client.Client, body api.ClientPatch, sent []byte) (client.Client, error) {
	before := c.ResponseTypes
	if err := setMembers(&c, sent); err != nil {
		return client.Client{}, err
	}
	if body.GrantTypes != nil && body.ResponseTypes == nil {
		c.ResponseTypes = remaining(before, c.GrantTypes)
	}
	set(&c.Scopes, body.Scopes)
	set(&c.Metadata.Resources, body.Resources)
	if body.IdentityAssertions != nil {
		var err error
		if c.Metadata.IdentityAssertions, err = recode[[]client.IdentityAssertionPolicy](*body.IdentityAssertions); err != nil {
			return client.Client{}, err
		}
	}
	set(&c.RequireConsent, body.RequireConsent)
	setLifetime(&c.AccessTokenLifetime, body.AccessTokenLifetimeSeconds)
	setLifetime(&c.RefreshTokenLifetime, body.RefreshTokenLifetimeSeconds)
	if body.Profile.IsSpecified() {
		profile, _ := body.Profile.Get() // null has no value: "", the organization's
		c.Profile = org.Profile(profile)
	}
	if body.SecondFactor.IsSpecified() {
		demanded, _ := body.SecondFactor.Get() // null has no value: "", nothing
		c.Metadata.SecondFactor = org.SecondFactor(demanded)
	}
	if body.TokenExchange.IsSpecified() {
		c.Metadata.TokenExchange = nil
		if policy, err := body.TokenExchange.Get(); err == nil { // null has no value
			c.Metadata.TokenExchange = tokenExchange(policy)
		}
	}
	if body.TokenPolicy.IsSpecified() {
		policy, _ := body.TokenPolicy.Get() // null has no value: everything is the organization's
		var err error
		if c.Metadata.TokenPolicy, err = recode[org.TokenPolicy](policy); err != nil {
			return client.Client{}, err
		}
	}
	if body.Status != nil {
		c.Status = client.Status(*body.Status)
	}
	return c, nil
}

// remaining are the response types that go with grant types that were changed without naming any: those of before
// that the new ones still allow, and code for a client that comes to the authorization code.
func remaining(before, grantTypes []string) []string {
	after := []string{}
	for _, responseType := range before {
		without := client.AsksFor(responseType, client.CodeResponse) && !slices.Contains(grantTypes, client.AuthorizationCode) ||
			client.FrontChannel(responseType) && !slices.Contains(grantTypes, client.Implicit)
		if !without && responseType != client.NoneResponse {
			after = append(after, responseType)
		}
	}
	if len(after) == 0 && slices.Contains(grantTypes, client.AuthorizationCode) {
		after = append(after, client.CodeResponse)
	}
	if len(after) > 0 && slices.Contains(before, client.NoneResponse) {
		after = append(after, client.NoneResponse)
	}
	return after
}

// setMembers writes the members of client metadata that a body names; the contract knows no other members than those
// and the ones that its callers write.
func setMembers(c *client.Client, sent []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(sent, &object); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, err := c.SetMember(name, object[name]); err != nil {
			return err
		}
	}
	localized, named := object["localized"]
	if !named {
		return nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(localized, &values); err != nil {
		return err
	}
	if values == nil { // null
		c.Metadata.Localized = nil
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		known := strings.Contains(name, "#")
		if known {
			var err error
			if known, err = c.SetMember(name, values[name]); err != nil {
				return err
			}
		}
		if !known {
			return fault.New(fault.Invalid, oauth.CodeInvalidClientMetadata, "This is not a member with a language tag, such as client_name#it.").
				WithField("localized." + clip(name))
		}
	}
	return nil
}

func setLifetime(into *time.Duration, value nullable.Nullable[int]) {
	if value.IsSpecified() {
		whole, _ := value.Get() // null has no value: 0, the organization's
		*into = time.Duration(whole) * time.Second
	}
}

// renderClient writes a client as the contract says, its metadata from the table of package client.
func renderClient(c *client.Client) (api.Client, error) {
	rendered, err := recode[api.Client](c.Members())
	if err != nil {
		return api.Client{}, err
	}
	rendered.Id, rendered.ClientId, rendered.Status, rendered.Origin, rendered.BuiltIn = c.ID, c.ClientID, api.ClientStatus(c.Status), api.ClientOrigin(c.Origin), c.Origin == client.BuiltIn
	rendered.PostLogoutRedirectUris, rendered.Contacts = renamed[api.RedirectURI](c.PostLogoutRedirectURIs), renamed[string](c.Contacts)
	rendered.Scopes, rendered.RequireConsent = renamed[api.Scope](c.Scopes), c.RequireConsent
	rendered.AccessTokenLifetimeSeconds, rendered.RefreshTokenLifetimeSeconds = seconds(c.AccessTokenLifetime), seconds(c.RefreshTokenLifetime)
	rendered.Profile, rendered.SecondFactor = optional(api.ClientProfile(c.Profile)), optional(api.ClientSecondFactor(c.Metadata.SecondFactor))
	if policy := c.Metadata.TokenExchange; policy != nil {
		rendered.TokenExchange = &api.TokenExchangePolicy{SubjectClients: policy.SubjectClients, Audiences: policy.Audiences, Delegation: &policy.Delegation}
		if len(policy.SubjectAudiences) > 0 {
			rendered.TokenExchange.SubjectAudiences = &policy.SubjectAudiences
		}
	}
	if rendered.TokenPolicy, err = renderTokenPolicy(c.Metadata.TokenPolicy); err != nil {
		return api.Client{}, err
	}
	if len(c.Metadata.IdentityAssertions) > 0 {
		if rendered.IdentityAssertions, err = recode[*[]api.IdentityAssertionPolicy](c.Metadata.IdentityAssertions); err != nil {
			return api.Client{}, err
		}
	}
	if len(c.Metadata.Localized) > 0 {
		rendered.Localized = new(api.LocalizedMetadata(c.Metadata.Localized))
	}
	if len(c.Metadata.Resources) > 0 {
		rendered.Resources = &c.Metadata.Resources
	}
	rendered.CreatedAt, rendered.UpdatedAt, rendered.Version = c.CreatedAt, c.UpdatedAt, c.Version
	return rendered, nil
}

func tokenExchange(policy api.TokenExchangePolicy) *client.TokenExchangePolicy {
	return &client.TokenExchangePolicy{SubjectClients: policy.SubjectClients, Audiences: policy.Audiences, SubjectAudiences: or(policy.SubjectAudiences, nil),
		Delegation: or(policy.Delegation, false)}
}
