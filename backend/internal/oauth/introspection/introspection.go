// Package introspection is the introspection endpoint, RFC 7662 (October 2015), for access tokens and
// refresh tokens, with the answer as a JWT for whoever wants that (RFC 9701, January 2025). Only confidential clients
// may ask, and only about tokens that were issued to them or whose audience is a resource server that they answer for:
// about every other token, of another client or organization, expired, revoked or invented, the answer is
// {"active":false}.
package introspection

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// scopeProfile is the scope by which a client may know how a person is called (OpenID Connect Core 1.0 §5.4); without
// it, a username would tell clients of different sectors that their person is the same.
const scopeProfile = "profile"

// Request is a request to the introspection endpoint. Client is set by the check client_authentication.
type Request struct {
	Organization *org.Organization
	Parameters   oauth.Parameters
	Credentials  oauth.ClientCredentials
	Client       *client.Client
}

// Response is the answer (RFC 7662 §2.2).
type Response struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"` // of access tokens only (RFC 6749 §5.1)
	Expiry    int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	ACR       string   `json:"acr,omitempty"`       // RFC 9470 §6.2
	AuthTime  int64    `json:"auth_time,omitempty"` // RFC 9470 §6.2

	Confirmation         *oauth.Confirmation `json:"cnf,omitempty"`                   // RFC 8705 §3.2, RFC 9449 §6.2
	AuthorizationDetails json.RawMessage     `json:"authorization_details,omitempty"` // RFC 9396 §9.2
	Actor                json.RawMessage     `json:"act,omitempty"`                   // RFC 8693 §4.1
}

// Endpoint is the introspection endpoint of all organizations. It is safe for concurrent use.
type Endpoint struct {
	checks  oauth.Table[Request]
	tokens  *oauth.AccessTokens
	live    *oauth.LiveTokens
	grants  *grant.Grants
	issuers oauth.Issuers

	subjects *oauth.Subjects
	targets  *oauth.Targets
	jwts     *oauth.ClientJWTs
	now      func() time.Time
}

// MediaType is that of an answer as a JWT (RFC 9701 §4).
const MediaType = "application/token-introspection+jwt"

// signedResponse is an answer as a JWT (RFC 9701 §5). What is said of the token stands apart, so that nobody takes the
// answer for the token.
type signedResponse struct {
	Issuer             string    `json:"iss"`
	Audience           string    `json:"aud"`
	IssuedAt           int64     `json:"iat"`
	TokenIntrospection *Response `json:"token_introspection"`
}

// NewEndpoint makes the endpoint.
func NewEndpoint(authentication *oauth.ClientAuthentication, tokens *oauth.AccessTokens, live *oauth.LiveTokens, grants *grant.Grants, subjects *oauth.Subjects, targets *oauth.Targets, jwts *oauth.ClientJWTs, issuers oauth.Issuers, now func() time.Time) *Endpoint {
	return &Endpoint{tokens: tokens, live: live, grants: grants, subjects: subjects, targets: targets, jwts: jwts, issuers: issuers, now: now, checks: oauth.Table[Request]{
		{Name: "client_authentication", Clause: "RFC 7662 §2.1", Do: func(ctx context.Context, r *Request) (err error) {
			r.Client, err = authentication.Authenticate(ctx, r.Organization, r.Credentials)
			return err
		}},
		{Name: "client_confidential", Clause: "RFC 7662 §4", Do: func(_ context.Context, r *Request) error {
			if r.Client.Public() {
				return oauth.NewError(oauth.CodeUnauthorizedClient, "Only clients that can keep a secret may ask about tokens.")
			}
			return nil
		}},
		{Name: "token_present", Clause: "RFC 7662 §2.1", Do: func(_ context.Context, r *Request) error {
			if !r.Parameters.Has("token") {
				return oauth.InvalidRequest("The parameter 'token' is missing.")
			}
			return nil
		}},
	}}
}

