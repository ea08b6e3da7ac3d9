package jose

import (
	"crypto"
	"fmt"
	"slices"
)

// VerifyEmbedded checks a token that brings its own public key in the header member "jwk", such as a DPoP proof
// (RFC 9449 §4.2), and returns the token with that key. It proves that whoever made the token has the private key, and
// nothing else: issuer, audience and times are the caller's to judge. Types and algorithms are as in Expected; a
// private or symmetric key is refused, whatever else is right. Every error matches ErrInvalid.
func VerifyEmbedded(token string, types []string, algorithms []Algorithm) (*Token, PublicKey, error) {
	parts, err := Expected{Types: types, Algorithms: algorithms}.split(token)
	if err != nil {
		return nil, PublicKey{}, err
	}
	if len(parts.embedded) == 0 {
		return nil, PublicKey{}, fmt.Errorf("%w: header without jwk", ErrMalformed)
	}
	key, usable, err := parseKey(parts.embedded)
	switch {
	case err != nil:
		return nil, PublicKey{}, fmt.Errorf("%w: %w", ErrKeyUnknown, err)
	case !usable || !key.Fits(parts.header.Algorithm):
		return nil, PublicKey{}, ErrAlgorithm
	case !schemes[parts.header.Algorithm].verify(key.key, parts.input, parts.signature):
		return nil, PublicKey{}, ErrSignature
	}
	found, err := parseClaims(parts.payload)
	if err != nil {
		return nil, PublicKey{}, err
	}
	found.Header = parts.header
	return found, key, nil
}

// KeyThumbprint is the RFC 7638 thumbprint of a key that crypto/x509 knows, with SHA-256 in base64url.
func KeyThumbprint(key crypto.PublicKey) (string, error) { return thumbprint(key) }

// HasKey reports whether the set contains the key that verifies signatures of whoever has shown that they hold it,
// whatever it is called there.
func (s KeySet) HasKey(thumbprint string) bool {
	return slices.ContainsFunc(s.keys, func(key PublicKey) bool {
		own, err := key.Thumbprint()
		return err == nil && own == thumbprint
	})
}
