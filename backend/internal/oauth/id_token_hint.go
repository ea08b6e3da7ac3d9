package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
)

// IDTokenType is the "typ" of ID tokens.
const IDTokenType = "JWT"

// ErrHintInvalid says that an id_token_hint is not an ID token of this organization.
var ErrHintInvalid = InvalidRequest("The id_token_hint is not an ID token that was issued here.")

// IDTokenHint is an ID token of our own that a client sends back: who it thinks is, or was, signed in.
type IDTokenHint struct {
	Subject   string    // as its client knows the person
	UserID    uuid.UUID // the person; whether they exist is left to the caller
	ClientID  string    // aud
	SessionID uuid.UUID // uuid.Nil when the token has no sid
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// IDTokenHints verifies hints for the authorization and logout endpoints.
type IDTokenHints struct {
	issuers  Issuers
	jwts     *ClientJWTs
	clients  *client.Clients
	subjects *Subjects
	now      func() time.Time
}

// NewIDTokenHints makes the verifier of hints.
func NewIDTokenHints(issuers Issuers, jwts *ClientJWTs, clients *client.Clients, subjects *Subjects, now func() time.Time) *IDTokenHints {
	return &IDTokenHints{issuers: issuers, jwts: jwts, clients: clients, subjects: subjects, now: now}
}

// Verify checks that the hint is an ID token signed by the organization; it may have expired (OpenID
// Connect RP-Initiated Logout 1.0 §4). The audience is left to the caller. ErrHintInvalid, wrapping the
// reason, when it is not; another error is not about the hint.
func (h *IDTokenHints) Verify(ctx context.Context, organization *org.Organization, hint string) (*IDTokenHint, error) {
	return h.verify(ctx, organization, hint, true)
}

// Fresh is Verify for an ID token that counts as one: it has not expired, and its signature is one that nobody but the
// organization can make, so not by the secret of its client.
func (h *IDTokenHints) Fresh(ctx context.Context, organization *org.Organization, token string) (*IDTokenHint, error) {
	return h.verify(ctx, organization, token, false)
}

func (h *IDTokenHints) verify(ctx context.Context, organization *org.Organization, hint string, acceptExpired bool) (*IDTokenHint, error) {
	// Whose token it claims to be decides by whose key it is verified: nothing else of it is believed before.
	unverified, err := jose.Inspect(hint)
	if err != nil || len(unverified.Audience) != 1 { // ours have one: a client that signs with its secret names no other
		return nil, ErrHintInvalid.WithCause(err)
	}
	made, err := h.clients.ByClientID(ctx, organization.ID, unverified.Audience[0])
	if errors.Is(err, client.ErrNotFound) {
		return nil, ErrHintInvalid.WithCause(err)
	}
	if err != nil {
		return nil, err
	}
	if !acceptExpired && made.IDTokenSignedResponseAlg == string(jose.HS256) {
		return nil, ErrHintInvalid
	}
	verified, err := h.jwts.Verify(ctx, organization, made, hint, jose.Expected{
		Types: []string{IDTokenType}, Algorithms: jose.Algorithms(), Issuer: h.issuers.Made(organization, unverified.Issuer, h.now()),
		AnyAudience: true, Now: h.now(), Leeway: leeway, AcceptExpired: acceptExpired,
	})
	if errors.Is(err, jose.ErrInvalid) {
		return nil, ErrHintInvalid.WithCause(err)
	}
	if err != nil {
		return nil, err
	}
	var session string
	if _, err := verified.Claim("sid", &session); err != nil {
		return nil, ErrHintInvalid.WithCause(err)
	}
	id, err := h.subjects.SessionOf(ctx, made, session)
	if err != nil && !errors.Is(err, ErrNoSubject) {
		return nil, err
	}
	if err != nil || verified.Subject == "" || len(verified.Audience) != 1 {
		return nil, ErrHintInvalid.WithCause(jose.ErrClaims)
	}
	person, err := h.subjects.Person(ctx, made, verified.Subject)
	if errors.Is(err, ErrNoSubject) {
		return nil, ErrHintInvalid.WithCause(err)
	}
	return &IDTokenHint{Subject: verified.Subject, UserID: person, ClientID: verified.Audience[0], SessionID: id, IssuedAt: verified.IssuedAt, ExpiresAt: verified.Expiry}, err
}
