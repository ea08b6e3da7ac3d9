package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
)

// AccessTokenType is the "typ" of access tokens (RFC 9068 §2.1). Everything that takes an access token
// refuses any other, so an ID token is never one.
const AccessTokenType = "at+jwt"

// AccessTokenAlgorithm signs every access token: resource servers read alg from the JWK set, nobody
// negotiates it, and ES256 is the cheapest to sign.
const AccessTokenAlgorithm = jose.ES256

// leeway is by how much the clocks of replicas may differ.
const leeway = 5 * time.Second

// AccessTokenSpec says what an access token shall contain.
type AccessTokenSpec struct {
	Subject         string // the person's identifier towards the client (Subjects), or the client_id for a client's own token
	ClientID        string
	Scopes          []string
	Lifetime        time.Duration
	Audience        []string  // nil: the issuer, and the Admin API when an admin:* scope is among the scopes
	GrantID         uuid.UUID // uuid.Nil for a client's own token
	Session         string    // sid as the client knows it (Subjects.Session), "" when there is none
	AuthenticatedAt time.Time // zero for a client's own token
	Methods         []string  // amr
	ACR             string
	Confirmation    Confirmation    // what the sender will have to prove
	Details         json.RawMessage // authorization_details (RFC 9396 §9.1), nil when there are none
	Actor           json.RawMessage // act: who acts for the subject (RFC 8693 §4.1); nil when nobody does
	GrantClient     string          // client_id of the grant's client, when the token was exchanged by another one; else ""
	Policy          org.TokenPolicy // TokenPolicyOf the client
	UserID          uuid.UUID       // the person, whose claims the policy may want; uuid.Nil for a client's own token
}

// AccessToken is what a verified access token says. It says nothing about whether the token or its grant
// was revoked: see grant.Grants.State and TokenRevoked.
type AccessToken struct {
	ID              string // jti
	Issuer          string
	Subject         string
	ClientID        string
	Scopes          []string
	Audience        []string
	IssuedAt        time.Time
	ExpiresAt       time.Time
	GrantID         uuid.UUID
	Session         string // sid
	AuthenticatedAt time.Time
	Methods         []string
	ACR             string
	Confirmation    Confirmation
	Details         json.RawMessage
	Actor           json.RawMessage
	MayAct          json.RawMessage // may_act: who may act for the subject (RFC 8693 §4.4); nil when it says nothing
	GrantClient     string
}

// Lifetime is how long the token lives after it was issued.
func (t *AccessToken) Lifetime() time.Duration { return t.ExpiresAt.Sub(t.IssuedAt) }

// AccessTokens mints and verifies access tokens: in the JWT profile of RFC 9068, or sealed where a policy wants them
// opaque. It is safe for concurrent use.
type AccessTokens struct {
	issuers Issuers
	keys    *key.Keys
	ring    *seal.Ring
	claims  PersonClaims
	now     func() time.Time
	random  io.Reader
}

// NewAccessTokens makes the maker of access tokens. The ring seals opaque ones.
func NewAccessTokens(issuers Issuers, keys *key.Keys, ring *seal.Ring, claims PersonClaims, now func() time.Time, random io.Reader) *AccessTokens {
	return &AccessTokens{issuers: issuers, keys: keys, ring: ring, claims: claims, now: now, random: random}
}

// accessTokenClaims are the claims of RFC 9068 §2.2 and the private claim gid, by which the grant is
// found when the token is used.
type accessTokenClaims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expiry   int64           `json:"exp"`
	IssuedAt int64           `json:"iat"`
	ID       string          `json:"jti"`
	ClientID string          `json:"client_id"`
	Scope    string          `json:"scope,omitempty"`
	AuthTime int64           `json:"auth_time,omitempty"`
	Methods  []string        `json:"amr,omitempty"`
	ACR      string          `json:"acr,omitempty"`
	Session  string          `json:"sid,omitempty"`
	Grant    string          `json:"gid,omitempty"`
	Details  json.RawMessage `json:"authorization_details,omitempty"`

	Confirmation *Confirmation   `json:"cnf,omitempty"`
	Actor        json.RawMessage `json:"act,omitempty"`

	GrantClient string `json:"gcid,omitempty"` // private like gid: whose grant it is, of an exchanged token
}

// Prepare has the organization's signing key at hand.
func (a *AccessTokens) Prepare(ctx context.Context, organization *org.Organization) error {
	_, err := a.keys.Signer(ctx, organization.ID, AccessTokenAlgorithm)
	return err
}

