package jose

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/x25519"
)

// decryptionKeys makes one key of each family for the whole test binary.
var decryptionKeys = sync.OnceValue(func() map[string]*DecryptionKey {
	made := map[string]*DecryptionKey{}
	for _, algorithm := range []Algorithm{RSAOAEP256, ECDHES} {
		key, err := GenerateDecryptionKey(algorithm)
		if err != nil {
			panic(err)
		}
		made[managements[algorithm].family] = key
	}
	return made
})

func decryptionKey(algorithm Algorithm) *DecryptionKey {
	return decryptionKeys()[managements[algorithm].family]
}

func open(token string, keys ...*DecryptionKey) (*Decrypted, error) {
	return Decrypt(token, DecryptionKeys(keys...), KeyManagements(), Encryptions())
}

func mustEncrypt(t testing.TB, algorithm Algorithm, encryption Encryption, payload string) string {
	t.Helper()
	token, err := decryptionKey(algorithm).Public().EncryptToken(payload, algorithm, encryption)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestEveryEncryptionOpens(t *testing.T) {
	payload := mustSign(t, signers()[ES256], "at+jwt", claims())
	for _, algorithm := range KeyManagements() {
		for _, encryption := range Encryptions() {
			t.Run(fmt.Sprintf("%s %s", algorithm, encryption), func(t *testing.T) {
				key := decryptionKey(algorithm)
				token := mustEncrypt(t, algorithm, encryption, payload)
				got, err := open(token, key)
				if err != nil || string(got.Payload) != payload || got.ContentType != "jwt" || got.KeyID != key.KeyID() ||
					got.Algorithm != algorithm || got.Encryption != encryption || !IsEncrypted(token) || IsEncrypted(payload) {
					t.Fatalf("%+v, %v", got, err)
				}
				// An implementation that is not ours agrees, both ways.
				theirs, err := jwe.Decrypt([]byte(token), jwe.WithKey(jwa.KeyEncryptionAlgorithm(algorithm), key.key))
				if err != nil || string(theirs) != payload {
					t.Errorf("jwx does not open ours: %v", err)
				}
				made, err := jwe.Encrypt([]byte(payload), jwe.WithKey(jwa.KeyEncryptionAlgorithm(algorithm), key.key.(crypto.Signer).Public()),
					jwe.WithContentEncryption(jwa.ContentEncryptionAlgorithm(encryption)))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := open(string(made), key); err != nil || string(got.Payload) != payload {
					t.Errorf("we do not open theirs: %v", err)
				}
			})
		}
	}
}

func TestEveryCurveReceives(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, err := newDecryptionKey(ECDHES, private)
		if err != nil {
			t.Fatal(err)
		}
		token, err := key.Public().Encrypt([]byte("{}"), "", ECDHESA256KW, A256GCM)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(token, key); err != nil || got.ContentType != "" || string(got.Payload) != "{}" {
			t.Errorf("%s: %+v, %v", curve.Params().Name, got, err)
		}
	}
}

