package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// MaximumTokenBytes is the size of the longest token that is looked at.
const MaximumTokenBytes = 16 << 10

// refusal is a reason not to accept a token. Every one matches ErrInvalid.
type refusal string

func (r refusal) Error() string { return "jose: " + string(r) }

// Is makes errors.Is(err, ErrInvalid) true for every refusal.
func (r refusal) Is(target error) bool { return target == ErrInvalid || target == error(r) }

// The reasons to refuse a token, for logs and tests: what the client hears is one and the same.
// errors.Is(err, ErrInvalid) holds for all of them. An error that is none of them came from the
// Lookup or tells of a mistake of the caller, and says nothing about the token.
const (
	ErrInvalid     = refusal("the token is not valid")
	ErrTooLarge    = refusal("the token is too large")
	ErrMalformed   = refusal("the token is malformed")
	ErrAlgorithm   = refusal("the algorithm is not acceptable here")
	ErrType        = refusal("the type of token is not acceptable here")
	ErrCritical    = refusal("the token demands an extension that is not understood")
	ErrKeyUnknown  = refusal("the signing key is not known")
	ErrSignature   = refusal("the signature is wrong")
	ErrClaims      = refusal("a claim is missing or malformed")
	ErrIssuer      = refusal("the token was issued by another")
	ErrAudience    = refusal("the token is meant for another")
	ErrExpired     = refusal("the token has expired")
	ErrNotYetValid = refusal("the token is from the future")
	ErrCompressed  = refusal("the token is compressed")
	ErrDecryption  = refusal("the token cannot be decrypted")
)

// Lookup finds the public key for a token's key id ("" when the token names none and that is
// allowed) and algorithm. For a key that does not exist it returns ErrKeyUnknown; any other error
// is passed through unchanged, so that an unreachable database is not taken for a bad token.
type Lookup func(keyID string, algorithm Algorithm) (PublicKey, error)

// Expected says which tokens are acceptable. Types, Algorithms, Issuer, Now and either Audiences or
// AnyAudience must be set: what is forgotten is refused, not ignored. ParseUnsigned takes no Algorithms,
// Secret.Verify takes HS256.
type Expected struct {
	// Types are the acceptable "typ" values, compared without regard to case and to a leading
	// "application/" (RFC 7515 §4.1.9). An empty string among them accepts a token without "typ".
	Types []string
	// Algorithms are the acceptable "alg" values.
	Algorithms []Algorithm
	// Issuer is the only acceptable "iss".
	Issuer string
	// Audiences: the token's "aud" must contain at least one of them.
	Audiences []string
	// AnyAudience leaves the check of "aud" to the caller.
	AnyAudience bool
	// IssuerOptional, AudienceOptional and ExpiryOptional accept a token without "iss", "aud" or "exp",
	// as request objects of OpenID Connect Core 1.0 §6.1 may be. What is there is checked all the same.
	IssuerOptional, AudienceOptional, ExpiryOptional bool
	// Now is the time at which the token is judged.
	Now time.Time
	// Leeway is by how much the clocks may differ, for "exp", "nbf" and "iat".
	Leeway time.Duration
	// AcceptExpired accepts an "exp" in the past, for id_token_hint. The claim must still be there.
	AcceptExpired bool
	// KeyIDOptional accepts a token without "kid" when the Lookup can tell the key regardless. Tokens
	// of our own always carry it; a client's assertion need not when the client has a single key.
	KeyIDOptional bool
}

// Header is what is used of a token's header.
type Header struct {
	Algorithm Algorithm
	KeyID     string
	Type      string // in lower case without "application/"
}

// Token is a verified token.
type Token struct {
	Header
	Issuer    string
	Subject   string    // "" when absent
	Audience  []string  // nil when absent
	Expiry    time.Time // zero when absent, which only ExpiryOptional allows
	NotBefore time.Time // zero when absent
	IssuedAt  time.Time // zero when absent
	ID        string    // "jti", "" when absent

	claims map[string]json.RawMessage
}

// Claims returns all claims by their exact names, each as the JSON that the token holds. The map is a
// copy, the values are shared: do not change them.
func (t *Token) Claims() map[string]json.RawMessage { return maps.Clone(t.claims) }

// Claim decodes a claim by its exact name into a pointer. It reports false when the claim is absent
// or null. An error (ErrClaims) means that the claim is not of the pointer's type.
func (t *Token) Claim(name string, into any) (bool, error) {
	raw, present := t.claims[name]
	if !present || string(raw) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return false, fmt.Errorf("%w: %s", ErrClaims, name)
	}
	return true, nil
}

