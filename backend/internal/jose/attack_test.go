package jose

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// forge makes a token with any header and payload, signed by the scheme of an algorithm.
func forge(t testing.TB, signer *Signer, header, payload string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := signer.sign(signer.key, []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func with(changes map[string]any) map[string]any {
	changed := claims()
	for name, value := range changes {
		if value == nil {
			delete(changed, name)
		} else {
			changed[name] = value
		}
	}
	return changed
}

func encode(t testing.TB, claims map[string]any) string {
	t.Helper()
	encoded, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// Attacks on the header and the form of a token, each against an issuer with an ES256 and an RS256 key.
func TestAttacksOnTheHeader(t *testing.T) {
	es, rs, other := signers()[ES256], signers()[RS256], mustGenerate(t, ES256)
	good := encode(t, claims())
	header := func(algorithm Algorithm, keyID, more string) string {
		return fmt.Sprintf(`{"alg":"%s","kid":"%s","typ":"at+jwt"%s}`, algorithm, keyID, more)
	}
	valid := forge(t, es, header(ES256, es.KeyID(), ""), good)
	segments := strings.Split(valid, ".")
	otherJWK, _ := json.Marshal(other.Public())

	hmacToken := func(algorithm string, key []byte) string {
		input := base64.RawURLEncoding.EncodeToString([]byte(header(Algorithm(algorithm), rs.KeyID(), ""))) + "." + segments[1]
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	publicJWK, _ := json.Marshal(rs.Public())
	unsigned := func(algorithm string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header(Algorithm(algorithm), es.KeyID(), ""))) + "." + segments[1] + "."
	}
	der, _ := es.key.Sign(nil, digest(crypto.SHA256, []byte(segments[0]+"."+segments[1])), crypto.SHA256)

	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"algorithm none":                             {unsigned("none"), ErrAlgorithm},
		"algorithm None in another case":             {unsigned("nOnE"), ErrAlgorithm},
		"algorithm of empty text":                    {unsigned(""), ErrMalformed},
		"algorithm in lower case":                    {forge(t, es, header("es256", es.KeyID(), ""), good), ErrAlgorithm},
		"no algorithm":                               {forge(t, es, `{"typ":"at+jwt"}`, good), ErrMalformed},
		"HS256 keyed with the public JWK":            {hmacToken("HS256", publicJWK), ErrAlgorithm},
		"HMAC under the name of RS256":               {hmacToken("RS256", publicJWK), ErrSignature},
		"an algorithm not allowed here":              {forge(t, signers()[ES384], header(ES384, signers()[ES384].KeyID(), ""), good), ErrAlgorithm},
		"RS256 named, key is for ES256":              {forge(t, rs, header(RS256, es.KeyID(), ""), good), ErrKeyUnknown},
		"ES256 named, key is for RS256":              {forge(t, es, header(ES256, rs.KeyID(), ""), good), ErrKeyUnknown},
		"an unknown key":                             {forge(t, other, header(ES256, other.KeyID(), ""), good), ErrKeyUnknown},
		"another's signature under our key id":       {forge(t, other, header(ES256, es.KeyID(), ""), good), ErrSignature},
		"no key id":                                  {forge(t, es, `{"alg":"ES256","typ":"at+jwt"}`, good), ErrKeyUnknown},
		"an embedded key (jwk)":                      {forge(t, other, header(ES256, es.KeyID(), `,"jwk":`+string(otherJWK)), good), ErrSignature},
		"an embedded key without key id":             {forge(t, other, `{"alg":"ES256","typ":"at+jwt","jwk":`+string(otherJWK)+`}`, good), ErrKeyUnknown},
		"a key set elsewhere (jku)":                  {forge(t, other, header(ES256, es.KeyID(), `,"jku":"https://evil.example/jwks"`), good), ErrSignature},
		"a certificate elsewhere (x5u)":              {forge(t, other, header(ES256, es.KeyID(), `,"x5u":"https://evil.example/x"`), good), ErrSignature},
		"a path as key id":                           {forge(t, other, header(ES256, "../../dev/null", ""), good), ErrKeyUnknown},
		"a critical extension (RFC 7515 §4.1.11)":    {forge(t, es, header(ES256, es.KeyID(), `,"crit":["exp"],"exp":1`), good), ErrCritical},
		"an empty critical list":                     {forge(t, es, header(ES256, es.KeyID(), `,"crit":[]`), good), ErrCritical},
		"unencoded payload (RFC 7797)":               {forge(t, es, header(ES256, es.KeyID(), `,"b64":false,"crit":["b64"]`), good), ErrCritical},
		"an ID token in place of an access token":    {forge(t, es, strings.Replace(header(ES256, es.KeyID(), ""), "at+jwt", "JWT", 1), good), ErrType},
		"a logout token in place of an access token": {forge(t, es, strings.Replace(header(ES256, es.KeyID(), ""), "at+jwt", "logout+jwt", 1), good), ErrType},
		"no type":                                       {forge(t, es, `{"alg":"ES256","kid":"`+es.KeyID()+`"}`, good), ErrType},
		"type null":                                     {forge(t, es, `{"alg":"ES256","kid":"`+es.KeyID()+`","typ":null}`, good), ErrMalformed},
		"the type twice":                                {forge(t, es, header(ES256, es.KeyID(), `,"typ":"at+jwt"`), good), ErrMalformed},
		"the algorithm twice":                           {forge(t, es, header(ES256, es.KeyID(), `,"alg":"none"`), good), ErrMalformed},
		"the algorithm twice, once escaped":             {forge(t, es, header(ES256, es.KeyID(), `,"\u0061lg":"none"`), good), ErrMalformed},
		"the key id as number":                          {forge(t, es, `{"alg":"ES256","kid":1,"typ":"at+jwt"}`, good), ErrMalformed},
		"the key id in capitals":                        {forge(t, es, `{"alg":"ES256","KID":"`+es.KeyID()+`","typ":"at+jwt"}`, good), ErrKeyUnknown},
		"a header that is an array":                     {forge(t, es, `["alg","ES256"]`, good), ErrMalformed},
		"a header with text after it":                   {forge(t, es, header(ES256, es.KeyID(), "")+"{}", good), ErrMalformed},
		"a header that is not UTF-8":                    {forge(t, es, header(ES256, es.KeyID(), ",\"x\":\"\xff\""), good), ErrMalformed},
		"a changed payload":                             {segments[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(good, "ada", "eve", 1))) + "." + segments[2], ErrSignature},
		"no signature":                                  {segments[0] + "." + segments[1] + ".", ErrSignature},
		"a signature of zeros (CVE-2022-21449)":         {segments[0] + "." + segments[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), ErrSignature},
		"a signature in ASN.1":                          {segments[0] + "." + segments[1] + "." + base64.RawURLEncoding.EncodeToString(der), ErrSignature},
		"a shortened signature":                         {valid[:len(valid)-6], ErrSignature},
		"stray bits after the signature":                {valid[:len(valid)-1] + stray(valid[len(valid)-1]), ErrMalformed},
		"a line break in the signature":                 {valid[:len(valid)-10] + "\n" + valid[len(valid)-10:], ErrMalformed},
		"padding":                                       {valid + "==", ErrMalformed},
		"two segments":                                  {segments[0] + "." + segments[1], ErrMalformed},
		"four segments":                                 {valid + ".AAAA", ErrMalformed},
		"five segments (JWE)":                           {"e30.AA.AA.AA.AA", ErrMalformed},
		"nothing":                                       {"", ErrMalformed},
		"dots":                                          {"..", ErrMalformed},
		"the JSON serialization":                        {`{"payload":"` + segments[1] + `","protected":"` + segments[0] + `","signature":"` + segments[2] + `"}`, ErrMalformed},
		"an oversized token":                            {valid + strings.Repeat("A", MaximumTokenBytes), ErrTooLarge},
		"a deeply nested header":                        {forge(t, es, header(ES256, es.KeyID(), `,"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)), good), ErrMalformed},
		"a key of another organization (not in lookup)": {forge(t, mustGenerate(t, ES256), header(ES256, "x", ""), good), ErrKeyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			set := NewKeySet(es.Public(), rs.Public())
			got, err := Verify(c.token, set.Lookup, expecting(ES256, RS256))
			if !errors.Is(err, c.want) || !errors.Is(err, ErrInvalid) || got != nil {
				t.Fatalf("Verify = %+v, %v; want %v", got, err, c.want)
			}
		})
	}
	if _, err := Verify(valid, NewKeySet(es.Public()).Lookup, expecting(ES256, RS256)); err != nil {
		t.Fatalf("the token that the attacks start from: %v", err)
	}
}

// stray returns the character that decodes to the same signature byte but carries unused bits.
func stray(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}

func mustGenerate(t testing.TB, algorithm Algorithm) *Signer {
	t.Helper()
	signer, err := GenerateSigner(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func TestAttacksOnTheClaims(t *testing.T) {
	signer := signers()[ES256]
	at := func(after time.Duration) int64 { return now.Add(after).Unix() }
	payloads := map[string]struct {
		payload string
		want    error
	}{
		"another issuer":              {encode(t, with(map[string]any{"iss": "https://id.example/other"})), ErrIssuer},
		"the issuer with a slash":     {encode(t, with(map[string]any{"iss": "https://id.example/demo/"})), ErrIssuer},
		"no issuer":                   {encode(t, with(map[string]any{"iss": nil})), ErrIssuer},
		"the issuer in capitals":      {strings.Replace(encode(t, claims()), `"iss"`, `"ISS"`, 1), ErrIssuer},
		"two issuers":                 {`{"iss":"https://id.example/demo",` + encode(t, with(map[string]any{"iss": "x"}))[1:], ErrMalformed},
		"a repeated nested member":    {encode(t, claims())[:len(encode(t, claims()))-1] + `,"cnf":{"jkt":"a","jkt":"b"}}`, ErrMalformed},
		"an issuer list":              {encode(t, with(map[string]any{"iss": []string{"https://id.example/demo"}})), ErrClaims},
		"another audience":            {encode(t, with(map[string]any{"aud": "https://other.example"})), ErrAudience},
		"no audience":                 {encode(t, with(map[string]any{"aud": nil})), ErrAudience},
		"an empty audience":           {encode(t, with(map[string]any{"aud": []string{}})), ErrAudience},
		"an audience of null":         {strings.Replace(encode(t, claims()), `"aud":"https://api.example"`, `"aud":null`, 1), ErrClaims},
		"an audience of numbers":      {encode(t, with(map[string]any{"aud": []any{"https://api.example", 1}})), ErrClaims},
		"an audience prefix":          {encode(t, with(map[string]any{"aud": "https://api.example.evil"})), ErrAudience},
		"no expiry":                   {encode(t, with(map[string]any{"exp": nil})), ErrClaims},
		"an expiry of null":           {strings.Replace(encode(t, with(map[string]any{"exp": "X"})), `"X"`, "null", 1), ErrClaims},
		"an expiry as text":           {encode(t, with(map[string]any{"exp": "9999999999"})), ErrClaims},
		"an expiry beyond all time":   {strings.Replace(encode(t, with(map[string]any{"exp": "X"})), `"X"`, "1e300", 1), ErrClaims},
		"an expiry that overflows":    {strings.Replace(encode(t, with(map[string]any{"exp": "X"})), `"X"`, "1e999", 1), ErrClaims},
		"a negative expiry":           {encode(t, with(map[string]any{"exp": -1})), ErrClaims},
		"expired":                     {encode(t, with(map[string]any{"exp": at(-11 * time.Second)})), ErrExpired},
		"expired exactly at leeway":   {encode(t, with(map[string]any{"exp": at(-10 * time.Second)})), ErrExpired},
		"not valid yet":               {encode(t, with(map[string]any{"nbf": at(11 * time.Second)})), ErrNotYetValid},
		"issued in the future":        {encode(t, with(map[string]any{"iat": at(11 * time.Second)})), ErrNotYetValid},
		"milliseconds for seconds":    {encode(t, with(map[string]any{"iat": now.UnixMilli()})), ErrClaims},
		"a subject that is a number":  {encode(t, with(map[string]any{"sub": 1})), ErrClaims},
		"a subject of null":           {strings.Replace(encode(t, claims()), `"ada"`, "null", 1), ErrClaims},
		"claims that are an array":    {"[]", ErrMalformed},
		"claims that are not JSON":    {"Example of Ed25519 signing", ErrMalformed},
		"claims followed by claims":   {encode(t, claims()) + encode(t, claims()), ErrMalformed},
		"claims that are not UTF-8":   {strings.Replace(encode(t, claims()), "ada", "a\xffa", 1), ErrMalformed},
		"claims nested without bound": {`{"x":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + `}`, ErrMalformed},
	}
	for name, c := range payloads {
		t.Run(name, func(t *testing.T) {
			header := fmt.Sprintf(`{"alg":"ES256","kid":"%s","typ":"at+jwt"}`, signer.KeyID())
			got, err := Verify(forge(t, signer, header, c.payload), NewKeySet(signer.Public()).Lookup, expecting(ES256))
			if !errors.Is(err, c.want) || !errors.Is(err, ErrInvalid) || got != nil {
				t.Fatalf("Verify = %+v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestWhatIsAccepted(t *testing.T) {
	signer := signers()[ES256]
	set := NewKeySet(signer.Public())
	short := func(expected Expected, change func(*Expected)) Expected { change(&expected); return expected }
	expired := with(map[string]any{"exp": now.Add(-time.Hour).Unix()})
	for name, c := range map[string]struct {
		header   string
		claims   map[string]any
		expected Expected
	}{
		"a full media type":            {`"typ":"application/at+jwt"`, claims(), expecting(ES256)},
		"a type in capitals":           {`"typ":"AT+JWT"`, claims(), expecting(ES256)},
		"one of several audiences":     {`"typ":"at+jwt"`, with(map[string]any{"aud": []string{"x", "https://api.example"}}), expecting(ES256)},
		"expired within the leeway":    {`"typ":"at+jwt"`, with(map[string]any{"exp": now.Add(-9 * time.Second).Unix()}), expecting(ES256)},
		"fractions of a second":        {`"typ":"at+jwt"`, with(map[string]any{"iat": float64(now.Unix()) + 0.5}), expecting(ES256)},
		"neither nbf nor iat":          {`"typ":"at+jwt"`, with(map[string]any{"iat": nil, "nbf": nil}), expecting(ES256)},
		"an unknown header member":     {`"typ":"at+jwt","x":{"y":[1,{"z":null}]}`, claims(), expecting(ES256)},
		"any audience, when so wished": {`"typ":"at+jwt"`, with(map[string]any{"aud": nil}), short(expecting(ES256), func(e *Expected) { e.Audiences, e.AnyAudience = nil, true })},
		"an expired id_token_hint":     {`"typ":"JWT"`, expired, short(expecting(ES256), func(e *Expected) { e.Types, e.AcceptExpired = []string{"JWT", ""}, true })},
	} {
		t.Run(name, func(t *testing.T) {
			header := fmt.Sprintf(`{"alg":"ES256","kid":"%s",%s}`, signer.KeyID(), c.header)
			if _, err := Verify(forge(t, signer, header, encode(t, c.claims)), set.Lookup, c.expected); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAClientMayLeaveOutTheKeyID(t *testing.T) {
	first, second, rs := mustGenerate(t, ES256), mustGenerate(t, ES256), signers()[RS256]
	token := forge(t, first, `{"alg":"ES256","typ":"at+jwt"}`, encode(t, claims()))
	expected := expecting(ES256, RS256)
	if _, err := Verify(token, NewKeySet(first.Public()).Lookup, expected); !errors.Is(err, ErrKeyUnknown) {
		t.Errorf("without permission: %v", err)
	}
	expected.KeyIDOptional = true
	if _, err := Verify(token, NewKeySet(first.Public(), rs.Public()).Lookup, expected); err != nil {
		t.Errorf("one key fits: %v", err)
	}
	if _, err := Verify(token, NewKeySet(first.Public(), second.Public()).Lookup, expected); !errors.Is(err, ErrKeyUnknown) {
		t.Errorf("two keys fit: %v", err)
	}
}

func TestALookupCannotWidenTheAlgorithm(t *testing.T) {
	careless := func(string, Algorithm) (PublicKey, error) { return signers()[PS256].Public(), nil }
	rs := signers()[RS256] // the same RSA key, registered for PS256
	if _, err := Verify(mustSign(t, rs, "at+jwt", claims()), careless, expecting(RS256, PS256)); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("a PS256 key verified RS256: %v", err)
	}
	nothing := func(string, Algorithm) (PublicKey, error) { return PublicKey{}, nil }
	if _, err := Verify(mustSign(t, rs, "at+jwt", claims()), nothing, expecting(RS256)); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("the zero key: %v", err)
	}
}

func TestAFailedLookupIsNotABadToken(t *testing.T) {
	down := errors.New("database unreachable")
	token := mustSign(t, signers()[ES256], "at+jwt", claims())
	_, err := Verify(token, func(string, Algorithm) (PublicKey, error) { return PublicKey{}, down }, expecting(ES256))
	if !errors.Is(err, down) || errors.Is(err, ErrInvalid) {
		t.Fatalf("%v", err)
	}
}

func TestForgottenExpectationsAreRefused(t *testing.T) {
	signer := signers()[ES256]
	token := mustSign(t, signer, "at+jwt", claims())
	for name, forget := range map[string]func(*Expected){
		"types":             func(e *Expected) { e.Types = nil },
		"algorithms":        func(e *Expected) { e.Algorithms = nil },
		"a known algorithm": func(e *Expected) { e.Algorithms = []Algorithm{ES256, "none"} },
		"issuer":            func(e *Expected) { e.Issuer = "" },
		"audience":          func(e *Expected) { e.Audiences = nil },
		"which audience":    func(e *Expected) { e.AnyAudience = true },
		"time":              func(e *Expected) { e.Now = time.Time{} },
	} {
		expected := expecting(ES256)
		forget(&expected)
		if _, err := Verify(token, NewKeySet(signer.Public()).Lookup, expected); err == nil || errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInspect(t *testing.T) {
	token, err := signers()[ES256].Sign(context.Background(), "JWT", maps.Clone(claims()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(token)
	if err != nil || got.Issuer != "https://id.example/demo" || got.Subject != "ada" || got.Type != "jwt" || got.Algorithm != ES256 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := Inspect(token + "."); !errors.Is(err, ErrMalformed) {
		t.Fatalf("%v", err)
	}
}
