// Package token is the token endpoint: OAuth 2.1 §3.2 and RFC 6749 §3.2, §4.1.3, §4.4, §6, with PKCE
// (RFC 7636, S256 only). Each grant type is one file and one implementation of Grant; other packages
// add theirs, and hooks that complete the response (OpenID Connect's ID token). Left out: the password
// grant, which OAuth 2.1 removed; implicit tokens are package authorize's.
package token

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// Request is a request to the token endpoint. Client is set by the check client_authentication, Confirmation by the
// check sender_constraint.
type Request struct {
	Organization *org.Organization
	Parameters   oauth.Parameters
	Credentials  oauth.ClientCredentials
	Sender       oauth.Sender
	Client       *client.Client
	Details      oauth.Details      // asked for, judged; empty: those that were granted (RFC 9396 §6)
	Resources    []string           // asked for, judged; empty: those that were granted (RFC 8707 §2.2)
	Confirmation oauth.Confirmation // what the tokens will be bound to; set by the check sender_constraint
	Instance     string             // thumbprint of the key of the attested instance; set with Client, "" when there is none

	grant Grant
}

// Authorized is what a grant type found: for whom and what tokens may be made.
type Authorized struct {
	Scopes       []string     // of the new access token
	Grant        *grant.Grant // nil for a client's own token
	RefreshToken string       // "" when there is none
	Initial      bool         // the first tokens of the grant: the ID token repeats the nonce
	Audience     []string     // the resource servers that an access token may be for; empty: the issuer
	Exchanged    *Exchanged   // set instead of Grant when a token was exchanged for this one
	Answer       *Response    // set instead of all the others when no access token comes of it
	AuthReqID    string       // of tokens that are pushed to their client (CIBA Core 1.0 §10.3.1); "" for others
}

// Grant is a grant type. Authorize runs after the client authenticated and was found to have registered
// the type; whatever it consumes (a code, a refresh token) it consumes atomically.
type Grant interface {
	Type() string
	Authorize(ctx context.Context, request *Request) (*Authorized, error)
}

// Issued is what a response hook sees.
type Issued struct {
	Organization *org.Organization
	Client       *client.Client
	GrantType    string
	Authorized
	AccessToken oauth.AccessToken
}

// ResponseHook completes a response before it is sent. An error fails the whole request.
type ResponseHook func(ctx context.Context, issued *Issued, response *Response) error

// Response is the successful answer (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3).
type Response struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	IssuedType   string `json:"issued_token_type,omitempty"` // RFC 8693 §2.2.1
	ExpiresIn    int64  `json:"expires_in"`                  // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	IDToken      string `json:"id_token,omitempty"`

	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"` // RFC 9396 §7
}

// Dependencies are what the endpoint is made of.
type Dependencies struct {
	Authentication *oauth.ClientAuthentication
	Senders        *oauth.SenderConstraint
	Tokens         *oauth.AccessTokens
	Subjects       *oauth.Subjects
	JWTs           *oauth.ClientJWTs
	Targets        *oauth.Targets
	Grants         []Grant
	Hooks          []ResponseHook // complete every response, in order
}

// Endpoint is the token endpoint of all organizations. It is safe for concurrent use.
type Endpoint struct {
	Dependencies
	checks oauth.Table[Request]
	byType map[string]Grant
}

// NewEndpoint makes the endpoint.
func NewEndpoint(of Dependencies) *Endpoint {
	byType := make(map[string]Grant, len(of.Grants))
	for _, g := range of.Grants {
		if byType[g.Type()] != nil {
			panic(fmt.Sprintf("token: the grant type %s is registered twice", g.Type()))
		}
		byType[g.Type()] = g
	}
	return &Endpoint{Dependencies: of, checks: of.checks(byType), byType: byType}
}

