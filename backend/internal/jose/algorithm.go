// Package jose signs, verifies, encrypts and decrypts JSON Web Tokens and reads and writes JSON Web
// Keys: RFC 7515 (JWS) and RFC 7516 (JWE) in compact serialization, RFC 7517 (JWK), RFC 7518 and
// RFC 8037 (algorithms), RFC 7519 (JWT), RFC 7638 (thumbprints), with the advice of RFC 8725 (JWT Best
// Current Practices) as the rule.
//
// Whoever verifies names the algorithms, types, issuer and audience that are acceptable; nothing in
// a token widens that. A key serves one algorithm, or one family when a client registered it without
// "alg". Keys always come from the caller: "jwk", "jku", "x5u" and "x5c" in a header are ignored,
// and a token with "crit" is refused because no extension is understood.
//
// jwx reads, writes and thumbprints keys. Signatures go to crypto/* directly: jwx's ECDSA signer
// copies the private key for every signature, which defeats the precomputation that crypto/ecdsa
// keeps per key, and its PSS verifier accepts any salt length where RFC 7518 §3.5 fixes it.
//
// Three kinds of tokens have three functions that never meet: Verify knows public keys, Secret.Verify
// knows HS256, and ParseUnsigned knows "none". For each of them the others' algorithms are unknown
// words, not switched-off ones, so a public key is never the secret of an HMAC.
//
// Left out: the JSON serializations, unencoded payloads (RFC 7797), compression ("zip"), RSA1_5 and
// RSA-OAEP with SHA-1, encryption with shared secrets. To X25519 keys of others we encrypt, our own are on P-256.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that the table names
	_ "crypto/sha512"
	"encoding/base64"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Algorithm is an "alg" value of JWS (RFC 7518 §3.1, RFC 8037 §3.1) or of JWE (RFC 7518 §4.1): they
// share one registry, and one name never means both.
type Algorithm string

// The algorithms this package can sign and verify with by key pairs. Which of them an issuer offers or
// a client may use is decided elsewhere.
const (
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	EdDSA Algorithm = "EdDSA" // with Ed25519 only
)

// Bounds of acceptable RSA moduli. 2048 bits are the minimum of RFC 7518 §3.3; beyond 8192 bits a
// single verification costs so much that a registered key would be a way to slow the server down.
const (
	minimumRSABits = 2048
	maximumRSABits = 8192
)

// generatedRSABits is the size of RSA keys made here. RS256 is offered for relying parties that know
// nothing else; keys rotate long before 2048 bits are in danger, and 3072 bits would triple the cost
// of each of those signatures. Who wants a wider margin chooses ES256, the default for new clients.
const generatedRSABits = 2048

// scheme is what the package knows of an algorithm. It is the only place to extend for a new one.
type scheme struct {
	family   string      // kind of key: algorithms of one family share keys
	halfHash crypto.Hash // for at_hash and c_hash
	fits     func(crypto.PublicKey) error
	generate func() (crypto.Signer, error)
	sign     func(key crypto.Signer, input []byte) ([]byte, error)
	verify   func(key crypto.PublicKey, input, signature []byte) bool
}

// schemes is never written to after initialization.
var schemes = map[Algorithm]scheme{
	RS256: rsaScheme(crypto.SHA256, false),
	RS384: rsaScheme(crypto.SHA384, false),
	RS512: rsaScheme(crypto.SHA512, false),
	PS256: rsaScheme(crypto.SHA256, true),
	PS384: rsaScheme(crypto.SHA384, true),
	PS512: rsaScheme(crypto.SHA512, true),
	ES256: ecdsaScheme(crypto.SHA256, elliptic.P256()),
	ES384: ecdsaScheme(crypto.SHA384, elliptic.P384()),
	ES512: ecdsaScheme(crypto.SHA512, elliptic.P521()),
	EdDSA: ed25519Scheme(),
}

// Algorithms lists every algorithm that signs with a key pair, in the order to advertise them: what
// everybody knows first, then what we would choose.
func Algorithms() []Algorithm {
	return []Algorithm{RS256, ES256, PS256, EdDSA, ES384, ES512, PS384, PS512, RS384, RS512}
}

// Known reports whether the package can sign and verify with the algorithm by a key pair. "none", every
// HS…, what encrypts and the empty string are unknown.
func (a Algorithm) Known() bool {
	_, known := schemes[a]
	return known
}

// RSA reports whether keys of the algorithm are RSA keys, which are slow to make.
func (a Algorithm) RSA() bool {
	return schemes[a].family == "RSA" || managements[a].family == familyRSA
}

