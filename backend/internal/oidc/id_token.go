// Package oidc is OpenID Connect Core 1.0 and Discovery 1.0 (both with errata set 2, December 2023) on top
// of OAuth: ID tokens, userinfo, the provider's metadata (also in the form of RFC 8414) and its JWK set.
// Left out: aggregated and distributed claims (§5.6.2), self-issued providers (§7). The metadata advertises
// nothing that does not work.
package oidc

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/authorize"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// IDTokenLifetime is how long an ID token may be presented as proof of a sign-in. Relying parties check it
// as they receive it; an hour forgives their clocks.
const IDTokenLifetime = time.Hour

// IDTokens makes ID tokens. It is safe for concurrent use.
type IDTokens struct {
	issuers  oauth.Issuers
	subjects *oauth.Subjects
	jwts     *oauth.ClientJWTs
	db       *store.Store
	users    *user.Users
	now      func() time.Time
}

// NewIDTokens makes the maker of ID tokens.
func NewIDTokens(issuers oauth.Issuers, subjects *oauth.Subjects, jwts *oauth.ClientJWTs, db *store.Store, users *user.Users, now func() time.Time) *IDTokens {
	return &IDTokens{issuers: issuers, subjects: subjects, jwts: jwts, db: db, users: users, now: now}
}

// idTokenClaims are the claims of OpenID Connect Core 1.0 §2, §3.1.3.6, §3.2.2.10, §3.3.2.11 and Back-Channel
// Logout 1.0 §2.1 (sid). Claims about the person are here only when no access token is issued, with which
// userinfo would give them (§5.4).
type idTokenClaims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        string   `json:"aud"`
	Expiry          int64    `json:"exp"`
	IssuedAt        int64    `json:"iat"`
	AuthTime        int64    `json:"auth_time"`
	Nonce           string   `json:"nonce,omitempty"`
	AccessTokenHash string   `json:"at_hash,omitempty"`
	CodeHash        string   `json:"c_hash,omitempty"`
	StateHash       string   `json:"s_hash,omitempty"` // FAPI 1.0 Part 2 §5.1
	ACR             string   `json:"acr,omitempty"`
	Methods         []string `json:"amr,omitempty"`
	Session         string   `json:"sid,omitempty"`

	AuthReqID        string `json:"urn:openid:params:jwt:claim:auth_req_id,omitempty"` // CIBA Core 1.0 §10.3.1, as the next
	RefreshTokenHash string `json:"urn:openid:params:jwt:claim:rt_hash,omitempty"`
}

// made is what an ID token is made for and delivered with.
type made struct {
	organization             *org.Organization
	client                   *client.Client
	grant                    *grant.Grant
	nonce                    string
	accessToken, code, state string     // delivered beside it, "" when not
	person                   *user.User // nil: looked up when a claim needs it
	withScopes               bool       // what the scopes stand for is told here
	authReqID, refreshToken  string     // of what is pushed, "" for others
}

func (i *IDTokens) make(ctx context.Context, of made) (string, error) {
	subject, err := i.subjects.Of(ctx, of.client, of.grant.UserID)
	if err != nil {
		return "", err
	}
	now, form := i.now(), oauth.IDTokenForm(of.client, oauth.IDTokenType)
	claims := idTokenClaims{
		Issuer: i.issuers.URL(of.organization), Subject: subject, Audience: of.client.ClientID,
		Expiry: now.Add(IDTokenLifetime).Unix(), IssuedAt: now.Unix(), AuthTime: of.grant.AuthenticatedAt.Unix(), Nonce: of.nonce,
		ACR: of.grant.ACR, Methods: of.grant.Methods, AuthReqID: of.authReqID,
	}
	for _, hashed := range []struct {
		value string
		into  *string
	}{{of.accessToken, &claims.AccessTokenHash}, {of.code, &claims.CodeHash}, {of.state, &claims.StateHash}, {of.refreshToken, &claims.RefreshTokenHash}} {
		if hashed.value != "" {
			*hashed.into = form.Algorithm().HalfHash(hashed.value)
		}
	}
	if claims.Session, err = i.subjects.Session(ctx, of.client, of.grant.SessionID); err != nil {
		return "", err
	}
	about, err := i.about(ctx, of)
	if err != nil {
		return "", err
	}
	if len(about) == 0 {
		return i.jwts.Make(ctx, of.client, form, claims)
	}
	together, err := merge(about, claims)
	if err != nil {
		return "", err
	}
	return i.jwts.Make(ctx, of.client, form, together)
}

// about are the claims about the person that belong into the ID token. The person is read only when there are any.
func (i *IDTokens) about(ctx context.Context, of made) (map[string]any, error) {
	asked, err := oauth.DecodeClaimsRequest(of.grant.Claims)
	if err != nil {
		return nil, err
	}
	var scopes []string
	if of.withScopes {
		scopes = of.grant.Scopes
	}
	if len(asked.IDToken) == 0 && len(scopes) == 0 {
		return nil, nil
	}
	if of.person == nil {
		if of.person, err = i.users.ByID(ctx, i.db, of.organization.ID, of.grant.UserID); err != nil {
			return nil, err
		}
	}
	return claimsAbout(of.organization, of.person, scopes, stillCovered(of.organization, of.client, asked.IDToken)), nil
}

// merge adds the token's own claims to those about the person; its own go before.
func merge(about map[string]any, own idTokenClaims) (map[string]any, error) {
	encoded, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage // as written: a number stays the number it is
	if err := json.Unmarshal(encoded, &members); err != nil {
		return nil, err
	}
	for name, member := range members {
		about[name] = member
	}
	return about, nil
}

// TokenHook adds the ID token to a response of the token endpoint when a person signed in and granted openid. The token
// of a refresh keeps iss, sub, aud and auth_time and has no nonce (OpenID Connect Core 1.0 §12.2).
func (i *IDTokens) TokenHook(ctx context.Context, issued *token.Issued, response *token.Response) (err error) {
	if issued.Grant == nil || issued.Grant.AuthenticatedAt.IsZero() || !slices.Contains(issued.Scopes, oauth.ScopeOpenID) {
		return nil
	}
	of := made{organization: issued.Organization, client: issued.Client, grant: issued.Grant, accessToken: response.AccessToken}
	if issued.Initial {
		of.nonce = issued.Grant.Nonce
	}
	if of.authReqID = issued.AuthReqID; of.authReqID != "" {
		of.refreshToken = response.RefreshToken
	}
	response.IDToken, err = i.make(ctx, of)
	return err
}

// AuthorizationHook adds the ID token to a response of the authorization endpoint whose response type asks for
// one (OpenID Connect Core 1.0 §3.2.2.5, §3.3.2.5). Only where no access token is ever issued does it tell what
// the scopes stand for (§5.4).
func (i *IDTokens) AuthorizationHook(ctx context.Context, issued *authorize.Issued, response *authorize.Response) (err error) {
	if !client.AsksFor(issued.ResponseType, client.IDTokenResponse) {
		return nil
	}
	response.IDToken, err = i.make(ctx, made{organization: issued.Organization, client: issued.Client, grant: issued.Grant, nonce: issued.Grant.Nonce,
		accessToken: response.AccessToken, code: response.Code, state: issued.State, person: issued.Live.User,
		withScopes: issued.ResponseType == client.IDTokenResponse})
	return err
}
