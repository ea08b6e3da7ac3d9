package jose

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func mustSecret(t testing.TB, text string) Secret {
	t.Helper()
	secret, err := NewSecret([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

const sharedSecret = "a client secret of thirty-two bytes"

// RFC 7515 appendix A.1.
func TestRFC7515AppendixA1(t *testing.T) {
	secret := mustSecret(t, string(unbase64(t, "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")))
	const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + rfc7515Payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	got, err := secret.Verify(token, Expected{Types: []string{"JWT"}, Algorithms: []Algorithm{HS256}, Issuer: "joe", AnyAudience: true, Now: time.Unix(1300819379, 0)})
	if err != nil || got.Algorithm != HS256 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestASecretSignsAndVerifies(t *testing.T) {
	var signer TokenSigner = mustSecret(t, sharedSecret)
	token, err := signer.Sign(context.Background(), "at+jwt", claims())
	if err != nil {
		t.Fatal(err)
	}
	if header, _ := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')]); string(header) != `{"alg":"HS256","typ":"at+jwt"}` {
		t.Errorf("header %s", header)
	}
	if _, err := mustSecret(t, sharedSecret).Verify(token, expecting(HS256)); err != nil {
		t.Error(err)
	}
	if got := signer.Algorithm().HalfHash("x"); got != RS256.HalfHash("x") {
		t.Errorf("half hash %s", got)
	}
}

func TestAttacksOnSecrets(t *testing.T) {
	secret, rs := mustSecret(t, sharedSecret), signers()[RS256]
	token, _ := secret.Sign(context.Background(), "at+jwt", claims())
	publicJWK, _ := json.Marshal(rs.Public())
	forged, _ := mustSecret(t, string(publicJWK)).Sign(context.Background(), "at+jwt", claims())
	set := NewKeySet(rs.Public(), signers()[ES256].Public())

	// RFC 8725 §3.1: a public key is no secret, whatever the token says.
	for name, c := range map[string]struct{ token string }{"HS256 with the public key": {forged}, "an honest HS256": {token}} {
		if _, err := Verify(c.token, set.Lookup, expecting(RS256, ES256)); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Verify(token, set.Lookup, expecting(HS256)); err == nil || errors.Is(err, ErrInvalid) {
		t.Errorf("Verify was told to expect HS256: %v", err)
	}
	careless := func(string, Algorithm) (PublicKey, error) { return rs.Public(), nil }
	if _, err := Verify(forged, careless, expecting(RS256)); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("a careless look-up: %v", err)
	}
	changed := token[:len(token)-2] + map[bool]string{true: "BA", false: "AA"}[strings.HasSuffix(token, "AA")]
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + token[strings.IndexByte(token, '.'):strings.LastIndexByte(token, '.')+1]
	for name, c := range map[string]struct {
		token    string
		secret   Secret
		expected Expected
		want     error
	}{
		"another's secret":        {token, mustSecret(t, sharedSecret+"!"), expecting(HS256), ErrSignature},
		"signed with RS256":       {mustSign(t, rs, "at+jwt", claims()), secret, expecting(HS256), ErrAlgorithm},
		"the public key's HMAC":   {forged, secret, expecting(HS256), ErrSignature},
		"a changed signature":     {changed, secret, expecting(HS256), ErrSignature},
		"a shortened signature":   {token[:len(token)-3], secret, expecting(HS256), ErrSignature},
		"no signature":            {token[:strings.LastIndexByte(token, '.')+1], secret, expecting(HS256), ErrSignature},
		"none":                    {unsigned, secret, expecting(HS256), ErrAlgorithm},
		"another audience":        {token, secret, func() Expected { e := expecting(HS256); e.Audiences = []string{"x"}; return e }(), ErrAudience},
		"a secret of no bytes":    {token, Secret{}, expecting(HS256), errNoSecret},
		"expecting RS256 as well": {token, secret, expecting(HS256, RS256), errIncomplete},
		"expecting nothing":       {token, secret, expecting(), errIncomplete},
	} {
		if got, err := c.secret.Verify(c.token, c.expected); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, c.want)
		}
	}
	if _, err := NewSecret([]byte(sharedSecret[:31])); err == nil {
		t.Error("RFC 7518 §3.2: 31 bytes were accepted")
	}
	if _, err := (Secret{}).Sign(context.Background(), "JWT", claims()); err == nil {
		t.Error("the zero secret signs")
	}
	if shown := fmt.Sprintf("%v %+v %#v %s %x", secret, secret, secret, secret, secret); strings.Contains(shown, "client") || strings.Contains(shown, "636c69") {
		t.Errorf("the secret shows: %s", shown)
	}
}

// bare makes an unsigned token.
func bare(t testing.TB, header string, claims map[string]any) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(encode(t, claims))) + "."
}

