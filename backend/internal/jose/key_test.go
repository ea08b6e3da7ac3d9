package jose

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func keySet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// member adds members to a JWK.
func member(key, more string) string { return key[:len(key)-1] + "," + more + "}" }

func TestKeySetsKeepWhatCanVerify(t *testing.T) {
	for name, c := range map[string]struct {
		set  string
		want int
	}{
		"an empty set":                       {keySet(), 0},
		"RSA, EC and OKP":                    {keySet(rfc7515A2Key, rfc7515A3Key, rfc8037Key), 3},
		"unknown members":                    {`{"keys":[` + member(rfc7515A3Key, `"y2":[]`) + `],"more":1}`, 1},
		"an encryption key":                  {keySet(member(rfc7515A2Key, `"use":"enc"`), rfc7515A3Key), 1},
		"a key for other operations":         {keySet(member(rfc7515A2Key, `"key_ops":["encrypt"]`)), 0},
		"a key for verifying":                {keySet(member(rfc7515A2Key, `"key_ops":["verify"],"use":"sig"`)), 1},
		"an unknown type (RFC 7517 §5)":      {keySet(`{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`, rfc7515A3Key), 1},
		"no type":                            {keySet(`{}`), 0},
		"an unknown algorithm":               {keySet(member(rfc7515A2Key, `"alg":"RSA-OAEP"`)), 0},
		"an unknown curve":                   {keySet(strings.Replace(rfc7515A3Key, "P-256", "secp256k1", 1)), 0},
		"X25519, which cannot sign":          {keySet(strings.Replace(rfc8037Key, "Ed25519", "X25519", 1)), 0},
		"two keys of one id (RFC 7517 §4.5)": {keySet(member(rfc7515A2Key, `"kid":"1"`), member(rfc7515A3Key, `"kid":"1"`)), 2},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(c.set))
			if err != nil || set.Len() != c.want || len(set.Keys()) != c.want {
				t.Fatalf("%d keys, %v; want %d", set.Len(), err, c.want)
			}
		})
	}
}

func TestKeySetsRefuse(t *testing.T) {
	const small = `{"kty":"RSA","e":"AQAB","n":"` // followed by a modulus of chosen length
	for name, c := range map[string]struct {
		set  string
		want error
	}{
		"a private EC key":         {keySet(member(rfc7515A3Key, `"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"`)), ErrPrivateKey},
		"a private key of any use": {keySet(member(rfc7515A3Key, `"use":"enc","d":"AA"`)), ErrPrivateKey},
		"a symmetric key":          {keySet(`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}`), ErrPrivateKey},
		"RSA with 1024 bits":       {keySet(small + strings.Repeat("_", 170) + `w"}`), nil},
		"RSA with 16384 bits":      {keySet(small + strings.Repeat("_", 2730) + `w"}`), nil},
		"RSA with exponent 1":      {keySet(strings.Replace(rfc7515A2Key, "AQAB", "AQ", 1)), nil},
		"RSA with even exponent":   {keySet(strings.Replace(rfc7515A2Key, "AQAB", "AQAC", 1)), nil},
		"a point off the curve":    {keySet(strings.Replace(rfc7515A3Key, "x_FEz", "x_FEy", 1)), nil},
		"a point at zero":          {keySet(`{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`), nil},
		"half a point":             {keySet(`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}`), nil},
		"a short Ed25519 key":      {keySet(`{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`), nil},
		"an algorithm of another":  {keySet(member(rfc7515A3Key, `"alg":"RS256"`)), nil},
		"an algorithm of a curve":  {keySet(member(rfc7515A3Key, `"alg":"ES384"`)), nil},
		"a number as key id":       {keySet(member(rfc7515A3Key, `"kid":1`)), nil},
		"an endless key id":        {keySet(member(rfc7515A3Key, `"kid":"`+strings.Repeat("x", 257)+`"`)), nil},
		"a repeated member":        {keySet(member(rfc7515A3Key, `"kty":"RSA"`)), nil},
		"no keys":                  {`{}`, nil},
		"keys of null":             {`{"keys":null}`, nil},
		"keys as object":           {`{"keys":{}}`, nil},
		"one key without a set":    {rfc7515A3Key, nil},
		"an array":                 {`[` + rfc7515A3Key + `]`, nil},
		"a key of null":            {keySet("null"), nil},
		"not JSON":                 {"keys", nil},
		"nothing":                  {"", nil},
		"too many keys":            {keySet(strings.Split(strings.Repeat("{} ", 65), " ")[:65]...), nil},
		"too many bytes":           {keySet() + strings.Repeat(" ", 64<<10), nil},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(c.set))
			if err == nil || set.Len() != 0 || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("%d keys, %v; want %v", set.Len(), err, c.want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	set, err := ParseKeySet([]byte(keySet(
		member(rfc7515A2Key, `"kid":"1"`), member(rfc7515A3Key, `"kid":"1","alg":"ES256"`), member(rfc7638Key, `"use":"sig"`))))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keyID     string
		algorithm Algorithm
		found     bool
	}{
		{"1", RS256, true}, {"1", PS512, true}, // no "alg": every algorithm of RSA
		{"1", ES256, true}, {"1", ES384, false}, {"1", EdDSA, false}, {"1", "none", false}, {"1", "HS256", false},
		{"2011-04-29", RS256, true}, {"2011-04-29", PS256, false}, // "alg" binds
		{"2", RS256, false}, {"", ES256, true}, {"", RS256, false}, {"", PS256, true},
	} {
		t.Run(fmt.Sprintf("%s for %s", c.keyID, c.algorithm), func(t *testing.T) {
			key, err := set.Lookup(c.keyID, c.algorithm)
			if (err == nil) != c.found || err == nil && !key.Fits(c.algorithm) || err != nil && !errors.Is(err, ErrKeyUnknown) {
				t.Fatalf("%+v, %v", key, err)
			}
		})
	}
}

func TestAStoredKeyIsReadBack(t *testing.T) {
	for algorithm, signer := range signers() {
		stored, err := signer.Public().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := ParsePublicKey(stored)
		if err != nil || loaded.KeyID != signer.KeyID() || loaded.Algorithm != algorithm || !loaded.Fits(algorithm) {
			t.Errorf("%s: %+v, %v", algorithm, loaded, err)
		}
	}
	if _, err := ParsePublicKey([]byte(member(rfc7515A2Key, `"use":"enc"`))); err == nil {
		t.Error("an encryption key was accepted")
	}
}