// X25519 is for keys of others (RFC 8037 §3.2); the other implementation opens what we encrypt to them.
func TestX25519Receives(t *testing.T) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(EncryptionKey{KeyID: "x", key: private.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseEncryptionKey(written)
	if err != nil {
		t.Fatalf("%s: %v", written, err)
	}
	raw := x25519.PrivateKey(append(private.Bytes(), private.PublicKey().Bytes()...))
	for _, algorithm := range []KeyManagement{ECDHES, ECDHESA128KW, ECDHESA256KW} {
		token, err := key.EncryptToken("payload", algorithm, A128CBCHS256)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jwe.Decrypt([]byte(token), jwe.WithKey(jwa.KeyEncryptionAlgorithm(algorithm), raw)); err != nil || string(got) != "payload" {
			t.Errorf("%s: %q, %v", algorithm, got, err)
		}
	}
}

func TestPayloadsOfEverySizeOpen(t *testing.T) {
	for size := range 50 {
		for _, encryption := range []Encryption{A128CBCHS256, A128GCM} {
			payload := strings.Repeat("x", size)
			if got, err := open(mustEncrypt(t, ECDHES, encryption, payload), decryptionKey(ECDHES)); err != nil || string(got.Payload) != payload {
				t.Errorf("%s, %d bytes: %v", encryption, size, err)
			}
		}
	}
}

// reseal puts another header on a token; additional data and derived keys no longer agree with it.
func reheader(token, header string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + token[strings.IndexByte(token, '.'):]
}

func TestAttacksOnEncryptedTokens(t *testing.T) {
	ec, rsaKey := decryptionKey(ECDHES), decryptionKey(RSAOAEP256)
	other, err := GenerateDecryptionKey(ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	agreed := mustEncrypt(t, ECDHES, A128GCM, "payload")
	wrapped := mustEncrypt(t, ECDHESA256KW, A256CBCHS512, "payload")
	carried := mustEncrypt(t, RSAOAEP256, A256GCM, "payload")
	foreign, _ := other.Public().EncryptToken("payload", ECDHES, A128GCM)
	headerOf := func(token string) string {
		header, _ := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')])
		return string(header)
	}
	replaced := func(token, old, with string) string {
		if !strings.Contains(headerOf(token), old) {
			t.Fatalf("%s has no %s", headerOf(token), old)
		}
		return reheader(token, strings.Replace(headerOf(token), old, with, 1))
	}
	flipped := func(token string, segment int) string {
		segments := strings.Split(token, ".")
		decoded := unbase64(t, segments[segment])
		decoded[len(decoded)/2] ^= 1
		segments[segment] = base64.RawURLEncoding.EncodeToString(decoded)
		return strings.Join(segments, ".")
	}
	exchanged := func(token string, segment int, with string) string {
		segments := strings.Split(token, ".")
		segments[segment] = with
		return strings.Join(segments, ".")
	}
	more := func(member string) string {
		return reheader(agreed, strings.TrimSuffix(headerOf(agreed), "}")+","+member+"}")
	}
	var point ephemeralKey
	var header encryptionHeader
	if json.Unmarshal([]byte(headerOf(agreed)), &header) != nil {
		t.Fatal()
	}
	point = *header.Ephemeral

	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"a key of another organization":              {foreign, ErrKeyUnknown},
		"another's token under our key id":           {replaced(foreign, other.KeyID(), ec.KeyID()), ErrDecryption},
		"an unknown key id":                          {replaced(agreed, ec.KeyID(), "x"), ErrKeyUnknown},
		"the RSA key's id with ECDH-ES":              {replaced(agreed, ec.KeyID(), rsaKey.KeyID()), ErrKeyUnknown},
		"the EC key's id with RSA":                   {replaced(carried, rsaKey.KeyID(), ec.KeyID()), ErrKeyUnknown},
		"another key management":                     {replaced(agreed, "ECDH-ES", "ECDH-ES+A128KW"), ErrDecryption},
		"a wrapped key said to be agreed":            {replaced(wrapped, "ECDH-ES+A256KW", "ECDH-ES"), ErrDecryption},
		"another encryption":                         {replaced(agreed, "A128GCM", "A256GCM"), ErrDecryption},
		"GCM said to be CBC":                         {replaced(agreed, "A128GCM", "A128CBC-HS256"), ErrDecryption},
		"RSA1_5":                                     {replaced(carried, "RSA-OAEP-256", "RSA1_5"), ErrAlgorithm},
		"RSA-OAEP with SHA-1":                        {replaced(carried, "RSA-OAEP-256", "RSA-OAEP"), ErrAlgorithm},
		"a direct key":                               {replaced(agreed, "ECDH-ES", "dir"), ErrAlgorithm},
		"a password (PBES2)":                         {replaced(agreed, "ECDH-ES", "PBES2-HS256+A128KW"), ErrAlgorithm},
		"a signature's algorithm":                    {replaced(agreed, "ECDH-ES", "ES256"), ErrAlgorithm},
		"algorithm none":                             {replaced(agreed, "ECDH-ES", "none"), ErrAlgorithm},
		"an unknown encryption":                      {replaced(agreed, "A128GCM", "A192GCM"), ErrAlgorithm},
		"a changed header":                           {replaced(agreed, `"cty":"JWT"`, `"cty":"jwt"`), ErrDecryption},
		"a critical extension (RFC 7516 §4.1.13)":    {more(`"crit":["exp"]`), ErrCritical},
		"compression (RFC 8725 §3.6)":                {more(`"zip":"DEF"`), ErrCompressed},
		"the algorithm twice":                        {more(`"alg":"ECDH-ES"`), ErrMalformed},
		"a party that is no base64url":               {more(`"apu":"!"`), ErrMalformed},
		"a party that is a number":                   {more(`"apv":1`), ErrMalformed},
		"another party":                              {more(`"apu":"QWxpY2U"`), ErrDecryption},
		"no algorithm":                               {reheader(agreed, `{"enc":"A128GCM"}`), ErrMalformed},
		"no encryption":                              {reheader(agreed, `{"alg":"ECDH-ES"}`), ErrMalformed},
		"a header that is an array":                  {reheader(agreed, `["alg"]`), ErrMalformed},
		"no ephemeral key":                           {reheader(agreed, `{"alg":"ECDH-ES","enc":"A128GCM"}`), ErrDecryption},
		"an ephemeral key of null":                   {reheader(agreed, `{"alg":"ECDH-ES","enc":"A128GCM","epk":null}`), ErrMalformed},
		"an ephemeral key of numbers":                {reheader(agreed, `{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":1,"y":2}}`), ErrMalformed},
		"an ephemeral key off the curve":             {replaced(agreed, point.X, point.Y), ErrDecryption},
		"an ephemeral key on another curve":          {replaced(agreed, "P-256", "P-384"), ErrDecryption},
		"an ephemeral key of another type":           {replaced(agreed, `"kty":"EC"`, `"kty":"OKP"`), ErrDecryption},
		"a short coordinate":                         {replaced(agreed, point.X, point.X[4:]), ErrDecryption},
		"an encrypted key beside an agreed one":      {exchanged(agreed, 1, "AAAA"), ErrDecryption},
		"a changed wrapped key":                      {flipped(wrapped, 1), ErrDecryption},
		"no wrapped key":                             {exchanged(wrapped, 1, ""), ErrDecryption},
		"a changed RSA ciphertext":                   {flipped(carried, 1), ErrDecryption},
		"no RSA ciphertext":                          {exchanged(carried, 1, ""), ErrDecryption},
		"a changed nonce":                            {flipped(agreed, 2), ErrDecryption},
		"a short nonce":                              {exchanged(agreed, 2, "AAAA"), ErrDecryption},
		"no nonce":                                   {exchanged(wrapped, 2, ""), ErrDecryption},
		"a changed ciphertext":                       {flipped(agreed, 3), ErrDecryption},
		"a changed ciphertext of CBC":                {flipped(wrapped, 3), ErrDecryption},
		"no ciphertext":                              {exchanged(wrapped, 3, ""), ErrDecryption},
		"a changed tag":                              {flipped(agreed, 4), ErrDecryption},
		"a changed tag of CBC":                       {flipped(wrapped, 4), ErrDecryption},
		"a shortened tag":                            {exchanged(agreed, 4, "AAAA"), ErrDecryption},
		"no tag":                                     {exchanged(wrapped, 4, ""), ErrDecryption},
		"a signed token":                             {mustSign(t, signers()[ES256], "JWT", claims()), ErrMalformed},
		"six segments":                               {agreed + ".AA", ErrMalformed},
		"dots":                                       {"....", ErrMalformed},
		"nothing":                                    {"", ErrMalformed},
		"padding":                                    {agreed + "=", ErrMalformed},
		"a line break":                               {agreed + "\n", ErrMalformed},
		"an oversized token":                         {agreed + strings.Repeat("A", MaximumEncryptedBytes), ErrTooLarge},
		"a deeply nested header":                     {more(`"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)), ErrMalformed},
		"no key id, encrypted to somebody else":      {replaced(foreign, `"kid":"`+other.KeyID()+`",`, ""), ErrDecryption},
		"a sealed payload in the JSON serialization": {`{"protected":"` + agreed[:20] + `"}`, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := open(c.token, ec, rsaKey)
			if !errors.Is(err, c.want) || !errors.Is(err, ErrInvalid) || got != nil {
				t.Fatalf("Decrypt = %+v, %v; want %v", got, err, c.want)
			}
		})
	}
	for name, token := range map[string]string{"agreed": agreed, "wrapped": wrapped, "carried": carried} {
		if _, err := open(token, ec, rsaKey); err != nil {
			t.Errorf("%s: the token that the attacks start from: %v", name, err)
		}
	}
}

func TestOnlyTheEncryptionsThatWereAllowedOpen(t *testing.T) {
	token, keys := mustEncrypt(t, ECDHES, A128GCM, "payload"), DecryptionKeys(decryptionKey(ECDHES))
	if _, err := Decrypt(token, keys, []Algorithm{ECDHESA128KW}, Encryptions()); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("another algorithm: %v", err)
	}
	if _, err := Decrypt(token, keys, KeyManagements(), []Encryption{A256GCM}); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("another encryption: %v", err)
	}
	careless := func(string, Algorithm) ([]*DecryptionKey, error) {
		return []*DecryptionKey{decryptionKey(RSAOAEP256)}, nil
	}
	if _, err := Decrypt(token, careless, KeyManagements(), Encryptions()); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("a look-up cannot widen the algorithm: %v", err)
	}
	down := errors.New("database unreachable")
	failing := func(string, Algorithm) ([]*DecryptionKey, error) { return nil, down }
	if _, err := Decrypt(token, failing, KeyManagements(), Encryptions()); !errors.Is(err, down) || errors.Is(err, ErrInvalid) {
		t.Errorf("a failed look-up is not a bad token: %v", err)
	}
}

func TestWithoutKeyIDEveryKeyIsTried(t *testing.T) {
	former, err := GenerateDecryptionKey(ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	public := former.Public()
	public.KeyID = ""
	token, err := public.EncryptToken("payload", ECDHES, A128GCM)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(token, decryptionKey(ECDHES), former); err != nil || string(got.Payload) != "payload" {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestEncryptRefuses(t *testing.T) {
	rsaKey, ec := decryptionKey(RSAOAEP256).Public(), decryptionKey(ECDHES).Public()
	bound := ec
	bound.Algorithm = ECDHES
	for name, c := range map[string]struct {
		key        EncryptionKey
		algorithm  KeyManagement
		encryption Encryption
	}{
		"RSA for ECDH-ES":       {rsaKey, ECDHES, A128GCM},
		"EC for RSA":            {ec, RSAOAEP256, A128GCM},
		"a key for another alg": {bound, ECDHESA128KW, A128GCM},
		"the zero key":          {EncryptionKey{}, ECDHES, A128GCM},
		"a signing algorithm":   {ec, ES256, A128GCM},
		"an unknown encryption": {ec, ECDHES, "A192GCM"},
		"no encryption":         {ec, ECDHES, ""},
	} {
		if token, err := c.key.EncryptToken("x", c.algorithm, c.encryption); err == nil {
			t.Errorf("%s: %s", name, token)
		}
	}
}

func TestDecryptionKeysSurviveStorage(t *testing.T) {
	for _, algorithm := range []Algorithm{RSAOAEP256, ECDHES} {
		key := decryptionKey(algorithm)
		stored, err := key.PKCS8()
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := ParseDecryptionKey(algorithm, stored)
		if err != nil || loaded.KeyID() != key.KeyID() {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if _, err := open(mustEncrypt(t, algorithm, A128GCM, "x"), loaded); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		public, err := json.Marshal(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if read, err := ParseEncryptionKey(public); err != nil || read.KeyID != key.KeyID() || !read.Fits(algorithm) {
			t.Errorf("%s: %s, %v", algorithm, public, err)
		}
		if _, err := ParsePublicKey(public); err == nil {
			t.Errorf("%s: a key for encryption verifies signatures", algorithm)
		}
		if shown := fmt.Sprintf("%v %+v %#v %s", key, key, key, []*DecryptionKey{key}); strings.Contains(shown, "&") || !strings.HasPrefix(shown, "jose.DecryptionKey(") {
			t.Errorf("%s shows %s", algorithm, shown)
		}
	}
	ed := signers()[EdDSA].key
	for name, refused := range map[string]func() error{
		"EC for RSA":      func() error { _, err := newDecryptionKey(RSAOAEP256, decryptionKey(ECDHES).key); return err },
		"RSA for ECDH-ES": func() error { _, err := newDecryptionKey(ECDHES, decryptionKey(RSAOAEP256).key); return err },
		"Ed25519":         func() error { _, err := newDecryptionKey(ECDHES, crypto.PrivateKey(ed)); return err },
		"a signature":     func() error { _, err := GenerateDecryptionKey(ES256); return err },
		"nonsense":        func() error { _, err := ParseDecryptionKey(ECDHES, []byte("no key")); return err },
		"signing key":     func() error { _, err := ParseEncryptionKey([]byte(member(rfc7515A3Key, `"use":"sig"`))); return err },
	} {
		if refused() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestASetOfBothUses(t *testing.T) {
	second := strings.Replace(rfc7515A3Key, "}", `,"kid":"2","use":"enc","alg":"ECDH-ES"}`, 1)
	set, err := ParseKeySet([]byte(keySet(
		member(rfc7515A2Key, `"kid":"1","use":"sig"`), member(rfc7515A3Key, `"kid":"1","use":"enc"`), second,
		member(rfc7638Key[:len(rfc7638Key)-len(`,"alg":"RS256","kid":"2011-04-29"}`)]+"}", `"kid":"3"`), member(rfc8037Key, `"kid":"4"`))))
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[KeyManagement]string{ECDHES: "2", ECDHESA128KW: "1", ECDHESA256KW: "1", RSAOAEP256: "3", "RSA1_5": "", "ES256": "", "": ""} {
		key, err := set.ForEncryption(algorithm)
		if key.KeyID != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrKeyUnknown) {
			t.Errorf("%q: key %q, %v; want %q", algorithm, key.KeyID, err, want)
		}
	}
	if set.Len() != 3 { // the first, the one without use, and Ed25519
		t.Errorf("%d keys verify", set.Len())
	}
	written, err := json.Marshal(NewKeySet(signers()[ES256].Public()).With(decryptionKey(ECDHES).Public()))
	if again, parseErr := ParseKeySet(written); err != nil || parseErr != nil || again.Len() != 1 || len(again.encryption) != 1 {
		t.Errorf("%s, %v, %v", written, err, parseErr)
	}
}