// HalfHash returns the left half of the hash of an ASCII value in base64url: at_hash of an access
// token, c_hash of a code (OpenID Connect Core 1.0 §3.1.3.6, §3.3.2.11). The hash is the one in the
// name of the ID token's algorithm, for EdDSA SHA-512, the hash inside Ed25519. It panics for an
// unknown algorithm, which nothing that signs ever has.
func (a Algorithm) HalfHash(value string) string {
	known, ok := schemes[a]
	switch {
	case a == HS256:
		known.halfHash = crypto.SHA256
	case !ok:
		panic(fmt.Sprintf("jose: no half hash for algorithm %q", string(a)))
	}
	sum := digest(known.halfHash, []byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

func digest(hash crypto.Hash, input []byte) []byte {
	state := hash.New()
	state.Write(input)
	return state.Sum(nil)
}

// rsaScheme is RSASSA-PKCS1-v1_5 (RFC 7518 §3.3) or RSASSA-PSS (§3.5: salt as long as the hash).
func rsaScheme(hash crypto.Hash, pss bool) scheme {
	var options crypto.SignerOpts = hash
	pssOptions := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	if pss {
		options = pssOptions
	}
	return scheme{
		family:   "RSA",
		halfHash: hash,
		fits:     fitsRSA,
		generate: func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, generatedRSABits) },
		sign: func(key crypto.Signer, input []byte) ([]byte, error) {
			return key.Sign(rand.Reader, digest(hash, input), options)
		},
		verify: func(key crypto.PublicKey, input, signature []byte) bool {
			public, ok := key.(*rsa.PublicKey)
			if !ok {
				return false
			}
			if pss {
				return rsa.VerifyPSS(public, hash, digest(hash, input), signature, pssOptions) == nil
			}
			return rsa.VerifyPKCS1v15(public, hash, digest(hash, input), signature) == nil
		},
	}
}

func fitsRSA(key crypto.PublicKey) error {
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("an RSA key is needed, this is %T", key)
	}
	if bits := public.N.BitLen(); bits < minimumRSABits || bits > maximumRSABits {
		return fmt.Errorf("an RSA key has %d to %d bits, this one has %d", minimumRSABits, maximumRSABits, bits)
	}
	if public.E < 3 || public.E%2 == 0 {
		return fmt.Errorf("the RSA exponent %d is not an odd number above 1", public.E)
	}
	return nil
}

// ecdsaScheme is ECDSA as in RFC 7518 §3.4: the signature is R || S, each as wide as the curve's order.
func ecdsaScheme(hash crypto.Hash, curve elliptic.Curve) scheme {
	width := (curve.Params().BitSize + 7) / 8
	return scheme{
		family:   curve.Params().Name,
		halfHash: hash,
		fits:     func(key crypto.PublicKey) error { return fitsCurve(key, curve) },
		generate: func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) },
		sign: func(key crypto.Signer, input []byte) ([]byte, error) {
			encoded, err := key.Sign(rand.Reader, digest(hash, input), hash)
			if err != nil {
				return nil, err
			}
			return fixedWidth(encoded, width)
		},
		verify: func(key crypto.PublicKey, input, signature []byte) bool {
			public, ok := key.(*ecdsa.PublicKey)
			if !ok || len(signature) != 2*width {
				return false
			}
			r, s := new(big.Int).SetBytes(signature[:width]), new(big.Int).SetBytes(signature[width:])
			return ecdsa.Verify(public, digest(hash, input), r, s)
		},
	}
}

func fitsCurve(key crypto.PublicKey, curve elliptic.Curve) error {
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return fmt.Errorf("an elliptic-curve key is needed, this is %T", key)
	}
	if public.Curve != curve {
		return fmt.Errorf("a key on %s is needed", curve.Params().Name)
	}
	if _, err := public.ECDH(); err != nil { // refuses a point that is not on the curve
		return fmt.Errorf("the point is not on %s", curve.Params().Name)
	}
	return nil
}

// fixedWidth turns the ASN.1 signature of crypto.Signer into R || S. Both halves are padded: about
// one signature in 128 has a half that is a byte shorter.
func fixedWidth(encoded []byte, width int) ([]byte, error) {
	var inner cryptobyte.String
	var r, s []byte
	input := cryptobyte.String(encoded)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !input.Empty() ||
		!inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() ||
		len(r) > width || len(s) > width {
		return nil, fmt.Errorf("jose: the key returned a malformed ECDSA signature")
	}
	signature := make([]byte, 2*width)
	copy(signature[width-len(r):], r)
	copy(signature[2*width-len(s):], s)
	return signature, nil
}

// ed25519Scheme is EdDSA with Ed25519 (RFC 8037 §3.1); it signs the message, not a digest.
func ed25519Scheme() scheme {
	return scheme{
		family:   "Ed25519",
		halfHash: crypto.SHA512,
		fits: func(key crypto.PublicKey) error {
			if public, ok := key.(ed25519.PublicKey); !ok || len(public) != ed25519.PublicKeySize {
				return fmt.Errorf("an Ed25519 key is needed, this is %T", key)
			}
			return nil
		},
		generate: func() (crypto.Signer, error) {
			_, private, err := ed25519.GenerateKey(rand.Reader)
			return private, err
		},
		sign: func(key crypto.Signer, input []byte) ([]byte, error) {
			return key.Sign(rand.Reader, input, crypto.Hash(0))
		},
		verify: func(key crypto.PublicKey, input, signature []byte) bool {
			public, ok := key.(ed25519.PublicKey)
			return ok && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, input, signature)
		},
	}
}
