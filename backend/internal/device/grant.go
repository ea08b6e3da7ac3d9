package device

import (
	"context"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
)

// Grant is the grant type urn:ietf:params:oauth:grant-type:device_code (RFC 8628 §3.4).
type Grant struct {
	grants *grant.Grants
}

// NewGrant makes the grant type.
func NewGrant(grants *grant.Grants) *Grant { return &Grant{grants} }

// Type implements token.Grant.
func (*Grant) Type() string { return client.DeviceCode }

// Authorize answers a device that asks whether its person has decided (RFC 8628 §3.5). What was allowed it gets once.
func (g *Grant) Authorize(ctx context.Context, request *token.Request) (*token.Authorized, error) {
	code := request.Parameters.Get("device_code")
	if code == "" {
		return nil, oauth.InvalidRequest("The parameter 'device_code' is missing.")
	}
	polled, err := g.grants.PollDevice(ctx, request.Organization.ID, request.Client.ID, code)
	if err != nil {
		return nil, err
	}
	return request.Decided(ctx, polled, code, g.grants.RedeemDevice)
}
