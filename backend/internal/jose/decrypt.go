package jose

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// MaximumEncryptedBytes is the size of the longest encrypted token that is looked at: enough for the longest
// token of MaximumTokenBytes within.
const MaximumEncryptedBytes = 24 << 10

// DecryptionKey is a private key that tokens are encrypted to. It is immutable and safe for concurrent use.
// Printing it shows algorithm and key id only.
type DecryptionKey struct {
	public EncryptionKey
	key    crypto.PrivateKey // *rsa.PrivateKey or *ecdsa.PrivateKey
}

// GenerateDecryptionKey makes a key for the algorithm's family: RSA with 2048 bits, or P-256. RSA takes about
// a tenth of a second of computing; keep it out of requests.
func GenerateDecryptionKey(algorithm KeyManagement) (*DecryptionKey, error) {
	var key crypto.PrivateKey
	var err error
	switch managements[algorithm].family {
	case familyRSA:
		key, err = rsa.GenerateKey(rand.Reader, generatedRSABits)
	case familyAgreement:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fmt.Errorf("jose: unknown algorithm %q", string(algorithm))
	}
	if err != nil {
		return nil, fmt.Errorf("jose: generating a key for %s: %w", algorithm, err)
	}
	return newDecryptionKey(algorithm, key)
}

// ParseDecryptionKey makes a key of a private key in PKCS #8 (DER), as PKCS8 returns it.
func ParseDecryptionKey(algorithm KeyManagement, pkcs8 []byte) (*DecryptionKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, errors.New("jose: the private key is not PKCS #8") // the cause may quote key bytes
	}
	return newDecryptionKey(algorithm, key)
}

func newDecryptionKey(algorithm KeyManagement, key crypto.PrivateKey) (*DecryptionKey, error) {
	switch private := key.(type) {
	case *rsa.PrivateKey:
		return decrypting(algorithm, private, &private.PublicKey)
	case *ecdsa.PrivateKey:
		return decrypting(algorithm, private, &private.PublicKey)
	}
	return nil, fmt.Errorf("jose: a key of type %T does not decrypt", key)
}

func decrypting(algorithm KeyManagement, private crypto.PrivateKey, public crypto.PublicKey) (*DecryptionKey, error) {
	named, err := NewEncryptionKey(algorithm, public)
	if err != nil {
		return nil, err
	}
	return &DecryptionKey{named, private}, nil
}

// PKCS8 returns the private key in PKCS #8 (DER), to be sealed.
func (k *DecryptionKey) PKCS8() ([]byte, error) {
	encoded, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("jose: a key of type %s cannot be exported", reflect.TypeOf(k.key))
	}
	return encoded, nil
}

// KeyID is the key's RFC 7638 thumbprint.
func (k *DecryptionKey) KeyID() string { return k.public.KeyID }

// Public returns the public key with the same key id.
func (k *DecryptionKey) Public() EncryptionKey { return k.public }

// Format implements fmt.Formatter: whatever the verb, the private key is not shown.
func (k *DecryptionKey) Format(state fmt.State, _ rune) {
	if k == nil {
		fmt.Fprint(state, "jose.DecryptionKey(nil)")
		return
	}
	fmt.Fprintf(state, "jose.DecryptionKey(%s %s)", k.public.family(), k.public.KeyID)
}

// MarshalText keeps the private key out of structured logs.
func (k *DecryptionKey) MarshalText() ([]byte, error) { return fmt.Append(nil, k), nil }

// IsEncrypted reports whether a token has the form of a JWE, five segments, in place of the three of a JWS.
func IsEncrypted(token string) bool { return strings.Count(token, ".") == 4 }

// Decrypted is what a token held, and what it said of itself. It was encrypted by anybody who knows the
// public key: nothing is proved before a signature inside was verified.
type Decrypted struct {
	Algorithm   KeyManagement
	Encryption  Encryption
	KeyID       string // "" when the token named none
	ContentType string // "cty" in lower case without "application/": "jwt" for a nested token
	Payload     []byte
}

// DecryptionLookup finds the private keys for a token's key id and algorithm; with an empty key id it returns
// every one that fits, and each is tried. For none it returns ErrKeyUnknown; any other error is passed
// through unchanged.
type DecryptionLookup func(keyID string, algorithm KeyManagement) ([]*DecryptionKey, error)

// DecryptionKeys returns the look-up among the keys.
func DecryptionKeys(keys ...*DecryptionKey) DecryptionLookup {
	return func(keyID string, algorithm KeyManagement) ([]*DecryptionKey, error) {
		var found []*DecryptionKey
		for _, key := range keys {
			if (keyID == "" || keyID == key.KeyID()) && key.public.Fits(algorithm) {
				found = append(found, key)
			}
		}
		if len(found) == 0 {
			return nil, ErrKeyUnknown
		}
		return found, nil
	}
}

// Decrypt opens a token in compact serialization (RFC 7516 §5.2) that is encrypted with one of the algorithms
// and encryptions. A key is used with the algorithms of its family only. Compressed tokens are refused, they
// could be small and open to anything, and so is a "crit". An error that matches ErrInvalid is about the
// token, every other one is not. Why a token does not open is not told: ErrDecryption is all.
func Decrypt(token string, keys DecryptionLookup, algorithms []KeyManagement, encryptions []Encryption) (*Decrypted, error) {
	parts, err := splitEncrypted(token)
	if err != nil {
		return nil, err
	}
	known, ok := contents[parts.Encryption]
	if !ok || !slices.Contains(algorithms, parts.Algorithm) || !slices.Contains(encryptions, parts.Encryption) {
		return nil, ErrAlgorithm
	}
	candidates, err := keys(parts.KeyID, parts.Algorithm)
	if err != nil {
		return nil, err
	}
	for _, candidate := range candidates {
		if !candidate.public.Fits(parts.Algorithm) {
			return nil, ErrAlgorithm
		}
		key, err := candidate.contentKey(parts, known.keyBytes)
		if err != nil {
			continue
		}
		if payload, err := known.decrypt(key, parts); err == nil {
			parts.Payload = payload
			return &parts.Decrypted, nil
		}
	}
	return nil, ErrDecryption
}

