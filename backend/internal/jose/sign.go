package jose

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Signer signs tokens with one key and one algorithm. It is immutable and safe for concurrent use.
// Printing it shows algorithm and key id only.
type Signer struct {
	algorithm Algorithm
	public    PublicKey
	key       crypto.Signer
	sign      func(key crypto.Signer, input []byte) ([]byte, error)
	header    []byte // the header up to the value of "typ"
}

// GenerateSigner makes a key for the algorithm: RSA with 2048 bits, P-256 and so on. Randomness
// comes from crypto/rand, because the key generators of the standard library use nothing else.
// RSA takes about a tenth of a second of computing; keep it out of requests.
func GenerateSigner(algorithm Algorithm) (*Signer, error) {
	known, ok := schemes[algorithm]
	if !ok {
		return nil, fmt.Errorf("jose: unknown algorithm %q", string(algorithm))
	}
	key, err := known.generate()
	if err != nil {
		return nil, fmt.Errorf("jose: generating a key for %s: %w", algorithm, err)
	}
	return NewSigner(algorithm, key)
}

// NewSigner makes a signer of a key, which may live elsewhere behind crypto.Signer. It refuses a key
// that does not fit the algorithm. The key id is the RFC 7638 thumbprint.
func NewSigner(algorithm Algorithm, key crypto.Signer) (*Signer, error) {
	if key == nil {
		return nil, errors.New("jose: no key")
	}
	public, err := NewPublicKey(algorithm, key.Public())
	if err != nil {
		return nil, err
	}
	header := fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":"`, string(algorithm), public.KeyID)
	return &Signer{algorithm, public, key, schemes[algorithm].sign, header}, nil
}

// ParseSigner makes a signer of a private key in PKCS #8 (DER), as PKCS8 returns it.
func ParseSigner(algorithm Algorithm, pkcs8 []byte) (*Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, errors.New("jose: the private key is not PKCS #8") // the cause may quote key bytes
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("jose: a key of type %T cannot sign", key)
	}
	return NewSigner(algorithm, signer)
}

// PKCS8 returns the private key in PKCS #8 (DER), to be sealed. It fails for a key that lives elsewhere.
func (s *Signer) PKCS8() ([]byte, error) {
	encoded, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return nil, fmt.Errorf("jose: a key of type %s cannot be exported", reflect.TypeOf(s.key))
	}
	return encoded, nil
}

// KeyID is the key's RFC 7638 thumbprint, the "kid" of every token.
func (s *Signer) KeyID() string { return s.public.KeyID }

// Algorithm is the "alg" of every token.
func (s *Signer) Algorithm() Algorithm { return s.algorithm }

// Public returns the public key with the same key id and algorithm.
func (s *Signer) Public() PublicKey { return s.public }

// Format implements fmt.Formatter: whatever the verb, the private key is not shown.
func (s *Signer) Format(state fmt.State, _ rune) {
	if s == nil {
		fmt.Fprint(state, "jose.Signer(nil)")
		return
	}
	fmt.Fprintf(state, "jose.Signer(%s %s)", s.algorithm, s.public.KeyID)
}

// MarshalText keeps the private key out of structured logs.
func (s *Signer) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }

// TokenSigner is what signs tokens: a Signer, or the Secret that a client shares with us.
type TokenSigner interface {
	Algorithm() Algorithm
	// Sign returns a token of the type, see Signer.Sign.
	Sign(ctx context.Context, tokenType string, claims any) (string, error)
}

// Sign returns a token in compact serialization with "alg", "kid" and "typ" in its header. The type
// is a media type without "application/", such as "at+jwt" or "JWT". Claims is anything that
// encodes/json writes as an object; json.RawMessage is taken as it is, and must be an object without
// repeated members. Sign does nothing when the context has ended: an RSA signature is expensive.
func (s *Signer) Sign(ctx context.Context, tokenType string, claims any) (string, error) {
	return sign(ctx, s.header, tokenType, claims, func(input []byte) ([]byte, error) {
		signature, err := s.sign(s.key, input)
		if err != nil {
			return nil, fmt.Errorf("jose: signing with %s: %w", s.algorithm, err)
		}
		return signature, nil
	})
}

// sign builds a token; begin is the header up to the value of "typ".
func sign(ctx context.Context, begin []byte, tokenType string, claims any, signatureOf func(input []byte) ([]byte, error)) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if !validType(tokenType) {
		return "", fmt.Errorf("jose: %q is no token type", tokenType)
	}
	payload, ready := claims.(json.RawMessage)
	if !ready {
		var err error
		if payload, err = json.Marshal(claims); err != nil {
			return "", fmt.Errorf("jose: encoding claims: %w", err)
		}
	}
	if len(payload) < 2 || payload[0] != '{' {
		return "", errors.New("jose: claims must be a JSON object")
	}

	encoding := base64.RawURLEncoding
	header := append(append(append(make([]byte, 0, len(begin)+len(tokenType)+2), begin...), tokenType...), `"}`...)
	// One buffer holds the whole token; 700 is enough for the longest signature this package makes
	// of the keys it generates, longer ones grow the buffer.
	token := make([]byte, 0, encoding.EncodedLen(len(header))+encoding.EncodedLen(len(payload))+700)
	token = encoding.AppendEncode(token, header)
	token = append(token, '.')
	token = encoding.AppendEncode(token, payload)
	signature, err := signatureOf(token)
	if err != nil {
		return "", err
	}
	token = append(token, '.')
	return string(encoding.AppendEncode(token, signature)), nil
}

// validType accepts the characters of a media subtype (RFC 6838 §4.2), none of which JSON escapes.
func validType(text string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			i > 0 && (c == '+' || c == '-' || c == '.' || c == '_'):
		default:
			return false
		}
	}
	return text != "" && len(text) <= 127
}
