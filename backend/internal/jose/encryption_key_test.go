package jose

import (
	"crypto/ecdh"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
)

// x25519Key has a point of RFC 7748 §6.1.
const x25519Key = `{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`

func TestKeySetsKeepWhatCanBeEncryptedTo(t *testing.T) {
	for name, c := range map[string]struct {
		set  string
		want int
	}{
		"RSA, EC and X25519 that name no use": {keySet(rfc7515A2Key, rfc7515A3Key, x25519Key), 3},
		"Ed25519, which cannot agree":         {keySet(rfc8037Key), 0},
		"use enc":                             {keySet(member(rfc7515A2Key, `"use":"enc","alg":"RSA-OAEP-256"`), member(x25519Key, `"use":"enc","alg":"ECDH-ES"`)), 2},
		"use sig":                             {keySet(member(rfc7515A2Key, `"use":"sig"`)), 0},
		"an algorithm that signs":             {keySet(member(rfc7515A2Key, `"alg":"RS256"`), member(rfc7515A3Key, `"alg":"ES256"`)), 0},
		"RSA1_5 (RFC 8725 §3.2)":              {keySet(member(rfc7515A2Key, `"use":"enc","alg":"RSA1_5"`)), 0},
		"RSA-OAEP with SHA-1":                 {keySet(member(rfc7515A2Key, `"use":"enc","alg":"RSA-OAEP"`)), 0},
		"operations":                          {keySet(member(rfc7515A2Key, `"key_ops":["wrapKey"]`), member(rfc7515A3Key, `"key_ops":["deriveBits"]`)), 2},
		"operations of others":                {keySet(member(rfc7515A2Key, `"key_ops":["deriveKey"]`), member(rfc7515A3Key, `"key_ops":["encrypt"]`), member(rfc7515A2Key, `"key_ops":[]`)), 0},
		"operations that are none":            {keySet(member(rfc7515A2Key, `"key_ops":"encrypt"`)), 0},
		"an unknown curve":                    {keySet(strings.Replace(x25519Key, "X25519", "X448", 1)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(c.set))
			if err != nil || len(set.EncryptionKeys()) != c.want {
				t.Fatalf("%d keys, %v; want %d", len(set.EncryptionKeys()), err, c.want)
			}
		})
	}
}

func TestKeySetsRefuseEncryptionKeys(t *testing.T) {
	for name, key := range map[string]string{
		"RSA with 1024 bits":    `{"kty":"RSA","use":"enc","e":"AQAB","n":"` + strings.Repeat("_", 170) + `w"}`,
		"RSA with 16384 bits":   `{"kty":"RSA","use":"enc","e":"AQAB","n":"` + strings.Repeat("_", 2730) + `w"}`,
		"a point off the curve": member(strings.Replace(rfc7515A3Key, "x_FEz", "x_FEy", 1), `"use":"enc"`),
		"a short X25519 key":    `{"kty":"OKP","crv":"X25519","x":"AAAA"}`,
		"RSA for key agreement": member(rfc7515A2Key, `"use":"enc","alg":"ECDH-ES"`),
		"EC for RSA-OAEP":       member(rfc7515A3Key, `"use":"enc","alg":"RSA-OAEP-256"`),
		"a private X25519 key":  member(x25519Key, `"d":"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo"`),
	} {
		if set, err := ParseKeySet([]byte(keySet(key))); err == nil {
			t.Errorf("%s: %d keys", name, len(set.EncryptionKeys()))
		}
	}
}

// TestForEncryption: OpenID Connect Core 1.0 §10.2 leaves the choice of the key to us.
func TestForEncryption(t *testing.T) {
	keys := map[string]string{
		"plain":     member(rfc7515A2Key, `"kid":"plain"`),
		"named":     member(rfc7515A2Key, `"kid":"named","alg":"RSA-OAEP-256"`),
		"dedicated": member(rfc7515A2Key, `"kid":"dedicated","use":"enc"`),
		"both":      member(rfc7515A2Key, `"kid":"both","use":"enc","alg":"RSA-OAEP-256"`),
		"again":     member(rfc7515A2Key, `"kid":"again","use":"enc","alg":"RSA-OAEP-256"`),
		"sha1":      member(rfc7515A2Key, `"kid":"sha1","use":"enc","alg":"RSA-OAEP"`),
		"bound":     member(rfc7515A3Key, `"kid":"bound","use":"enc","alg":"ECDH-ES"`),
		"curve":     member(rfc7515A3Key, `"kid":"curve"`),
		"x":         member(x25519Key, `"kid":"x","use":"enc"`),
		"sig":       member(rfc7515A2Key, `"kid":"sig","use":"sig"`),
	}
	for _, c := range []struct {
		set       string
		algorithm KeyManagement
		want      string
	}{
		{"plain named dedicated both again", RSAOAEP256, "both"}, {"plain named dedicated", RSAOAEP256, "dedicated"}, {"plain named", RSAOAEP256, "named"}, {"sig plain", RSAOAEP256, "plain"},
		{"plain sha1 dedicated", RSAOAEP256, "dedicated"}, {"sha1", RSAOAEP256, ""}, {"sig", RSAOAEP256, ""}, {"", RSAOAEP256, ""}, {"bound curve", ECDHESA128KW, "curve"}, {"bound", ECDHESA128KW, ""},
		{"plain curve x", ECDHES, "x"}, {"plain curve", ECDHESA128KW, "curve"}, {"plain", ECDHESA256KW, ""}, {"curve x", RSAOAEP256, ""},
		{"plain curve", "RSA1_5", ""}, {"plain curve", "dir", ""}, {"plain curve", "", ""},
	} {
		var members []string
		for _, name := range strings.Fields(c.set) {
			members = append(members, keys[name])
		}
		set, err := ParseKeySet([]byte(keySet(members...)))
		if err != nil {
			t.Fatal(err)
		}
		found, err := set.ForEncryption(c.algorithm)
		if found.KeyID != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, ErrKeyUnknown) {
			t.Errorf("%s for %s: %q, %v", c.set, c.algorithm, found.KeyID, err)
			continue
		}
		switch key := found.Raw().(type) {
		case *rsa.PublicKey, *ecdh.PublicKey:
		default:
			if err == nil {
				t.Errorf("%s is a %T", found.KeyID, key)
			}
		}
	}
	if (EncryptionKey{}).Fits(ECDHES) {
		t.Error("no key fits")
	}
}
