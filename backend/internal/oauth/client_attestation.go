package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
)

// The names of the draft.
const (
	attestationType      = "oauth-client-attestation+jwt"
	attestationProofType = "oauth-client-attestation-pop+jwt"

	codeUseAttestationChallenge = "use_attestation_challenge"
	codeUseFreshAttestation     = "use_fresh_attestation"
	headerChallenge             = "OAuth-Client-Attestation-Challenge"

	attestationLeeway = 30 * time.Second // for the clock of the attester
)

// The reasons to refuse an attestation beyond those of package jose; they are for the log only.
var (
	errAttestationCount     = errors.New("oauth: there is not exactly one attestation with exactly one proof")
	errAttestationSubject   = errors.New("oauth: the attestation is for another client")
	errAttestationAttesters = errors.New("oauth: nobody attests this client")
	errAttestationKey       = errors.New("oauth: the attestation has no cnf with a public key")
	errAttestationProof     = errors.New("oauth: the proof of the attestation lacks iat or jti, or is for somebody else")
	errAttestationTime      = errors.New("oauth: the proof of the attestation was made too long ago, or in the future")
	errAttestationUsed      = errors.New("oauth: the proof of the attestation was used before, or that cannot be ruled out")

	attestationFaults = []error{errAttestationCount, errAttestationSubject, errAttestationAttesters, errAttestationKey, errAttestationProof, errAttestationTime, errAttestationUsed}
)

// ClientAttestations is OAuth 2.0 Attestation-Based Client Authentication (org.DraftClientAttestation), in organizations that
// take part in this very draft: an instance of a client shows what its attester says of it, and proves that it has the key
// named there. Attesters are the client's own (its jwks or jwks_uri), otherwise the organization's. Left out: DPoP proofs in
// the place of the proof (attest_jwt_client_auth_dpop), attestations beside another method, which are ignored, MACs, and
// resource servers. Everything that is particular to the draft is in this file. It is safe for concurrent use.
type ClientAttestations struct {
	keySets    *client.KeySets
	state      kv.Store // remembers proofs that were used
	issuers    Issuers
	challenges nonces
	now        func() time.Time
}

// NewClientAttestations makes the judge. Replicas share the key of the challenges, which is used for nothing else.
func NewClientAttestations(keySets *client.KeySets, state kv.Store, issuers Issuers, challengeKey []byte, now func() time.Time) *ClientAttestations {
	return &ClientAttestations{keySets: keySets, state: state, issuers: issuers, challenges: challengeKey, now: now}
}

// attested is what a request shows of an attestation.
type attested struct {
	attestations []string // every header OAuth-Client-Attestation
	proofs       []string // every header OAuth-Client-Attestation-PoP
}

func (a attested) present() bool { return len(a.attestations)+len(a.proofs) > 0 }

// clientID is whom the attestation names; nothing of it is proven yet.
func (a attested) clientID() string {
	if len(a.attestations) != 1 {
		return ""
	}
	claimed, err := jose.Inspect(a.attestations[0])
	if err != nil {
		return ""
	}
	return claimed.Subject
}

// authenticate returns the thumbprint of the key of the client's instance (§6.1 and §6.2 of the draft).
func (c *ClientAttestations) authenticate(ctx context.Context, organization *org.Organization, found *client.Client, shown attested) (string, error) {
	instance, err := c.check(ctx, organization, found, shown)
	var wire *Error
	switch {
	case err == nil, errors.As(err, &wire):
		return instance, err
	case errors.Is(err, jose.ErrInvalid), fault.IsKind(err, fault.Invalid), slices.ContainsFunc(attestationFaults, func(reason error) bool { return errors.Is(err, reason) }):
		return "", invalidClient().WithCause(err)
	default:
		return "", err
	}
}

func (c *ClientAttestations) check(ctx context.Context, organization *org.Organization, found *client.Client, shown attested) (string, error) {
	if len(shown.attestations) != 1 || len(shown.proofs) != 1 {
		return "", errAttestationCount
	}
	attestation, err := c.attestation(ctx, organization, found, shown.attestations[0])
	if errors.Is(err, jose.ErrExpired) {
		return "", NewError(codeUseFreshAttestation, "The attestation has expired: get a new one.").WithCause(err)
	}
	if err != nil {
		return "", err
	}
	if attestation.Subject != found.ClientID {
		return "", errAttestationSubject
	}
	var confirmation struct {
		Key json.RawMessage `json:"jwk"`
	}
	if _, err := attestation.Claim("cnf", &confirmation); err != nil || len(confirmation.Key) == 0 {
		return "", errAttestationKey
	}
	set, err := jose.ParseKeySet([]byte(`{"keys":[` + string(confirmation.Key) + `]}`))
	if err != nil || set.Len() != 1 {
		return "", errAttestationKey
	}
	return c.proof(ctx, organization, found, shown.proofs[0], set)
}

