package jose

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// HS256 is HMAC with SHA-256 (RFC 7518 §3.2), which only a Secret signs and verifies with.
const HS256 Algorithm = "HS256"

// minimumSecretBytes is the least that RFC 7518 §3.2 allows for HS256.
const minimumSecretBytes = 32

// Secret is a key that two sides share, such as the client_secret of a client that registered HS256
// (OpenID Connect Core 1.0 §10.1: the octets of its UTF-8 form). It is a type of its own: no public key
// becomes one, and Verify never meets one. Printing it shows nothing of it.
type Secret struct{ bytes []byte }

// NewSecret makes a secret of at least 32 bytes, which it copies.
func NewSecret(bytes []byte) (Secret, error) {
	if len(bytes) < minimumSecretBytes {
		return Secret{}, fmt.Errorf("jose: a secret for HS256 has at least %d bytes", minimumSecretBytes)
	}
	return Secret{slices.Clone(bytes)}, nil
}

// Algorithm is the "alg" of every token that the secret signs.
func (s Secret) Algorithm() Algorithm { return HS256 }

var errNoSecret = errors.New("jose: no secret")

// Sign is Signer.Sign with the secret. The header has no "kid": the client has one secret.
func (s Secret) Sign(ctx context.Context, tokenType string, claims any) (string, error) {
	if len(s.bytes) < minimumSecretBytes {
		return "", errNoSecret
	}
	return sign(ctx, []byte(`{"alg":"HS256","typ":"`), tokenType, claims, func(input []byte) ([]byte, error) { return s.mac(input), nil })
}

// Verify is the function Verify with the secret in place of keys. expected.Algorithms must be HS256 and
// nothing else; a "kid" is ignored.
func (s Secret) Verify(token string, expected Expected) (*Token, error) {
	if len(s.bytes) < minimumSecretBytes {
		return nil, errNoSecret
	}
	if len(expected.Algorithms) != 1 || expected.Algorithms[0] != HS256 || !expected.complete() {
		return nil, errIncomplete
	}
	parts, err := expected.split(token)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(parts.signature, s.mac(parts.input)) {
		return nil, ErrSignature
	}
	return expected.accept(parts)
}

func (s Secret) mac(input []byte) []byte {
	state := hmac.New(sha256.New, s.bytes)
	state.Write(input)
	return state.Sum(nil)
}

// Format implements fmt.Formatter: whatever the verb, the secret is not shown.
func (s Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, "jose.Secret") }

// MarshalText keeps the secret out of structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte("jose.Secret"), nil }
