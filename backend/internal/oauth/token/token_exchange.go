package token

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/store"
)

// The token types of RFC 8693 §3 that are known here. Our access tokens are JWTs, so both names mean one thing.
const (
	TypeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT          = "urn:ietf:params:oauth:token-type:jwt"
	tokenTypeIDToken = "urn:ietf:params:oauth:token-type:id_token"
)

// maximumActors is how many may stand behind each other in act.
const maximumActors = 5

// TokenExchange is the grant type urn:ietf:params:oauth:grant-type:token-exchange (RFC 8693, January 2020): a service
// that was called with an access token of a person gets one for the service that it calls itself, and an application
// that signed a person in gets one for its own ID token. What it may exchange for what, an administrator wrote down
// (client.TokenExchangePolicy). The new token has no more scopes, lives no longer, and dies with the grant that the old
// one was made from.
//
// Left out: refresh tokens, SAML assertions, tokens of other issuers, and tokens that are bound to another sender than
// the one who presents them. Admin API scopes are never handed on.
type TokenExchange struct {
	TokenExchangeDependencies
}

// TokenExchangeDependencies are what the grant type is made of.
type TokenExchangeDependencies struct {
	Tokens     *oauth.AccessTokens
	Live       *oauth.LiveTokens
	Hints      *oauth.IDTokenHints
	Subjects   *oauth.Subjects
	Grants     *grant.Grants
	Issuers    oauth.Issuers
	Store      *store.Store
	Audit      *audit.Log
	Now        func() time.Time
	Identities *IdentityAssertions
}

// NewTokenExchange makes the grant type.
func NewTokenExchange(of TokenExchangeDependencies) *TokenExchange { return &TokenExchange{of} }

// Exchanged is what a new token takes over from the one that it was exchanged for.
type Exchanged struct {
	subject     string
	userID      uuid.UUID
	from        *oauth.AccessToken
	grantClient string
	audience    []string
	lifetime    time.Duration // at most
	actor       json.RawMessage
}

func (x *Exchanged) describe(spec *oauth.AccessTokenSpec) {
	spec.Subject, spec.UserID, spec.GrantID, spec.GrantClient, spec.Audience, spec.Actor = x.subject, x.userID, x.from.GrantID, x.grantClient, x.audience, x.actor
	spec.AuthenticatedAt, spec.Methods, spec.ACR = x.from.AuthenticatedAt, x.from.Methods, x.from.ACR
	spec.Lifetime = min(spec.Lifetime, x.lifetime)
}

// presented is a token that was verified, with what stands behind it.
type presented struct {
	*oauth.AccessToken
	live *oauth.LiveToken
}

// Type implements Grant.
func (*TokenExchange) Type() string { return client.TokenExchange }

// Authorize judges both tokens and what is asked for (RFC 8693 §2.1, §2.2.2).
func (x *TokenExchange) Authorize(ctx context.Context, request *Request) (*Authorized, error) {
	if asksForIdentity(request) {
		return x.Identities.issue(ctx, request)
	}
	policy := request.Client.Metadata.TokenExchange
	if policy == nil || request.Client.Public() {
		return nil, oauth.NewError(oauth.CodeUnauthorizedClient, "Nobody has said yet which tokens this client may exchange.")
	}
	if asked := request.Parameters.Get("requested_token_type"); asked != "" && asked != TypeAccessToken && asked != typeJWT {
		return nil, oauth.InvalidRequest("The requested_token_type must be that of an access token.")
	}
	if request.Parameters.Has("authorization_details") {
		return nil, oauth.NewError(oauth.CodeInvalidAuthorizationDetails, "What a person allowed in detail is not handed on to others.")
	}
	subject, err := x.subject(ctx, request)
	if err != nil {
		return nil, err
	}
	meantFor := append(append(x.Issuers.Names(request.Organization, x.Now()), request.Client.ClientID), policy.SubjectAudiences...)
	switch {
	case subject.live.User == nil:
		return nil, oauth.InvalidRequest("The subject_token speaks of no person.")
	case !slices.Contains(policy.SubjectClients, subject.ClientID):
		return nil, oauth.InvalidRequest("This client may not exchange tokens of the client that the subject_token was issued to.")
	case !slices.ContainsFunc(subject.Audience, func(audience string) bool { return slices.Contains(meantFor, audience) }):
		return nil, oauth.InvalidRequest("The subject_token is meant neither for this issuer nor for this client.")
	}
	found := &Exchanged{userID: subject.live.User.ID, from: subject.AccessToken, grantClient: subject.grantClient(request.Client), lifetime: subject.ExpiresAt.Sub(x.Now()).Truncate(time.Second)}
	if found.lifetime <= 0 {
		return nil, oauth.InvalidRequest("The subject_token is about to expire.")
	}
	if found.audience, err = x.audience(request, policy); err != nil {
		return nil, err
	}
	scopes, err := exchangedScopes(request, subject)
	if err != nil {
		return nil, err
	}
	if found.actor, err = x.actor(ctx, request, policy, subject); err != nil {
		return nil, err
	}
	if found.subject, err = x.Subjects.Of(ctx, request.Client, subject.live.User.ID); err != nil {
		return nil, err
	}
	return &Authorized{Scopes: scopes, Exchanged: found}, x.record(ctx, request, subject, found, scopes)
}

