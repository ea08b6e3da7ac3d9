package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth/authorize"
	"github.com/clavex/clavex/backend/internal/org"
)

// responseJWT verifies the JWT of an answer as a client does (JARM §2.4) and returns its members.
func (s *site) responseJWT(t *testing.T, signed string, algorithm jose.Algorithm) map[string]string {
	t.Helper()
	now := time.Now()
	verified, err := jose.Verify(signed, s.app.Keys.Lookup(t.Context(), s.acme.ID), jose.Expected{Types: []string{"jwt"}, Algorithms: []jose.Algorithm{algorithm},
		Issuer: s.server.URL + "/acme", Audiences: []string{s.web.ClientID}, Now: now})
	if err != nil {
		t.Fatalf("JARM §2.4: %v: %s", err, signed)
	}
	if until := verified.Expiry.Sub(now); until <= 0 || until > 10*time.Minute { // JARM §2.1
		t.Errorf("the answer can be read for %s", until)
	}
	members := map[string]string{}
	for name, value := range verified.Claims() {
		var text string
		if err := json.Unmarshal(value, &text); err == nil {
			members[name] = text
		} else if name != "exp" {
			t.Errorf("%s is no text: %s", name, value)
		}
	}
	return members
}

// only is the one parameter of an answer that travels as a JWT.
func only(t *testing.T, values url.Values) string {
	t.Helper()
	if len(values) != 1 || values.Get("response") == "" {
		t.Fatalf("JARM §2.3: response alone, not %v", values)
	}
	return values.Get("response")
}

func TestAnswersTravelAsAJWT(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.everything()
	b := s.browser()
	b.signIn()
	for _, responseType := range client.ResponseTypes() {
		for _, mode := range []string{"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"} {
			t.Run(responseType+" by "+mode, func(t *testing.T) {
				a := b.get(s.authorizeURL("response_type", responseType, "response_mode", mode))
				values, front := a.url.Query(), client.FrontChannel(responseType)
				switch {
				case mode == "form_post.jwt":
					action, fields := a.form("post-form")
					if action != callback {
						t.Fatalf("posted to %s", action)
					}
					values = fields
				case mode == "fragment.jwt", front:
					if values = fragment(a); a.url.RawQuery != "" {
						t.Fatalf("the answer is in the query too: %s", a.url)
					}
				case a.url.Fragment != "":
					t.Fatalf("the answer is in the fragment: %s", a.url)
				}
				got := s.responseJWT(t, only(t, values), jose.RS256) // the client registered nothing
				if got["state"] != "the-state" || got["iss"] != s.server.URL+"/acme" || got["aud"] != s.web.ClientID {
					t.Errorf("%v", got)
				}
				if front && mode == "query.jwt" { // JARM §2.3.1
					if got["error"] != "invalid_request" || got["code"] != "" || got["access_token"] != "" || got["id_token"] != "" {
						t.Errorf("tokens in an address that is logged: %v", got)
					}
					return
				}
				for member, value := range map[string]string{"code": client.CodeResponse, "access_token": client.TokenResponse, "id_token": client.IDTokenResponse} {
					if (got[member] != "") != client.AsksFor(responseType, value) {
						t.Errorf("%s is there: %v", member, got[member] != "")
					}
				}
				if got["access_token"] != "" && (got["token_type"] != "Bearer" || got["expires_in"] != "300" || got["scope"] == "") {
					t.Errorf("RFC 6749 §4.2.2: %v", got)
				}
			})
		}
	}
	t.Run("the code in it is a code, and the whole is neither a token nor a hint", func(t *testing.T) {
		signed := only(t, b.get(s.authorizeURL("response_mode", "jwt")).url.Query())
		if status, tokens := s.tokenRequest(url.Values{"grant_type": {"authorization_code"}, "code": {s.responseJWT(t, signed, jose.RS256)["code"]},
			"redirect_uri": {callback}, "code_verifier": {verifier}}); status != http.StatusOK || tokens["id_token"] == nil {
			t.Errorf("%d %v", status, tokens)
		}
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/acme/userinfo", nil)
		request.Header.Set("Authorization", "Bearer "+signed)
		if a := b.do(request); a.status != http.StatusUnauthorized {
			t.Errorf("an answer is taken for an access token: %d", a.status)
		}
		if got := b.get(s.authorizeURL("id_token_hint", signed)).url.Query(); got.Get("error") != "invalid_request" {
			t.Errorf("an answer is taken for an ID token: %v", got)
		}
	})
}

