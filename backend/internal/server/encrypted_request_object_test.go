package server

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
)

// published are the keys at the jwks_uri of an organization.
func (s *site) published(t *testing.T, slug string) jose.KeySet {
	t.Helper()
	set, err := jose.ParseKeySet([]byte(s.browser().get(s.server.URL + "/" + slug + "/jwks").body))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func encryptTo(t *testing.T, set jose.KeySet, payload, contentType string, algorithm jose.KeyManagement, encryption jose.Encryption) string {
	t.Helper()
	recipient, err := set.ForEncryption(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := recipient.Encrypt([]byte(payload), contentType, algorithm, encryption)
	if err != nil {
		t.Fatal(err)
	}
	return encrypted
}

// sealed encrypts to an organization's RSA key by RSAES-OAEP with the hash and AES-GCM (RFC 7516 §5.1), whatever the
// header says: what package jose does not make.
func (s *site) sealed(t *testing.T, slug string, header map[string]any, hash hash.Hash, payload []byte) string {
	t.Helper()
	var set struct {
		Keys []struct{ KID, KTY, Use, N string }
	}
	if err := json.Unmarshal([]byte(s.browser().get(s.server.URL+"/"+slug+"/jwks").body), &set); err != nil {
		t.Fatal(err)
	}
	recipient, whole := &rsa.PublicKey{E: 65537}, map[string]any{"alg": "RSA-OAEP-256", "enc": "A128GCM", "cty": "JWT"}
	for _, key := range set.Keys {
		if key.KTY == "RSA" && key.Use == "enc" {
			modulus, err := base64.RawURLEncoding.DecodeString(key.N)
			if err != nil {
				t.Fatal(err)
			}
			recipient.N, whole["kid"] = new(big.Int).SetBytes(modulus), key.KID
		}
	}
	maps.Copy(whole, header)
	encodedHeader, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	protected := base64.RawURLEncoding.EncodeToString(encodedHeader)
	key, nonce := make([]byte, 16), make([]byte, 12)
	_, _ = rand.Read(key)
	_, _ = rand.Read(nonce)
	encryptedKey, err := rsa.EncryptOAEP(hash, rand.Reader, recipient, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	content := gcm.Seal(nil, nonce, payload, []byte(protected))
	parts := []string{protected}
	for _, part := range [][]byte{encryptedKey, nonce, content[:len(content)-16], content[len(content)-16:]} {
		parts = append(parts, base64.RawURLEncoding.EncodeToString(part))
	}
	return strings.Join(parts, ".")
}

// TestEncryptedRequestObjects: OpenID Connect Core 1.0 §6.1, §10.2; RFC 9101 §6.1.
func TestEncryptedRequestObjects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	set := s.published(t, "acme")
	of := s.signing(t, jose.ES256, client.Metadata{})
	for _, algorithm := range jose.KeyManagements() {
		for _, encryption := range jose.Encryptions() {
			object := encryptTo(t, set, of.object(t, "oauth-authz-req+jwt", nil), "JWT", algorithm, encryption)
			a := b.get(s.authorizeURL("request", object, "state", "outside", "nonce", "outside"))
			if got := a.url.Query(); got.Get("code") == "" || got.Get("state") != "inside" {
				t.Errorf("%s %s: %v", algorithm, encryption, got)
			}
		}
	}
	t.Run("what was registered is demanded", func(t *testing.T) {
		of := s.signing(t, jose.ES256, client.Metadata{RequestObjectEncryptionAlg: "ECDH-ES"}) // A128CBC-HS256 by default
		signed := of.object(t, "JWT", nil)
		for name, c := range map[string]struct{ object, want string }{
			"as registered":      {encryptTo(t, set, signed, "JWT", jose.ECDHES, jose.A128CBCHS256), ""},
			"not encrypted":      {signed, "invalid_request_object"},
			"another algorithm":  {encryptTo(t, set, signed, "JWT", jose.RSAOAEP256, jose.A128CBCHS256), "invalid_request_object"},
			"another encryption": {encryptTo(t, set, signed, "JWT", jose.ECDHES, jose.A128GCM), "invalid_request_object"},
		} {
			if got := b.get(s.authorizeURL("request", c.object)).url.Query(); got.Get("error") != c.want || (got.Get("code") == "") != (c.want != "") {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
	t.Run("a sign-in in between keeps what was encrypted", func(t *testing.T) {
		of := s.signing(t, jose.ES256, client.Metadata{})
		fresh := s.browser()
		page := fresh.get(s.authorizeURL("request", encryptTo(t, set, of.object(t, "JWT", nil), "JWT", jose.ECDHES, jose.A256GCM), "state", "outside"))
		if a := fresh.submit(page, "login-form", "username", s.ada.Username, "password", password); a.url.Query().Get("state") != "inside" || a.url.Query().Get("code") == "" {
			t.Errorf("%d %s", a.status, a.url)
		}
	})
	t.Run("unsigned inside, where the client registered that", func(t *testing.T) {
		of := s.signing(t, jose.ES256, client.Metadata{RequestObjectSigningAlg: client.Unsigned})
		unsigned := "eyJhbGciOiJub25lIn0." + strings.Split(of.object(t, "JWT", nil), ".")[1] + "."
		if got := b.get(s.authorizeURL("request", encryptTo(t, set, unsigned, "JWT", jose.ECDHES, jose.A128GCM))).url.Query(); got.Get("code") == "" {
			t.Errorf("%v", got)
		}
	})
}

// TestEncryptedRequestObjectsAreRefusedAlike: RFC 9101 §6.1; RFC 7516 §11.5; RFC 8725 §3.2.
func TestEncryptedRequestObjectsAreRefusedAlike(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	set := s.published(t, "acme")
	of := s.signing(t, jose.ES256, client.Metadata{})
	signed := of.object(t, "JWT", nil)
	thief, _ := newSigner(t, jose.ES256)
	stolen, err := thief.Sign(t.Context(), "JWT", of.claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := jose.GenerateDecryptionKey(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	toForeign, err := foreign.Public().EncryptToken(signed, jose.ECDHES, jose.A128GCM)
	if err != nil {
		t.Fatal(err)
	}
	good := encryptTo(t, set, signed, "JWT", jose.RSAOAEP256, jose.A128GCM)
	changed := func(segment int) string {
		parts := strings.Split(good, ".")
		first := byte('A')
		if parts[segment][0] == first {
			first = 'B'
		}
		parts[segment] = string(first) + parts[segment][1:]
		return strings.Join(parts, ".")
	}
	claims, err := json.Marshal(of.claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{good, s.sealed(t, "acme", nil, sha256.New(), []byte(signed))} {
		if got := b.get(s.authorizeURL("request", object)).url.Query(); got.Get("code") == "" {
			t.Fatalf("%v", got)
		}
	}
	var compressed bytes.Buffer
	deflate, err := flate.NewWriter(&compressed, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deflate.Write([]byte(signed)); err != nil || deflate.Close() != nil {
		t.Fatal(err)
	}
	descriptions := map[string]bool{}
	for name, object := range map[string]string{
		"an unknown key":                       toForeign,
		"another encrypted key":                changed(1),
		"another nonce":                        changed(2),
		"another content":                      changed(3),
		"another tag":                          changed(4),
		"no JWE":                               "a.b.c.d.e",
		"an algorithm that is not allowed":     s.sealed(t, "acme", map[string]any{"alg": "RSA-OAEP-512"}, sha512.New(), []byte(signed)),
		"compressed":                           s.sealed(t, "acme", map[string]any{"zip": "DEF"}, sha256.New(), compressed.Bytes()),
		"no cty (RFC 7519 §5.2)":               encryptTo(t, set, signed, "", jose.ECDHES, jose.A128GCM),
		"another cty":                          encryptTo(t, set, signed, "json", jose.ECDHES, jose.A128GCM),
		"encrypted only":                       encryptTo(t, set, string(claims), "JWT", jose.ECDHES, jose.A128GCM),
		"encrypted twice":                      encryptTo(t, set, encryptTo(t, set, signed, "JWT", jose.ECDHES, jose.A128GCM), "JWT", jose.ECDHES, jose.A128GCM),
		"signed with a key of somebody else's": encryptTo(t, set, stolen, "JWT", jose.ECDHES, jose.A128GCM),
		"unsigned, which was not registered":   encryptTo(t, set, "eyJhbGciOiJub25lIn0."+strings.Split(signed, ".")[1]+".", "JWT", jose.ECDHES, jose.A128GCM),
	} {
		got := b.get(s.authorizeURL("request", object)).url.Query()
		if got.Get("error") != "invalid_request_object" || got.Get("code") != "" {
			t.Errorf("%s: %v", name, got)
		}
		descriptions[got.Get("error_description")] = true
	}
	if len(descriptions) != 1 {
		t.Errorf("answers tell why: %v", descriptions)
	}
}

// TestEncryptedRequestObjectsByReference: OpenID Connect Core 1.0 §6.2.
func TestEncryptedRequestObjectsByReference(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8")
	b := s.browser()
	b.signIn()
	var object atomic.Value
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/oauth-authz-req+jwt")
		_, _ = w.Write([]byte(object.Load().(string)))
	}))
	t.Cleanup(rp.Close)
	set := s.published(t, "acme")
	of := s.signing(t, jose.ES256, client.Metadata{RequestURIs: []string{rp.URL + "/request"}})
	ask := func(payload string) (code, failure string) {
		object.Store(encryptTo(t, set, payload, "JWT", jose.ECDHESA256KW, jose.A256CBCHS512))
		got := b.get(s.authorizeURL("request_uri", rp.URL+"/request")).url.Query()
		return got.Get("code"), got.Get("error")
	}
	if code, failure := ask(of.object(t, "JWT", nil)); code == "" {
		t.Error(failure)
	}
	long := of.object(t, "JWT", map[string]any{"extra": strings.Repeat("x", 11<<10)})
	if code, failure := ask(long); code == "" {
		t.Errorf("one of %d bytes: %s", len(long), failure)
	}
	if _, failure := ask(of.object(t, "JWT", map[string]any{"extra": strings.Repeat("x", 13<<10)})); failure != "invalid_request_object" && failure != "invalid_request_uri" {
		t.Errorf("an oversized one: %q", failure)
	}
}
