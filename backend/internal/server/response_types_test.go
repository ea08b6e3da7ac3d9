package server

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
)

// everything is a confidential client of the profile oidc-legacy that may use every response type.
func (s *site) everything() {
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Legacy", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		ResponseTypes: client.ResponseTypes(), GrantTypes: []string{client.AuthorizationCode, client.Implicit, client.RefreshToken},
		Profile: org.ProfileOIDCLegacy})
}

func fragment(a *answer) url.Values {
	values, _ := url.ParseQuery(a.url.EscapedFragment())
	return values
}

func halfHash(value string) string {
	digest := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(digest[:16])
}

func TestEveryResponseTypeDeliversWhatItNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.everything()
	b := s.browser()
	b.signIn()
	for _, responseType := range client.ResponseTypes() {
		t.Run(responseType, func(t *testing.T) {
			a := b.get(s.authorizeURL("response_type", responseType))
			got := fragment(a)
			if !client.FrontChannel(responseType) {
				if got = a.url.Query(); a.url.Fragment != "" {
					t.Fatalf("an answer without tokens travels in the query: %s", a.url)
				}
			} else if a.url.RawQuery != "" {
				t.Fatalf("an answer with tokens travels in the fragment (Multiple Response Types §5): %s", a.url)
			}
			if got.Get("state") != "the-state" || got.Get("iss") != s.server.URL+"/acme" || got.Get("error") != "" {
				t.Fatalf("%v", got)
			}
			for member, value := range map[string]string{"code": client.CodeResponse, "access_token": client.TokenResponse, "id_token": client.IDTokenResponse} {
				if got.Has(member) != client.AsksFor(responseType, value) {
					t.Errorf("%s is there: %v", member, got.Has(member))
				}
			}
			if got.Has("access_token") && (got.Get("token_type") != "Bearer" || got.Get("expires_in") != "300" || got.Get("scope") != "openid profile email") {
				t.Errorf("RFC 6749 §4.2.2: %v", got)
			}
			if !got.Has("id_token") {
				return
			}
			// OpenID Connect Core 1.0 §3.2.2.10, §3.3.2.11; FAPI 1.0 Part 2 §5.1 (s_hash)
			found := claims(t, got.Get("id_token"))
			for name, value := range map[string]string{"at_hash": got.Get("access_token"), "c_hash": got.Get("code"), "s_hash": "the-state"} {
				if want := halfHash(value); value == "" && found[name] != nil || value != "" && found[name] != want {
					t.Errorf("%s is %v", name, found[name])
				}
			}
			if found["nonce"] != "the-nonce" || found["aud"] != s.web.ClientID || found["sub"] != s.ada.ID.String() || found["auth_time"] == nil || found["acr"] == "" {
				t.Errorf("%v", found)
			}
		})
	}
}

func TestTokensOfTheAuthorizationEndpointWorkAndEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.everything()
	b := s.browser()
	b.signIn()
	userinfo := func(token string) int {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/acme/userinfo", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := s.server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	implicit := fragment(b.get(s.authorizeURL("response_type", "id_token token"))).Get("access_token")
	if got := userinfo(implicit); got != http.StatusOK {
		t.Fatalf("the access token of the implicit flow: %d", got)
	}
	hybrid := b.get(s.authorizeURL("response_type", "code id_token token"))
	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {fragment(hybrid).Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	status, tokens := s.tokenRequest(redeem)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, tokens)
	}
	first, second := claims(t, fragment(hybrid).Get("id_token")), claims(t, tokens["id_token"].(string))
	for _, name := range []string{"iss", "sub", "aud", "nonce", "auth_time", "sid"} { // OpenID Connect Core 1.0 §3.3.3.6
		if first[name] != second[name] {
			t.Errorf("%s is %v, then %v", name, first[name], second[name])
		}
	}
	if status, refused := s.tokenRequest(redeem); status != http.StatusBadRequest || refused["error"] != "invalid_grant" {
		t.Fatalf("the code of a hybrid flow works twice: %d %v", status, refused)
	}
	if got := userinfo(fragment(hybrid).Get("access_token")); got != http.StatusUnauthorized {
		t.Errorf("a code used twice leaves the access token that came with it alive: %d", got)
	}
	if got := userinfo(implicit); got != http.StatusOK {
		t.Errorf("another grant's token died with it: %d", got)
	}
}

