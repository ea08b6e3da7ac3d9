package token

import (
	"context"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// RefreshToken is the grant type refresh_token (RFC 6749 §6, RFC 9700 §4.14): a use replaces the token
// unless profile or policy say otherwise.
type RefreshToken struct {
	grants *grant.Grants
}

// NewRefreshToken makes the grant type.
func NewRefreshToken(grants *grant.Grants) *RefreshToken { return &RefreshToken{grants: grants} }

// Type implements Grant.
func (*RefreshToken) Type() string { return client.RefreshToken }

// Authorize rotates the refresh token in one round trip. A narrower scope holds for the new access token
// only; the successor keeps everything that was granted (RFC 6749 §6).
func (r *RefreshToken) Authorize(ctx context.Context, request *Request) (*Authorized, error) {
	presented := request.Parameters.Get("refresh_token")
	if presented == "" {
		return nil, oauth.InvalidRequest("The parameter 'refresh_token' is missing.")
	}
	var wanted []string
	if request.Parameters.Has("scope") {
		scopes, err := oauth.ParseScope(request.Parameters.Get("scope"))
		if err != nil {
			return nil, err
		}
		if !oauth.WithinScopes(scopes, request.Client.Scopes) {
			return nil, oauth.NewError(oauth.CodeInvalidScope, "The client did not register one of the scopes.")
		}
		if len(scopes) > 0 {
			wanted = scopes
		}
	}
	if err := request.narrowed(func() (grant.Granted, error) {
		return r.grants.OfRefreshToken(ctx, request.Organization.ID, request.Client.ID, presented)
	}); err != nil {
		return nil, err
	}
	found, scopes, successor, err := r.grants.Rotate(ctx, grant.Refresh{OrgID: request.Organization.ID, ClientID: request.Client.ID,
		Token: presented, Scopes: wanted, Lifetime: oauth.RefreshTokenLifetime(request.Organization, request.Client),
		SessionIdle: request.Organization.Policies.SessionIdle(), PersistentSessionIdle: request.Organization.Policies.IdleOf(true), Holders: request.Holders(),
		Grace: oauth.TokenPolicyOf(request.Organization, request.Client).Grace(), Keep: oauth.KeepsRefreshTokens(request.Organization, request.Client, request.Confirmation)})
	if err != nil {
		return nil, err
	}
	return OfPerson(request.Client, found, scopes, successor, false), nil
}