// Unverified is what a token says of itself before anything was checked. It serves to find the
// client or organization whose keys verify the token, and for nothing else.
type Unverified struct {
	Header
	Issuer   string
	Subject  string
	Audience []string
}

// Inspect reads a token without verifying it. The error is a refusal.
func Inspect(token string) (Unverified, error) {
	parts, err := split(token)
	if err != nil {
		return Unverified{}, err
	}
	claimed, err := parseClaims(parts.payload)
	if err != nil {
		return Unverified{}, err
	}
	return Unverified{parts.header, claimed.Issuer, claimed.Subject, claimed.Audience}, nil
}

// Verify checks a token in compact serialization: form, algorithm, type, key, signature, issuer,
// audience and times, in this order; claims are not read before the signature is right. An error
// that matches ErrInvalid is about the token, every other one is not, see Lookup.
func Verify(token string, keys Lookup, expected Expected) (*Token, error) {
	if len(expected.Algorithms) == 0 || !expected.complete() {
		return nil, errIncomplete
	}
	for _, algorithm := range expected.Algorithms {
		if !algorithm.Known() {
			return nil, fmt.Errorf("jose: unknown algorithm %q expected", string(algorithm))
		}
	}
	parts, err := expected.split(token)
	if err != nil {
		return nil, err
	}
	if parts.header.KeyID == "" && !expected.KeyIDOptional {
		return nil, ErrKeyUnknown
	}
	key, err := keys(parts.header.KeyID, parts.header.Algorithm)
	if err != nil {
		return nil, err
	}
	if !key.Fits(parts.header.Algorithm) {
		return nil, ErrAlgorithm
	}
	if !schemes[parts.header.Algorithm].verify(key.key, parts.input, parts.signature) {
		return nil, ErrSignature
	}
	return expected.accept(parts)
}

// unsigned is the "alg" of a token without a signature (RFC 7518 §3.6).
const unsigned Algorithm = "none"

// ParseUnsigned reads a token of the algorithm "none", for a client that registered it for its request
// objects (OpenID Connect Core 1.0 §6.1), and judges its claims like Verify. Nothing proves who wrote the
// token: it says no more than the parameters of the request that it comes with. A token that names
// another algorithm or carries a signature is refused.
func ParseUnsigned(token string, expected Expected) (*Token, error) {
	if len(expected.Algorithms) != 0 || !expected.complete() {
		return nil, errIncomplete
	}
	expected.Algorithms = []Algorithm{unsigned}
	parts, err := expected.split(token)
	if err != nil {
		return nil, err
	}
	if len(parts.signature) != 0 {
		return nil, ErrSignature
	}
	return expected.accept(parts)
}

var errIncomplete = errors.New("jose: incomplete expectations of a token")

// complete reports whether everything but the algorithms was said.
func (e Expected) complete() bool {
	return len(e.Types) > 0 && e.Issuer != "" && !e.Now.IsZero() && e.Leeway >= 0 && e.AnyAudience != (len(e.Audiences) > 0)
}

// split takes a token apart and checks its algorithm and type.
func (e Expected) split(token string) (compact, error) {
	parts, err := split(token)
	switch {
	case err != nil:
		return compact{}, err
	case !slices.Contains(e.Algorithms, parts.header.Algorithm):
		return compact{}, ErrAlgorithm
	case !slices.ContainsFunc(e.Types, func(t string) bool { return normalType(t) == parts.header.Type }):
		return compact{}, ErrType
	}
	return parts, nil
}

// accept reads and judges the claims of a token whose signature is right.
func (e Expected) accept(parts compact) (*Token, error) {
	token, err := parseClaims(parts.payload)
	if err != nil {
		return nil, err
	}
	token.Header = parts.header
	if err := e.judge(token); err != nil {
		return nil, err
	}
	return token, nil
}

// Judge reads and judges claims whose origin was proven in another way than by a signature, as Verify does.
func (e Expected) Judge(claims []byte) (*Token, error) {
	if !e.complete() {
		return nil, errIncomplete
	}
	return e.accept(compact{payload: claims})
}

// judge checks the claims of RFC 7519 §4.1 against the expectations.
func (e Expected) judge(token *Token) error {
	absent := func(name string) bool { _, there := token.claims[name]; return !there }
	if token.Issuer != e.Issuer && !(e.IssuerOptional && absent("iss")) {
		return ErrIssuer
	}
	if !e.AnyAudience && !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(e.Audiences, a) }) &&
		!(e.AudienceOptional && absent("aud")) {
		return ErrAudience
	}
	switch {
	case token.Expiry.IsZero() && !e.ExpiryOptional:
		return fmt.Errorf("%w: exp", ErrClaims)
	case !token.Expiry.IsZero() && !e.AcceptExpired && !e.Now.Before(token.Expiry.Add(e.Leeway)):
		return ErrExpired
	}
	if latest := e.Now.Add(e.Leeway); token.NotBefore.After(latest) || token.IssuedAt.After(latest) {
		return ErrNotYetValid
	}
	return nil
}

