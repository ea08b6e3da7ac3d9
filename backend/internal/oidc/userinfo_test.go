package oidc_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestUserinfoClaimsByScope(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{})
	ada := p.Person(t, organization, "ada")
	session := p.SignIn(t, organization, ada)
	party := p.Party(t, organization, client.Client{})
	profile := []string{"birthdate", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname", "picture", "preferred_username", "profile", "updated_at", "website", "zoneinfo"}
	for scope, want := range map[string][]string{
		"":        nil,
		"profile": profile,
		"email":   {"email", "email_verified"},
		"address": {"address"},
		"phone":   {"phone_number", "phone_number_verified"},
	} {
		t.Run("openid "+scope, func(t *testing.T) {
			answer := party.Userinfo(party.Redeem(p.Code(t, party.Client, session, strings.Fields("openid "+scope)...)).Text("access_token"))
			if answer.Status != 200 || answer.Text("sub") != ada.ID.String() {
				t.Fatalf("answered %d %s", answer.Status, answer.Body)
			}
			delete(answer.JSON, "sub")
			if got := slices.Sorted(maps.Keys(answer.JSON)); !slices.Equal(got, want) {
				t.Errorf("claims %v, want %v (OpenID Connect Core §5.4)", got, want)
			}
		})
	}
	t.Run("types (§5.1)", func(t *testing.T) {
		answer := party.Userinfo(party.Redeem(p.Code(t, party.Client, session, "openid", "profile", "email", "address", "phone")).Text("access_token"))
		address, _ := answer.JSON["address"].(map[string]any)
		if answer.JSON["email_verified"] != true || answer.JSON["phone_number_verified"] != false || answer.JSON["updated_at"] != float64(ada.UpdatedAt.Unix()) || address["country"] != "GB" {
			t.Errorf("%s", answer.Body)
		}
		if answer.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
			t.Errorf("headers %v", answer.Header)
		}
	})
	t.Run("only claims that are not empty", func(t *testing.T) {
		bare := p.BarePerson(t, organization, "bare")
		answer := party.Userinfo(party.Redeem(p.Code(t, party.Client, p.SignIn(t, organization, bare), "openid", "profile", "email", "address", "phone")).Text("access_token"))
		if got := slices.Sorted(maps.Keys(answer.JSON)); !slices.Equal(got, []string{"preferred_username", "sub", "updated_at"}) {
			t.Errorf("claims %v", got)
		}
	})
}

func TestUserinfoTakesTheTokenFromExactlyOnePlace(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{})
	session := p.SignIn(t, organization, p.Person(t, organization, "ada"))
	party := p.Party(t, organization, client.Client{GrantTypes: []string{client.AuthorizationCode, client.ClientCredentials}, Scopes: []string{"openid", "email", "orders"}})
	token := party.Redeem(p.Code(t, party.Client, session, "openid")).Text("access_token")
	plain := party.Redeem(p.Code(t, party.Client, session, "email")).Text("access_token")

	form := "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		method, path, contentType, body string
		authorization                   []string
		status                          int
		challenge                       string
	}{
		"GET, header":                   {"GET", "", "", "", []string{"Bearer " + token}, 200, ""},
		"scheme without regard to case": {"GET", "", "", "", []string{"bearer " + token}, 200, ""},
		"POST, header":                  {"POST", "", "", "", []string{"Bearer " + token}, 200, ""},
		"POST, header, empty form":      {"POST", "", form, "", []string{"Bearer " + token}, 200, ""},
		"POST, body":                    {"POST", "", form, "access_token=" + token, nil, 200, ""},
		"header and body":               {"POST", "", form, "access_token=" + token, []string{"Bearer " + token}, 400, `error="invalid_request"`},
		"two headers":                   {"GET", "", "", "", []string{"Bearer " + token, "Bearer " + token}, 400, `error="invalid_request"`},
		"query":                         {"GET", "?access_token=" + token, "", "", nil, 400, `error="invalid_request"`},
		"query and header":              {"GET", "?access_token=" + token, "", "", []string{"Bearer " + token}, 400, `error="invalid_request"`},
		"body of another type":          {"POST", "", "application/json", `{"access_token":"` + token + `"}`, nil, 401, `Bearer realm="clavex"`},
		"twice in the body":             {"POST", "", form, "access_token=" + token + "&access_token=" + token, nil, 400, `error="invalid_request"`},
		"none: a bare challenge (§3.1)": {"GET", "", "", "", nil, 401, `Bearer realm="clavex"`},
		"another scheme":                {"GET", "", "", "", []string{"Basic " + token}, 401, `Bearer realm="clavex"`},
		"empty":                         {"GET", "", "", "", []string{"Bearer "}, 400, `error="invalid_request"`},
		"without openid":                {"GET", "", "", "", []string{"Bearer " + plain}, 403, `error="insufficient_scope", error_description="The access token does not have the scope that is needed here.", scope="openid"`},
		"oversized body":                {"POST", "", form, "access_token=" + strings.Repeat("x", 70<<10), nil, 413, `error="invalid_request"`},
		"PUT":                           {"PUT", "", "", "", []string{"Bearer " + token}, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, "/acme/userinfo"+test.path, strings.NewReader(test.body))
			if test.contentType != "" {
				request.Header.Set("Content-Type", test.contentType)
			}
			request.Header["Authorization"] = test.authorization
			answer := p.Do(request)
			challenge := answer.Header.Get("WWW-Authenticate")
			if answer.Status != test.status || !strings.Contains(challenge, test.challenge) || (challenge == "") != (test.challenge == "") {
				t.Errorf("answered %d %s, %q", answer.Status, answer.Body, challenge)
			}
			if test.challenge == `Bearer realm="clavex"` && (challenge != test.challenge+`, resource_metadata="`+p.URL+`/.well-known/oauth-protected-resource/acme"` || len(answer.Body) > 0) {
				t.Errorf("a request without a token learns %q %s (RFC 6750 §3.1)", challenge, answer.Body)
			}
		})
	}
}

