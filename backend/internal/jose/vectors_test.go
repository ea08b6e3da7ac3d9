package jose

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// RFC 7515 appendix A.2 and A.3, RFC 7638 §3.1, RFC 8037 appendix A.
const (
	rfc7515Payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

	rfc7515A2Key = `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`
	rfc7515A2    = "eyJhbGciOiJSUzI1NiJ9." + rfc7515Payload + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

	rfc7515A3Key = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	rfc7515A3    = "eyJhbGciOiJFUzI1NiJ9." + rfc7515Payload + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

	rfc7638Key = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`

	rfc8037Seed  = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
	rfc8037Key   = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfc8037Input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
	rfc8037      = rfc8037Input + ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)

func mustParseKey(t testing.TB, text string) PublicKey {
	t.Helper()
	key, err := ParsePublicKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestRFC7515Examples(t *testing.T) {
	for name, c := range map[string]struct {
		token, key string
		algorithm  Algorithm
	}{
		"RFC 7515 A.2": {rfc7515A2, rfc7515A2Key, RS256},
		"RFC 7515 A.3": {rfc7515A3, rfc7515A3Key, ES256},
	} {
		t.Run(name, func(t *testing.T) {
			set := NewKeySet(mustParseKey(t, c.key))
			expected := Expected{
				Types: []string{""}, Algorithms: []Algorithm{c.algorithm}, Issuer: "joe", AnyAudience: true,
				Now: time.Unix(1300819379, 0), KeyIDOptional: true,
			}
			token, err := Verify(c.token, set.Lookup, expected)
			if err != nil {
				t.Fatal(err)
			}
			var root bool
			if found, err := token.Claim("http://example.com/is_root", &root); !found || err != nil || !root {
				t.Fatalf("is_root: %v %v %v", found, err, root)
			}
			if !token.Expiry.Equal(time.Unix(1300819380, 0)) {
				t.Fatalf("exp %v", token.Expiry)
			}
			expected.Now = time.Unix(1300819380, 0) // RFC 7519 §4.1.4: on or after which it must not be accepted
			if _, err := Verify(c.token, set.Lookup, expected); !errors.Is(err, ErrExpired) {
				t.Fatalf("at the moment of expiry: %v", err)
			}
		})
	}
}

func TestRFC7638Thumbprint(t *testing.T) {
	got, err := mustParseKey(t, rfc7638Key).Thumbprint()
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; err != nil || got != want {
		t.Fatalf("thumbprint %s, %v; want %s", got, err, want)
	}
}

func TestRFC8037Examples(t *testing.T) {
	key := mustParseKey(t, rfc8037Key)
	// Appendix A.3.
	if got, err := key.Thumbprint(); err != nil || got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint %s, %v", got, err)
	}
	// Appendix A.4: Ed25519 is deterministic, so signing can be compared too. The payload is text.
	seed, _ := base64.RawURLEncoding.DecodeString(rfc8037Seed)
	signature, err := schemes[EdDSA].sign(ed25519.NewKeyFromSeed(seed), []byte(rfc8037Input))
	if got := rfc8037Input + "." + base64.RawURLEncoding.EncodeToString(signature); err != nil || got != rfc8037 {
		t.Errorf("signed %s, %v", got, err)
	}
	// Appendix A.5.
	if !schemes[EdDSA].verify(key.Raw(), []byte(rfc8037Input), signature) {
		t.Error("the signature does not verify")
	}
}

// OpenID Connect Core 1.0 appendix A.4 and A.6 (at_hash, c_hash with RS256).
func TestHalfHashExamples(t *testing.T) {
	if got := RS256.HalfHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("at_hash %s", got)
	}
	if got := RS256.HalfHash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"); got != "LDktKdoQak3Pk0cnXxCltA" {
		t.Errorf("c_hash %s", got)
	}
	for algorithm, length := range map[Algorithm]int{RS256: 22, ES384: 32, PS512: 43, EdDSA: 43} {
		if got := len(algorithm.HalfHash("x")); got != length {
			t.Errorf("%s: %d characters, want %d", algorithm, got, length)
		}
	}
}

func TestPublicJWK(t *testing.T) {
	key, err := NewPublicKey(ES256, mustParseKey(t, rfc7515A3Key).Raw())
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(NewKeySet(key))
	want := `{"keys":[{"alg":"ES256","crv":"P-256","kid":"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U","kty":"EC","use":"sig","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	if err != nil || string(got) != want {
		t.Fatalf("%s, %v\nwant %s", got, err, want)
	}
	if empty, _ := json.Marshal(KeySet{}); string(empty) != `{"keys":[]}` {
		t.Fatalf("an empty set: %s", empty)
	}
}