func (c content) decrypt(key []byte, parts *encrypted) ([]byte, error) {
	aead, err := c.open(key)
	if err != nil || len(parts.nonce) != aead.NonceSize() || len(parts.tag) != c.tagBytes {
		return nil, ErrDecryption
	}
	return aead.Open(nil, parts.nonce, append(parts.ciphertext[:len(parts.ciphertext):len(parts.ciphertext)], parts.tag...), parts.additional)
}

// contentKey finds the key of the content. A key that RSA does not open is replaced by a random one, so that
// the failure is the same as that of a wrong tag (RFC 7516 §11.5).
func (k *DecryptionKey) contentKey(parts *encrypted, size int) ([]byte, error) {
	if private, ok := k.key.(*rsa.PrivateKey); ok {
		key, err := rsa.DecryptOAEP(sha256.New(), nil, private, parts.encryptedKey, nil)
		if err != nil || len(key) != size {
			return random(size), nil
		}
		return key, nil
	}
	private, ok := k.key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, ErrDecryption
	}
	own, err := private.ECDH()
	if err != nil {
		return nil, ErrDecryption
	}
	ephemeral, err := parts.ephemeral.on(own.Curve())
	if err != nil {
		return nil, err
	}
	agreed, err := own.ECDH(ephemeral)
	if err != nil {
		return nil, ErrDecryption
	}
	wrapBytes := managements[parts.Algorithm].wrapKeyBytes
	if wrapBytes == 0 {
		if len(parts.encryptedKey) != 0 { // RFC 7516 §5.2 step 10
			return nil, ErrDecryption
		}
		return concatKDF(agreed, string(parts.Encryption), parts.partyU, parts.partyV, size), nil
	}
	key, err := unwrapKey(concatKDF(agreed, string(parts.Algorithm), parts.partyU, parts.partyV, wrapBytes), parts.encryptedKey)
	if err != nil || len(key) != size {
		return nil, ErrDecryption
	}
	return key, nil
}

// on reads the ephemeral key on the recipient's curve. Both coordinates have the full width; a point off the
// curve, which could betray the private key, is refused.
func (e *ephemeralKey) on(curve ecdh.Curve) (*ecdh.PublicKey, error) {
	if e == nil || e.Type != "EC" || e.Curve != curveName(curve) { // keys of our own are on such curves only
		return nil, ErrDecryption
	}
	x, xOK := decodeSegment(e.X)
	y, yOK := decodeSegment(e.Y)
	if !xOK || !yOK || len(x) != len(y) {
		return nil, ErrDecryption
	}
	key, err := curve.NewPublicKey(slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, ErrDecryption
	}
	return key, nil
}

// encrypted is a JWE taken apart.
type encrypted struct {
	Decrypted
	ephemeral                                        *ephemeralKey
	partyU, partyV                                   []byte
	encryptedKey, nonce, ciphertext, tag, additional []byte
}

func splitEncrypted(token string) (*encrypted, error) {
	if len(token) > MaximumEncryptedBytes {
		return nil, ErrTooLarge
	}
	segments := strings.Split(token, ".")
	if len(segments) != 5 {
		return nil, ErrMalformed
	}
	var decoded [5][]byte
	for i, segment := range segments {
		var ok bool
		if decoded[i], ok = decodeSegment(segment); !ok {
			return nil, ErrMalformed
		}
	}
	parts := &encrypted{encryptedKey: decoded[1], nonce: decoded[2], ciphertext: decoded[3], tag: decoded[4], additional: []byte(segments[0])}
	return parts, parts.parseHeader(decoded[0])
}

func (p *encrypted) parseHeader(data []byte) error {
	fields, err := members(data)
	if err != nil {
		return fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	if _, present := fields["crit"]; present {
		return ErrCritical // RFC 7516 §4.1.13
	}
	if _, present := fields["zip"]; present {
		return ErrCompressed
	}
	var algorithm, encryption, contentType, partyU, partyV string
	for name, target := range map[string]*string{"alg": &algorithm, "enc": &encryption, "kid": &p.KeyID, "cty": &contentType, "apu": &partyU, "apv": &partyV} {
		if raw, present := fields[name]; present && decodeString(raw, target) != nil {
			return fmt.Errorf("%w: header member %s", ErrMalformed, name)
		}
	}
	var uOK, vOK bool
	p.partyU, uOK = decodeSegment(partyU)
	p.partyV, vOK = decodeSegment(partyV)
	if algorithm == "" || encryption == "" || !uOK || !vOK {
		return fmt.Errorf("%w: header", ErrMalformed)
	}
	p.Algorithm, p.Encryption, p.ContentType = Algorithm(algorithm), Encryption(encryption), normalType(contentType)
	if raw, present := fields["epk"]; present {
		p.ephemeral, err = parseEphemeral(raw)
	}
	return err
}

func parseEphemeral(raw json.RawMessage) (*ephemeralKey, error) {
	fields, err := members(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: header member epk", ErrMalformed)
	}
	key := &ephemeralKey{}
	for name, target := range map[string]*string{"kty": &key.Type, "crv": &key.Curve, "x": &key.X, "y": &key.Y} {
		if raw, present := fields[name]; present && decodeString(raw, target) != nil {
			return nil, fmt.Errorf("%w: header member epk", ErrMalformed)
		}
	}
	return key, nil
}
