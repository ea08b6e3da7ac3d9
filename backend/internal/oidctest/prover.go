package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/secret"
)

// Prover is whoever has a DPoP key (RFC 9449). It makes good proofs, and any others.
type Prover struct {
	Key *ecdsa.PrivateKey
	Now func() time.Time
}

// NewProver makes somebody with a new key, whose clock is the provider's.
func (p *Provider) NewProver(t testing.TB) *Prover {
	t.Helper()
	return NewProver(t, p.Clock.Now)
}

// NewProver makes somebody with a new key and a clock.
func NewProver(t testing.TB, now func() time.Time) *Prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Prover{Key: key, Now: now}
}

// Thumbprint is that of the key.
func (p *Prover) Thumbprint(t testing.TB) string {
	t.Helper()
	thumbprint, err := jose.KeyThumbprint(&p.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return thumbprint
}

// Proof makes a proof for a request. change may alter header and claims, nil for a good one.
func (p *Prover) Proof(t testing.TB, method, address string, change func(header, claims map[string]any)) string {
	t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": p.PublicKey(t)}
	claims := map[string]any{"jti": secret.New(rand.Reader), "htm": method, "htu": address, "iat": p.Now().Unix()}
	if change != nil {
		change(header, claims)
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	maps.DeleteFunc(header, func(_ string, value any) bool { return value == nil })
	input := segment(t, header) + "." + segment(t, claims)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.Key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature[:])
}

// PublicKey is the key as a JWK.
func (p *Prover) PublicKey(t testing.TB) map[string]any {
	t.Helper()
	point, err := p.Key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"kty": "EC", "crv": "P-256", "x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])}
}

// WithToken adds the hash of an access token to a proof (RFC 9449 §4.2).
func WithToken(accessToken string) func(header, claims map[string]any) {
	digest := sha256.Sum256([]byte(accessToken))
	return func(_, claims map[string]any) { claims["ath"] = base64.RawURLEncoding.EncodeToString(digest[:]) }
}

func segment(t testing.TB, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}