// Introspect answers a request in at most one database round trip when the caches are warm. The kind of
// token shows in its form, so token_type_hint is not needed.
func (e *Endpoint) Introspect(ctx context.Context, request *Request) (*Response, error) {
	if err := e.checks.Run(ctx, request); err != nil {
		return nil, err
	}
	if presented := request.Parameters.Get("token"); oauth.IsAccessToken(presented) {
		return e.accessToken(ctx, request, presented)
	}
	return e.refreshToken(ctx, request)
}

func (e *Endpoint) accessToken(ctx context.Context, request *Request, presented string) (*Response, error) {
	inactive := &Response{}
	token, err := e.tokens.Verify(ctx, request.Organization, presented, "")
	var refused *oauth.Error
	if errors.As(err, &refused) {
		return inactive, nil
	}
	if err != nil {
		return nil, err
	}
	target, own := oauth.Target{Audience: token.Audience}, token.ClientID == request.Client.ClientID
	if !own {
		if target, err = e.targets.AskedAbout(ctx, request.Organization, request.Client, token.Audience); err != nil {
			return nil, err
		}
		if len(target.Audience) == 0 {
			return inactive, nil
		}
	}
	live, err := e.live.Find(ctx, request.Organization, token)
	if errors.As(err, &refused) {
		return inactive, nil
	}
	if err != nil {
		return nil, err
	}
	details, err := oauth.DecodeDetails(token.Details)
	if err != nil {
		return nil, err
	}
	if !own {
		details = details.At(target.Audience)
	}
	answer := &Response{Active: true, Scope: oauth.FormatScope(target.Scopes(token.Scopes)), ClientID: token.ClientID, TokenType: token.Confirmation.TokenType(),
		Expiry: token.ExpiresAt.Unix(), IssuedAt: token.IssuedAt.Unix(), Subject: token.Subject, Audience: target.Audience, Issuer: token.Issuer, ID: token.ID, Actor: token.Actor}
	if token.Confirmation.Bound() {
		answer.Confirmation = &token.Confirmation
	}
	if !token.AuthenticatedAt.IsZero() {
		answer.ACR, answer.AuthTime = token.ACR, token.AuthenticatedAt.Unix()
	}
	if answer.AuthorizationDetails, err = details.Encode(); err != nil {
		return nil, err
	}
	if own && live.User != nil && slices.Contains(token.Scopes, scopeProfile) {
		answer.Username = live.User.Username
	}
	return answer, nil
}

// Sign makes a JWT of an answer, in the form that the asking client registered (RFC 9701 §5, §6).
func (e *Endpoint) Sign(ctx context.Context, request *Request, response *Response) (string, error) {
	metadata := &request.Client.Metadata
	form := oauth.JWTForm{Type: "token-introspection+jwt", Signing: request.Client.IntrospectionSigning(), Encryption: metadata.IntrospectionEncryptedResponseAlg,
		Content: metadata.IntrospectionEncryptedResponseEnc}
	return e.jwts.Make(ctx, request.Client, form, signedResponse{Issuer: e.issuers.URL(request.Organization), Audience: request.Client.ClientID,
		IssuedAt: e.now().Unix(), TokenIntrospection: response})
}

func (e *Endpoint) refreshToken(ctx context.Context, request *Request) (*Response, error) {
	state, err := e.grants.RefreshTokenState(ctx, request.Organization.ID, request.Parameters.Get("token"))
	if err != nil || !state.Alive || state.ClientID != request.Client.ID {
		return &Response{}, err
	}
	answer := &Response{Active: true, Scope: oauth.FormatScope(state.Scopes), ClientID: request.Client.ClientID,
		Expiry: state.ExpiresAt.Unix(), IssuedAt: state.IssuedAt.Unix(), Issuer: e.issuers.URL(request.Organization)}
	if slices.Contains(state.Scopes, scopeProfile) {
		answer.Username = state.Username
	}
	answer.Subject, err = e.subjects.Of(ctx, request.Client, state.UserID)
	return answer, err
}
