package server

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
)

// bank is a client of the profile fapi2-security with its browser, which has signed in.
type bank struct {
	*site
	browser *browser
	signer  *jose.Signer
	prover  *oidctest.Prover
}

func newBank(t *testing.T) *bank {
	t.Helper()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	s.setPolicies(func(s *site) { s.acme.Policies.Profile = org.ProfileFAPI2Security })
	signer, set := newSigner(t, jose.ES256)
	s.web, s.secret = s.client(s.acme, client.Client{ClientID: "bank", AuthenticationMethod: client.PrivateKeyJWT, RedirectURIs: []string{callback},
		GrantTypes: []string{client.AuthorizationCode, client.RefreshToken, client.ClientCredentials}, Scopes: []string{"openid", "profile", "offline_access", "accounts"},
		IDTokenSignedResponseAlg: "ES256", Metadata: client.Metadata{JWKS: set, DPoPBoundAccessTokens: true}})
	return &bank{s, b, signer, oidctest.NewProver(t, time.Now)}
}

// assertion proves the client; change alters its claims, and a nil value leaves one out.
func (b *bank) assertion(change map[string]any) string {
	b.t.Helper()
	now := time.Now()
	claims := map[string]any{"iss": "bank", "sub": "bank", "aud": b.server.URL + "/acme", "jti": secret.New(rand.Reader), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	signed, err := b.signer.Sign(b.t.Context(), "JWT", claims)
	if err != nil {
		b.t.Fatal(err)
	}
	return signed
}

func (b *bank) send(endpoint string, form url.Values, assertion string, header ...string) (int, map[string]any) {
	b.t.Helper()
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return b.program("POST", "/acme/"+endpoint, form, header...)
}

func (b *bank) dpop(endpoint string) []string {
	return []string{"DPoP", b.prover.Proof(b.t, "POST", b.address(endpoint), nil)}
}

// code pushes a request and brings it through the browser.
func (b *bank) code(change ...string) *answer {
	b.t.Helper()
	status, body := b.send("par", b.parameters(change...), b.assertion(nil))
	if status != http.StatusCreated {
		b.t.Fatalf("%d %v", status, body)
	}
	return b.browser.get(b.pushedURL(body["request_uri"].(string)))
}

func (b *bank) redeem(a *answer, assertion string, header ...string) (int, map[string]any) {
	return b.send("token", url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}, assertion, header...)
}

