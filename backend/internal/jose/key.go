package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/x25519"
)

// Bounds of a key set from outside: enough for every rotation scheme, too little to slow us down.
const (
	maximumKeySetBytes = 64 << 10
	maximumKeys        = 64
	maximumKeyIDBytes  = 256
)

// ErrPrivateKey says that a key set which should be public contains a private or symmetric key. Its
// owner must replace that key, not just remove it: it has left their hands.
var ErrPrivateKey = errors.New("jose: the key set contains a private or symmetric key")

// PublicKey is a key that verifies signatures.
type PublicKey struct {
	KeyID     string    // "kid"; empty when its owner gave none
	Algorithm Algorithm // "alg"; empty when its owner gave none: then every algorithm of its type fits
	family    string    // what the key was checked to be when it was made; "" in the zero value
	key       crypto.PublicKey
}

// NewPublicKey makes a public key for one algorithm, named by its RFC 7638 thumbprint. It refuses a
// key that does not fit the algorithm.
func NewPublicKey(algorithm Algorithm, key crypto.PublicKey) (PublicKey, error) {
	known, ok := schemes[algorithm]
	if !ok {
		return PublicKey{}, fmt.Errorf("jose: unknown algorithm %q", string(algorithm))
	}
	if err := known.fits(key); err != nil {
		return PublicKey{}, fmt.Errorf("jose: %s: %w", algorithm, err)
	}
	public := PublicKey{Algorithm: algorithm, family: known.family, key: key}
	var err error
	public.KeyID, err = public.Thumbprint()
	return public, err
}

// ParsePublicKey reads one public key in JWK form, for instance a stored one. Unlike ParseKeySet it
// refuses a key that it cannot use.
func ParsePublicKey(data []byte) (PublicKey, error) {
	public, usable, err := parseKey(data)
	if err == nil && !usable {
		err = errors.New("jose: the key is of a type, use or algorithm that cannot verify signatures here")
	}
	return public, err
}

// Thumbprint is the RFC 7638 thumbprint with SHA-256 in base64url.
func (k PublicKey) Thumbprint() (string, error) { return thumbprint(k.key) }