// What a request object may leave out (OpenID Connect Core 1.0 §6.1), and what it may not get wrong.
func TestUnsignedRequestObjects(t *testing.T) {
	expected := Expected{Types: []string{"", "JWT", "oauth-authz-req+jwt"}, Issuer: "client", Audiences: []string{"https://id.example/demo"},
		IssuerOptional: true, AudienceOptional: true, ExpiryOptional: true, Now: now, Leeway: 10 * time.Second}
	const none = `{"alg":"none"}`
	signed := strings.Split(mustSign(t, signers()[ES256], "JWT", map[string]any{"iss": "client"}), ".")
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing but parameters":      {bare(t, none, map[string]any{"response_type": "code", "max_age": 1}), nil},
		"the type of RFC 9101":        {bare(t, `{"alg":"none","typ":"oauth-authz-req+jwt"}`, map[string]any{"iss": "client"}), nil},
		"an audience list":            {bare(t, none, map[string]any{"aud": []string{"x", "https://id.example/demo"}, "exp": now.Unix() + 5}), nil},
		"an audience string":          {bare(t, none, map[string]any{"aud": "https://id.example/demo"}), nil},
		"another type":                {bare(t, `{"alg":"none","typ":"at+jwt"}`, map[string]any{}), ErrType},
		"another issuer":              {bare(t, none, map[string]any{"iss": "other"}), ErrIssuer},
		"an issuer of nothing":        {bare(t, none, map[string]any{"iss": ""}), ErrIssuer},
		"another audience":            {bare(t, none, map[string]any{"aud": "https://id.example/other"}), ErrAudience},
		"an empty audience":           {bare(t, none, map[string]any{"aud": []string{}}), ErrAudience},
		"expired":                     {bare(t, none, map[string]any{"exp": now.Unix() - 60}), ErrExpired},
		"issued in the future":        {bare(t, none, map[string]any{"iat": now.Unix() + 60}), ErrNotYetValid},
		"not valid yet":               {bare(t, none, map[string]any{"nbf": now.Unix() + 60}), ErrNotYetValid},
		"an expiry of null":           {strings.Replace(bare(t, none, map[string]any{}), "e30", base64.RawURLEncoding.EncodeToString([]byte(`{"exp":null}`)), 1), ErrClaims},
		"a signature (RFC 7518 §3.6)": {bare(t, none, map[string]any{}) + signed[2], ErrSignature},
		"a signed token":              {strings.Join(signed, "."), ErrAlgorithm},
		"a signed token, stripped":    {signed[0] + "." + signed[1] + ".", ErrAlgorithm},
		"None":                        {bare(t, `{"alg":"None"}`, map[string]any{}), ErrAlgorithm},
		"a critical extension":        {bare(t, `{"alg":"none","crit":["x"]}`, map[string]any{}), ErrCritical},
		"two segments":                {strings.TrimSuffix(bare(t, none, map[string]any{}), "."), ErrMalformed},
		"an oversized token":          {bare(t, none, map[string]any{"x": strings.Repeat("x", MaximumTokenBytes)}), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseUnsigned(c.token, expected); !errors.Is(err, c.want) || (got == nil) != (c.want != nil) {
				t.Fatalf("%+v, %v; want %v", got, err, c.want)
			}
		})
	}
	strict := expected
	strict.ExpiryOptional = false
	if _, err := ParseUnsigned(bare(t, none, map[string]any{}), strict); !errors.Is(err, ErrClaims) {
		t.Errorf("exp is demanded: %v", err)
	}
	strict.Algorithms = []Algorithm{ES256}
	if _, err := ParseUnsigned(bare(t, none, map[string]any{}), strict); !errors.Is(err, errIncomplete) {
		t.Errorf("a caller who meant Verify: %v", err)
	}
}

// The same expectations hold for a signed request object, whose every claim can be read.
func TestSignedRequestObjects(t *testing.T) {
	signer := signers()[PS256]
	expected := Expected{Types: []string{"", "JWT", "oauth-authz-req+jwt"}, Algorithms: []Algorithm{PS256}, Issuer: "client",
		Audiences: []string{"https://id.example/demo"}, IssuerOptional: true, AudienceOptional: true, ExpiryOptional: true, Now: now}
	token := mustSign(t, signer, "oauth-authz-req+jwt", map[string]any{"client_id": "client", "claims": map[string]any{"id_token": nil}, "max_age": 0})
	got, err := Verify(token, NewKeySet(signer.Public()).Lookup, expected)
	if err != nil {
		t.Fatal(err)
	}
	all := got.Claims()
	if len(all) != 3 || string(all["claims"]) != `{"id_token":null}` || string(all["max_age"]) != "0" {
		t.Errorf("%s", all)
	}
	delete(all, "claims")
	if len(got.Claims()) != 3 {
		t.Error("the caller's map is the token's")
	}
	wrong := mustSign(t, signers()[RS256], "oauth-authz-req+jwt", map[string]any{"client_id": "client"}) // the same RSA key
	any := PublicKey{KeyID: signer.KeyID(), family: familyRSA, key: signer.Public().Raw()}
	if _, err := Verify(wrong, NewKeySet(any).Lookup, expected); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("RS256 where PS256 is registered: %v", err)
	}
}
