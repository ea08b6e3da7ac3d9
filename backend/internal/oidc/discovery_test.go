package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// registered are the members of the IANA registry "OAuth Authorization Server Metadata" that this release
// may use. A test that must be changed for a new member makes somebody look it up.
var registered = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint", "scopes_supported", "response_types_supported",
	"response_modes_supported", "grant_types_supported", "token_endpoint_auth_methods_supported",
	"token_endpoint_auth_signing_alg_values_supported", "revocation_endpoint_auth_signing_alg_values_supported",
	"introspection_endpoint_auth_signing_alg_values_supported", "service_documentation", "ui_locales_supported",
	"op_policy_uri", "op_tos_uri", "revocation_endpoint", "revocation_endpoint_auth_methods_supported", "introspection_endpoint",
	"introspection_endpoint_auth_methods_supported", "code_challenge_methods_supported", "userinfo_endpoint", "acr_values_supported",
	"subject_types_supported", "id_token_signing_alg_values_supported", "display_values_supported", "claim_types_supported", "claims_supported",
	"claims_locales_supported", "require_request_uri_registration", "request_object_signing_alg_values_supported", "request_object_encryption_alg_values_supported", "request_object_encryption_enc_values_supported", "id_token_encryption_alg_values_supported", "id_token_encryption_enc_values_supported",
	"userinfo_signing_alg_values_supported", "userinfo_encryption_alg_values_supported", "userinfo_encryption_enc_values_supported",
	"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported",
	"authorization_response_iss_parameter_supported", "end_session_endpoint", "prompt_values_supported",
	"backchannel_logout_supported", "backchannel_logout_session_supported", "frontchannel_logout_supported", "frontchannel_logout_session_supported",
	"check_session_iframe", "pushed_authorization_request_endpoint", "require_pushed_authorization_requests", "require_signed_request_object", "authorization_details_types_supported",
	"dpop_signing_alg_values_supported", "mtls_endpoint_aliases", "tls_client_certificate_bound_access_tokens",
	"introspection_signing_alg_values_supported", "introspection_encryption_alg_values_supported", "introspection_encryption_enc_values_supported",
	"authorization_signing_alg_values_supported", "authorization_encryption_alg_values_supported", "authorization_encryption_enc_values_supported",
	"protected_resources",
	"device_authorization_endpoint", "backchannel_authentication_endpoint", "backchannel_token_delivery_modes_supported",
	"backchannel_authentication_request_signing_alg_values_supported", "backchannel_user_code_parameter_supported",
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	p.Organization(t, "acme", org.Policies{})
	p.Organization(t, "open", org.Policies{Registration: org.RegistrationLoopback})
	issuer := p.URL + "/acme"
	answer := p.Get("/acme/.well-known/openid-configuration")
	if answer.Status != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") || answer.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Fatalf("%d %v", answer.Status, answer.Header)
	}

	t.Run("no member is unknown to the registries", func(t *testing.T) {
		for name := range answer.JSON {
			if !slices.Contains(registered, name) {
				t.Errorf("%s", name)
			}
		}
	})
	t.Run("no member is empty (RFC 8414 §2)", func(t *testing.T) {
		for name, value := range answer.JSON {
			if list, isList := value.([]any); value == nil || value == "" || isList && len(list) == 0 {
				t.Errorf("%s is %v", name, value)
			}
		}
	})
	t.Run("values", func(t *testing.T) {
		want := map[string]string{
			"issuer": `"` + issuer + `"`, "token_endpoint": `"` + issuer + `/token"`, "response_types_supported": `["code","none"]`, "subject_types_supported": `["public","pairwise"]`,
			"id_token_signing_alg_values_supported": `["RS256","ES256","PS256","EdDSA","ES384","ES512","PS384","PS512","RS384","RS512","HS256"]`, "code_challenge_methods_supported": `["S256"]`, "request_uri_parameter_supported": `true`,
			"grant_types_supported": `["authorization_code","refresh_token","client_credentials","urn:ietf:params:oauth:grant-type:device_code","urn:openid:params:grant-type:ciba","urn:ietf:params:oauth:grant-type:token-exchange","urn:ietf:params:oauth:grant-type:jwt-bearer"]`, "response_modes_supported": `["query","fragment","form_post","jwt","query.jwt","fragment.jwt","form_post.jwt"]`,
			"claims_parameter_supported": `true`, "prompt_values_supported": `["none","login","consent","select_account"]`,
			"acr_values_supported":                           `["urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport","http://schemas.openid.net/pape/policies/2007/06/multi-factor","phr","phrh"]`,
			"authorization_response_iss_parameter_supported": `true`, "end_session_endpoint": `"` + issuer + `/logout"`,
			"introspection_endpoint_auth_methods_supported":    `["client_secret_basic","client_secret_post","client_secret_jwt","private_key_jwt"]`,
			"token_endpoint_auth_methods_supported":            `["client_secret_basic","client_secret_post","client_secret_jwt","private_key_jwt","none"]`,
			"token_endpoint_auth_signing_alg_values_supported": `["RS256","ES256","PS256","EdDSA","ES384","ES512","PS384","PS512","RS384","RS512","HS256"]`,
			"backchannel_logout_supported":                     `true`, "backchannel_logout_session_supported": `true`,
			"introspection_signing_alg_values_supported":                      `["RS256","ES256","PS256","EdDSA","ES384","ES512","PS384","PS512","RS384","RS512","HS256"]`,
			"authorization_signing_alg_values_supported":                      `["RS256","ES256","PS256","EdDSA","ES384","ES512","PS384","PS512","RS384","RS512","HS256"]`,
			"authorization_encryption_alg_values_supported":                   `["RSA-OAEP-256","ECDH-ES","ECDH-ES+A128KW","ECDH-ES+A256KW"]`,
			"authorization_encryption_enc_values_supported":                   `["A128CBC-HS256","A256CBC-HS512","A128GCM","A256GCM"]`,
			"request_object_encryption_alg_values_supported":                  `["RSA-OAEP-256","ECDH-ES","ECDH-ES+A128KW","ECDH-ES+A256KW"]`,
			"request_object_encryption_enc_values_supported":                  `["A128CBC-HS256","A256CBC-HS512","A128GCM","A256GCM"]`,
			"backchannel_authentication_endpoint":                             `"` + issuer + `/bc-authorize"`,
			"backchannel_token_delivery_modes_supported":                      `["poll","ping","push"]`,
			"backchannel_user_code_parameter_supported":                       `false`,
			"backchannel_authentication_request_signing_alg_values_supported": `["RS256","ES256","PS256","EdDSA","ES384","ES512","PS384","PS512","RS384","RS512"]`,
			"check_session_iframe":                                            `"` + issuer + `/check_session"`,
			"frontchannel_logout_supported":                                   `true`, "frontchannel_logout_session_supported": `true`,
		}
		for name, value := range want {
			if got, _ := json.Marshal(answer.JSON[name]); string(got) != value {
				t.Errorf("%s is %s, want %s", name, got, value)
			}
		}
	})
	t.Run("all three places say the same (RFC 8414 §5)", func(t *testing.T) {
		for _, path := range []string{"/.well-known/openid-configuration/acme", "/.well-known/oauth-authorization-server/acme"} {
			if got := p.Get(path); got.Status != 200 || string(got.Body) != string(answer.Body) {
				t.Errorf("%s: %d", path, got.Status)
			}
		}
	})
	t.Run("the registration endpoint is named where somebody may use it", func(t *testing.T) {
		if answer.JSON["registration_endpoint"] != nil {
			t.Error("closed, yet advertised")
		}
		if got := p.Get("/open/.well-known/openid-configuration").Text("registration_endpoint"); got != p.URL+"/open/register" {
			t.Errorf("open: %q", got)
		}
	})
	t.Run("the profile says which response types there are", func(t *testing.T) {
		p.Organization(t, "legacy", org.Policies{Profile: org.ProfileOIDCLegacy})
		legacy := p.Get("/legacy/.well-known/openid-configuration")
		for name, want := range map[string]string{
			"response_types_supported": `["code","id_token","id_token token","code id_token","code token","code id_token token","none","token"]`,
			"grant_types_supported":    `["authorization_code","refresh_token","client_credentials","urn:ietf:params:oauth:grant-type:device_code","urn:openid:params:grant-type:ciba","urn:ietf:params:oauth:grant-type:token-exchange","urn:ietf:params:oauth:grant-type:jwt-bearer","implicit"]`,
		} {
			if got, _ := json.Marshal(legacy.JSON[name]); string(got) != want {
				t.Errorf("%s is %s", name, got)
			}
		}
	})
	t.Run("a changed policy shows at once", func(t *testing.T) {
		organization, err := p.Organizations.BySlug(t.Context(), "open")
		if err != nil {
			t.Fatal(err)
		}
		p.SetPolicies(t, organization, org.Policies{})
		if got := p.Get("/open/.well-known/openid-configuration").Text("registration_endpoint"); got != "" {
			t.Errorf("still %q", got)
		}
	})
	t.Run("the Host header has no say in the issuer", func(t *testing.T) {
		request := httptest.NewRequest(http.MethodGet, "http://evil.example.test/acme/.well-known/openid-configuration", nil)
		request.Header.Set("X-Forwarded-Host", "evil.example.test")
		if got := p.Do(request); string(got.Body) != string(answer.Body) {
			t.Errorf("%s", got.Body)
		}
	})
	t.Run("entity tags", func(t *testing.T) {
		for _, path := range []string{"/acme/.well-known/openid-configuration", "/acme/jwks"} {
			etag := p.Get(path).Header.Get("ETag")
			if got := p.Get(path, "If-None-Match", `"x", W/`+etag); etag == "" || got.Status != 304 || len(got.Body) != 0 || got.Header.Get("ETag") != etag {
				t.Errorf("%s: %d %v", path, got.Status, got.Header)
			}
			if got := p.Get(path, "If-None-Match", `"x"`); got.Status != 200 {
				t.Errorf("%s: %d", path, got.Status)
			}
		}
	})
	t.Run("no database round trip", func(t *testing.T) {
		for _, path := range []string{"/acme/.well-known/openid-configuration", "/acme/jwks"} {
			p.Trips.AtMost(t, 0, path, func() { p.Get(path) })
		}
	})
}

