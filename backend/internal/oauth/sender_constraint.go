package oauth

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
)

// SenderConstraint binds access tokens to whoever asks for them and makes sure that nobody else uses them: by DPoP
// (RFC 9449), by TLS client certificates (RFC 8705 §3), or both. It is safe for concurrent use.
type SenderConstraint struct {
	issuers   Issuers
	state     kv.Store // remembers proofs that were used
	nonces    nonces
	strangers *ratelimit.Limit // proofs of clients that do not authenticate
	now       func() time.Time
}

// proofsPerSignIn is how many proofs public clients may send for each sign-in that may be begun: refreshed tokens
// count too.
const proofsPerSignIn = 30

// NewProofLimit makes the limit of proofs by clients that do not authenticate, from one network at one organization in
// ten minutes; signIns is how many sign-ins a network may begin in that time, 0 for any number.
func NewProofLimit(counters kv.Store, signIns int) *ratelimit.Limit {
	return ratelimit.New(counters, "proofs_of_network", signIns*proofsPerSignIn, 10*time.Minute, errTooManyProofs)
}

var errTooManyProofs = fault.New(fault.RateLimited, "dpop_proofs_rate_limited", "Too many requests with DPoP proofs came from this address. Try again later.")

// NewSenderConstraint makes the mechanism. Replicas share the key of the nonces, which is used for nothing else; the limit
// keeps whoever need not authenticate from filling the store with marks.
func NewSenderConstraint(issuers Issuers, state kv.Store, nonceKey []byte, strangers *ratelimit.Limit, now func() time.Time) *SenderConstraint {
	return &SenderConstraint{issuers: issuers, state: state, nonces: nonceKey, strangers: strangers, now: now}
}

// Sender is what a request shows of who sends it.
type Sender struct {
	Proofs      []string          // every DPoP header
	Certificate *x509.Certificate // of the TLS connection, whose private key the sender has; nil when there is none
	Method      string            // of the request
	Domain      string            // of the organization's own that the request came to; "" for the address that all share
	Path        string            // of the request's address, as it was sent
}

// Bind tells what the tokens of a request will be bound to: a DPoP proof always counts, a certificate where the client
// registered tls_client_certificate_bound_access_tokens. A client that registered either must show it, and where the
// profile or the organization demands bound tokens, none are made for anybody who shows nothing. Errors:
// invalid_dpop_proof, use_dpop_nonce, invalid_request.
func (s *SenderConstraint) Bind(ctx context.Context, organization *org.Organization, c *client.Client, sender Sender) (Confirmation, error) {
	var confirmation Confirmation
	profile := ProfileOf(organization, c)
	if len(sender.Proofs) > 0 {
		if c.Public() {
			if err := s.strangers.CountNetwork(ctx, organization.ID); err != nil {
				return Confirmation{}, err
			}
		}
		thumbprint, err := s.proof(ctx, organization, proofUse{sender: sender, needNonce: organization.Policies.RequireDPoPNonce, algorithms: profile.KeyPairAlgorithms()})
		if err != nil {
			return Confirmation{}, err
		}
		confirmation.KeyThumbprint = thumbprint
	} else if c.Metadata.DPoPBoundAccessTokens {
		return Confirmation{}, NewError(CodeInvalidDPoPProof, "This client registered dpop_bound_access_tokens: the request needs a DPoP proof.")
	}
	if c.Metadata.TLSClientCertificateBoundAccessTokens {
		if sender.Certificate == nil {
			return Confirmation{}, InvalidRequest("This client registered tls_client_certificate_bound_access_tokens: the request needs a TLS client certificate.")
		}
		confirmation.CertificateThumbprint = CertificateThumbprint(sender.Certificate)
	}
	if !confirmation.Bound() && RequiresBoundTokens(organization, c) {
		return Confirmation{}, InvalidRequest("Access tokens are bound to their sender here: send a DPoP proof.")
	}
	return confirmation, nil
}

// RequiresBoundTokens reports whether the client gets no bearer tokens: it registered so, or its profile or its
// organization demands it.
func RequiresBoundTokens(organization *org.Organization, c *client.Client) bool {
	return c.Metadata.DPoPBoundAccessTokens || c.Metadata.TLSClientCertificateBoundAccessTokens || ProfileOf(organization, c).BoundTokens
}

// Key verifies the DPoP proof of a request that is no request for a token, such as a pushed one, and returns the
// thumbprint of its key, "" when there is no proof. Errors: invalid_dpop_proof, use_dpop_nonce.
func (s *SenderConstraint) Key(ctx context.Context, organization *org.Organization, c *client.Client, sender Sender) (string, error) {
	if len(sender.Proofs) == 0 {
		return "", nil
	}
	return s.proof(ctx, organization, proofUse{sender: sender, needNonce: organization.Policies.RequireDPoPNonce, algorithms: ProfileOf(organization, c).KeyPairAlgorithms()})
}

// Check makes sure that a verified access token of the client is presented by whom it was bound to (RFC 9449 §7, RFC 8705 §3). A
// bound token that is presented as a bearer token is not good, nor a bearer token that is presented with a proof.
// Errors: invalid_token, invalid_dpop_proof and use_dpop_nonce, each with 401.
func (s *SenderConstraint) Check(ctx context.Context, organization *org.Organization, c *client.Client, token *AccessToken, presented Presented) error {
	bound := token.Confirmation
	if (bound.KeyThumbprint != "") != (presented.Scheme == SchemeDPoP) {
		e := InvalidToken(errSenderScheme)
		if bound.KeyThumbprint != "" {
			e.Scheme = SchemeDPoP
		}
		return e
	}
	if bound.CertificateThumbprint != "" &&
		(presented.Sender.Certificate == nil || CertificateThumbprint(presented.Sender.Certificate) != bound.CertificateThumbprint) {
		return InvalidToken(errSenderCertificate)
	}
	if bound.KeyThumbprint == "" {
		return nil
	}
	thumbprint, err := s.proof(ctx, organization, proofUse{sender: presented.Sender, accessToken: presented.Token,
		needNonce: organization.Policies.RequireDPoPNonce, algorithms: ProfileOf(organization, c).KeyPairAlgorithms()})
	if err != nil {
		return atResource(err)
	}
	if thumbprint != bound.KeyThumbprint {
		e := InvalidToken(errSenderKey)
		e.Scheme = SchemeDPoP
		return e
	}
	return nil
}
