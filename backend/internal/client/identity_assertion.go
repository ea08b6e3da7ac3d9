package client

import (
	"slices"

	"github.com/clavex/clavex/backend/internal/org"
)

// IdentityAssertionPolicy says for which other authorization server a client gets identity assertions
// (org.DraftIdentityAssertionGrant), and what they allow there at most. Administrators write it.
type IdentityAssertionPolicy struct {
	Audience  string   `json:"audience"`  // the other server's issuer
	ClientID  string   `json:"client_id"` // what the client is called there
	Scopes    []string `json:"scopes"`    // of the other server
	Resources []string `json:"resources,omitempty"`
	// RelyingParty is the client_id here of the other server, whose people's identifiers it knows; "": the people's own.
	RelyingParty string `json:"relying_party,omitempty"`
	Email        bool   `json:"email,omitempty"` // tell the person's verified address
}

func (c *Client) validateIdentityAssertions() error {
	policies := c.Metadata.IdentityAssertions
	if len(policies) > maxListed {
		return invalid("identity_assertions", "Name at most %d servers.", maxListed)
	}
	for i, policy := range policies {
		switch {
		case c.Public() || !c.MayUse(TokenExchange):
			return invalid("identity_assertions", "This goes with the grant type %s of a client that proves itself.", TokenExchange)
		case policy.Audience == "" || len(policy.Audience) > maximumAudienceBytes || !visibleASCII(policy.Audience):
			return invalid("identity_assertions", "An audience is an issuer of at most %d visible ASCII characters.", maximumAudienceBytes)
		case slices.ContainsFunc(policies[:i], func(other IdentityAssertionPolicy) bool { return other.Audience == policy.Audience }):
			return invalid("identity_assertions", "Name each audience once.")
		case policy.ClientID == "" || len(policy.ClientID) > 200 || !visibleASCII(policy.ClientID):
			return invalid("identity_assertions", "A client_id has 1 to 200 visible ASCII characters.")
		case len(policy.Scopes) > maxListed || hasDuplicates(policy.Scopes) || slices.ContainsFunc(policy.Scopes, func(scope string) bool { return !ValidScope(scope) }):
			return invalid("identity_assertions", "Name at most %d scopes, each once.", maxListed)
		case len(policy.Resources) > maxListed || hasDuplicates(policy.Resources) ||
			slices.ContainsFunc(policy.Resources, func(uri string) bool { return uri == "" || len(uri) > maximumURIBytes || !visibleASCII(uri) }):
			return invalid("identity_assertions", "Name at most %d resources, each once.", maxListed)
		case policy.RelyingParty == "" && c.Pairwise():
			return invalid("identity_assertions", "Name the relying_party: this client does not know the identifiers that people have elsewhere.")
		}
	}
	return nil
}

// IdentityAssertionFor is the policy for an audience; nil when there is none.
func (c *Client) IdentityAssertionFor(organization *org.Organization, audience string) *IdentityAssertionPolicy {
	i := slices.IndexFunc(c.Metadata.IdentityAssertions, func(policy IdentityAssertionPolicy) bool { return policy.Audience == audience })
	if i < 0 || !organization.Policies.Follows(org.DraftIdentityAssertionGrant) {
		return nil
	}
	return &c.Metadata.IdentityAssertions[i]
}
