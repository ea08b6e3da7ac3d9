package jose

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v2/x25519"
)

// EncryptionKey is a public key of somebody that content is encrypted to.
type EncryptionKey struct {
	KeyID     string        // "kid", for the header; empty when its owner gave none
	Algorithm KeyManagement // "alg"; empty when its owner gave none: then every algorithm of its type fits
	dedicated bool          // "use" is "enc"
	key       crypto.PublicKey
}

// NewEncryptionKey makes a public key that is for encryption only, named by its RFC 7638 thumbprint. A key for key
// agreement serves every algorithm of ECDH-ES and therefore names none of them. It refuses a key that does not fit
// the algorithm.
func NewEncryptionKey(algorithm KeyManagement, key crypto.PublicKey) (EncryptionKey, error) {
	made := EncryptionKey{dedicated: true}
	if managements[algorithm].family != familyAgreement {
		made.Algorithm = algorithm
	}
	var err error
	if made.key, err = agreeable(key); err != nil || !made.Fits(algorithm) {
		return EncryptionKey{}, fmt.Errorf("jose: nothing is encrypted by %q to a key of type %T", string(algorithm), key)
	}
	made.KeyID, err = thumbprint(key)
	return made, err
}

// Raw returns the key: *rsa.PublicKey or, on P-256, P-384, P-521 or X25519, *ecdh.PublicKey.
func (k EncryptionKey) Raw() crypto.PublicKey { return k.key }

// Fits reports whether content may be encrypted to the key by the algorithm: its own one, or any of its
// type when its owner named none.
func (k EncryptionKey) Fits(algorithm KeyManagement) bool {
	known, ok := managements[algorithm]
	return ok && known.family == k.family() && (k.Algorithm == "" || k.Algorithm == algorithm)
}

func (k EncryptionKey) family() string {
	switch k.key.(type) {
	case *rsa.PublicKey:
		return familyRSA
	case *ecdh.PublicKey:
		return familyAgreement
	}
	return ""
}

// MarshalJSON writes the key as a public JWK with "use":"enc" and, when known, "kid" and "alg".
func (k EncryptionKey) MarshalJSON() ([]byte, error) {
	key := k.key
	if point, ok := key.(*ecdh.PublicKey); ok {
		var err error
		if key, err = translatable(point); err != nil {
			return nil, fmt.Errorf("jose: translating a key: %w", err)
		}
	}
	return marshalKey(key, "enc", k.KeyID, k.Algorithm)
}

// translatable returns a key for key agreement in the form that jwx knows.
func translatable(key *ecdh.PublicKey) (crypto.PublicKey, error) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if curve.Params().Name == curveName(key.Curve()) {
			return ecdsa.ParseUncompressedPublicKey(curve, key.Bytes())
		}
	}
	return x25519.PublicKey(key.Bytes()), nil
}

// ParseEncryptionKey reads one public key in JWK form, for instance a stored one. Unlike ParseKeySet it
// refuses a key that it cannot use.
func ParseEncryptionKey(data []byte) (EncryptionKey, error) {
	described, err := describe(data)
	if err != nil {
		return EncryptionKey{}, err
	}
	key, usable, err := described.encryptionKey(data)
	if err == nil && !usable {
		err = errors.New("jose: nothing can be encrypted to a key of this type, use or algorithm here")
	}
	return key, err
}

// EncryptionKeys returns a copy of the keys that content can be encrypted to, in their order.
func (s KeySet) EncryptionKeys() []EncryptionKey { return slices.Clone(s.encryption) }

// ForEncryption finds the key to encrypt to by the algorithm: of those that fit the first whose "use" is
// "enc" and that names the algorithm, else the first with the one, with the other, with neither. The error
// is ErrKeyUnknown.
func (s KeySet) ForEncryption(algorithm KeyManagement) (EncryptionKey, error) {
	best, rank := EncryptionKey{}, 0
	for _, key := range s.encryption {
		if !key.Fits(algorithm) {
			continue
		}
		own := 1
		if key.dedicated {
			own += 2
		}
		if key.Algorithm != "" {
			own++
		}
		if own > rank {
			best, rank = key, own
		}
	}
	if rank == 0 {
		return EncryptionKey{}, ErrKeyUnknown
	}
	return best, nil
}

// encryptionKey reads a public JWK; usable is false for a key that nothing is encrypted to here.
func (d description) encryptionKey(data []byte) (key EncryptionKey, usable bool, err error) {
	key = EncryptionKey{KeyID: d.keyID, Algorithm: KeyManagement(d.algorithm), dedicated: d.use == "enc"}
	onCurve := d.keyType == "EC" && usableType(d.keyType, d.curve) || d.keyType == "OKP" && d.curve == "X25519"
	switch {
	case d.keyType == "RSA" && d.serves("enc", "encrypt", "wrapKey"):
	case onCurve && d.serves("enc", "deriveKey", "deriveBits"):
	default:
		return EncryptionKey{}, false, nil
	}
	if _, known := managements[key.Algorithm]; d.algorithm != "" && !known {
		return EncryptionKey{}, false, nil
	}
	raw, err := rawKey(data)
	if err != nil {
		return EncryptionKey{}, false, err
	}
	if key.key, err = agreeable(raw); err != nil {
		return EncryptionKey{}, false, fmt.Errorf("jose: the key cannot be used: %w", err)
	}
	if d.algorithm != "" && !key.Fits(key.Algorithm) {
		return EncryptionKey{}, false, fmt.Errorf("jose: the key cannot be used: %s needs another type of key", d.algorithm)
	}
	return key, true, nil
}

// agreeable checks a key and returns it in the form that Raw promises.
func agreeable(raw crypto.PublicKey) (crypto.PublicKey, error) {
	switch key := raw.(type) {
	case *rsa.PublicKey:
		return key, fitsRSA(key)
	case *ecdsa.PublicKey:
		point, err := key.ECDH()
		if err != nil {
			return nil, fmt.Errorf("the point is not on %s", key.Params().Name)
		}
		return point, nil
	case x25519.PublicKey:
		return ecdh.X25519().NewPublicKey(key)
	}
	return nil, fmt.Errorf("this is %T", raw)
}
