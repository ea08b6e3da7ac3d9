package oauth

import (
	"context"
	"errors"

	"github.com/clavex/clavex/backend/internal/org"
)

// The reasons to refuse a token because of who presents it; they are for the log only.
var (
	errSenderScheme      = errors.New("oauth: the token is bound to a key and was presented without a proof, or the other way round")
	errSenderCertificate = errors.New("oauth: the token is bound to another TLS client certificate")
	errSenderKey         = errors.New("oauth: the token is bound to another key")
)

// Presented is an access token as a request to a protected resource presents it.
type Presented struct {
	Scheme string // SchemeBearer or SchemeDPoP
	Token  string
	Sender Sender
}

// ProtectedResource judges the access tokens that are presented to us: userinfo, the Admin API. It is safe for
// concurrent use.
type ProtectedResource struct {
	tokens  *AccessTokens
	live    *LiveTokens
	senders *SenderConstraint
}

// NewProtectedResource makes the judge.
func NewProtectedResource(tokens *AccessTokens, live *LiveTokens, senders *SenderConstraint) *ProtectedResource {
	return &ProtectedResource{tokens: tokens, live: live, senders: senders}
}

// ClaimedIssuer is the issuer that a token names: see AccessTokens.ClaimedIssuer.
func (r *ProtectedResource) ClaimedIssuer(token string) (string, error) {
	return r.tokens.ClaimedIssuer(token)
}

// Senders is the mechanism by which tokens are bound.
func (r *ProtectedResource) Senders() *SenderConstraint { return r.senders }

// Accept checks a token of the organization for an audience: what it is itself, whether it and everything behind it is
// still good, and who presents it, in that order. A token bound to a DPoP key costs one round trip to the state more
// than LiveTokens.Find.
func (r *ProtectedResource) Accept(ctx context.Context, organization *org.Organization, presented Presented, audience string) (*AccessToken, *LiveToken, error) {
	token, err := r.tokens.Verify(ctx, organization, presented.Token, audience)
	if err != nil {
		return nil, nil, err
	}
	live, err := r.live.Find(ctx, organization, token)
	if err != nil {
		return nil, nil, err
	}
	return token, live, r.senders.Check(ctx, organization, live.Client, token, presented)
}
