// Package secret makes the random secrets that the server hands out, the digests it stores instead of
// them, and the values it derives from a key. Authorization codes, refresh tokens, client secrets,
// browser cookies and one-time links are all made here.
//
// A generated secret has 256 bits of entropy, so a plain SHA-256 is a safe digest for it (there is
// nothing to guess) and a look-up by digest needs no salt. What people choose themselves goes to
// package passwordhash instead. Encrypting something that must be read again is package seal's duty.
package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
)

// Bytes is the size of a generated secret before encoding: 256 bits.
const Bytes = 32

// Length is the number of characters of a generated or derived token.
const Length = 43

// New returns a new secret: 256 random bits in unpadded base64url, 43 characters that are safe in
// URLs, headers and cookies. It panics when the source of randomness fails, because no caller could
// do anything safer; crypto/rand.Reader never fails.
func New(random io.Reader) string {
	var buffer [Bytes]byte
	if _, err := io.ReadFull(random, buffer[:]); err != nil {
		panic(fmt.Sprintf("secret: the source of randomness failed: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(buffer[:])
}

// Hash returns the SHA-256 of a token, 32 bytes: what is stored and looked up instead of the token.
// It is for generated secrets only; a password needs package passwordhash.
func Hash(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

// Matches reports, in constant time, whether the token is the one whose Hash was stored. A stored
// value that is not a SHA-256 digest matches nothing.
func Matches(token string, stored []byte) bool {
	digest := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(digest[:], stored) == 1
}

// Equal compares two secrets in a time that does not depend on where, or by how many characters,
// they differ.
func Equal(a, b string) bool {
	// Digests have one length, so that not even the length of the expected secret shows.
	first, second := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(first[:], second[:]) == 1
}

// Derive returns HMAC-SHA-256 over the label and the parts, 32 bytes. The label separates uses of
// one key: values derived for different labels say nothing about each other. Label and parts are
// length-prefixed, so ("ab", "c") and ("a", "bc") derive different values. Compare a derived value
// that somebody presents with hmac.Equal, Equal or Matches, never with ==.
func Derive(key []byte, label string, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	var length [8]byte
	write := func(text string) {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		mac.Write(length[:])
		io.WriteString(mac, text) //nolint:errcheck // a hash never fails (hash.Hash)
	}
	write(label)
	for _, part := range parts {
		write(part)
	}
	return mac.Sum(nil)
}

// DeriveToken is Derive in the form of New: 43 characters of unpadded base64url. A refresh token's
// successor is made this way, so that a retry inside the grace window gets the same answer.
func DeriveToken(key []byte, label string, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(Derive(key, label, parts...))
}
