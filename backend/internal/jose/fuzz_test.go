package jose

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func FuzzVerify(f *testing.F) {
	set := NewKeySet(mustParseKey(f, rfc7515A2Key), mustParseKey(f, rfc7515A3Key), mustParseKey(f, rfc8037Key))
	expected := Expected{
		Types: []string{""}, Algorithms: Algorithms(), Issuer: "joe", AnyAudience: true,
		Now: time.Unix(1300819379, 0), KeyIDOptional: true,
	}
	genuine := map[string]bool{rfc7515A2: true, rfc7515A3: true}
	for _, seed := range []string{rfc7515A2, rfc7515A3, rfc8037, "", "..", "e30.e30.", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := Verify(token, set.Lookup, expected)
		switch {
		case err == nil && !genuine[token]:
			t.Fatalf("accepted %q: %+v", token, got)
		case err != nil && (genuine[token] || !errors.Is(err, ErrInvalid) || got != nil):
			t.Fatalf("Verify(%q) = %+v, %v", token, got, err)
		}
		if _, err := Inspect(token); err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
}

// Whatever members returns must agree with encoding/json for objects without repeated names.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":[{"c":"\"}"},null,-1e5]}`, `{"a":1,"a":2}`, ` { "\u0061" : { } } `, `[]`, `"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := members(data)
		var reference map[string]json.RawMessage
		if err != nil {
			return
		}
		if json.Unmarshal(data, &reference) != nil || len(reference) != len(got) {
			t.Fatalf("%q: %v, reference %v", data, got, reference)
		}
		for name, value := range reference {
			if string(got[name]) != string(value) {
				t.Fatalf("%q: member %q is %q, reference %q", data, name, got[name], value)
			}
		}
	})
}

func FuzzParseKeySet(f *testing.F) {
	for _, seed := range []string{keySet(), keySet(rfc7515A2Key, rfc7515A3Key, rfc8037Key), keySet(rfc7638Key), `{"keys":[{"kty":"EC"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseKeySet(data)
		if err != nil {
			return
		}
		// What was accepted can be written and read again, and fits something.
		written, err := json.Marshal(NewKeySet(set.Keys()...)) // a key of both uses would be written twice
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		again, err := ParseKeySet(written)
		if err != nil || again.Len() != set.Len() {
			t.Fatalf("%q became %q: %v", data, written, err)
		}
		for _, key := range set.Keys() {
			fits := false
			for _, algorithm := range Algorithms() {
				fits = fits || key.Fits(algorithm)
			}
			if !fits {
				t.Fatalf("%q: %+v fits no algorithm", data, key)
			}
		}
		for _, key := range set.encryption {
			if !key.Fits(RSAOAEP256) && !key.Fits(ECDHES) && !key.Fits(ECDHESA128KW) && !key.Fits(ECDHESA256KW) {
				t.Fatalf("%q: %+v fits no algorithm", data, key)
			}
			if written, err := json.Marshal(key); err != nil {
				t.Fatal(err)
			} else if _, err := ParseEncryptionKey(written); err != nil {
				t.Fatalf("%q became %q: %v", data, written, err)
			}
		}
	})
}

func FuzzParseUnsigned(f *testing.F) {
	expected := Expected{Types: []string{"", "JWT"}, Issuer: "joe", AnyAudience: true, IssuerOptional: true, ExpiryOptional: true, Now: time.Unix(1300819379, 0)}
	for _, seed := range []string{"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJub25lIn0.e30.AA", rfc7515A3, "..", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := ParseUnsigned(token, expected)
		if err == nil && (got.Algorithm != unsigned || !strings.HasSuffix(token, ".")) {
			t.Fatalf("accepted %q: %+v", token, got)
		}
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
}

func FuzzDecrypt(f *testing.F) {
	keys := DecryptionKeys(decryptionKey(RSAOAEP256), decryptionKey(ECDHES))
	genuine := map[string]bool{}
	for _, encryption := range []Encryption{A128GCM, A128CBCHS256} {
		for _, algorithm := range []Algorithm{ECDHES, ECDHESA128KW} {
			token := mustEncrypt(f, algorithm, encryption, "x")
			genuine[token] = true
			f.Add(token)
		}
	}
	for _, seed := range []string{"....", "", "e30....", rfc7516A2, "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMTI4R0NNIn0.AA.AA.AA.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := Decrypt(token, keys, KeyManagements(), Encryptions())
		switch {
		case err == nil && !genuine[token]:
			t.Fatalf("opened %q: %+v", token, got)
		case err != nil && (genuine[token] || !errors.Is(err, ErrInvalid) || got != nil):
			t.Fatalf("Decrypt(%q) = %+v, %v", token, got, err)
		}
	})
}