func TestErrorsTravelAsAJWTToo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for name, c := range map[string]struct {
		parameters []string
		want       string
	}{
		"nobody is signed in":     {[]string{"prompt", "none"}, "login_required"},
		"no challenge":            {[]string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		"a type that is not ours": {[]string{"response_type", "token"}, "unsupported_response_type"},
		"no type":                 {[]string{"response_type", ""}, "invalid_request"},
		"a wrong request object":  {[]string{"request", "nonsense"}, "invalid_request_object"},
	} {
		a := b.get(s.authorizeURL(append(c.parameters, "response_mode", "jwt")...))
		values := a.url.Query()
		if len(values) == 0 {
			values = fragment(a)
		}
		if got := s.responseJWT(t, only(t, values), jose.RS256); got["error"] != c.want || got["error_description"] == "" || got["state"] != "the-state" {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, mode := range []string{"query.JWT", "jwt.jwt", ".jwt", "web_message.jwt", "fragment.query"} {
		if got := b.get(s.authorizeURL("response_mode", mode)).url.Query(); got.Get("error") != "invalid_request" {
			t.Errorf("%s: %v", mode, got)
		}
	}
	t.Run("a refusal of the person, by a form", func(t *testing.T) {
		a := b.get(s.authorizeURL("response_mode", "form_post.jwt"))
		a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
		_, fields := b.submit(a, "consent-form", "decision", "deny").form("post-form")
		if got := s.responseJWT(t, only(t, fields), jose.RS256); got["error"] != "access_denied" {
			t.Errorf("%v", got)
		}
	})
	t.Run("an address that is not registered hears nothing", func(t *testing.T) {
		if a := b.get(s.authorizeURL("response_mode", "jwt", "redirect_uri", "https://evil.example.test/")); a.element("error-page") == nil {
			t.Errorf("%s", a.url)
		}
	})
}

func TestAnswersAreSignedAndEncryptedAsRegistered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	registered := func(metadata client.Metadata) {
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Signed", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
			ResponseTypes: []string{"code", "code id_token"}, GrantTypes: []string{client.AuthorizationCode, client.Implicit}, Profile: org.ProfileOIDCLegacy, Metadata: metadata})
	}
	for _, algorithm := range jose.Algorithms() {
		registered(client.Metadata{AuthorizationSignedResponseAlg: string(algorithm)})
		if got := s.responseJWT(t, only(t, b.get(s.authorizeURL("response_mode", "jwt")).url.Query()), algorithm); got["code"] == "" {
			t.Errorf("%s: %v", algorithm, got)
		}
	}
	t.Run("with the client's secret", func(t *testing.T) {
		registered(client.Metadata{AuthorizationSignedResponseAlg: client.HS256})
		secret, err := jose.NewSecret([]byte(s.secret))
		if err != nil {
			t.Fatal(err)
		}
		verified, err := secret.Verify(only(t, b.get(s.authorizeURL("response_mode", "jwt")).url.Query()), jose.Expected{Types: []string{"jwt"},
			Algorithms: []jose.Algorithm{jose.HS256}, Issuer: s.server.URL + "/acme", Audiences: []string{s.web.ClientID}, Now: time.Now()})
		if err != nil || verified.Claims()["code"] == nil {
			t.Errorf("%v", err)
		}
	})
	key, err := jose.GenerateDecryptionKey(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	encrypted := client.Metadata{JWKS: set, AuthorizationSignedResponseAlg: "ES256", AuthorizationEncryptedResponseAlg: string(jose.ECDHES), AuthorizationEncryptedResponseEnc: "A256GCM"}
	opened := func(t *testing.T, response string) map[string]string {
		t.Helper()
		inside, err := jose.Decrypt(response, jose.DecryptionKeys(key), []jose.KeyManagement{jose.ECDHES}, jose.Encryptions())
		if err != nil {
			t.Fatal(err)
		}
		return s.responseJWT(t, string(inside.Payload), jose.ES256)
	}
	t.Run("encrypted, tokens may stand in the query (JARM §2.3.1)", func(t *testing.T) {
		registered(encrypted)
		for _, responseType := range []string{"code", "code id_token"} {
			a := b.get(s.authorizeURL("response_mode", "query.jwt", "response_type", responseType))
			if got := opened(t, only(t, a.url.Query())); got["code"] == "" || (got["id_token"] != "") != (responseType == "code id_token") {
				t.Errorf("%s: %v", responseType, got)
			}
		}
		if got := opened(t, only(t, b.get(s.authorizeURL("response_mode", "jwt", "code_challenge_method", "plain")).url.Query())); got["error"] != "invalid_request" {
			t.Errorf("errors are encrypted too: %v", got)
		}
	})
	t.Run("a key that cannot be had costs nobody a pushed request, and tells nothing in the clear", func(t *testing.T) {
		down := httptest.NewTLSServer(http.NotFoundHandler())
		down.Close()
		encrypted.JWKS, encrypted.JWKSURI = nil, down.URL
		registered(encrypted)
		address := s.push("response_mode", "jwt")
		a := b.get(address)
		if a.element("error-page") == nil || strings.Contains(a.url.String(), callback) {
			t.Fatalf("%d %s", a.status, a.url)
		}
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE clients SET metadata = metadata - 'authorization_encrypted_response_alg' WHERE id = $1", s.web.ID); err != nil {
			t.Fatal(err)
		}
		s.app.Clients.Forget(s.web)
		if got := s.responseJWT(t, only(t, b.get(address).url.Query()), jose.ES256); got["code"] == "" {
			t.Errorf("the request was used up: %v", got)
		}
	})
}

func TestEveryResponseModeIsAdvertised(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t))
	var metadata struct {
		Modes []authorize.ResponseMode `json:"response_modes_supported"`
	}
	if err := json.Unmarshal([]byte(s.browser().get("/acme/.well-known/openid-configuration").body), &metadata); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(metadata.Modes, authorize.ResponseModes()) {
		t.Errorf("%v", metadata.Modes)
	}
	known := map[string]bool{}
	for _, mode := range metadata.Modes {
		known[string(mode)] = true
	}
	if want := map[string]bool{"query": true, "fragment": true, "form_post": true, "jwt": true, "query.jwt": true, "fragment.jwt": true, "form_post.jwt": true}; !maps.Equal(known, want) {
		t.Errorf("JARM §4: %v", known)
	}
}