func TestCORSPerRegisteredOrigin(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, elsewhere := p.Organization(t, "acme", org.Policies{Registration: org.RegistrationOpen}), p.Organization(t, "elsewhere", org.Policies{})
	spa := p.Party(t, organization, client.Client{AuthenticationMethod: client.None, RedirectURIs: []string{"https://app.example.test/callback", "http://localhost:5173/callback"}})
	p.Party(t, elsewhere, client.Client{AuthenticationMethod: client.None, RedirectURIs: []string{"https://elsewhere.example.test/callback"}})

	endpoints := map[string]string{"/acme/.well-known/openid-configuration": "GET", "/.well-known/oauth-authorization-server/acme": "GET", "/acme/jwks": "GET",
		"/acme/token": "POST", "/acme/userinfo": "GET", "/acme/revoke": "POST", "/acme/register": "POST"}
	send := func(method, path, origin string, header ...string) oidctest.Answer {
		request := httptest.NewRequest(method, path, strings.NewReader(url.Values{"grant_type": {"refresh_token"}}.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		return p.Do(request)
	}
	for path, method := range endpoints {
		t.Run(path, func(t *testing.T) {
			for origin, allowed := range map[string]bool{"https://app.example.test": true, "http://localhost:5173": true, "https://evil.example.test": false,
				"https://elsewhere.example.test": false, "null": false, "https://app.example.test.evil.test": false, "http://app.example.test": false, "": false,
				"https://APP.example.test": false, "http://localhost:5174": false, "*": false} {
				want := ""
				if allowed {
					want = origin
				}
				answer := send(method, path, origin)
				if got := answer.Header.Get("Access-Control-Allow-Origin"); got != want {
					t.Errorf("origin %q: allowed %q", origin, got)
				}
				if !slices.Contains(answer.Header.Values("Vary"), "Origin") || answer.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("origin %q: headers %v", origin, answer.Header)
				}
				preflight := send(http.MethodOptions, path, origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type,dpop")
				if preflight.Status != 204 || preflight.Header.Get("Access-Control-Allow-Origin") != want {
					t.Errorf("origin %q: preflight %d %v", origin, preflight.Status, preflight.Header)
				}
				if allowed && (!strings.Contains(preflight.Header.Get("Access-Control-Allow-Methods"), method) ||
					preflight.Header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, DPoP") {
					t.Errorf("origin %q: preflight %v", origin, preflight.Header)
				}
			}
		})
	}
	t.Run("never introspection", func(t *testing.T) {
		answer := send("POST", "/acme/introspect", "https://app.example.test")
		if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("allowed %q", got)
		}
		if preflight := send(http.MethodOptions, "/acme/introspect", "https://app.example.test", "Access-Control-Request-Method", "POST"); preflight.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight %v", preflight.Header)
		}
	})
	t.Run("a disabled client's pages are out at once", func(t *testing.T) {
		disabled := *spa.Client
		disabled.Status = client.Disabled
		p.Change(t, disabled)
		if got := send("GET", "/acme/jwks", "https://app.example.test").Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("allowed %q", got)
		}
	})
}