func TestTokensAreNotDeliveredWhereTheyMayNot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	t.Run("OAuth 2.1 has no implicit flow", func(t *testing.T) {
		for _, responseType := range []string{"token", "id_token", "code id_token"} {
			if got := fragment(b.get(s.authorizeURL("response_type", responseType))); got.Get("error") != "unsupported_response_type" {
				t.Errorf("%s: %v", responseType, got)
			}
		}
	})
	t.Run("a client whose profile became stricter", func(t *testing.T) {
		strict, _ := s.client(s.acme, client.Client{Name: "Hybrid", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, ResponseTypes: []string{"code id_token"}})
		if got := fragment(b.get(s.authorizeURL("client_id", strict.ClientID, "response_type", "code id_token"))); got.Get("error") != "unsupported_response_type" {
			t.Errorf("%v", got)
		}
	})
	s.everything()
	for name, c := range map[string]struct {
		parameters []string
		want       string
	}{
		"nonce missing with id_token (Core §3.2.2.1)":         {[]string{"response_type", "id_token", "nonce", ""}, "invalid_request"},
		"nonce missing with code id_token (Core §3.3.2.11)":   {[]string{"response_type", "code id_token", "nonce", ""}, "invalid_request"},
		"query for tokens (Multiple Response Types §3.0)":     {[]string{"response_type", "token", "response_mode", "query"}, "invalid_request"},
		"an ID token without openid":                          {[]string{"response_type", "id_token", "scope", "profile"}, "invalid_scope"},
		"prompt=none while another must sign in":              {[]string{"response_type", "id_token token", "prompt", "none", "max_age", "0"}, "login_required"},
		"code_challenge_method alone, where PKCE is optional": {[]string{"response_type", "code token", "code_challenge", ""}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fragment(b.get(s.authorizeURL(c.parameters...))); got.Get("error") != c.want || got.Get("state") != "the-state" || got.Has("access_token") || got.Has("id_token") {
				t.Errorf("%v", got)
			}
		})
	}
	t.Run("nonce missing with code and code token succeeds", func(t *testing.T) {
		if got := b.get(s.authorizeURL("nonce", "")); !got.url.Query().Has("code") {
			t.Errorf("%s", got.url)
		}
		if got := fragment(b.get(s.authorizeURL("response_type", "code token", "nonce", ""))); !got.Has("code") || !got.Has("access_token") {
			t.Errorf("%v", got)
		}
	})
	t.Run("form_post delivers tokens too", func(t *testing.T) {
		a := b.get(s.authorizeURL("response_type", "id_token token", "response_mode", "form_post"))
		if a.status != http.StatusOK || !strings.Contains(a.body, `name="id_token"`) || !strings.Contains(a.body, `name="access_token"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("nothing that lasts comes without a code (Core §11)", func(t *testing.T) {
		if got := fragment(b.get(s.authorizeURL("response_type", "token", "scope", "openid offline_access"))); got.Get("scope") != "openid" {
			t.Errorf("%v", got)
		}
	})
	t.Run("a client that did not register the response type", func(t *testing.T) {
		other, _ := s.client(s.acme, client.Client{Name: "Code only", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, Profile: org.ProfileOIDCLegacy})
		if got := fragment(b.get(s.authorizeURL("client_id", other.ClientID, "response_type", "id_token"))); got.Get("error") != "unauthorized_client" {
			t.Errorf("%v", got)
		}
	})
}

// RFC 9700 §2.1.1: where PKCE is optional it cannot be taken away from a code, nor added to it.
func TestPKCEIsOptionalForConfidentialClientsOfTheLegacyProfileOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.everything()
	b := s.browser()
	b.signIn()
	without := []string{"code_challenge", "", "code_challenge_method", ""}
	redeem := func(a *answer, verifier string) (int, map[string]any) {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}}
		if verifier != "" {
			form.Set("code_verifier", verifier)
		}
		return s.tokenRequest(form)
	}
	if status, tokens := redeem(b.get(s.authorizeURL(without...)), ""); status != http.StatusOK || tokens["id_token"] == nil {
		t.Errorf("without PKCE: %d %v", status, tokens)
	}
	if status, tokens := redeem(b.get(s.authorizeURL()), verifier); status != http.StatusOK {
		t.Errorf("with PKCE: %d %v", status, tokens)
	}
	if status, tokens := redeem(b.get(s.authorizeURL()), ""); status != http.StatusBadRequest || tokens["error"] != "invalid_grant" {
		t.Errorf("the verifier of a challenged code left out: %d %v", status, tokens)
	}
	if status, tokens := redeem(b.get(s.authorizeURL(without...)), verifier); status != http.StatusBadRequest || tokens["error"] != "invalid_grant" {
		t.Errorf("a verifier for a code without challenge (downgrade): %d %v", status, tokens)
	}
	public, _ := s.client(s.acme, client.Client{Name: "Public", AuthenticationMethod: client.None, RedirectURIs: []string{callback}, Profile: org.ProfileOIDCLegacy})
	if got := b.get(s.authorizeURL(append([]string{"client_id", public.ClientID}, without...)...)); got.url.Query().Get("error") != "invalid_request" {
		t.Errorf("a public client without PKCE: %s", got.url)
	}
}