func TestKeySet(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{})
	keysOf := func() []any {
		answer := p.Get("/acme/jwks")
		if answer.Status != 200 || answer.Header.Get("Content-Type") != "application/jwk-set+json" || answer.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Fatalf("%d %v", answer.Status, answer.Header)
		}
		keys, _ := answer.JSON["keys"].([]any)
		return keys
	}
	before := keysOf()
	if len(before) != 4 { // two that sign, two to encrypt to
		t.Fatalf("%d keys", len(before))
	}
	uses := map[string]int{}
	for _, one := range before {
		published, _ := one.(map[string]any)
		use, _ := published["use"].(string)
		uses[use]++
		for _, name := range []string{"kid", "alg", "kty", "use"} {
			if agreement := use == "enc" && published["kty"] == "EC"; published[name] == nil && (name != "alg" || !agreement) {
				t.Errorf("a key without %s: %v", name, published)
			}
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if published[private] != nil {
				t.Errorf("a private part is published: %s", private)
			}
		}
	}
	if uses["sig"] != 2 || uses["enc"] != 2 {
		t.Errorf("uses %v", uses)
	}
	etag := p.Get("/acme/jwks").Header.Get("ETag")
	if _, err := p.Keys.Rotate(t.Context(), audit.Actor{Kind: audit.System}, organization.ID, jose.ES256, false); err != nil {
		t.Fatal(err)
	}
	if after := keysOf(); len(after) != 5 || p.Get("/acme/jwks").Header.Get("ETag") == etag {
		t.Errorf("the next key is not published: %d keys", len(after))
	}
}