func TestFAPI2SecurityProfile(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	a := b.code("scope", "openid profile offline_access")
	if got := a.url.Query(); got.Get("iss") != b.server.URL+"/acme" || got.Get("code") == "" {
		t.Fatalf("§5.3.2.2: %s", a.url)
	}
	status, tokens := b.redeem(a, b.assertion(nil), b.dpop("token")...)
	if status != 200 || tokens["token_type"] != "DPoP" {
		t.Fatalf("%d %v", status, tokens)
	}
	t.Run("§5.3.2.1: refresh tokens are not rotated", func(t *testing.T) {
		for range 3 {
			status, again := b.send("token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}, b.assertion(nil), b.dpop("token")...)
			if status != 200 || again["refresh_token"] != tokens["refresh_token"] || again["token_type"] != "DPoP" {
				t.Fatalf("%d %v", status, again)
			}
		}
	})
	t.Run("client credentials", func(t *testing.T) {
		status, body := b.send("token", url.Values{"grant_type": {"client_credentials"}, "scope": {"accounts"}}, b.assertion(nil), b.dpop("token")...)
		if status != 200 || body["token_type"] != "DPoP" {
			t.Errorf("%d %v", status, body)
		}
	})
}

// FAPI 2.0 Security Profile, final: what is refused, by clause.
func TestFAPI2SecurityProfileRefuses(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	t.Run("§5.3.2.2: requests that are not pushed", func(t *testing.T) {
		if a := b.browser.get(b.authorizeURL()); a.url.Query().Get("error") != "invalid_request" || a.url.Query().Get("code") != "" {
			t.Errorf("%s", a.url)
		}
	})
	for name, change := range map[string][]string{
		"§5.3.2.2: another response type": {"response_type", "code id_token"},
		"§5.3.2.2: no code_challenge":     {"code_challenge", ""},
		"§5.3.2.2: plain":                 {"code_challenge_method", "plain"},
		"§5.3.2.2: no redirect_uri":       {"redirect_uri", "", "scope", "accounts"},
		"RFC 9126 §2.1: a request_uri":    {"request_uri", "urn:ietf:params:oauth:request_uri:x"},
	} {
		if status, body := b.send("par", b.parameters(change...), b.assertion(nil)); status != 400 {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	now := time.Now()
	for name, assertion := range map[string]string{
		"§5.3.2.1: the audience is the token endpoint": b.assertion(map[string]any{"aud": b.address("token")}),
		"§5.3.2.1: the audience is the PAR endpoint":   b.assertion(map[string]any{"aud": b.address("par")}),
		"§5.3.2.1: the audience is a list":             b.assertion(map[string]any{"aud": []string{b.server.URL + "/acme"}}),
		"the audience is missing":                      b.assertion(map[string]any{"aud": nil}),
		"sub is missing":                               b.assertion(map[string]any{"sub": nil}),
		"exp is missing":                               b.assertion(map[string]any{"exp": nil}),
		"jti is missing":                               b.assertion(map[string]any{"jti": nil}),
		"§5.3.2.1: iat over 60 s in the future":        b.assertion(map[string]any{"iat": now.Add(70 * time.Second).Unix()}),
		"§5.3.2.1: nbf over 60 s in the future":        b.assertion(map[string]any{"nbf": now.Add(70 * time.Second).Unix()}),
		"expired":                                      b.assertion(map[string]any{"exp": now.Add(-time.Minute).Unix()}),
	} {
		if status, body := b.send("par", b.parameters(), assertion); status != 401 || body["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	for name, assertion := range map[string]string{
		"§5.3.2.1: iat 8 s in the future": b.assertion(map[string]any{"iat": now.Add(8 * time.Second).Unix()}),
		"§5.3.2.1: nbf 8 s in the future": b.assertion(map[string]any{"nbf": now.Add(8 * time.Second).Unix()}),
	} {
		if status, body := b.send("par", b.parameters(), assertion); status != http.StatusCreated {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	once := b.assertion(nil)
	b.send("par", b.parameters(), once)
	if status, body := b.send("par", b.parameters(), once); status != 401 || body["error"] != "invalid_client" {
		t.Errorf("an assertion used twice: %d %v", status, body)
	}
	a := b.code()
	if status, body := b.redeem(a, b.assertion(nil)); status != 400 || body["error"] != "invalid_dpop_proof" {
		t.Errorf("§5.3.2.1: no proof: %d %v", status, body)
	}
	if status, body := b.redeem(a, b.assertion(nil), b.dpop("par")...); status != 400 || body["error"] != "invalid_dpop_proof" {
		t.Errorf("a proof for another endpoint: %d %v", status, body)
	}
	if status, body := b.redeem(a, b.assertion(nil), b.dpop("token")...); status != 200 {
		t.Errorf("the wrong attempts used the code up: %d %v", status, body)
	}
}

// §5.4: nor are proofs at our own resources signed by another algorithm than the profile knows, with the very same key.
func TestFAPI2ProofsAtResources(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(algorithm, method, address, access string) string {
		hash := sha256.Sum256([]byte(access))
		claims := map[string]any{"jti": secret.New(rand.Reader), "htm": method, "htu": address, "iat": time.Now().Unix()}
		if access != "" {
			claims["ath"] = base64.RawURLEncoding.EncodeToString(hash[:])
		}
		header := map[string]any{"typ": "dpop+jwt", "alg": algorithm, "jwk": map[string]any{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes())}}
		part := func(value any) string {
			encoded, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			return base64.RawURLEncoding.EncodeToString(encoded)
		}
		input := part(header) + "." + part(claims)
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if algorithm == "RS256" {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		}
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	a := b.code()
	if status, body := b.redeem(a, b.assertion(nil), "DPoP", proof("RS256", "POST", b.address("token"), "")); status != 400 || body["error"] != "invalid_dpop_proof" {
		t.Errorf("RS256 at the token endpoint: %d %v", status, body)
	}
	status, tokens := b.redeem(a, b.assertion(nil), "DPoP", proof("PS256", "POST", b.address("token"), ""))
	access, _ := tokens["access_token"].(string)
	for algorithm, want := range map[string]int{"PS256": 200, "RS256": 401} {
		if status, body := b.program("GET", "/acme/userinfo", nil, "Authorization", "DPoP "+access, "DPoP", proof(algorithm, "GET", b.address("userinfo"), access)); status != want {
			t.Errorf("%s at userinfo: %d %v (%d)", algorithm, status, body, status)
		}
	}
	if status != 200 {
		t.Errorf("PS256 at the token endpoint: %d %v", status, tokens)
	}
}

// A client whose method the profile does not know is refused, whenever the profile came.
func TestFAPI2SecurityProfileAtRunTime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.setPolicies(func(s *site) { s.acme.Policies.Profile = org.ProfileFAPI2Security }) // past the check of the Admin API
	if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}); status != 401 || body["error"] != "invalid_client" {
		t.Errorf("%d %v", status, body)
	}
}

func TestMetadataOfFAPI2SecurityProfile(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	_, metadata := b.program("GET", "/acme/.well-known/openid-configuration", nil)
	list := func(name string) []string {
		var values []string
		found, _ := metadata[name].([]any)
		for _, value := range found {
			values = append(values, value.(string))
		}
		slices.Sort(values)
		return values
	}
	algorithms := []string{"ES256", "EdDSA", "PS256"}
	for name, want := range map[string][]string{
		"response_types_supported": {"code"}, "token_endpoint_auth_methods_supported": {"private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": algorithms, "dpop_signing_alg_values_supported": algorithms,
		"id_token_signing_alg_values_supported": algorithms, "request_object_signing_alg_values_supported": algorithms,
	} {
		if got := list(name); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if metadata["require_pushed_authorization_requests"] != true || metadata["tls_client_certificate_bound_access_tokens"] != nil || metadata["mtls_endpoint_aliases"] != nil {
		t.Errorf("%v", metadata)
	}
}

// FAPI 2.0 Message Signing, final, §5.3 and §5.4: nothing that is not signed, in either direction.
func TestFAPI2MessageSigning(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.setPolicies(func(s *site) { s.acme.Policies.Profile = org.ProfileFAPI2MessageSigning })
	changed := *b.web
	changed.Metadata.AuthorizationSignedResponseAlg = "ES256"
	b.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		b.web, _, err = b.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	b.app.Clients.Forget(b.web)
	object := func(change map[string]any) string {
		now := time.Now()
		claims := map[string]any{"iss": "bank", "aud": b.server.URL + "/acme", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": secret.New(rand.Reader)}
		for name, values := range b.parameters() {
			claims[name] = values[0]
		}
		for name, value := range change {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		signed, err := b.signer.Sign(t.Context(), "oauth-authz-req+jwt", claims)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	push := func(object string) (int, map[string]any) {
		return b.send("par", url.Values{"client_id": {"bank"}, "request": {object}}, b.assertion(nil))
	}
	status, body := push(object(nil))
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, body)
	}
	a := b.browser.get(b.pushedURL(body["request_uri"].(string)))
	if got := a.url.Query(); len(got) != 1 || got.Get("response") == "" {
		t.Fatalf("JARM §2.3: the response alone travels: %s", a.url)
	}
	claims := claimsOf(t, a.url.Query().Get("response"))
	if claims["iss"] != b.server.URL+"/acme" || claims["aud"] != "bank" || claims["code"] == nil || claims["state"] != "the-state" || claims["exp"] == nil {
		t.Errorf("%v", claims)
	}
	now := time.Now()
	for name, refused := range map[string]string{
		"§5.3.1: no nbf":                   object(map[string]any{"nbf": nil}),
		"§5.3.1: no exp":                   object(map[string]any{"exp": nil}),
		"§5.3.1: no aud":                   object(map[string]any{"aud": nil}),
		"§5.3.1: no iss":                   object(map[string]any{"iss": nil}),
		"§5.3.1: over 60 minutes":          object(map[string]any{"exp": now.Add(61 * time.Minute).Unix()}),
		"§5.3.1: nbf over 60 minutes ago":  object(map[string]any{"nbf": now.Add(-61 * time.Minute).Unix()}),
		"expired":                          object(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}),
		"for another server":               object(map[string]any{"aud": "https://other.example.test"}),
		"a wrong signature":                object(nil) + "x",
		"RFC 9101 §6.1: signed by none":    "eyJhbGciOiJub25lIiwidHlwIjoib2F1dGgtYXV0aHotcmVxK2p3dCJ9." + strings.Split(object(nil), ".")[1] + ".",
		"§5.4: an answer that is unsigned": object(map[string]any{"response_mode": "query"}),
	} {
		if status, body := push(refused); status != 400 || body["error"] != "invalid_request_object" && body["error"] != "invalid_request" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	if status, body := b.send("par", b.parameters(), b.assertion(nil)); status != 400 {
		t.Errorf("§5.3.1: an unsigned request: %d %v", status, body)
	}
}

func TestMetadataOfMutualTLS(t *testing.T) {
	t.Parallel()
	s := newMutualSite(t)
	_, metadata := s.program("GET", "/acme/.well-known/openid-configuration", nil)
	if metadata["tls_client_certificate_bound_access_tokens"] != true || metadata["mtls_endpoint_aliases"] != nil || !strings.Contains(strings.Join(texts(metadata["token_endpoint_auth_methods_supported"]), " "), "tls_client_auth") {
		t.Errorf("behind a proxy: %v", metadata)
	}
	s.app.Issuers.MTLSURL = "https://mtls.example.test"
	e, err := s.app.endpoints(s.metrics)
	if err != nil {
		t.Fatal(err)
	}
	aliases := e.documents.Metadata(s.acme, nil, nil).MTLSEndpointAliases
	if aliases == nil || aliases.TokenEndpoint != "https://mtls.example.test/acme/token" || aliases.UserinfoEndpoint != "https://mtls.example.test/acme/userinfo" {
		t.Errorf("RFC 8705 §5: %+v", aliases)
	}
}

func texts(list any) []string {
	var values []string
	found, _ := list.([]any)
	for _, value := range found {
		values = append(values, value.(string))
	}
	return values
}
