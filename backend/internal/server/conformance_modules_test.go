package server

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
)

// The modules of the OpenID Foundation's conformance suite in which the server has to refuse something, or to ask
// again, each in a test of its name. The suite itself is run by "make conformance"; these fail earlier. Those of the
// registration endpoint stand in package registration.
func TestModulesOfTheConformanceSuiteAtTheAuthorizationEndpoint(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	page := func(t *testing.T, a *answer) {
		t.Helper()
		if a.status != http.StatusBadRequest || a.element("error-page") == nil || a.header.Get("Location") != "" {
			t.Errorf("not a page: %d at %s", a.status, a.url)
		}
	}
	refused := func(t *testing.T, got url.Values, codes ...string) {
		t.Helper()
		for _, code := range codes {
			if got.Get("error") == code && got.Get("state") == "the-state" && !got.Has("code") && !got.Has("id_token") {
				return
			}
		}
		t.Errorf("%v, want one of %q", got, codes)
	}
	signedIn := s.browser()
	_, tokens := s.tokens(signedIn.signIn())
	plain, plainSecret := s.web, s.secret

	t.Run("oidcc-response-type-missing", func(t *testing.T) {
		refused(t, signedIn.get(s.authorizeURL("response_type", "")).url.Query(), "invalid_request")
	})
	t.Run("oidcc-ensure-registered-redirect-uri", func(t *testing.T) {
		page(t, signedIn.get(s.authorizeURL("redirect_uri", "https://app.example.test/unregistered")))
	})
	t.Run("oidcc-redirect-uri-query-added", func(t *testing.T) {
		page(t, signedIn.get(s.authorizeURL("redirect_uri", callback+"?foo=bar")))
	})
	t.Run("oidcc-redirect-uri-query-mismatch", func(t *testing.T) {
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Query", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback + "?foo=bar"}})
		defer func() { s.web, s.secret = plain, plainSecret }()
		page(t, signedIn.get(s.authorizeURL("redirect_uri", callback+"?bar=foo")))
		page(t, signedIn.get(s.authorizeURL("redirect_uri", callback)))
	})
	t.Run("oidcc-redirect-uri-query-OK", func(t *testing.T) {
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Query", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback + "?foo=bar"}})
		defer func() { s.web, s.secret = plain, plainSecret }()
		if a := signedIn.get(s.authorizeURL("redirect_uri", callback+"?foo=bar")); a.url.Query().Get("foo") != "bar" || a.url.Query().Get("code") == "" {
			t.Errorf("%s", a.url)
		}
	})
	t.Run("oidcc-ensure-redirect-uri-in-authorization-request", func(t *testing.T) {
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Two", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback, callback + "/two"}})
		defer func() { s.web, s.secret = plain, plainSecret }()
		page(t, signedIn.get(s.authorizeURL("redirect_uri", "")))
	})
	t.Run("oidcc-ensure-request-object-with-redirect-uri", func(t *testing.T) {
		of := s.signing(t, jose.RS256, client.Metadata{})
		defer func() { s.web, s.secret = plain, plainSecret }()
		digest := s.parameters().Get("code_challenge")
		object := of.object(t, "JWT", map[string]any{"state": "the-state", "code_challenge": digest, "code_challenge_method": "S256"})
		if a := signedIn.get(s.authorizeURL("request", object, "redirect_uri", callback+"/other")); !strings.HasPrefix(a.url.String(), callback+"?") || a.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("oidcc-ensure-request-without-nonce-fails", func(t *testing.T) {
		s.everything()
		defer func() { s.web, s.secret = plain, plainSecret }()
		for _, responseType := range []string{"id_token", "id_token token", "code id_token", "code id_token token"} {
			refused(t, fragment(signedIn.get(s.authorizeURL("response_type", responseType, "nonce", ""))), "invalid_request")
		}
	})
	t.Run("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", func(t *testing.T) {
		unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"scope":"openid"}`)) + "."
		refused(t, signedIn.get(s.authorizeURL("request", unsigned)).url.Query(), "request_not_supported", "invalid_request_object")
	})
	t.Run("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", func(t *testing.T) {
		refused(t, signedIn.get(s.authorizeURL("request_uri", "https://app.example.test/object")).url.Query(), "request_uri_not_supported", "invalid_request_uri")
	})
	t.Run("oidcc-prompt-none-not-logged-in", func(t *testing.T) {
		refused(t, s.browser().get(s.authorizeURL("prompt", "none")).url.Query(), "login_required", "interaction_required")
	})
	authenticatedAt := int64(claims(t, tokens["id_token"].(string))["auth_time"].(float64))
	for module, parameters := range map[string][]string{"oidcc-prompt-login": {"prompt", "login"}, "oidcc-max-age-1": {"max_age", "0"}} {
		t.Run(module, func(t *testing.T) {
			asked := signedIn.get(s.authorizeURL(parameters...))
			a := signedIn.submit(asked, "login-form", "username", s.ada.Username, "password", password)
			if a.element("consent-form") != nil {
				a = signedIn.submit(a, "consent-form", "decision", "allow")
			}
			_, tokens := s.tokens(a)
			again := claims(t, tokens["id_token"].(string))
			if at := int64(again["auth_time"].(float64)); at < authenticatedAt || at > time.Now().Unix() || again["sub"] != s.ada.ID.String() {
				t.Errorf("auth_time %d after %d, sub %v", at, authenticatedAt, again["sub"])
			}
		})
	}
}

func TestModulesOfTheConformanceSuiteAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	t.Run("oidcc-codereuse", func(t *testing.T) {
		a := b.signIn()
		if status, body := s.tokens(a); status != http.StatusOK {
			t.Fatalf("%d %v", status, body)
		}
		if status, body := s.tokens(a); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
			t.Errorf("%d %v", status, body)
		}
	})
	t.Run("oidcc-codereuse-30seconds", func(t *testing.T) {
		a := b.signIn()
		_, first := s.tokens(a)
		if status, _ := s.tokens(a); status != http.StatusBadRequest {
			t.Errorf("%d", status)
		}
		if status, _, _ := s.userinfo(first["access_token"]); status != http.StatusUnauthorized {
			t.Errorf("RFC 6749 §4.1.2: the first access token still works: %d", status)
		}
	})
	t.Run("oidcc-refresh-token", func(t *testing.T) {
		_, tokens := s.tokens(b.signIn("scope", "openid offline_access"))
		refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}
		own, ownSecret := s.web, s.secret
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Second", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
			GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}})
		if status, body := s.tokenRequest(refresh); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
			t.Errorf("another client's refresh token: %d %v", status, body)
		}
		s.web, s.secret = own, ownSecret
		status, renewed := s.tokenRequest(refresh)
		if status != http.StatusOK || renewed["access_token"] == tokens["access_token"] {
			t.Fatalf("%d %v", status, renewed)
		}
		before, after := claims(t, tokens["id_token"].(string)), claims(t, renewed["id_token"].(string))
		for _, same := range []string{"iss", "sub", "aud", "auth_time"} { // OpenID Connect Core 1.0 §12.2
			if before[same] != after[same] {
				t.Errorf("%s changed from %v to %v", same, before[same], after[same])
			}
		}
	})
}

func TestModulesOfTheConformanceSuiteAtTheEndSessionEndpoint(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	signIn := func() (*browser, string) {
		b := s.browser()
		_, tokens := s.tokens(b.signIn())
		return b, tokens["id_token"].(string)
	}
	ask := func(b *browser, namesAndValues ...string) *answer {
		q := url.Values{}
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			q.Set(namesAndValues[i], namesAndValues[i+1])
		}
		return b.get("/acme/logout?" + q.Encode())
	}
	isOut := func(b *browser) bool {
		return b.get(s.authorizeURL("prompt", "none")).url.Query().Get("error") == "login_required"
	}
	stays := func(t *testing.T, b *browser, a *answer) {
		t.Helper()
		if a.header.Get("Location") != "" || !strings.HasPrefix(a.url.String(), s.server.URL) {
			t.Errorf("the browser is sent to %s", a.url)
		}
		if a.element("error-page") == nil && a.element("logout-form") == nil || isOut(b) {
			t.Errorf("neither an error nor a question: %d %s", a.status, a.body)
		}
	}
	ends := func(t *testing.T, b *browser, a *answer) {
		t.Helper()
		if a.element("logout-form") != nil {
			a = b.submit(a, "logout-form", "decision", "confirm")
		}
		if a.element("logged-out") == nil || a.header.Get("Location") != "" || !isOut(b) {
			t.Errorf("not signed out: %d %s", a.status, a.body)
		}
	}
	other, _ := newSigner(t, jose.RS256)
	for module, hint := range map[string]func(genuine string) string{
		"oidcc-rp-initiated-logout-bad-id-token-hint": func(genuine string) string {
			signed, err := other.Sign(t.Context(), "JWT", claims(t, genuine))
			if err != nil {
				t.Fatal(err)
			}
			return signed
		},
		"oidcc-rp-initiated-logout-modified-id-token-hint": func(genuine string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(genuine, ".")[1] + "."
		},
		"oidcc-rp-initiated-logout-no-id-token-hint": func(string) string { return "" },
	} {
		t.Run(module, func(t *testing.T) {
			b, genuine := signIn()
			stays(t, b, ask(b, "id_token_hint", hint(genuine), "post_logout_redirect_uri", afterLogout, "state", "bye"))
		})
	}
	for module, address := range map[string]string{
		"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri":            "https://app.example.test/elsewhere",
		"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": afterLogout + "?foo=bar",
	} {
		t.Run(module, func(t *testing.T) {
			b, genuine := signIn()
			stays(t, b, ask(b, "id_token_hint", genuine, "post_logout_redirect_uri", address, "state", "bye"))
		})
	}
	t.Run("oidcc-rp-initiated-logout-no-params", func(t *testing.T) {
		b, _ := signIn()
		ends(t, b, ask(b))
	})
	t.Run("oidcc-rp-initiated-logout-only-state", func(t *testing.T) {
		b, _ := signIn()
		ends(t, b, ask(b, "state", "bye"))
	})
	t.Run("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", func(t *testing.T) {
		b, genuine := signIn()
		ends(t, b, ask(b, "id_token_hint", genuine, "state", "bye"))
	})
	t.Run("oidcc-rp-initiated-logout-no-state", func(t *testing.T) {
		b, genuine := signIn()
		if a := ask(b, "id_token_hint", genuine, "post_logout_redirect_uri", afterLogout); a.url.String() != afterLogout || !isOut(b) {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}
