// Package seal encrypts what the server must be able to read again: private signing keys, upstream
// secrets, SMTP passwords, symmetric client secrets. It is envelope encryption with AES-256-GCM
// (NIST SP 800-38D): each value has a data key of its own, and a key-encryption key from the
// configuration wraps that data key. The data key never encrypts a second value.
//
// A sealed value is, in version 1:
//
//	byte  0       format version, 1
//	bytes 1–32    random salt of the wrapping
//	bytes 33–80   the data key, wrapped: AES-256-GCM under HMAC-SHA-256(key-encryption key, salt)
//	bytes 81–     the value: AES-256-GCM under the data key
//
// Both GCM keys are used for exactly one message (the wrapping key is bound to a 256-bit salt, the
// data key to its value), so both nonces are zero and no limit on the number of values under one
// key-encryption key has to be watched, as random 96-bit nonces would need.
//
// The additional data binds a value to its place (organization, table, column, row): a sealed value
// copied elsewhere does not open. Rotating the key-encryption key re-wraps the data key only, see
// Ring.Rewrap. Values are never logged, and errors do not contain them.
//
// What should be recognised but never read again belongs to package secret, passwords to passwordhash.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/clavex/clavex/backend/internal/secret"
)

// KeyBytes is the size of a key-encryption key: 256 bits.
const KeyBytes = 32

const (
	version     = 1
	saltBytes   = 32
	tagBytes    = 16
	wrappedEnd  = 1 + saltBytes + KeyBytes + tagBytes
	minimum     = wrappedEnd + tagBytes
	labelKeyID  = "clavex seal key id v1"
	labelWrap   = "clavex seal wrap v1"
	labelDerive = "clavex seal derive v1"
)

// Overhead is by how many bytes a sealed value is longer than its plaintext.
const Overhead = minimum

// ErrUnknownKey says that a value was sealed under a key that is not in the ring: the configuration
// lacks a previous key.
var ErrUnknownKey = errors.New("seal: sealed under a key-encryption key that is not configured")

// ErrUnreadable says that a sealed value is malformed, was altered, or belongs to another place.
var ErrUnreadable = errors.New("seal: the sealed value cannot be opened")

// Key is a key-encryption key. Its contents cannot be printed: all formatting shows the id only.
type Key struct {
	id    string
	bytes [KeyBytes]byte
}

// NewKey makes a key from 32 bytes. It refuses another length and a key of equal bytes, which can
// only be a placeholder.
func NewKey(raw []byte) (Key, error) {
	if len(raw) != KeyBytes {
		return Key{}, fmt.Errorf("seal: a key-encryption key has %d bytes, this one has %d", KeyBytes, len(raw))
	}
	uniform := true
	for _, b := range raw {
		uniform = uniform && b == raw[0]
	}
	if uniform {
		return Key{}, errors.New("seal: the key-encryption key is one byte repeated; make one with: openssl rand -base64 32")
	}
	key := Key{bytes: [KeyBytes]byte(raw)}
	key.id = hex.EncodeToString(secret.Derive(key.bytes[:], labelKeyID)[:8])
	return key, nil
}

// ParseKey reads a key in base64 as the configuration holds it; the standard and the URL alphabet,
// padded or not, and surrounding white space are accepted. The error never contains the text.
func ParseKey(text string) (Key, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return Key{}, errors.New("seal: the key-encryption key is not base64; make one with: openssl rand -base64 32")
	}
	return NewKey(raw)
}

// GenerateKey makes a new key. It panics when the source of randomness fails.
func GenerateKey(random io.Reader) Key {
	raw := make([]byte, KeyBytes)
	mustRead(random, raw)
	key, err := NewKey(raw)
	if err != nil {
		panic(err)
	}
	return key
}

// ID names the key without revealing it: 16 hexadecimal digits derived from the key.
func (k Key) ID() string { return k.id }

// Encode returns the key in base64, the form that ParseKey reads. It is for the one command that
// makes a key; nothing else has a reason to call it.
func (k Key) Encode() string { return base64.StdEncoding.EncodeToString(k.bytes[:]) }

// Format implements fmt.Formatter: whatever the verb, only the key's id is shown.
func (k Key) Format(state fmt.State, _ rune) { fmt.Fprintf(state, "seal.Key(%s)", k.id) }

// MarshalText keeps the key out of JSON and structured logs: it returns the id only.
func (k Key) MarshalText() ([]byte, error) { return []byte("seal.Key(" + k.id + ")"), nil }

// Ring holds the current key-encryption key and the previous ones that still open values. It is
// immutable and safe for concurrent use.
type Ring struct {
	current  Key
	previous []Key
	byID     map[string]Key
	random   io.Reader
}

// NewRing makes a ring. New values are sealed under the current key; the previous keys open what was
// sealed before a rotation. It refuses the zero Key and a key that is listed twice.
//
// To rotate without a moment in which one replica cannot read what another wrote: list the new key
// as a previous one everywhere, then make it the current one, then run the re-wrap command, and only
// then remove the old key.
func NewRing(current Key, previous ...Key) (*Ring, error) {
	ring := &Ring{current: current, previous: previous, byID: make(map[string]Key), random: rand.Reader}
	for _, key := range append([]Key{current}, previous...) {
		if key.id == "" {
			return nil, errors.New("seal: a key-encryption key is missing")
		}
		if _, taken := ring.byID[key.id]; taken {
			return nil, fmt.Errorf("seal: the key-encryption key %s is listed twice", key.id)
		}
		ring.byID[key.id] = key
	}
	return ring, nil
}