// subject is the token that is exchanged: an access token, or an ID token of the client itself. Of an ID token the new
// one has what the client was granted in that session (RFC 8693 §2.1: the subject token need not be an access token).
func (x *TokenExchange) subject(ctx context.Context, request *Request) (*presented, error) {
	if request.Parameters.Get("subject_token_type") != tokenTypeIDToken {
		return x.token(ctx, request, "subject_token")
	}
	token, found, err := subjectOfIDToken(ctx, x.Hints, x.Grants, request)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, oauth.InvalidRequest("The subject_token is not a good ID token of this client, or its session has ended.")
	}
	return &presented{live: &oauth.LiveToken{Client: request.Client, User: found.User}, AccessToken: &oauth.AccessToken{Issuer: x.Issuers.URL(request.Organization), Subject: token.Subject,
		ClientID: token.ClientID, Audience: []string{token.ClientID}, IssuedAt: token.IssuedAt, ExpiresAt: token.ExpiresAt, Scopes: found.Scopes, GrantID: found.GrantID,
		AuthenticatedAt: found.AuthenticatedAt, Methods: found.Methods, ACR: found.ACR}}, nil
}

// subjectOfIDToken is whom an ID token that the request presents speaks of: one that was issued to the client, by a key
// that only the organization has, and that has not expired, while its session goes on. nil when it is not.
func subjectOfIDToken(ctx context.Context, hints *oauth.IDTokenHints, grants *grant.Grants, request *Request) (*oauth.IDTokenHint, *grant.Subject, error) {
	var refused *oauth.Error
	token, err := hints.Fresh(ctx, request.Organization, request.Parameters.Get("subject_token"))
	if errors.As(err, &refused) || err == nil && token.ClientID != request.Client.ClientID {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	subject, err := grants.SubjectOfIDToken(ctx, request.Organization.ID, request.Client.ID, token.SessionID, token.UserID)
	return token, subject, err
}

// token verifies a token that the request presents: its type, signature, organization and times, that nothing it was
// made from was revoked, and that everybody who holds it may use it.
func (x *TokenExchange) token(ctx context.Context, request *Request, name string) (*presented, error) {
	invalid := oauth.InvalidRequest("The " + name + " is not a good access token of this organization, or is bound to a sender that did not prove itself.")
	text := request.Parameters.Get(name)
	if kind := request.Parameters.Get(name + "_type"); text == "" || kind != TypeAccessToken && kind != typeJWT {
		return nil, oauth.InvalidRequest("The parameters " + name + " and " + name + "_type present an access token, subject_token also an ID token.")
	}
	var refused *oauth.Error
	verified, err := x.Tokens.Verify(ctx, request.Organization, text, "")
	if errors.As(err, &refused) {
		return nil, invalid.WithCause(err)
	}
	if err != nil {
		return nil, err
	}
	found := &presented{AccessToken: verified}
	if verified.Confirmation.Bound() && verified.Confirmation != request.Confirmation {
		return nil, invalid
	}
	if found.live, err = x.Live.Find(ctx, request.Organization, verified); errors.As(err, &refused) {
		return nil, invalid.WithCause(err)
	}
	return found, err
}

// grantClient is whose grant a token lives from, as the exchanged token names it.
func (p *presented) grantClient(exchanging *client.Client) string {
	holder := p.GrantClient
	if holder == "" {
		holder = p.ClientID
	}
	if holder == exchanging.ClientID {
		return ""
	}
	return holder
}

// audience is for whom the new token will be: what the request names, or the only one that the policy knows.
func (x *TokenExchange) audience(request *Request, policy *client.TokenExchangePolicy) ([]string, error) {
	resources := request.Parameters.All("resource")
	for _, resource := range resources {
		parsed, err := url.Parse(resource)
		if err != nil || !parsed.IsAbs() || parsed.Fragment != "" || strings.HasSuffix(resource, "#") {
			return nil, oauth.NewError(oauth.CodeInvalidTarget, "A resource is an absolute address without a fragment.")
		}
	}
	wanted := slices.Concat(request.Parameters.All("audience"), resources)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	if len(wanted) == 0 {
		if len(policy.Audiences) != 1 {
			return nil, oauth.NewError(oauth.CodeInvalidTarget, "Name the audience or the resource that the token is for.")
		}
		wanted = policy.Audiences
	}
	for _, name := range wanted {
		if !slices.Contains(policy.Audiences, name) || name == x.Issuers.AdminAudience() {
			return nil, oauth.NewError(oauth.CodeInvalidTarget, "This client may not get tokens for one of the targets.")
		}
	}
	return wanted, nil
}

// exchangedScopes never widen: what the old token has, and the client registered. Access while the person is away is
// the grant's own, and the Admin API is for who signed in to it.
func exchangedScopes(request *Request, subject *presented) ([]string, error) {
	held := slices.DeleteFunc(slices.Clone(subject.Scopes), func(scope string) bool {
		return !slices.Contains(request.Client.Scopes, scope) || scope == oauth.ScopeOfflineAccess || oauth.IsAdminScope(scope)
	})
	if !request.Parameters.Has("scope") {
		return held, nil
	}
	wanted, err := oauth.ParseScope(request.Parameters.Get("scope"))
	if err == nil && !oauth.WithinScopes(wanted, held) {
		err = oauth.NewError(oauth.CodeInvalidScope, "The subject_token or the client does not have one of the scopes.")
	}
	return wanted, err
}

// act is who acts for the subject, and for whom they did before (RFC 8693 §4.1).
type act struct {
	Subject  string          `json:"sub"`
	ClientID string          `json:"client_id,omitempty"`
	Before   json.RawMessage `json:"act,omitempty"`
}

// actor is the claim act of the new token. Without an actor_token it is what the old one has: the client gets the
// person's token for itself, and nobody who acted before is forgotten.
func (x *TokenExchange) actor(ctx context.Context, request *Request, policy *client.TokenExchangePolicy, subject *presented) (json.RawMessage, error) {
	if !request.Parameters.Has("actor_token") {
		switch {
		case request.Parameters.Has("actor_token_type"):
			return nil, oauth.InvalidRequest("There is an actor_token_type without an actor_token.")
		case len(subject.MayAct) > 0:
			return nil, oauth.InvalidRequest("The subject_token says who may act for its subject: present an actor_token of theirs.")
		}
		return subject.Actor, nil
	}
	if !policy.Delegation {
		return nil, oauth.InvalidRequest("This client may not act in its own name for others: leave out the actor_token.")
	}
	actor, err := x.token(ctx, request, "actor_token")
	if err != nil {
		return nil, err
	}
	if actor.ClientID != request.Client.ClientID {
		return nil, oauth.InvalidRequest("The actor_token was issued to another client.")
	}
	if !mayAct(subject.MayAct, actor) {
		return nil, oauth.InvalidRequest("The subject_token does not name this actor in may_act.")
	}
	if actors(subject.Actor) >= maximumActors {
		return nil, oauth.InvalidRequest("Too many have acted for the subject already.")
	}
	return json.Marshal(act{Subject: actor.Subject, ClientID: actor.ClientID, Before: subject.Actor})
}

// mayAct reports whether the claim, if there is one, names the actor by every member that it has.
func mayAct(claim json.RawMessage, actor *presented) bool {
	if len(claim) == 0 {
		return true
	}
	var named map[string]string
	if err := json.Unmarshal(claim, &named); err != nil || len(named) == 0 {
		return false
	}
	of := map[string]string{"sub": actor.Subject, "client_id": actor.ClientID, "iss": actor.Issuer}
	for name, value := range named {
		if of[name] != value {
			return false
		}
	}
	return true
}

// actors counts those in a claim act.
func actors(claim json.RawMessage) (count int) {
	for len(claim) > 0 {
		var one act
		if json.Unmarshal(claim, &one) != nil {
			return maximumActors
		}
		claim, count = one.Before, count+1
	}
	return count
}

func (x *TokenExchange) record(ctx context.Context, request *Request, subject *presented, found *Exchanged, scopes []string) error {
	details := map[string]any{"user_id": subject.live.User.ID, "subject_client": subject.ClientID, "audience": found.audience, "scopes": scopes, "delegated": len(found.actor) > 0}
	if subject.GrantID != uuid.Nil {
		details["grant_id"] = subject.GrantID
	}
	return x.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return x.Audit.Record(ctx, tx, request.Organization.ID, audit.Event{Action: "token.exchanged",
			Actor:  audit.Actor{Kind: audit.Client, ID: request.Client.ID.String(), Name: request.Client.Name},
			Target: audit.Target{Kind: "client", ID: subject.live.Client.ID.String()}, Details: details})
	})
}
