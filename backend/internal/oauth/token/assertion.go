package token

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
)

const (
	assertionLeeway    = 30 * time.Second // by how much an issuer's clock may differ from ours
	maximumAssertionID = 256
)

// The reasons to refuse an assertion beyond those of package jose; they are for the log only.
var (
	errTrust     = errors.New("token: the assertion's issuer is not trusted for this client")
	errAudience  = errors.New("token: the assertion is not for this issuer alone")
	errLifetime  = errors.New("token: the assertion lives longer than its issuer may say")
	errIdentity  = errors.New("token: the assertion has no sub, or no jti")
	errHolder    = errors.New("token: the assertion is bound to a key or certificate that the sender did not prove to hold")
	errSubject   = errors.New("token: the assertion's subject is nobody here, disabled, or named by an address that is not verified")
	errUsed      = errors.New("token: the assertion was used before, or that cannot be ruled out")
	errOwnIssuer = errors.New("token: the assertion is our own")

	assertionFaults = []error{errTrust, errAudience, errLifetime, errIdentity, errHolder, errSubject, errUsed, errOwnIssuer}
)

// verify checks signature and claims of an assertion (RFC 7523 §3), and who may present it. It changes nothing. Keys that
// are out of reach are a fault of their own.
func (j *JWTBearer) verify(ctx context.Context, request *Request, presented string) (*jose.Token, *trust.Issuer, error) {
	claimed, err := jose.Inspect(presented)
	if err != nil {
		return nil, nil, err
	}
	if j.Issuers.Means(request.Organization, claimed.Issuer, j.Now()) {
		return nil, nil, errOwnIssuer
	}
	issuer, err := j.Trusted.ByIssuer(ctx, request.Organization.ID, claimed.Issuer)
	if fault.IsKind(err, fault.NotFound) || err == nil && (issuer.Status != trust.Active || !slices.Contains(issuer.Clients, request.Client.ClientID)) {
		return nil, nil, errTrust
	}
	if err != nil {
		return nil, nil, err
	}
	expected := jose.Expected{Types: j.typesOf(request.Organization, issuer), Issuer: issuer.Issuer, Audiences: j.Issuers.Names(request.Organization, j.Now()), Now: j.Now(), Leeway: assertionLeeway, KeyIDOptional: true}
	if len(expected.Types) == 0 {
		return nil, nil, errTrust
	}
	profile := oauth.ProfileOf(request.Organization, request.Client)
	expected.Algorithms = slices.DeleteFunc(slices.Clone(issuer.Algorithms), func(algorithm jose.Algorithm) bool { return !profile.AllowsAlgorithm(algorithm) })
	if len(expected.Algorithms) == 0 {
		return nil, nil, jose.ErrAlgorithm
	}
	var assertion *jose.Token
	err = j.KeySets.Verify(ctx, issuer.JWKS, issuer.JWKSURI, func(keys jose.Lookup) (err error) {
		assertion, err = jose.Verify(presented, keys, expected)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return assertion, issuer, j.judge(request, issuer, assertion)
}

// judge checks what every assertion has to say.
func (j *JWTBearer) judge(request *Request, issuer *trust.Issuer, assertion *jose.Token) error {
	latest := j.Now().Add(issuer.MaximumLifetime + assertionLeeway)
	switch {
	case len(assertion.Audience) != 1: // of several, each could use it at the others
		return errAudience
	case assertion.Expiry.After(latest), !assertion.IssuedAt.IsZero() && assertion.Expiry.Sub(assertion.IssuedAt) > issuer.MaximumLifetime:
		return errLifetime
	case assertion.Subject == "" || len(assertion.Subject) > trust.MaximumSubject || assertion.ID == "" || len(assertion.ID) > maximumAssertionID:
		return errIdentity
	}
	return holds(request, assertion)
}

// holds reports whether the sender has proven what an assertion demands of its holder (RFC 7800 §3).
func holds(request *Request, assertion *jose.Token) error {
	var raw map[string]json.RawMessage
	if there, err := assertion.Claim("cnf", &raw); err != nil || !there {
		return err
	}
	var demanded oauth.Confirmation
	if _, err := assertion.Claim("cnf", &demanded); err != nil {
		return err
	}
	proven := request.Confirmation
	switch {
	case !demanded.Bound() || len(raw) != len(demanded.Holders()): // by something that is not understood here
		return errHolder
	case demanded.KeyThumbprint != "" && demanded.KeyThumbprint != proven.KeyThumbprint,
		demanded.CertificateThumbprint != "" && demanded.CertificateThumbprint != proven.CertificateThumbprint:
		return errHolder
	}
	return nil
}

// use marks a verified assertion as used; of simultaneous calls one succeeds, on whichever replica. A second use is
// recorded.
func (j *JWTBearer) use(ctx context.Context, request *Request, issuer *trust.Issuer, assertion *jose.Token, by audit.Actor) error {
	first, err := oauth.UseOnce(ctx, j.State, "assertion", request.Organization.ID, issuer.Issuer, assertion, issuer.MaximumLifetime, assertionLeeway, j.Now())
	if err != nil || first {
		return err
	}
	if err := j.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return j.Audit.Record(ctx, tx, request.Organization.ID, audit.Event{Action: "assertion.reused", Actor: by, Outcome: audit.Failure,
			Target: audit.Target{Kind: "trusted_issuer", ID: issuer.ID.String()}, Details: map[string]any{"issuer": issuer.Issuer, "jti": assertion.ID}})
	}); err != nil {
		return err
	}
	return errNotGood(errUsed)
}
