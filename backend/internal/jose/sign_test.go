package jose

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// signers makes one key per algorithm for the whole test binary; RSA keys are shared between the
// algorithms of the family because they are slow to make.
var signers = sync.OnceValue(func() map[Algorithm]*Signer {
	made := map[Algorithm]*Signer{}
	shared, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, algorithm := range Algorithms() {
		var signer *Signer
		if schemes[algorithm].family == "RSA" {
			signer, err = NewSigner(algorithm, shared)
		} else {
			signer, err = GenerateSigner(algorithm)
		}
		if err != nil {
			panic(err)
		}
		made[algorithm] = signer
	}
	return made
})

func claims() map[string]any {
	return map[string]any{
		"iss": "https://id.example/demo", "sub": "ada", "aud": "https://api.example", "jti": "1",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "scope": "openid <&>",
	}
}

func expecting(algorithms ...Algorithm) Expected {
	return Expected{
		Types: []string{"at+jwt"}, Algorithms: algorithms, Issuer: "https://id.example/demo",
		Audiences: []string{"https://api.example"}, Now: now, Leeway: 10 * time.Second,
	}
}

func mustSign(t testing.TB, signer *Signer, tokenType string, claims any) string {
	t.Helper()
	token, err := signer.Sign(context.Background(), tokenType, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestEveryAlgorithmSignsAndVerifies(t *testing.T) {
	for algorithm, signer := range signers() {
		t.Run(string(algorithm), func(t *testing.T) {
			token := mustSign(t, signer, "at+jwt", claims())
			header, _ := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')])
			if want := fmt.Sprintf(`{"alg":"%s","kid":"%s","typ":"at+jwt"}`, algorithm, signer.KeyID()); string(header) != want {
				t.Errorf("header %s, want %s", header, want)
			}
			got, err := Verify(token, NewKeySet(signer.Public()).Lookup, expecting(algorithm))
			if err != nil {
				t.Fatal(err)
			}
			var scope string
			if found, err := got.Claim("scope", &scope); !found || err != nil || scope != "openid <&>" {
				t.Errorf("scope %q, %v, %v", scope, found, err)
			}
			if got.Subject != "ada" || got.ID != "1" || got.KeyID != signer.KeyID() || !got.IssuedAt.Equal(now) {
				t.Errorf("%+v", got)
			}
			// An implementation that is not ours agrees.
			if _, err := jws.Verify([]byte(token), jws.WithKey(jwa.SignatureAlgorithm(algorithm), signer.Public().Raw())); err != nil {
				t.Errorf("jwx: %v", err)
			}
		})
	}
}

func TestAnOddECDSASignatureIsPadded(t *testing.T) {
	// RFC 7518 §3.4: both halves have the full width, leading zeros included.
	for _, short := range [][2]int64{{1, 2}, {0x7f, 0xff}, {1 << 40, 1}} {
		encoded := derSignature(t, big.NewInt(short[0]), big.NewInt(short[1]))
		signature, err := fixedWidth(encoded, 32)
		if err != nil || len(signature) != 64 ||
			new(big.Int).SetBytes(signature[:32]).Int64() != short[0] || new(big.Int).SetBytes(signature[32:]).Int64() != short[1] {
			t.Errorf("%v became %x, %v", short, signature, err)
		}
	}
	tooWide := new(big.Int).Lsh(big.NewInt(1), 256)
	for name, encoded := range map[string][]byte{
		"nothing": nil, "no sequence": {1, 2, 3}, "too wide": derSignature(t, tooWide, big.NewInt(1)),
		"trailing bytes": append(derSignature(t, big.NewInt(1), big.NewInt(1)), 0),
	} {
		if _, err := fixedWidth(encoded, 32); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// Enough real signatures to meet short halves.
	signer := signers()[ES256]
	lookup := NewKeySet(signer.Public()).Lookup
	for range 600 {
		if _, err := Verify(mustSign(t, signer, "at+jwt", claims()), lookup, expecting(ES256)); err != nil {
			t.Fatal(err)
		}
	}
}

func derSignature(t *testing.T, r, s *big.Int) []byte {
	t.Helper()
	integer := func(i *big.Int) []byte {
		content := i.Bytes()
		if len(content) == 0 || content[0] >= 0x80 {
			content = append([]byte{0}, content...)
		}
		return append([]byte{2, byte(len(content))}, content...)
	}
	body := append(integer(r), integer(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestPrivateKeysSurviveStorage(t *testing.T) {
	for _, algorithm := range []Algorithm{RS256, PS256, ES256, ES512, EdDSA} {
		signer := signers()[algorithm]
		stored, err := signer.PKCS8()
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := ParseSigner(algorithm, stored)
		if err != nil || loaded.KeyID() != signer.KeyID() {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if _, err := Verify(mustSign(t, loaded, "at+jwt", claims()), NewKeySet(signer.Public()).Lookup, expecting(algorithm)); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	if _, err := ParseSigner(ES256, []byte("not a key")); err == nil {
		t.Error("nonsense was accepted")
	}
}

func TestSignersRefuseAKeyOfAnotherKind(t *testing.T) {
	ec384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for name, c := range map[string]struct {
		algorithm Algorithm
		key       crypto.Signer
	}{
		"ES256 with P-384":      {ES256, ec384},
		"RS256 with an EC key":  {RS256, ec384},
		"EdDSA with an EC key":  {EdDSA, ec384},
		"an unknown algorithm":  {HS256, ec384},
		"no algorithm":          {"", ec384},
		"the algorithm none":    {"none", ec384},
		"no key":                {ES256, nil},
		"ES256 with an RSA key": {ES256, signers()[RS256].key},
	} {
		if _, err := NewSigner(c.algorithm, c.key); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := GenerateSigner("none"); err == nil {
		t.Error("a key for none")
	}
}

func TestSignRefuses(t *testing.T) {
	signer := signers()[ES256]
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := signer.Sign(canceled, "JWT", claims()); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	for name, c := range map[string]struct {
		tokenType string
		claims    any
	}{
		"no type":               {"", claims()},
		"a type that escapes":   {`JWT","alg":"none`, claims()},
		"a type with a slash":   {"application/jwt", claims()},
		"an array":              {"JWT", []string{"x"}},
		"null":                  {"JWT", nil},
		"an empty raw message":  {"JWT", json.RawMessage(nil)},
		"what JSON cannot hold": {"JWT", map[string]any{"x": make(chan int)}},
	} {
		if token, err := signer.Sign(context.Background(), c.tokenType, c.claims); err == nil {
			t.Errorf("%s: %s", name, token)
		}
	}
}

func TestPrivateKeysDoNotShow(t *testing.T) {
	signer := signers()[ES256]
	shown := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		shown += fmt.Sprintf(verb, signer) + fmt.Sprintf(verb, []*Signer{signer})
	}
	encoded, _ := json.Marshal(struct{ Key *Signer }{signer})
	shown += string(encoded)
	raw, err := signer.key.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	secretScalar := new(big.Int).SetBytes(raw)
	for _, leak := range []string{secretScalar.String(), secretScalar.Text(16)} {
		if strings.Contains(shown, leak) {
			t.Fatalf("the key shows in %s", shown)
		}
	}
	if want := "jose.Signer(ES256 " + signer.KeyID() + ")"; !strings.HasPrefix(shown, want) {
		t.Fatalf("%s", shown)
	}
}

// The ratio that performance.md asks for: a whole token against the bare signature.
func BenchmarkES256(b *testing.B) {
	signer := signers()[ES256]
	key := signer.key.(*ecdsa.PrivateKey)
	payload, _ := json.Marshal(claims())
	sum := sha256.Sum256(payload)
	b.Run("bare signature", func(b *testing.B) {
		for b.Loop() {
			if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("token", func(b *testing.B) {
		values, ctx := claims(), context.Background()
		for b.Loop() {
			if _, err := signer.Sign(ctx, "at+jwt", values); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("jwx", func(b *testing.B) {
		for b.Loop() {
			if _, err := jws.Sign(payload, jws.WithKey(jwa.ES256, key)); err != nil {
				b.Fatal(err)
			}
		}
	})
	signature, _ := ecdsa.SignASN1(rand.Reader, key, sum[:])
	b.Run("bare check", func(b *testing.B) {
		for b.Loop() {
			if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
				b.Fatal()
			}
		}
	})
	token := mustSign(b, signer, "at+jwt", claims())
	lookup, expected := NewKeySet(signer.Public()).Lookup, expecting(ES256)
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := Verify(token, lookup, expected); err != nil {
				b.Fatal(err)
			}
		}
	})
}
