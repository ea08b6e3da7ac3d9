package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/jose"
)

// rfc9449Proof is the proof of RFC 9449 §4.1.
const rfc9449Proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"

func TestVerifyEmbeddedReadsTheProofOfRFC9449(t *testing.T) {
	token, key, err := jose.VerifyEmbedded(rfc9449Proof, []string{"dpop+jwt"}, jose.Algorithms())
	if err != nil {
		t.Fatal(err)
	}
	if thumbprint, err := key.Thumbprint(); err != nil || thumbprint != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" { // §6.1
		t.Errorf("thumbprint %s (%v)", thumbprint, err)
	}
	var method string
	if _, err := token.Claim("htm", &method); err != nil || method != "POST" || token.ID != "-BwC3ESc6acc2lTc" || token.IssuedAt.Unix() != 1562262616 {
		t.Errorf("%+v", token)
	}
}

func TestVerifyEmbeddedRefusals(t *testing.T) {
	t.Parallel()
	parts := strings.Split(rfc9449Proof, ".")
	var header map[string]any
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	changed := func(change func(map[string]any)) string {
		copied := map[string]any{}
		if err := json.Unmarshal(raw, &copied); err != nil {
			t.Fatal(err)
		}
		change(copied)
		encoded, err := json.Marshal(copied)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(encoded) + "." + parts[1] + "." + parts[2]
	}
	key := func(h map[string]any) map[string]any { return h["jwk"].(map[string]any) }
	for name, token := range map[string]string{
		"another type":           changed(func(h map[string]any) { h["typ"] = "JWT" }),
		"no type":                changed(func(h map[string]any) { delete(h, "typ") }),
		"no key":                 changed(func(h map[string]any) { delete(h, "jwk") }),
		"the key is null":        changed(func(h map[string]any) { h["jwk"] = nil }),
		"a private key":          changed(func(h map[string]any) { key(h)["d"] = "AAAA" }),
		"a symmetric key":        changed(func(h map[string]any) { h["jwk"] = map[string]any{"kty": "oct", "k": "AAAA"} }),
		"alg none":               changed(func(h map[string]any) { h["alg"] = "none" }),
		"alg HS256":              changed(func(h map[string]any) { h["alg"] = "HS256" }),
		"an alg of another type": changed(func(h map[string]any) { h["alg"] = "RS256" }),
		"a key for encryption":   changed(func(h map[string]any) { key(h)["use"] = "enc" }),
		"an extension":           changed(func(h map[string]any) { h["crit"] = []string{"b64"} }),
		"a changed claim":        parts[0] + "." + strings.Replace(parts[1], "eyJ", "eyJ4IjoxLCJ", 1) + "." + parts[2],
		"no signature":           parts[0] + "." + parts[1] + ".",
		"two parts":              parts[0] + "." + parts[1],
		"nothing":                "",
	} {
		if _, _, err := jose.VerifyEmbedded(token, []string{"dpop+jwt"}, jose.Algorithms()); !errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := jose.VerifyEmbedded(rfc9449Proof, []string{"dpop+jwt"}, []jose.Algorithm{jose.PS256}); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("an algorithm that is not expected: %v", err)
	}
}

func TestHasKey(t *testing.T) {
	t.Parallel()
	held, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jose.NewPublicKey(jose.ES256, &held.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	set := jose.NewKeySet(public)
	for _, each := range []struct {
		key  any
		want bool
	}{{&held.PublicKey, true}, {other, false}} {
		thumbprint, err := jose.KeyThumbprint(each.key)
		if err != nil || set.HasKey(thumbprint) != each.want {
			t.Errorf("%T: %v (%v)", each.key, set.HasKey(thumbprint), err)
		}
	}
}