// TestIDToken is judged by coreos/go-oidc, over HTTP, for both algorithms.
func TestIDToken(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{})
	ada := p.Person(t, organization, "ada")
	session := p.SignIn(t, organization, ada)
	provider, err := gooidc.NewProvider(t.Context(), p.Issuers.URL(organization))
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"RS256", "ES256", "PS256", "EdDSA", "ES384", "ES512", "PS384", "PS512", "RS384", "RS512"} {
		t.Run(algorithm, func(t *testing.T) {
			party := p.Party(t, organization, client.Client{IDTokenSignedResponseAlg: algorithm})
			code := p.Code(t, party.Client, session, "openid", "profile", "email")
			answer := party.Redeem(code)
			if got := oidctest.Header(t, answer.Text("id_token")); string(got.Algorithm) != algorithm || got.KeyID == "" {
				t.Errorf("header %+v", got)
			}
			verified, err := provider.Verifier(&gooidc.Config{ClientID: party.Client.ClientID, SupportedSigningAlgs: []string{algorithm}, Now: p.Clock.Now}).
				Verify(t.Context(), answer.Text("id_token"))
			if err != nil {
				t.Fatal(err)
			}
			if verified.Nonce != code.Nonce || verified.Subject != ada.ID.String() {
				t.Errorf("%+v", verified)
			}
			if err := verified.VerifyAccessToken(answer.Text("access_token")); err != nil {
				t.Errorf("at_hash: %v", err)
			}
			claims := p.Claims(t, organization, answer.Text("id_token"), oauth.IDTokenType)
			if claims["aud"] != party.Client.ClientID || claims["auth_time"] != float64(session.AuthenticatedAt.Unix()) || claims["sid"] != session.ID.String() {
				t.Errorf("claims %v", claims)
			}
			if methods, _ := claims["amr"].([]any); len(methods) != 1 || methods[0] != "pwd" {
				t.Errorf("amr %v", claims["amr"])
			}
			for _, name := range []string{"name", "email", "preferred_username", "address", "phone_number", "scope", "client_id"} {
				if claims[name] != nil {
					t.Errorf("%s is in the ID token, though userinfo gives it (§5.4)", name)
				}
			}
			if claims["exp"].(float64)-claims["iat"].(float64) != 3600 {
				t.Errorf("lifetime: %v", claims)
			}
		})
	}
	t.Run("none without openid", func(t *testing.T) {
		party := p.Party(t, organization, client.Client{})
		answer := party.Redeem(p.Code(t, party.Client, session, "email"))
		if answer.Status != 200 || answer.JSON["id_token"] != nil {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	})
	t.Run("a request without nonce gets a token without one", func(t *testing.T) {
		party := p.Party(t, organization, client.Client{})
		answer := party.Redeem(p.CodeWithoutNonce(t, party.Client, session, "openid"))
		if claims := p.Claims(t, organization, answer.Text("id_token"), oauth.IDTokenType); claims["nonce"] != nil {
			t.Errorf("claims %v", claims)
		}
	})
}

// BenchmarkDocuments is compared with a bare handler that writes the same bytes (performance.md).
func BenchmarkDocuments(b *testing.B) {
	p := oidctest.NewProvider(b)
	p.Organization(b, "acme", org.Policies{})
	body := p.Get("/acme/jwks").Body
	serve := func(b *testing.B, handler http.Handler, path string) {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(httptest.NewRecorder(), request)
		}
	}
	b.Run("bare", func(b *testing.B) {
		serve(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		}), "/acme/jwks")
	})
	b.Run("jwks", func(b *testing.B) { serve(b, p.Handler, "/acme/jwks") })
	b.Run("metadata", func(b *testing.B) { serve(b, p.Handler, "/acme/.well-known/openid-configuration") })
}
