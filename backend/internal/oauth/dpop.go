package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
)

const (
	proofType = "dpop+jwt"

	// proofLeeway is how far from our clock the making of a proof may be, in both directions. Whoever's clock is
	// further off is given a nonce, which tells the time in its place (RFC 9449 §8, §11.1).
	proofLeeway = 60 * time.Second

	maximumProofBytes  = 8 << 10
	maximumProofID     = 256
	maximumNonceBytes  = 128
	thumbprintLength   = 43 // of SHA-256 in base64url
	proofReplayHorizon = 2*noncePeriod + 2*proofLeeway
)

// The reasons to refuse a proof; they are for the log only.
var (
	errProofCount  = errors.New("oauth: there is more than one DPoP header")
	errProofClaims = errors.New("oauth: the DPoP proof lacks htm, htu, iat or jti, or has one of another form")
	errProofMethod = errors.New("oauth: the DPoP proof is for another method")
	errProofTarget = errors.New("oauth: the DPoP proof is for another address")
	errProofToken  = errors.New("oauth: the DPoP proof is for another access token")
	errProofTime   = errors.New("oauth: the DPoP proof was made too long ago, or in the future")
	errProofUsed   = errors.New("oauth: the DPoP proof was used before, or that cannot be ruled out")
	errProofNonce  = errors.New("oauth: the DPoP proof has no nonce, or one that is not good any more")
)

// proofUse is what a proof has to fit.
type proofUse struct {
	sender      Sender
	accessToken string // "" where tokens are issued
	needNonce   bool
	algorithms  []jose.Algorithm
}

// proof verifies the DPoP proof of a request (RFC 9449 §4.3) and returns the thumbprint of its key. A proof is good
// for one request, whichever replica answers it. Errors: invalid_dpop_proof, use_dpop_nonce.
func (s *SenderConstraint) proof(ctx context.Context, organization *org.Organization, use proofUse) (string, error) {
	if len(use.sender.Proofs) != 1 {
		return "", invalidProof(errProofCount)
	}
	text := use.sender.Proofs[0]
	if len(text) > maximumProofBytes {
		return "", invalidProof(jose.ErrTooLarge)
	}
	token, key, err := jose.VerifyEmbedded(text, []string{proofType}, use.algorithms)
	if err != nil {
		return "", invalidProof(err)
	}
	if err := s.checkProof(token, use); err != nil {
		return "", invalidProof(err)
	}
	issuedAt, err := s.proofTime(organization, token, use)
	if err != nil {
		return "", s.challengeNonce(organization, err)
	}
	thumbprint, err := key.Thumbprint()
	if err != nil {
		return "", err
	}
	mark := kv.Key{OrgID: organization.ID, Kind: "dpop_proof", ID: kv.ID(thumbprint, token.ID)}
	placed, err := s.state.PutIfAbsent(ctx, mark, nil, proofReplayHorizon)
	if err != nil {
		return "", err
	}
	if !placed.FirstUse(issuedAt, proofLeeway) {
		return "", invalidProof(errProofUsed)
	}
	return thumbprint, nil
}

// checkProof judges what a proof says of its request.
func (s *SenderConstraint) checkProof(token *jose.Token, use proofUse) error {
	var method, target string
	for _, claim := range []struct {
		name string
		into *string
	}{{"htm", &method}, {"htu", &target}} {
		if there, err := token.Claim(claim.name, claim.into); err != nil || !there {
			return errProofClaims
		}
	}
	switch {
	case token.ID == "" || len(token.ID) > maximumProofID || token.IssuedAt.IsZero():
		return errProofClaims
	case method != use.sender.Method:
		return errProofMethod
	case !s.isTarget(target, use.sender):
		return errProofTarget
	case use.accessToken == "":
		return nil
	}
	var hash string
	if _, err := token.Claim("ath", &hash); err != nil {
		return errProofClaims
	}
	digest := sha256.Sum256([]byte(use.accessToken))
	if hash != base64.RawURLEncoding.EncodeToString(digest[:]) {
		return errProofToken
	}
	return nil
}

// isTarget compares htu with the addresses of an endpoint without regard to query, fragment, the case of scheme and
// host, and a default port (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3).
func (s *SenderConstraint) isTarget(target string, sender Sender) bool {
	path, bases := sender.Path, []string{s.issuers.PublicURL, s.issuers.MTLSURL}
	if sender.Domain != "" {
		bases = []string{s.issuers.OriginOf(sender.Domain)}
	}
	parsed, err := url.Parse(target)
	if err != nil || parsed.User != nil || len(target) > 2000 {
		return false
	}
	if parsed.EscapedPath() != path {
		unescaped, err := url.PathUnescape(path)
		if err != nil || parsed.Path != unescaped {
			return false
		}
	}
	origin := normalOrigin(parsed)
	for _, base := range bases {
		if own, err := url.Parse(base); base != "" && err == nil && normalOrigin(own) == origin {
			return true
		}
	}
	return false
}

func normalOrigin(address *url.URL) string {
	scheme, host := strings.ToLower(address.Scheme), strings.ToLower(address.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}

// proofTime tells when a proof can have been made at the earliest: as its clock says when that is near ours, otherwise
// when its nonce was first given out.
func (s *SenderConstraint) proofTime(organization *org.Organization, token *jose.Token, use proofUse) (time.Time, error) {
	var nonce string
	given, err := token.Claim("nonce", &nonce)
	if err != nil || len(nonce) > maximumNonceBytes {
		return time.Time{}, errProofNonce
	}
	now := s.now()
	onTime := !token.IssuedAt.Before(now.Add(-proofLeeway)) && !token.IssuedAt.After(now.Add(proofLeeway))
	if given {
		since, good := s.nonces.since(organization, nonce, now)
		switch {
		case !good:
			return time.Time{}, errProofNonce
		case !onTime:
			return since, nil
		}
	}
	switch {
	case !given && use.needNonce:
		return time.Time{}, errProofNonce
	case !onTime:
		return time.Time{}, errProofTime
	}
	return token.IssuedAt, nil
}

// Nonce is what the next proofs may contain.
func (s *SenderConstraint) Nonce(organization *org.Organization) string {
	return s.nonces.at(organization, s.now())
}

func (s *SenderConstraint) challengeNonce(organization *org.Organization, cause error) error {
	e := NewError(CodeUseDPoPNonce, "Make the DPoP proof anew, with the nonce of the header DPoP-Nonce.").WithCause(cause)
	e.Nonce = s.Nonce(organization)
	return e
}

func invalidProof(cause error) *Error {
	return NewError(CodeInvalidDPoPProof, "The DPoP proof is not valid for this request: it is malformed, was used before, or is for another method, address or token.").WithCause(cause)
}

// atResource is the error of a proof where a protected resource tells it (RFC 9449 §7.1).
func atResource(err error) error {
	var wire *Error
	if !errors.As(err, &wire) || wire.Code != CodeInvalidDPoPProof && wire.Code != CodeUseDPoPNonce {
		return err
	}
	copied := *wire
	copied.Status, copied.Scheme = http.StatusUnauthorized, SchemeDPoP
	return &copied
}

// ValidThumbprint reports whether the text is a SHA-256 thumbprint in base64url, as dpop_jkt is (RFC 9449 §10).
func ValidThumbprint(text string) bool {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(text) == thumbprintLength && len(decoded) == sha256.Size
}