// checks is the table of the endpoint.
func (of Dependencies) checks(grants map[string]Grant) oauth.Table[Request] {
	return oauth.Table[Request]{
		{Name: "grant_type_present", Clause: "RFC 6749 §4.1.3", Do: func(_ context.Context, r *Request) error {
			if !r.Parameters.Has("grant_type") {
				return oauth.InvalidRequest("The parameter 'grant_type' is missing.")
			}
			return nil
		}},
		{Name: "client_authentication", Clause: "RFC 6749 §3.2.1", Do: func(ctx context.Context, r *Request) (err error) {
			r.Client, r.Instance, err = of.Authentication.AuthenticateInstance(ctx, r.Organization, r.Credentials)
			return err
		}},
		{Name: "grant_type_supported", Clause: "RFC 6749 §5.2", Do: func(_ context.Context, r *Request) error {
			if r.grant = grants[r.Parameters.Get("grant_type")]; r.grant == nil {
				return oauth.NewError(oauth.CodeUnsupportedGrantType, "This grant type is not supported.")
			}
			return nil
		}},
		{Name: "grant_type_registered", Clause: "RFC 7591 §2", Do: func(_ context.Context, r *Request) error {
			if !r.Client.MayUse(r.grant.Type()) {
				return oauth.NewError(oauth.CodeUnauthorizedClient, "The client did not register the grant type '"+r.grant.Type()+"'.")
			}
			return nil
		}},
		{Name: "authorization_details", Clause: "RFC 9396 §6", Do: func(_ context.Context, r *Request) (err error) {
			r.Details, err = oauth.ParseDetails(r.Organization, r.Client, r.Parameters.Get("authorization_details"))
			return err
		}},
		{Name: "resource", Clause: "RFC 8707 §2.2", Do: func(ctx context.Context, r *Request) error {
			r.Resources = r.Parameters.All("resource")
			if asksForIdentity(r) {
				return nil
			}
			_, err := of.Targets.Of(ctx, r.Organization, r.Client, r.Resources)
			return err
		}},
		// Last: a proof is used up by it.
		{Name: "sender_constraint", Clause: "RFC 9449 §5, RFC 8705 §3", Do: func(ctx context.Context, r *Request) (err error) {
			r.Confirmation, err = of.Senders.Bind(ctx, r.Organization, r.Client, r.Sender)
			return err
		}},
	}
}

// Issue answers a request to the token endpoint.
func (e *Endpoint) Issue(ctx context.Context, request *Request) (*Response, error) {
	if err := e.checks.Run(ctx, request); err != nil {
		return nil, err
	}
	if err := e.ensureKeys(ctx, request); err != nil {
		return nil, err
	}
	authorized, err := request.grant.Authorize(ctx, request)
	if err != nil {
		return nil, err
	}
	if authorized.Answer != nil {
		return authorized.Answer, nil
	}
	return e.respond(ctx, request, authorized)
}

// Deliver makes the response for a client that is sent its tokens instead of asking for them (CIBA Core 1.0 §10.3.1). They
// are bound to no sender.
func (e *Endpoint) Deliver(ctx context.Context, organization *org.Organization, to *client.Client, grantType string, authorized *Authorized) (*Response, error) {
	request := &Request{Organization: organization, Client: to, grant: e.byType[grantType]}
	if err := e.ensureKeys(ctx, request); err != nil {
		return nil, err
	}
	return e.respond(ctx, request, authorized)
}

// ensureKeys has the keys of the response at hand before a code or refresh token is consumed: whatever fails
// afterwards would cost the client its grant.
func (e *Endpoint) ensureKeys(ctx context.Context, request *Request) error {
	if err := e.Tokens.Prepare(ctx, request.Organization); err != nil {
		return err
	}
	switch request.grant.Type() {
	case client.ClientCredentials, client.TokenExchange, client.JWTBearer: // no ID token comes of these
		return nil
	}
	return e.JWTs.Prepare(ctx, request.Client, oauth.IDTokenForm(request.Client, oauth.IDTokenType))
}

