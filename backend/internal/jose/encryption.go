package jose

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
)

// KeyManagement is the Algorithm of a JWE: how the key of the content reaches who decrypts (RFC 7518 §4.1).
type KeyManagement = Algorithm

// The key management algorithms of this package. RSA1_5 is not among them: its padding is an oracle
// (RFC 8725 §3.2, RFC 9325).
const (
	RSAOAEP256   KeyManagement = "RSA-OAEP-256"
	ECDHES       KeyManagement = "ECDH-ES"
	ECDHESA128KW KeyManagement = "ECDH-ES+A128KW"
	ECDHESA256KW KeyManagement = "ECDH-ES+A256KW"
)

// Encrypts reports whether the package encrypts and decrypts with the algorithm: it is an "alg" of JWE. No algorithm
// both signs and encrypts.
func (a Algorithm) Encrypts() bool {
	_, known := managements[a]
	return known
}

// Encryption is a JWE "enc" value (RFC 7518 §5.1).
type Encryption string

// The encryptions of a JWE's content.
const (
	A128GCM      Encryption = "A128GCM"
	A256GCM      Encryption = "A256GCM"
	A128CBCHS256 Encryption = "A128CBC-HS256"
	A256CBCHS512 Encryption = "A256CBC-HS512"
)

// management is what the package knows of an algorithm that manages content keys.
type management struct {
	family       string // kind of key: algorithms of one family share keys
	wrapKeyBytes int    // size of the agreed key that wraps the content key; 0: none is wrapped
}

const (
	familyRSA       = "RSA"
	familyAgreement = "ECDH"
)

// managements is never written to after initialization.
var managements = map[KeyManagement]management{
	RSAOAEP256:   {familyRSA, 0},
	ECDHES:       {familyAgreement, 0},
	ECDHESA128KW: {familyAgreement, 16},
	ECDHESA256KW: {familyAgreement, 32},
}

// content is what the package knows of an encryption of the content.
type content struct {
	keyBytes, tagBytes int
	open               func(key []byte) (cipher.AEAD, error)
}

// contents is never written to after initialization.
var contents = map[Encryption]content{
	A128GCM:      {16, 16, newGCM},
	A256GCM:      {32, 16, newGCM},
	A128CBCHS256: {32, 16, func(key []byte) (cipher.AEAD, error) { return newCBCHMAC(key, sha256.New) }},
	A256CBCHS512: {64, 32, func(key []byte) (cipher.AEAD, error) { return newCBCHMAC(key, sha512.New) }},
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// KeyManagements lists every "alg" of JWE that this package encrypts and decrypts with, in the order to
// advertise them.
func KeyManagements() []KeyManagement {
	return []KeyManagement{RSAOAEP256, ECDHES, ECDHESA128KW, ECDHESA256KW}
}

// Encryptions lists every "enc" of this package in the order to advertise them; the first is what a client
// gets that registered only "alg" (OpenID Connect Registration 1.0 §2).
func Encryptions() []Encryption {
	return []Encryption{A128CBCHS256, A256CBCHS512, A128GCM, A256GCM}
}
