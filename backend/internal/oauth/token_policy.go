package oauth

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
)

// TokenPolicyOf is the policy that holds for the client: its own, where it has none its organization's. Clavex's own
// clients have the defaults, whatever the organization decides for others.
func TokenPolicyOf(organization *org.Organization, c *client.Client) org.TokenPolicy {
	if c.Origin == client.BuiltIn {
		return org.TokenPolicy{}
	}
	return c.Metadata.TokenPolicy.Or(organization.Policies.TokenPolicy)
}

// KeepsRefreshTokens reports whether a refresh token stays the same when it is used. It does only for those who prove
// something beside having it: a public client's is replaced unless it is bound (OAuth 2.1 §4.3.1).
func KeepsRefreshTokens(organization *org.Organization, c *client.Client, confirmation Confirmation) bool {
	if ProfileOf(organization, c).KeepRefreshTokens {
		return true
	}
	return TokenPolicyOf(organization, c).Rotation() == org.KeepRefreshTokens && (!c.Public() || confirmation.Bound())
}

// PersonClaims returns those of the named claims about a person that the scopes stand for.
type PersonClaims func(ctx context.Context, organization *org.Organization, userID uuid.UUID, scopes, names []string) (map[string]any, error)

// AccessTokenLifetime is how long the client's access tokens live.
func AccessTokenLifetime(organization *org.Organization, c *client.Client) time.Duration {
	if c.AccessTokenLifetime > 0 {
		return c.AccessTokenLifetime
	}
	return organization.Policies.AccessTokenLifetime()
}

// RefreshTokenLifetime is how long the client's unused refresh tokens live.
func RefreshTokenLifetime(organization *org.Organization, c *client.Client) time.Duration {
	if c.RefreshTokenLifetime > 0 {
		return c.RefreshTokenLifetime
	}
	return organization.Policies.RefreshTokenLifetime()
}