// CurrentKeyID is the id of the key that seals new values; a value beside another id wants Rewrap.
func (r *Ring) CurrentKeyID() string { return r.current.id }

// KeyIDs lists the ids of all keys of the ring, the current one first.
func (r *Ring) KeyIDs() []string {
	ids := []string{r.current.id}
	for _, key := range r.previous {
		ids = append(ids, key.id)
	}
	return ids
}

// Seal encrypts a value under the current key and binds it to the additional data, which is not part
// of the result and must be given again to Open. Store the key id beside the sealed value. It panics
// when the source of randomness fails.
func (r *Ring) Seal(plaintext, additional []byte) (keyID string, sealed []byte) {
	var dataKey [KeyBytes]byte
	mustRead(r.random, dataKey[:])
	sealed = make([]byte, 0, Overhead+len(plaintext))
	sealed = r.wrap(sealed, dataKey[:])
	sealed = gcm(dataKey[:]).Seal(sealed, zeroNonce(), plaintext, valueData(additional))
	return r.current.id, sealed
}

// Open decrypts a sealed value. The error is ErrUnknownKey or ErrUnreadable.
func (r *Ring) Open(keyID string, sealed, additional []byte) ([]byte, error) {
	dataKey, err := r.unwrap(keyID, sealed)
	if err != nil {
		return nil, err
	}
	plaintext, err := gcm(dataKey).Open(nil, zeroNonce(), sealed[wrappedEnd:], valueData(additional))
	if err != nil {
		return nil, ErrUnreadable
	}
	return plaintext, nil
}

// Rewrap moves a sealed value to the current key. Only the wrapped data key changes: neither the
// plaintext nor the additional data is needed. A value under the current key is returned unchanged.
// The error is ErrUnknownKey or ErrUnreadable.
func (r *Ring) Rewrap(keyID string, sealed []byte) (newKeyID string, rewrapped []byte, err error) {
	dataKey, err := r.unwrap(keyID, sealed)
	if err != nil {
		return "", nil, err
	}
	if keyID == r.current.id {
		return keyID, sealed, nil
	}
	rewrapped = r.wrap(make([]byte, 0, len(sealed)), dataKey)
	return r.current.id, append(rewrapped, sealed[wrappedEnd:]...), nil
}

// DerivedKey is a key for HMAC that was derived from the key-encryption key with the id KeyID.
type DerivedKey struct {
	KeyID string
	Key   []byte // 32 bytes
}

// DeriveKey returns the server's HMAC key for a purpose, derived from the current key-encryption
// key. The same key and label always give the same result, on every replica and after every restart.
//
// A rotation changes the result. Whoever verifies must therefore try DeriveKeys, or store KeyID and
// ask DeriveKeyFrom: what was made under a previous key verifies as long as that key is listed.
func (r *Ring) DeriveKey(label string) DerivedKey { return derive(r.current, label) }

// DeriveKeys returns the HMAC keys for a purpose of every key in the ring, the current one first.
// There are as many as keys are listed, one or two in practice.
func (r *Ring) DeriveKeys(label string) []DerivedKey {
	keys := []DerivedKey{derive(r.current, label)}
	for _, key := range r.previous {
		keys = append(keys, derive(key, label))
	}
	return keys
}

// DeriveKeyFrom returns the HMAC key for a purpose that belongs to a key id, or ErrUnknownKey.
func (r *Ring) DeriveKeyFrom(keyID, label string) (DerivedKey, error) {
	key, known := r.byID[keyID]
	if !known {
		return DerivedKey{}, ErrUnknownKey
	}
	return derive(key, label), nil
}

func derive(key Key, label string) DerivedKey {
	return DerivedKey{KeyID: key.id, Key: secret.Derive(key.bytes[:], labelDerive, label)}
}

// wrap appends version, salt and the data key wrapped under the current key.
func (r *Ring) wrap(target, dataKey []byte) []byte {
	var salt [saltBytes]byte
	mustRead(r.random, salt[:])
	target = append(append(target, version), salt[:]...)
	return gcm(wrappingKey(r.current, salt[:])).Seal(target, zeroNonce(), dataKey, wrapData(r.current.id))
}

// unwrap returns the data key of a sealed value.
func (r *Ring) unwrap(keyID string, sealed []byte) ([]byte, error) {
	key, known := r.byID[keyID]
	if !known {
		return nil, ErrUnknownKey
	}
	if len(sealed) < minimum || sealed[0] != version {
		return nil, ErrUnreadable
	}
	salt, wrapped := sealed[1:1+saltBytes], sealed[1+saltBytes:wrappedEnd]
	dataKey, err := gcm(wrappingKey(key, salt)).Open(nil, zeroNonce(), wrapped, wrapData(keyID))
	if err != nil {
		return nil, ErrUnreadable
	}
	return dataKey, nil
}

func wrappingKey(key Key, salt []byte) []byte {
	return secret.Derive(key.bytes[:], labelWrap, string(salt))
}

func wrapData(keyID string) []byte { return append([]byte{version}, keyID...) }

func valueData(additional []byte) []byte {
	return append(append(make([]byte, 0, 1+len(additional)), version), additional...)
}

func zeroNonce() []byte { return make([]byte, 12) }

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key's length is fixed by this package
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size that GCM wants
	}
	return aead
}

func mustRead(random io.Reader, target []byte) {
	if _, err := io.ReadFull(random, target); err != nil {
		panic(fmt.Sprintf("seal: the source of randomness failed: %v", err))
	}
}