type compact struct {
	header    Header
	embedded  json.RawMessage // the header's "jwk", nil when absent
	payload   []byte
	signature []byte
	input     []byte // what was signed
}

// split takes a compact serialization apart (RFC 7515 §7.1) and reads its header.
func split(token string) (compact, error) {
	if len(token) > MaximumTokenBytes {
		return compact{}, ErrTooLarge
	}
	return splitAny(token)
}

// splitAny is split for whatever size.
func splitAny(token string) (compact, error) {
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	if first < 0 || first == last || strings.IndexByte(token[first+1:last], '.') >= 0 {
		return compact{}, ErrMalformed
	}
	header, ok := decodeSegment(token[:first])
	payload, payloadOK := decodeSegment(token[first+1 : last])
	signature, signatureOK := decodeSegment(token[last+1:])
	if !ok || !payloadOK || !signatureOK {
		return compact{}, ErrMalformed
	}
	parsed, embedded, err := parseHeader(header)
	return compact{parsed, embedded, payload, signature, []byte(token[:last])}, err
}

// decodeSegment decodes base64url without padding. Each value has one encoding only: line breaks,
// which encoding/base64 skips, and stray bits at the end are refused.
func decodeSegment(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return decoded, err == nil
}

func parseHeader(data []byte) (header Header, embedded json.RawMessage, err error) {
	fields, err := members(data)
	if err != nil {
		return Header{}, nil, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	var algorithm, keyID, tokenType string
	for name, target := range map[string]*string{"alg": &algorithm, "kid": &keyID, "typ": &tokenType} {
		if raw, present := fields[name]; present && decodeString(raw, target) != nil {
			return Header{}, nil, fmt.Errorf("%w: header member %s", ErrMalformed, name)
		}
	}
	if algorithm == "" {
		return Header{}, nil, fmt.Errorf("%w: header without alg", ErrMalformed)
	}
	if _, present := fields["crit"]; present {
		return Header{}, nil, ErrCritical // RFC 7515 §4.1.11: what is not understood must be refused
	}
	return Header{Algorithm(algorithm), keyID, normalType(tokenType)}, fields["jwk"], nil
}

// normalType applies the comparison rule of RFC 7515 §4.1.9.
func normalType(text string) string {
	return strings.TrimPrefix(strings.ToLower(text), "application/")
}

func parseClaims(payload []byte) (*Token, error) {
	claims, err := members(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	token := &Token{claims: claims}
	for name, target := range map[string]*string{"iss": &token.Issuer, "sub": &token.Subject, "jti": &token.ID} {
		if raw, present := claims[name]; present && decodeString(raw, target) != nil {
			return nil, fmt.Errorf("%w: %s", ErrClaims, name)
		}
	}
	for name, target := range map[string]*time.Time{"exp": &token.Expiry, "nbf": &token.NotBefore, "iat": &token.IssuedAt} {
		if raw, present := claims[name]; present {
			if *target, err = decodeDate(raw); err != nil {
				return nil, fmt.Errorf("%w: %s", ErrClaims, name)
			}
		}
	}
	if raw, present := claims["aud"]; present {
		if token.Audience, err = decodeAudience(raw); err != nil {
			return nil, fmt.Errorf("%w: aud", ErrClaims)
		}
	}
	return token, nil
}

// decodeAudience reads a string or an array of strings (RFC 7519 §4.1.3).
func decodeAudience(raw json.RawMessage) ([]string, error) {
	var single string
	if decodeString(raw, &single) == nil {
		return []string{single}, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil || elements == nil {
		return nil, ErrClaims
	}
	audience := make([]string, len(elements))
	for i, element := range elements {
		if err := decodeString(element, &audience[i]); err != nil {
			return nil, err
		}
	}
	return audience, nil
}

// latestDate is the end of the year 9999; a number beyond it would overflow arithmetic on times.
const latestDate = 253402300799

// decodeDate reads a NumericDate: seconds since 1970, possibly with a fraction (RFC 7519 §2).
func decodeDate(raw json.RawMessage) (time.Time, error) {
	var seconds float64
	if string(raw) == "null" || json.Unmarshal(raw, &seconds) != nil || !(seconds > 0 && seconds <= latestDate) {
		return time.Time{}, ErrClaims
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}
