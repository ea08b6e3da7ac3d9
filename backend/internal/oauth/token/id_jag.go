package token

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
)

// The names of the draft.
const (
	typeIDJAG          = "oauth-id-jag+jwt"
	tokenTypeIDJAG     = "urn:ietf:params:oauth:token-type:id-jag"
	tokenTypeRefresh   = "urn:ietf:params:oauth:token-type:refresh_token"
	notApplicable      = "N_A" // RFC 8693 §2.2.1: what was issued is no access token
	identityLifetime   = 5 * time.Minute
	identityAlgorithm  = jose.ES256
	maximumIDResources = 20
)

// IdentityAssertions is the Identity Assertion JWT Authorization Grant (org.DraftIdentityAssertionGrant), in organizations
// that take part in this very draft: a client exchanges an ID token or refresh token for an assertion that another
// authorization server accepts, and presents here what others issued in this way. Left out: SAML, authorization_details
// (left out of what is granted, as §4.4.1 allows), actors, and issuers with several tenants. Departures: an assertion is
// good once. Everything that is particular to the draft is in this file.
type IdentityAssertions struct {
	IdentityAssertionDependencies
}

// IdentityAssertionDependencies are what it is made of.
type IdentityAssertionDependencies struct {
	Issuers  oauth.Issuers
	Keys     *key.Keys
	Hints    *oauth.IDTokenHints
	Subjects *oauth.Subjects
	Clients  *client.Clients
	Grants   *grant.Grants
	Store    *store.Store
	Audit    *audit.Log
	Now      func() time.Time
	Random   io.Reader
}

// NewIdentityAssertions makes both sides of the draft.
func NewIdentityAssertions(of IdentityAssertionDependencies) *IdentityAssertions {
	return &IdentityAssertions{of}
}

// Type implements AssertionKind.
func (*IdentityAssertions) Type() string { return typeIDJAG }

// Accepted implements AssertionKind.
func (*IdentityAssertions) Accepted(organization *org.Organization) bool {
	return organization.Policies.Follows(org.DraftIdentityAssertionGrant)
}

var (
	errNotItsClient = errors.New("token: the identity assertion was issued for another client")
	errNotJudged    = errors.New("token: the identity assertion lacks iat, or names a tenant or an actor")
)

// Judge implements AssertionKind (§4.4.1 of the draft).
func (*IdentityAssertions) Judge(request *Request, assertion *jose.Token) (Asserted, error) {
	var clientID, scope string
	for name, into := range map[string]*string{"client_id": &clientID, "scope": &scope} {
		if _, err := assertion.Claim(name, into); err != nil {
			return Asserted{}, errNotGood(err)
		}
	}
	if clientID != request.Client.ClientID {
		return Asserted{}, errNotGood(errNotItsClient)
	}
	// A subject is unique within its tenant only, and nothing here would tell who acts.
	claims := assertion.Claims()
	if assertion.IssuedAt.IsZero() || claims["tenant"] != nil || claims["aud_tenant"] != nil || claims["act"] != nil {
		return Asserted{}, errNotGood(errNotJudged)
	}
	asserted := Asserted{}
	if claims["scope"] != nil {
		scopes, err := oauth.ParseScope(scope)
		if err != nil {
			return Asserted{}, errNotGood(err)
		}
		asserted.Scopes = append([]string{}, scopes...)
	}
	if raw := claims["resource"]; raw != nil {
		var one string
		if json.Unmarshal(raw, &one) == nil {
			asserted.Resources = []string{one}
		} else if err := json.Unmarshal(raw, &asserted.Resources); err != nil || len(asserted.Resources) > maximumIDResources {
			return Asserted{}, errNotGood(jose.ErrClaims)
		}
	}
	return asserted, nil
}

// identityAssertion are the claims of an assertion (§3.1 of the draft).
type identityAssertion struct {
	Issuer        string              `json:"iss"`
	Subject       string              `json:"sub"`
	Audience      string              `json:"aud"`
	ClientID      string              `json:"client_id"`
	ID            string              `json:"jti"`
	Expiry        int64               `json:"exp"`
	IssuedAt      int64               `json:"iat"`
	Resource      []string            `json:"resource,omitempty"`
	Scope         string              `json:"scope,omitempty"`
	AuthTime      int64               `json:"auth_time"`
	ACR           string              `json:"acr,omitempty"`
	Methods       []string            `json:"amr,omitempty"`
	Email         string              `json:"email,omitempty"`
	EmailVerified bool                `json:"email_verified,omitempty"`
	Confirmation  *oauth.Confirmation `json:"cnf,omitempty"`
}

// asksForIdentity reports whether a token exchange asks for an identity assertion: its resources are another server's.
func asksForIdentity(request *Request) bool {
	return request.grant.Type() == client.TokenExchange && request.Parameters.Get("requested_token_type") == tokenTypeIDJAG
}

