package token

import (
	"context"
	"slices"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// ClientCredentials is the grant type client_credentials (RFC 6749 §4.4): a confidential client acts for
// itself. There is no grant, no refresh token, and no database round trip when the caches are warm.
type ClientCredentials struct{}

// NewClientCredentials makes the grant type.
func NewClientCredentials() *ClientCredentials { return &ClientCredentials{} }

// Type implements Grant.
func (*ClientCredentials) Type() string { return client.ClientCredentials }

// Authorize grants the client scopes that it registered; without a scope parameter all of them. Scopes
// that speak of a person are never a client's own.
func (*ClientCredentials) Authorize(_ context.Context, request *Request) (*Authorized, error) {
	if request.Client.Public() {
		return nil, oauth.NewError(oauth.CodeUnauthorizedClient, "A public client cannot prove that it is itself.")
	}
	wanted, err := oauth.ParseScope(request.Parameters.Get("scope"))
	if err != nil {
		return nil, err
	}
	standard := oauth.StandardScopes()
	if len(wanted) == 0 {
		for _, scope := range request.Client.Scopes {
			if !slices.Contains(standard, scope) {
				wanted = append(wanted, scope)
			}
		}
	}
	for _, scope := range wanted {
		if slices.Contains(standard, scope) {
			return nil, oauth.NewError(oauth.CodeInvalidScope, "The scope '"+scope+"' speaks of a person; a client has none for itself.")
		}
	}
	if !oauth.WithinScopes(wanted, request.Client.Scopes) {
		return nil, oauth.NewError(oauth.CodeInvalidScope, "The client did not register one of the scopes.")
	}
	return &Authorized{Scopes: wanted}, nil
}
