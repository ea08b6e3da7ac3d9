package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
)

// opaquePrefix begins every opaque access token, so that people, and programs that look for leaked secrets, see what it is.
const opaquePrefix = "clavex_at_"

// opaqueSeparator stands between the key's id and what is sealed.
const opaqueSeparator = "_"

var opaquePurpose = []byte("access token")

// sealedToken is what an opaque access token contains.
type sealedToken struct {
	OrgID  string          `json:"o"` // an organization that is made anew under the same name does not know the tokens of the former
	Claims json.RawMessage `json:"c"`
}

// IsAccessToken reports whether a token that somebody presents has the form of an access token.
func IsAccessToken(token string) bool {
	return strings.Contains(token, ".") || strings.HasPrefix(token, opaquePrefix)
}

// seal makes an opaque access token: the claims of the JWT in a form that nobody else reads. It needs no row anywhere, and
// ends with its grant as a JWT does.
func (a *AccessTokens) seal(organization *org.Organization, claims any) (string, error) {
	encoded, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(sealedToken{OrgID: organization.ID.String(), Claims: encoded})
	if err != nil {
		return "", err
	}
	keyID, sealed := a.ring.Seal(payload, opaquePurpose)
	return opaquePrefix + keyID + opaqueSeparator + base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (a *AccessTokens) open(token string) (sealedToken, error) {
	var opened sealedToken
	if len(token) > jose.MaximumTokenBytes {
		return opened, jose.ErrTooLarge
	}
	keyID, text, _ := strings.Cut(strings.TrimPrefix(token, opaquePrefix), opaqueSeparator)
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return opened, jose.ErrMalformed
	}
	payload, err := a.ring.Open(keyID, sealed, opaquePurpose)
	switch {
	case errors.Is(err, seal.ErrUnknownKey):
		return opened, jose.ErrKeyUnknown
	case err != nil:
		return opened, jose.ErrDecryption
	}
	return opened, json.Unmarshal(payload, &opened)
}

// verify checks a token of either form.
func (a *AccessTokens) verify(ctx context.Context, organization *org.Organization, token string, expected jose.Expected) (*jose.Token, error) {
	if !strings.HasPrefix(token, opaquePrefix) {
		return jose.Verify(token, a.keys.Lookup(ctx, organization.ID), expected)
	}
	opened, err := a.open(token)
	if err != nil {
		return nil, err
	}
	if opened.OrgID != organization.ID.String() {
		return nil, jose.ErrIssuer
	}
	return expected.Judge(opened.Claims)
}

// ClaimedIssuer is the issuer that a token names, only to pick the organization that verifies it. The error matches
// jose.ErrInvalid.
func (a *AccessTokens) ClaimedIssuer(token string) (string, error) {
	if !strings.HasPrefix(token, opaquePrefix) {
		claimed, err := jose.Inspect(token)
		return claimed.Issuer, err
	}
	opened, err := a.open(token)
	if err != nil {
		return "", err
	}
	var claims accessTokenClaims
	return claims.Issuer, json.Unmarshal(opened.Claims, &claims)
}