// attestation verifies what an attester says (§4 of the draft). Who may say it: the client's own attester, otherwise each of
// the organization's; keys that are out of reach are a fault only when nobody else's verify it.
func (c *ClientAttestations) attestation(ctx context.Context, organization *org.Organization, found *client.Client, text string) (*jose.Token, error) {
	claimed, err := jose.Inspect(text)
	if err != nil {
		return nil, err
	}
	expected := jose.Expected{Types: []string{attestationType}, Algorithms: ProfileOf(organization, found).KeyPairAlgorithms(), Issuer: claimed.Issuer, IssuerOptional: true, AnyAudience: true,
		Now: c.now(), Leeway: attestationLeeway, KeyIDOptional: true}
	if expected.Issuer == "" { // who attests, its key tells
		expected.Issuer = "nobody"
	}
	attesters := organization.Policies.ClientAttesters
	if len(found.Metadata.JWKS) > 0 || found.Metadata.JWKSURI != "" {
		attesters = []org.ClientAttester{{JWKS: found.Metadata.JWKS, JWKSURI: found.Metadata.JWKSURI}}
	}
	failure := errAttestationAttesters
	for _, attester := range attesters {
		var token *jose.Token
		err := c.keySets.Verify(ctx, attester.JWKS, attester.JWKSURI, func(keys jose.Lookup) (err error) {
			token, err = jose.Verify(text, keys, expected)
			return err
		})
		switch {
		case err == nil, errors.Is(err, jose.ErrExpired):
			return token, err
		case errors.Is(failure, errAttestationAttesters) || !errors.Is(err, jose.ErrInvalid):
			failure = err
		}
	}
	return nil, failure
}

// proof verifies that the sender has the key of the attestation (§5.1 of the draft). A proof is good for one request,
// whichever replica answers it.
func (c *ClientAttestations) proof(ctx context.Context, organization *org.Organization, found *client.Client, text string, keys jose.KeySet) (string, error) {
	claimed, err := jose.Inspect(text)
	if err != nil {
		return "", err
	}
	expected := jose.Expected{Types: []string{attestationProofType}, Algorithms: ProfileOf(organization, found).KeyPairAlgorithms(), Issuer: claimed.Issuer, IssuerOptional: true,
		Audiences: c.issuers.Names(organization, c.now()), ExpiryOptional: true, Now: c.now(), Leeway: noncePeriod * 3, KeyIDOptional: true} // iat is judged below
	if expected.Issuer == "" {
		expected.Issuer = "nobody"
	}
	var key jose.PublicKey
	token, err := jose.Verify(text, func(_ string, algorithm jose.Algorithm) (_ jose.PublicKey, err error) {
		key, err = keys.Lookup("", algorithm)
		return key, err
	}, expected)
	if err != nil {
		return "", err
	}
	if len(token.Audience) != 1 || token.ID == "" || len(token.ID) > maximumProofID || token.IssuedAt.IsZero() {
		return "", errAttestationProof
	}
	issuedAt, err := c.time(organization, token)
	if err != nil {
		return "", err
	}
	thumbprint, err := key.Thumbprint()
	if err != nil {
		return "", err
	}
	mark := kv.Key{OrgID: organization.ID, Kind: "client_attestation_proof", ID: kv.ID(thumbprint, token.ID)}
	placed, err := c.state.PutIfAbsent(ctx, mark, nil, proofReplayHorizon)
	if err != nil {
		return "", err
	}
	if !placed.FirstUse(issuedAt, proofLeeway) {
		return "", errAttestationUsed
	}
	return thumbprint, nil
}

// time tells when a proof can have been made at the earliest: as its clock says when that is near ours, otherwise when its
// challenge was first given out (§5.2 and §6.2 of the draft).
func (c *ClientAttestations) time(organization *org.Organization, proof *jose.Token) (time.Time, error) {
	var challenge string
	given, err := proof.Claim("challenge", &challenge)
	if err != nil || len(challenge) > maximumNonceBytes {
		return time.Time{}, errAttestationProof
	}
	now := c.now()
	since, good := c.challenges.since(organization, challenge, now)
	if given && !good || !given && organization.Policies.RequireAttestationChallenge {
		e := NewError(codeUseAttestationChallenge, "Make the proof anew, with the challenge of the header "+headerChallenge+".")
		e.Challenge = c.challenges.at(organization, now)
		return time.Time{}, e
	}
	switch onTime := !proof.IssuedAt.Before(now.Add(-proofLeeway)) && !proof.IssuedAt.After(now.Add(proofLeeway)); {
	case onTime:
		return proof.IssuedAt, nil
	case given:
		return since, nil
	}
	return time.Time{}, errAttestationTime
}

// OffersChallenges reports whether attested clients of the organization have to use challenges.
func OffersChallenges(organization *org.Organization) bool {
	return organization.Policies.Follows(org.DraftClientAttestation) && organization.Policies.RequireAttestationChallenge
}
