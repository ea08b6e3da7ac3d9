// Package revocation is the revocation endpoint, RFC 7009 (August 2013), for access tokens and refresh
// tokens of confidential and public clients. Revoking a refresh token, also one that was rotated before,
// revokes its grant and with it every access token made from it; revoking an access token revokes that
// one token.
package revocation

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// Request is a request to the revocation endpoint. Client is set by the check client_authentication.
type Request struct {
	Organization *org.Organization
	Parameters   oauth.Parameters
	Credentials  oauth.ClientCredentials
	Client       *client.Client
}

// errForeign refuses a token that was issued to another client (RFC 7009 §2.1: "the request is refused and
// the client is informed of the error"). It tells nothing that a holder of the token does not know: it
// says itself whom it was issued to.
var errForeign = oauth.InvalidGrant("The token was issued to another client.")

// clockDifference keeps the mark of a revoked token until no replica takes the token for alive.
const clockDifference = time.Minute

// Endpoint is the revocation endpoint of all organizations. It is safe for concurrent use.
type Endpoint struct {
	checks oauth.Table[Request]
	tokens *oauth.AccessTokens
	grants *grant.Grants
}

// NewEndpoint makes the endpoint.
func NewEndpoint(authentication *oauth.ClientAuthentication, tokens *oauth.AccessTokens, grants *grant.Grants) *Endpoint {
	return &Endpoint{tokens: tokens, grants: grants, checks: oauth.Table[Request]{
		{Name: "client_authentication", Clause: "RFC 7009 §2.1", Do: func(ctx context.Context, r *Request) (err error) {
			r.Client, err = authentication.Authenticate(ctx, r.Organization, r.Credentials)
			return err
		}},
		{Name: "token_present", Clause: "RFC 7009 §2.1", Do: func(_ context.Context, r *Request) error {
			if !r.Parameters.Has("token") {
				return oauth.InvalidRequest("The parameter 'token' is missing.")
			}
			return nil
		}},
	}}
}

// Revoke answers a request; nil means that the token is worth nothing now, whether it was before or not
// (RFC 7009 §2.2). token_type_hint is not needed: the kind of token shows in its form.
func (e *Endpoint) Revoke(ctx context.Context, request *Request) error {
	if err := e.checks.Run(ctx, request); err != nil {
		return err
	}
	actor := audit.Actor{Kind: audit.Client, ID: request.Client.ID.String(), Name: request.Client.Name}
	presented := request.Parameters.Get("token")
	if oauth.IsAccessToken(presented) {
		return e.accessToken(ctx, request, presented, actor)
	}
	state, err := e.grants.RefreshTokenState(ctx, request.Organization.ID, presented)
	switch {
	case err != nil:
		return err
	case state.GrantID == uuid.Nil:
		return nil
	case state.ClientID != request.Client.ID:
		return errForeign
	}
	return e.grants.Revoke(ctx, request.Organization.ID, state.GrantID, "refresh token revoked by the client", actor)
}

func (e *Endpoint) accessToken(ctx context.Context, request *Request, presented string, actor audit.Actor) error {
	token, err := e.tokens.Verify(ctx, request.Organization, presented, "")
	var refused *oauth.Error
	if errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	if token.ClientID != request.Client.ClientID {
		return errForeign
	}
	return e.grants.RevokeToken(ctx, request.Organization.ID, token.ID, token.ExpiresAt.Add(clockDifference), actor)
}
