package ciba

import (
	"context"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
)

// Grant is the grant type urn:openid:params:grant-type:ciba (CIBA Core 1.0 §10.1).
type Grant struct {
	grants *grant.Grants
}

// NewGrant makes the grant type.
func NewGrant(grants *grant.Grants) *Grant { return &Grant{grants} }

// Type implements token.Grant.
func (*Grant) Type() string { return client.CIBA }

// Authorize answers a client that asks whether its person has decided (CIBA Core 1.0 §11). What was allowed it gets once.
func (g *Grant) Authorize(ctx context.Context, request *token.Request) (*token.Authorized, error) {
	id := request.Parameters.Get("auth_req_id")
	switch {
	case request.Client.Metadata.BackchannelTokenDeliveryMode == client.Push:
		return nil, oauth.NewError(oauth.CodeUnauthorizedClient, "Tokens are pushed to this client; it does not ask for them.")
	case id == "":
		return nil, oauth.InvalidRequest("The parameter 'auth_req_id' is missing.")
	}
	polled, err := g.grants.PollBackchannel(ctx, request.Organization.ID, request.Client.ID, id)
	if err != nil {
		return nil, err
	}
	return request.Decided(ctx, polled, id, g.grants.RedeemBackchannel)
}
