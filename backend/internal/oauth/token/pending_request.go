package token

import (
	"context"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// Decided answers a client that asked how far its pending request is (RFC 8628 §3.5, CIBA Core 1.0 §11). What was allowed
// it redeems by its code, once; wanting more than was asked for does not cost the code.
func (r *Request) Decided(ctx context.Context, polled grant.Poll, code string, redeem func(context.Context, grant.Redemption) (*grant.Grant, string, error)) (*Authorized, error) {
	switch {
	case polled.TooFast:
		return nil, oauth.NewError(oauth.CodeSlowDown, "The client asks too often. From now on it waits five seconds longer.")
	case polled.Status == grant.RequestPending:
		return nil, oauth.NewError(oauth.CodeAuthorizationPending, "The person has not decided yet.")
	case polled.Status == grant.RequestDenied:
		return nil, oauth.NewError(oauth.CodeAccessDenied, "The person refused.")
	case polled.Status == grant.RequestExpired:
		return nil, oauth.NewError(oauth.CodeExpiredToken, "The person did not decide in time. Begin again.")
	}
	if err := r.narrowed(func() (grant.Granted, error) { return polled.Granted, nil }); err != nil {
		return nil, err
	}
	redeemed, refreshToken, err := redeem(ctx, r.Redemption(code))
	if err != nil {
		return nil, err
	}
	return OfPerson(r.Client, redeemed, redeemed.Scopes, refreshToken, true), nil
}

// Redemption is the client's attempt to redeem a code that it held before anybody allowed it anything.
func (r *Request) Redemption(code string) grant.Redemption {
	return grant.Redemption{OrgID: r.Organization.ID, ClientID: r.Client.ID, Code: code, WithRefreshToken: r.Client.MayUse(client.RefreshToken),
		RefreshTokenLifetime: oauth.RefreshTokenLifetime(r.Organization, r.Client), AccessTokenLifetime: oauth.AccessTokenLifetime(r.Organization, r.Client),
		Holders: r.Holders(), BindTo: r.RefreshHolder()}
}
