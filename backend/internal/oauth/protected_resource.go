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

// Senders is the mechanism by which tokens are bound.
func (r *ProtectedResource) Senders() *SenderConstraint { return r.senders }

// Verify checks a token of the organization for an audience, what it is itself and who presents it, in that order. It
// says nothing about revocation: see Live. A token bound to a DPoP key costs one round trip to the state.
func (r *ProtectedResource) Verify(ctx context.Context, organization *org.Organization, presented Presented, audience string) (*AccessToken, error) {
	token, err := r.tokens.Verify(ctx, organization, presented.Token, audience)
	if err != nil {
		return nil, err
	}
	return token, r.senders.Check(ctx, organization, token, presented)
}

// Live is what stands behind a verified token, see LiveTokens.Find.
func (r *ProtectedResource) Live(ctx context.Context, organization *org.Organization, token *AccessToken) (*LiveToken, error) {
	return r.live.Find(ctx, organization, token)
}