// Mint makes an access token. No database round trip when the organization's keys are warm, one when the policy wants
// claims about a person in it.
func (a *AccessTokens) Mint(ctx context.Context, organization *org.Organization, spec AccessTokenSpec) (string, AccessToken, error) {
	issued := a.now().Truncate(time.Second)
	token := AccessToken{
		ID: a.tokenID(), Issuer: a.issuers.URL(organization), Subject: spec.Subject, ClientID: spec.ClientID, Scopes: spec.Scopes, Audience: spec.Audience,
		IssuedAt: issued, ExpiresAt: issued.Add(spec.Lifetime), GrantID: spec.GrantID, Session: spec.Session,
		AuthenticatedAt: spec.AuthenticatedAt, Methods: spec.Methods, ACR: spec.ACR, Details: spec.Details, Confirmation: spec.Confirmation,
		Actor: spec.Actor, GrantClient: spec.GrantClient,
	}
	if len(token.Audience) == 0 {
		token.Audience = []string{token.Issuer}
		if HasAdminScope(spec.Scopes) {
			token.Audience = append(token.Audience, a.issuers.AdminAudience())
		}
	}
	claims := accessTokenClaims{
		Issuer: token.Issuer, Subject: token.Subject, Expiry: token.ExpiresAt.Unix(), IssuedAt: issued.Unix(), ID: token.ID, ClientID: token.ClientID,
		Scope: FormatScope(token.Scopes), Methods: token.Methods, ACR: token.ACR, Session: token.Session, Grant: optionalID(token.GrantID), Details: token.Details,
		Actor: token.Actor, GrantClient: token.GrantClient,
	}
	if token.Confirmation.Bound() {
		claims.Confirmation = &token.Confirmation
	}
	if !token.AuthenticatedAt.IsZero() {
		claims.AuthTime = token.AuthenticatedAt.Unix()
	}
	var err error
	if claims.Audience, err = encodeAudience(token.Audience); err != nil {
		return "", AccessToken{}, err
	}
	full, err := a.withPerson(ctx, organization, spec, claims)
	if err != nil {
		return "", AccessToken{}, err
	}
	if spec.Policy.Format() == org.OpaqueAccessToken {
		sealed, err := a.seal(organization, full)
		return sealed, token, err
	}
	signer, err := a.keys.Signer(ctx, organization.ID, AccessTokenAlgorithm)
	if err != nil {
		return "", AccessToken{}, err
	}
	signed, err := signer.Sign(ctx, AccessTokenType, full)
	return signed, token, err
}

// withPerson adds what the policy wants to say of the person. Claims of the protocol stand above it: no attribute of a
// person can take the place of one.
func (a *AccessTokens) withPerson(ctx context.Context, organization *org.Organization, spec AccessTokenSpec, claims accessTokenClaims) (any, error) {
	if len(spec.Policy.AccessTokenClaims) == 0 || spec.UserID == uuid.Nil {
		return claims, nil
	}
	about, err := a.claims(ctx, organization, spec.UserID, spec.Scopes, spec.Policy.AccessTokenClaims)
	if err != nil || len(about) == 0 {
		return claims, err
	}
	encoded, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(encoded, &about); err != nil {
		return nil, err
	}
	return about, nil
}

// encodeAudience writes a single audience as a string: some resource servers understand nothing else.
func encodeAudience(audience []string) (json.RawMessage, error) {
	if len(audience) == 1 {
		return json.Marshal(audience[0])
	}
	return json.Marshal(audience)
}

func (a *AccessTokens) tokenID() string {
	var buffer [16]byte
	if _, err := io.ReadFull(a.random, buffer[:]); err != nil {
		panic(fmt.Sprintf("oauth: the source of randomness failed: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(buffer[:])
}

// Verify checks an access token of the organization for an audience: signature and typ, or seal; issuer, audience
// and times (RFC 9068 §4). A token that is not good is InvalidToken (401); any other error is not about
// the token. Audience "" accepts every audience and is for introspection and revocation only.
func (a *AccessTokens) Verify(ctx context.Context, organization *org.Organization, token, audience string) (*AccessToken, error) {
	expected := jose.Expected{
		Types: []string{AccessTokenType}, Algorithms: []jose.Algorithm{AccessTokenAlgorithm}, Issuer: a.issuers.URL(organization),
		AnyAudience: audience == "", Now: a.now(), Leeway: leeway,
	}
	if audience != "" {
		expected.Audiences = []string{audience}
	}
	if organization.ServesFormer(a.now()) { // most never moved, and their tokens need not be read twice
		claimed, _ := a.ClaimedIssuer(token)
		expected.Issuer = a.issuers.Made(organization, claimed, a.now())
		if audience == a.issuers.URL(organization) { // for ourselves, by the name of before
			expected.Audiences = append(expected.Audiences, a.issuers.at(organization.Former.Domain, organization))
		}
	}
	verified, err := a.verify(ctx, organization, token, expected)
	if err == nil {
		var found *AccessToken
		if found, err = fromClaims(verified); err == nil {
			return found, nil
		}
	}
	if errors.Is(err, jose.ErrInvalid) {
		return nil, InvalidToken(err)
	}
	return nil, err
}

func fromClaims(verified *jose.Token) (*AccessToken, error) {
	found := &AccessToken{ID: verified.ID, Issuer: verified.Issuer, Subject: verified.Subject, Audience: verified.Audience,
		IssuedAt: verified.IssuedAt, ExpiresAt: verified.Expiry}
	// We signed it, yet read it as if somebody else had: a claim of the wrong type is refused.
	var scope, grantID string
	var authTime int64
	for _, claim := range []struct {
		name string
		into any
	}{{"may_act", &found.MayAct}, {"client_id", &found.ClientID}, {"scope", &scope}, {"sid", &found.Session}, {"gid", &grantID}, {"auth_time", &authTime}, {"amr", &found.Methods}, {"acr", &found.ACR},
		{"authorization_details", &found.Details}, {"act", &found.Actor}, {"gcid", &found.GrantClient}} {
		if _, err := verified.Claim(claim.name, claim.into); err != nil {
			return nil, err
		}
	}
	if found.ID == "" || found.Subject == "" || found.ClientID == "" {
		return nil, jose.ErrClaims
	}
	bound, err := verified.Claim("cnf", &found.Confirmation)
	if err != nil {
		return nil, err
	}
	if bound && !found.Confirmation.Bound() { // to something that we do not know
		return nil, jose.ErrClaims
	}
	if found.GrantID, err = parseID(grantID); err != nil {
		return nil, err
	}
	if found.Scopes, err = ParseScope(scope); err != nil {
		return nil, jose.ErrClaims
	}
	if authTime != 0 {
		found.AuthenticatedAt = time.Unix(authTime, 0)
	}
	return found, nil
}

func optionalID(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func parseID(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, jose.ErrClaims
	}
	return id, nil
}