func thumbprint(key crypto.PublicKey) (string, error) {
	translated, err := jwk.FromRaw(key)
	if err != nil {
		return "", fmt.Errorf("jose: translating a key: %w", err)
	}
	sum, err := translated.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("jose: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Raw returns the key as crypto/rsa, crypto/ecdsa or crypto/ed25519 know it.
func (k PublicKey) Raw() crypto.PublicKey { return k.key }

// Fits reports whether the key may verify signatures of the algorithm: its own one, or any of its
// type when its owner named none.
func (k PublicKey) Fits(algorithm Algorithm) bool {
	known, ok := schemes[algorithm]
	return ok && known.family == k.family && (k.Algorithm == "" || k.Algorithm == algorithm)
}

// MarshalJSON writes the key as a public JWK with "use":"sig" and, when known, "kid" and "alg".
func (k PublicKey) MarshalJSON() ([]byte, error) {
	return marshalKey(k.key, "sig", k.KeyID, k.Algorithm)
}

func marshalKey(key crypto.PublicKey, use, keyID string, algorithm Algorithm) ([]byte, error) {
	translated, err := jwk.FromRaw(key)
	if err != nil {
		return nil, fmt.Errorf("jose: translating a key: %w", err)
	}
	members := map[string]any{jwk.KeyUsageKey: use}
	if keyID != "" {
		members[jwk.KeyIDKey] = keyID
	}
	if algorithm != "" {
		members[jwk.AlgorithmKey] = string(algorithm)
	}
	for name, value := range members {
		if err := translated.Set(name, value); err != nil {
			return nil, fmt.Errorf("jose: writing %s: %w", name, err)
		}
	}
	return json.Marshal(translated)
}

// KeySet is an immutable set of public keys (RFC 7517 §5): those that verify signatures, and those that
// are encrypted to. A key that says nothing of its use is both.
type KeySet struct {
	keys       []PublicKey
	encryption []EncryptionKey
}

// NewKeySet makes a set of keys that verify; the order is kept.
func NewKeySet(keys ...PublicKey) KeySet { return KeySet{keys: append([]PublicKey(nil), keys...)} }

// With returns the set with keys that are encrypted to behind all others.
func (s KeySet) With(keys ...EncryptionKey) KeySet {
	return KeySet{s.keys, slices.Concat(s.encryption, keys)}
}

// ParseKeySet reads a JWK set from outside, for instance a client's. Keys that are of no use here
// (unknown types, curves or algorithms) are left out, as RFC 7517 §5 asks; the set may therefore be
// empty, see Len and EncryptionKeys. Refused are sets of more than 64 KiB or 64 keys,
// private or symmetric keys (ErrPrivateKey), RSA below 2048 or above 8192 bits, points off the
// curve, an "alg" that contradicts the key, and repeated JSON members.
func ParseKeySet(data []byte) (KeySet, error) {
	if len(data) > maximumKeySetBytes {
		return KeySet{}, fmt.Errorf("jose: a key set has at most %d bytes", maximumKeySetBytes)
	}
	set, err := members(data)
	if err != nil {
		return KeySet{}, fmt.Errorf("jose: key set: %w", err)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(set["keys"], &elements); err != nil || elements == nil {
		return KeySet{}, errors.New(`jose: a key set has a member "keys", an array`)
	}
	if len(elements) > maximumKeys {
		return KeySet{}, fmt.Errorf("jose: a key set has at most %d keys", maximumKeys)
	}
	var parsed KeySet
	for position, element := range elements {
		if err := parsed.add(element); err != nil {
			return KeySet{}, fmt.Errorf("key %d of the set: %w", position, err)
		}
	}
	return parsed, nil
}

// add reads a key for each of its purposes.
func (s *KeySet) add(data []byte) error {
	described, err := describe(data)
	if err != nil {
		return err
	}
	verifies, usable, err := described.verificationKey(data)
	if err != nil {
		return err
	}
	if usable {
		s.keys = append(s.keys, verifies)
	}
	encrypts, usable, err := described.encryptionKey(data)
	if err != nil {
		return err
	}
	if usable {
		s.encryption = append(s.encryption, encrypts)
	}
	return nil
}

// Len is the number of keys that verify.
func (s KeySet) Len() int { return len(s.keys) }

// Keys returns a copy of the keys in their order.
func (s KeySet) Keys() []PublicKey { return append([]PublicKey(nil), s.keys...) }

// MarshalJSON writes the set as the document that a jwks_uri serves.
func (s KeySet) MarshalJSON() ([]byte, error) {
	keys := make([]json.Marshaler, 0, len(s.keys)+len(s.encryption))
	for _, key := range s.keys {
		keys = append(keys, key)
	}
	for _, key := range s.encryption {
		keys = append(keys, key)
	}
	return json.Marshal(map[string][]json.Marshaler{"keys": keys})
}

// Lookup finds the key with the id that fits the algorithm. With an empty key id it finds the only
// key that fits; when several do, the signer had to name one (OpenID Connect Core 1.0 §10.1).
// The error is ErrKeyUnknown. It is a Lookup.
func (s KeySet) Lookup(keyID string, algorithm Algorithm) (PublicKey, error) {
	var found []PublicKey
	for _, key := range s.keys {
		if (keyID == "" || key.KeyID == keyID) && key.Fits(algorithm) {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return PublicKey{}, ErrKeyUnknown
	}
	return found[0], nil
}

// description is what a JWK says of itself.
type description struct {
	keyType, curve, use, algorithm, keyID string
	operations                            []string // nil when it names none
	ok                                    bool     // "crv" and "key_ops" can be read; other keys are left out
}

// describe reads the members that all public keys share. The error is about keys that nobody may offer.
func describe(data []byte) (description, error) {
	fields, err := members(data)
	if err != nil {
		return description{}, fmt.Errorf("jose: key: %w", err)
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, present := fields[name]; present {
			return description{}, ErrPrivateKey
		}
	}
	found := description{ok: true}
	for name, target := range map[string]*string{"kty": &found.keyType, "use": &found.use, "alg": &found.algorithm, "kid": &found.keyID} {
		if raw, present := fields[name]; present {
			if err := decodeString(raw, target); err != nil {
				return description{}, fmt.Errorf("jose: member %q of a key must be a string", name)
			}
		}
	}
	if len(found.keyID) > maximumKeyIDBytes {
		return description{}, fmt.Errorf("jose: a key id has at most %d bytes", maximumKeyIDBytes)
	}
	if raw, present := fields["crv"]; present && decodeString(raw, &found.curve) != nil {
		found.ok = false
	}
	if raw, present := fields["key_ops"]; present && (json.Unmarshal(raw, &found.operations) != nil || found.operations == nil) {
		found.ok = false
	}
	return found, nil
}

// serves applies "use" and "key_ops" (RFC 7517 §4.2, §4.3).
func (d description) serves(use string, operations ...string) bool {
	if !d.ok || d.use != "" && d.use != use {
		return false
	}
	return d.operations == nil || slices.ContainsFunc(operations, func(name string) bool { return slices.Contains(d.operations, name) })
}

// parseKey reads a public JWK; usable is false for a key that cannot verify signatures here.
func parseKey(data []byte) (key PublicKey, usable bool, err error) {
	described, err := describe(data)
	if err != nil {
		return PublicKey{}, false, err
	}
	return described.verificationKey(data)
}

func (d description) verificationKey(data []byte) (key PublicKey, usable bool, err error) {
	key.KeyID, key.Algorithm = d.keyID, Algorithm(d.algorithm)
	if !d.serves("sig", "verify") || d.algorithm != "" && !key.Algorithm.Known() || !usableType(d.keyType, d.curve) {
		return PublicKey{}, false, nil
	}
	if key.key, err = rawKey(data); err != nil {
		return PublicKey{}, false, err
	}
	key.family, err = key.check()
	return key, true, err
}

// check finds the family of a key. It refuses a key that fits no algorithm, or not the one it names.
func (k PublicKey) check() (family string, err error) {
	candidates := []Algorithm{k.Algorithm}
	if k.Algorithm == "" {
		candidates = []Algorithm{ES256, ES384, ES512, EdDSA, RS256} // one of each family
	}
	for _, algorithm := range candidates {
		if err = schemes[algorithm].fits(k.key); err == nil {
			return schemes[algorithm].family, nil
		}
	}
	return "", fmt.Errorf("jose: the key cannot be used: %w", err) // for RSA the reason, its size
}

func usableType(keyType, curve string) bool {
	switch keyType {
	case "RSA":
		return true
	case "EC":
		return curve == "P-256" || curve == "P-384" || curve == "P-521"
	case "OKP":
		return curve == "Ed25519"
	}
	return false
}

func rawKey(data []byte) (crypto.PublicKey, error) {
	parsed, err := jwk.ParseKey(data)
	if err != nil {
		return nil, errors.New("jose: the key is malformed")
	}
	var raw any
	if err := parsed.Raw(&raw); err != nil {
		return nil, errors.New("jose: the key is malformed")
	}
	switch key := raw.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, x25519.PublicKey:
		return key, nil
	}
	return nil, fmt.Errorf("jose: the key became a %T", raw)
}