// issue answers a token exchange that asks for an assertion (§4.3 of the draft).
func (i *IdentityAssertions) issue(ctx context.Context, request *Request) (*Authorized, error) {
	parameters := request.Parameters
	if request.Client.Public() || !i.Accepted(request.Organization) {
		return nil, oauth.NewError(oauth.CodeUnauthorizedClient, "This client gets no identity assertions here.")
	}
	if parameters.Has("actor_token") || parameters.Has("actor_token_type") || parameters.Has("authorization_details") {
		return nil, oauth.InvalidRequest("An identity assertion says neither who acts nor what was allowed in detail.")
	}
	audience := parameters.All("audience")
	if len(audience) != 1 {
		return nil, oauth.InvalidRequest("The parameter audience names one authorization server.")
	}
	policy := request.Client.IdentityAssertionFor(request.Organization, audience[0])
	if policy == nil || i.Issuers.Means(request.Organization, policy.Audience, i.Now()) {
		return nil, oauth.InvalidTarget("This client gets no identity assertions for that authorization server.")
	}
	scopes, err := oauth.ParseScope(parameters.Get("scope"))
	if err != nil {
		return nil, err
	}
	if !oauth.WithinScopes(scopes, policy.Scopes) {
		return nil, oauth.NewError(oauth.CodeInvalidScope, "One of the scopes is not allowed at that authorization server.")
	}
	resources := request.Resources
	if slices.ContainsFunc(resources, func(resource string) bool { return !slices.Contains(policy.Resources, resource) }) {
		return nil, oauth.InvalidTarget("One of the resources is not allowed at that authorization server.")
	}
	if len(scopes) == 0 {
		scopes = policy.Scopes
	}
	if len(resources) == 0 {
		resources = policy.Resources
	}
	subject, err := i.subject(ctx, request)
	if err != nil {
		return nil, err
	}
	return i.sign(ctx, request, policy, subject, scopes, resources)
}

// subject is whom the subject token speaks of: an ID token that was issued to the client, or its refresh token.
func (i *IdentityAssertions) subject(ctx context.Context, request *Request) (subject *grant.Subject, err error) {
	presented, orgID, by := request.Parameters.Get("subject_token"), request.Organization.ID, request.Client
	notGood := oauth.InvalidGrant("The subject_token is not a good ID token or refresh token of this client.")
	switch request.Parameters.Get("subject_token_type") {
	case tokenTypeIDToken:
		_, subject, err = subjectOfIDToken(ctx, i.Hints, i.Grants, request)
		if err != nil {
			return nil, err
		}
	case tokenTypeRefresh:
		if subject, err = i.Grants.SubjectOfRefreshToken(ctx, orgID, by.ID, presented, request.Holders()); err != nil {
			return nil, err
		}
	default:
		return nil, oauth.InvalidRequest("The subject_token_type is that of an ID token or a refresh token.")
	}
	if subject == nil {
		return nil, notGood
	}
	return subject, nil
}

func (i *IdentityAssertions) sign(ctx context.Context, request *Request, policy *client.IdentityAssertionPolicy, subject *grant.Subject, scopes, resources []string) (*Authorized, error) {
	named, err := i.name(ctx, request, policy, subject)
	if err != nil {
		return nil, err
	}
	now := i.Now().Truncate(time.Second)
	claims := identityAssertion{Issuer: i.Issuers.URL(request.Organization), Subject: named, Audience: policy.Audience, ClientID: policy.ClientID, ID: secret.New(i.Random),
		Expiry: now.Add(identityLifetime).Unix(), IssuedAt: now.Unix(), Resource: resources, Scope: oauth.FormatScope(scopes), AuthTime: subject.AuthenticatedAt.Unix(),
		ACR: subject.ACR, Methods: subject.Methods}
	if policy.Email && subject.User.EmailVerified {
		claims.Email, claims.EmailVerified = subject.User.Email, true
	}
	if jkt := request.Confirmation.KeyThumbprint; jkt != "" {
		claims.Confirmation = &oauth.Confirmation{KeyThumbprint: jkt}
	}
	signer, err := i.Keys.Signer(ctx, request.Organization.ID, identityAlgorithm)
	if err != nil {
		return nil, err
	}
	signed, err := signer.Sign(ctx, typeIDJAG, claims)
	if err != nil {
		return nil, err
	}
	err = i.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return i.Audit.Record(ctx, tx, request.Organization.ID, audit.Event{Action: "identity_assertion.issued",
			Actor:   audit.Actor{Kind: audit.Client, ID: request.Client.ID.String(), Name: request.Client.Name},
			Target:  audit.Target{Kind: "user", ID: subject.User.ID.String()},
			Details: map[string]any{"audience": policy.Audience, "client_id": policy.ClientID, "scopes": scopes, "resources": resources, "jti": claims.ID}})
	})
	return &Authorized{Answer: &Response{AccessToken: signed, TokenType: notApplicable, IssuedType: tokenTypeIDJAG, ExpiresIn: int64(identityLifetime / time.Second), Scope: claims.Scope}}, err
}

// name is the identifier by which the other server knows the person (§3.1 and §7 of the draft).
func (i *IdentityAssertions) name(ctx context.Context, request *Request, policy *client.IdentityAssertionPolicy, subject *grant.Subject) (string, error) {
	if policy.RelyingParty == "" {
		return subject.User.ID.String(), nil
	}
	party, err := i.Clients.ByClientID(ctx, request.Organization.ID, policy.RelyingParty)
	if errors.Is(err, client.ErrNotFound) || err == nil && party.Status != client.Active {
		return "", oauth.InvalidTarget("The other authorization server is no client here any more.")
	}
	if err != nil {
		return "", err
	}
	return i.Subjects.Of(ctx, party, subject.User.ID)
}
