package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// AuthorizationCode is the grant type authorization_code (RFC 6749 §4.1.3, OAuth 2.1 §4.1.3).
type AuthorizationCode struct {
	grants *grant.Grants
}

// NewAuthorizationCode makes the grant type.
func NewAuthorizationCode(grants *grant.Grants) *AuthorizationCode {
	return &AuthorizationCode{grants: grants}
}

// Type implements Grant.
func (*AuthorizationCode) Type() string { return client.AuthorizationCode }

// Authorize redeems the code in one round trip. A code belongs to the organization, the client, the
// verifier and the redirect URI as the authorization request had it, absent if it was absent (RFC 6749
// §4.1.3); a second use revokes what the first one made.
func (a *AuthorizationCode) Authorize(ctx context.Context, request *Request) (*Authorized, error) {
	parameters := request.Parameters
	if !parameters.Has("code") {
		return nil, oauth.InvalidRequest("The parameter 'code' is missing.")
	}
	// A client that may leave PKCE out redeems codes that were asked for without a challenge; a code that was
	// asked for with one is not redeemed without its verifier, nor the other way round (RFC 9700 §2.1.1).
	challenge, verifier := "", parameters.Get("code_verifier")
	switch {
	case validVerifier(verifier):
		challenge = CodeChallenge(verifier)
	case verifier != "" || !oauth.ProfileOf(request.Organization, request.Client).MayOmitPKCE(request.Client):
		return nil, oauth.InvalidGrant("The 'code_verifier' is missing or malformed (RFC 7636).")
	}
	if err := request.narrowed(func() (grant.Granted, error) {
		return a.grants.OfCode(ctx, request.Organization.ID, request.Client.ID, parameters.Get("code"))
	}); err != nil {
		return nil, err
	}
	redeemed, refreshToken, err := a.grants.RedeemCode(ctx, grant.Redemption{
		OrgID: request.Organization.ID, ClientID: request.Client.ID, Code: parameters.Get("code"), RedirectURI: parameters.Get("redirect_uri"),
		CodeChallenge: challenge, WithRefreshToken: request.Client.MayUse(client.RefreshToken),
		RefreshTokenLifetime: oauth.RefreshTokenLifetime(request.Organization, request.Client),
		AccessTokenLifetime:  oauth.AccessTokenLifetime(request.Organization, request.Client),
		Holders:              request.Holders(), BindTo: request.RefreshHolder(),
	})
	if err != nil {
		return nil, err
	}
	return OfPerson(request.Client, redeemed, redeemed.Scopes, refreshToken, true), nil
}

// Holders is what the sender has proven to hold: its DPoP key, its TLS certificate, the key of its instance.
func (r *Request) Holders() []string {
	holders := r.Confirmation.Holders()
	if r.Instance != "" {
		holders = append(holders, instanceHolder+r.Instance)
	}
	return holders
}

// instanceHolder begins the name of an attested instance among holders.
const instanceHolder = "instance:"

// RefreshHolder is whom the refresh tokens of a new grant are bound to: a public client's to whoever asks for them
// (RFC 9449 §5, RFC 8705 §4), an attested client's to its instance (org.DraftClientAttestation §8.3). Another confidential
// client proves itself whenever it uses one, so it may change its keys.
func (r *Request) RefreshHolder() string {
	if r.Instance != "" {
		return instanceHolder + r.Instance
	}
	if r.Client.Public() {
		return r.Confirmation.Holder()
	}
	return ""
}

// CodeChallenge is the S256 challenge of a verifier (RFC 7636 §4.2).
func CodeChallenge(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// validVerifier reports whether the text is a code-verifier: 43 to 128 unreserved characters (RFC 7636 §4.1).
func validVerifier(text string) bool {
	if len(text) < 43 || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
