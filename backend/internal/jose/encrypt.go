package jose

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// encryptionHeader is the protected header of a JWE that is made here (RFC 7516 §4.1, RFC 7518 §4.6.1).
type encryptionHeader struct {
	Algorithm   KeyManagement `json:"alg"`
	Encryption  Encryption    `json:"enc"`
	KeyID       string        `json:"kid,omitempty"`
	ContentType string        `json:"cty,omitempty"`
	Ephemeral   *ephemeralKey `json:"epk,omitempty"`
}

// ephemeralKey is a public key on an elliptic curve in JWK form.
type ephemeralKey struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y,omitempty"`
}

// EncryptToken encrypts a signed token to the key: a nested JWT, whose "cty" says so (RFC 7519 §5.2). The
// signature is inside, as RFC 7519 §11.2 advises.
func (k EncryptionKey) EncryptToken(token string, algorithm KeyManagement, encryption Encryption) (string, error) {
	return k.Encrypt([]byte(token), "JWT", algorithm, encryption)
}

// Encrypt encrypts a payload to the key and returns it in compact serialization (RFC 7516 §5.1). The content
// type is "cty", left out when it is empty. It refuses an algorithm that the key is not for.
func (k EncryptionKey) Encrypt(payload []byte, contentType string, algorithm KeyManagement, encryption Encryption) (string, error) {
	known, ok := contents[encryption]
	if !ok {
		return "", fmt.Errorf("jose: unknown encryption %q", string(encryption))
	}
	if !k.Fits(algorithm) {
		return "", fmt.Errorf("jose: the key is not for %q", string(algorithm))
	}
	header := encryptionHeader{Algorithm: algorithm, Encryption: encryption, KeyID: k.KeyID, ContentType: contentType}
	key, encryptedKey, err := k.contentKey(&header, known.keyBytes)
	if err != nil {
		return "", err
	}
	protected, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	aead, err := known.open(key)
	if err != nil {
		return "", err
	}
	encoding := base64.RawURLEncoding
	additional := encoding.AppendEncode(nil, protected)
	nonce := random(aead.NonceSize())
	sealed := aead.Seal(nil, nonce, payload, additional)
	token := additional
	for _, segment := range [][]byte{encryptedKey, nonce, sealed[:len(sealed)-known.tagBytes], sealed[len(sealed)-known.tagBytes:]} {
		token = encoding.AppendEncode(append(token, '.'), segment)
	}
	return string(token), nil
}

// contentKey makes the key of the content and what carries it to the recipient: the encrypted key, or the
// ephemeral key in the header.
func (k EncryptionKey) contentKey(header *encryptionHeader, size int) (key, encryptedKey []byte, err error) {
	if public, ok := k.key.(*rsa.PublicKey); ok {
		key = random(size)
		encryptedKey, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, key, nil)
		return key, encryptedKey, err
	}
	recipient, ok := k.key.(*ecdh.PublicKey)
	if !ok {
		return nil, nil, errors.New("jose: no key")
	}
	ephemeral, err := recipient.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	agreed, err := ephemeral.ECDH(recipient)
	if err != nil {
		return nil, nil, err
	}
	header.Ephemeral = encodePoint(ephemeral.PublicKey())
	wrapBytes := managements[header.Algorithm].wrapKeyBytes
	if wrapBytes == 0 {
		return concatKDF(agreed, string(header.Encryption), nil, nil, size), nil, nil
	}
	key = random(size)
	encryptedKey, err = wrapKey(concatKDF(agreed, string(header.Algorithm), nil, nil, wrapBytes), key)
	return key, encryptedKey, err
}

func random(size int) []byte {
	bytes := make([]byte, size)
	_, _ = rand.Read(bytes) // never fails: it ends the program instead
	return bytes
}

// encodePoint writes both coordinates in the full width of the curve (RFC 7518 §6.2.1.2); of X25519 there is
// only one (RFC 8037 §2).
func encodePoint(key *ecdh.PublicKey) *ephemeralKey {
	encode := base64.RawURLEncoding.EncodeToString
	if key.Curve() == ecdh.X25519() {
		return &ephemeralKey{Type: "OKP", Curve: "X25519", X: encode(key.Bytes())}
	}
	point := key.Bytes()[1:] // after the mark of an uncompressed point
	return &ephemeralKey{"EC", curveName(key.Curve()), encode(point[:len(point)/2]), encode(point[len(point)/2:])}
}

func curveName(curve ecdh.Curve) string {
	switch curve {
	case ecdh.P256():
		return elliptic.P256().Params().Name
	case ecdh.P384():
		return elliptic.P384().Params().Name
	case ecdh.P521():
		return elliptic.P521().Params().Name
	}
	return "X25519"
}
