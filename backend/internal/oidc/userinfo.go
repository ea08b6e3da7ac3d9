package oidc

import (
	"context"
	"slices"

	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// Userinfo is the userinfo endpoint (OpenID Connect Core 1.0 §5.3). It is safe for concurrent use.
type Userinfo struct {
	issuers  oauth.Issuers
	resource *oauth.ProtectedResource
	subjects *oauth.Subjects
	jwts     *oauth.ClientJWTs
}

// NewUserinfo makes the endpoint.
func NewUserinfo(issuers oauth.Issuers, resource *oauth.ProtectedResource, subjects *oauth.Subjects, jwts *oauth.ClientJWTs) *Userinfo {
	return &Userinfo{issuers: issuers, resource: resource, subjects: subjects, jwts: jwts}
}

// Answer is what userinfo tells: JSON, or a JWT when the client registered one.
type Answer struct {
	Claims map[string]any
	JWT    string // "" for JSON
	// Interactions: the client's profile wants the interaction named (oauth.InteractionHeader).
	Interactions bool
}

// Find returns the claims that an access token allows, in one database round trip when the caches are
// warm. The token must be one of ours for ourselves (RFC 9068: an ID token never is), with openid.
func (u *Userinfo) Find(ctx context.Context, organization *org.Organization, presented oauth.Presented) (*Answer, error) {
	issuer := u.issuers.URL(organization)
	verified, live, err := u.resource.Accept(ctx, organization, presented, issuer)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(verified.Scopes, oauth.ScopeOpenID) {
		return nil, oauth.InsufficientScope(oauth.ScopeOpenID)
	}
	if live.User == nil {
		return nil, oauth.InsufficientScope(oauth.ScopeOpenID)
	}
	asked, err := oauth.DecodeClaimsRequest(live.Claims)
	if err != nil {
		return nil, err
	}
	claims := claimsAbout(organization, live.User, verified.Scopes, stillCovered(organization, live.Client, asked.Userinfo))
	if claims["sub"], err = u.subjects.Of(ctx, live.Client, live.User.ID); err != nil {
		return nil, err
	}
	m, interactions := &live.Client.Metadata, oauth.ProfileOf(organization, live.Client).Interactions
	form := oauth.JWTForm{Type: oauth.IDTokenType, Signing: m.UserinfoSignedResponseAlg, Encryption: m.UserinfoEncryptedResponseAlg, Content: m.UserinfoEncryptedResponseEnc}
	if form.Signing == "" && form.Encryption == "" {
		return &Answer{Claims: claims, Interactions: interactions}, nil
	}
	claims["iss"], claims["aud"] = issuer, live.Client.ClientID // OpenID Connect Core 1.0 §5.3.2
	made, err := u.jwts.Make(ctx, live.Client, form, claims)
	return &Answer{Claims: claims, JWT: made, Interactions: interactions}, err
}
