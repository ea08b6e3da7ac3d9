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
	organization, asking := request.Organization, request.Client
	polled, err := g.grants.PollDevice(ctx, organization.ID, asking.ID, code)
	switch {
	case err != nil:
		return nil, err
	case polled.TooFast:
		return nil, oauth.NewError(oauth.CodeSlowDown, "The device asks too often. From now on it waits five seconds longer.")
	case polled.Status == grant.DevicePending:
		return nil, oauth.NewError(oauth.CodeAuthorizationPending, "The person has not decided yet.")
	case polled.Status == grant.DeviceDenied:
		return nil, oauth.NewError(oauth.CodeAccessDenied, "The person refused.")
	case polled.Status == grant.DeviceExpired:
		return nil, oauth.NewError(oauth.CodeExpiredToken, "The person did not decide in time. Begin again.")
	}
	if err := oauth.WithinAudience(request.Resources, polled.Audience); err != nil { // wanting too much does not cost the code
		return nil, err
	}
	if err := request.Details.Within(nil); err != nil {
		return nil, err
	}
	redeemed, refreshToken, err := g.grants.RedeemDevice(ctx, grant.Redemption{OrgID: organization.ID, ClientID: asking.ID, Code: code,
		WithRefreshToken: asking.MayUse(client.RefreshToken), RefreshTokenLifetime: oauth.RefreshTokenLifetime(organization, asking),
		AccessTokenLifetime: oauth.AccessTokenLifetime(organization, asking), Holders: request.Holders(), BindTo: request.RefreshHolder()})
	if err != nil {
		return nil, err
	}
	return token.OfPerson(asking, redeemed, redeemed.Scopes, refreshToken, true), nil
}