func (e *Endpoint) respond(ctx context.Context, request *Request, authorized *Authorized) (*Response, error) {
	target, err := e.targetOf(ctx, request, authorized)
	if err != nil {
		return nil, err
	}
	details, err := detailsOf(request, authorized.Grant, target)
	if err != nil {
		return nil, err
	}
	spec := oauth.AccessTokenSpec{Details: details, Subject: request.Client.ClientID, ClientID: request.Client.ClientID, Scopes: target.Scopes(authorized.Scopes),
		Audience: target.Audience, Lifetime: target.Lifetime(oauth.AccessTokenLifetime(request.Organization, request.Client)), Confirmation: request.Confirmation,
		Policy: oauth.TokenPolicyOf(request.Organization, request.Client)}
	if g := authorized.Grant; g != nil {
		subject, err := e.Subjects.Of(ctx, request.Client, g.UserID)
		if err != nil {
			return nil, err
		}
		spec.Subject = subject
		if spec.Session, err = e.Subjects.Session(ctx, request.Client, g.SessionID); err != nil {
			return nil, err
		}
		spec.UserID, spec.GrantID, spec.AuthenticatedAt, spec.Methods, spec.ACR = g.UserID, g.ID, g.AuthenticatedAt, g.Methods, g.ACR
	}
	if authorized.Exchanged != nil {
		authorized.Exchanged.describe(&spec)
	}
	signed, accessToken, err := e.Tokens.Mint(ctx, request.Organization, spec)
	if err != nil {
		return nil, err
	}
	response := &Response{AccessToken: signed, TokenType: request.Confirmation.TokenType(), ExpiresIn: int64(accessToken.Lifetime() / time.Second),
		RefreshToken: authorized.RefreshToken, Scope: oauth.FormatScope(spec.Scopes), AuthorizationDetails: details}
	if authorized.Exchanged != nil {
		response.IssuedType = TypeAccessToken
	}
	issued := &Issued{Organization: request.Organization, Client: request.Client, GrantType: request.grant.Type(), Authorized: *authorized, AccessToken: accessToken}
	for _, hook := range e.Hooks {
		if err := hook(ctx, issued, response); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// targetOf are the resource servers that the new access token is for.
func (e *Endpoint) targetOf(ctx context.Context, request *Request, authorized *Authorized) (oauth.Target, error) {
	if authorized.Exchanged != nil {
		return e.Targets.Named(ctx, request.Organization, authorized.Exchanged.audience)
	}
	audience := authorized.Audience
	if len(request.Resources) > 0 {
		if g := authorized.Grant; g != nil { // whoever can asked before consuming anything
			if err := oauth.WithinAudience(request.Resources, g.Audience); err != nil {
				return oauth.Target{}, err
			}
		}
		audience = request.Resources
	}
	return e.Targets.Held(ctx, request.Organization, request.Client, audience)
}

// detailsOf are the authorization details of the new access token: those that are asked for, otherwise all that were
// granted, as far as their types are still registered and they are meant for the token's resource servers.
func detailsOf(request *Request, g *grant.Grant, target oauth.Target) (json.RawMessage, error) {
	details := request.Details
	if g != nil {
		granted, err := oauth.DecodeDetails(g.Details)
		if err != nil {
			return nil, err
		}
		if err := details.Within(granted); err != nil {
			return nil, err
		}
		if len(details) == 0 {
			details = granted
		}
	}
	return target.Details(details.Held(request.Organization, request.Client)).Encode()
}

// narrowed refuses resources and details that were not granted, before anything is consumed.
func (r *Request) narrowed(granted func() (grant.Granted, error)) error {
	if len(r.Resources) == 0 && len(r.Details) == 0 {
		return nil
	}
	whole, err := granted()
	if err != nil {
		return err
	}
	if err := oauth.WithinAudience(r.Resources, whole.Audience); err != nil {
		return err
	}
	details, err := oauth.DecodeDetails(whole.Details)
	if err != nil {
		return err
	}
	return r.Details.Within(details)
}

// OfPerson is what a grant of a person authorizes: no scope that was taken from the client since.
func OfPerson(by *client.Client, g *grant.Grant, scopes []string, refreshToken string, initial bool) *Authorized {
	held := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return !slices.Contains(by.Scopes, scope) })
	return &Authorized{Scopes: held, Grant: g, RefreshToken: refreshToken, Initial: initial, Audience: g.Audience}
}
