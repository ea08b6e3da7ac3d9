package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
)

const payments, ledger = "https://api.example.test/payments", "urn:example:ledger"

// services are two resource servers and a client that may use both.
func (s *site) services() (first, second *resource.Resource) {
	first = s.resource(s.acme, resource.Resource{Identifier: payments, Name: "Payments", Scopes: []string{"payments:read", "both"}, AccessTokenLifetime: time.Minute})
	second = s.resource(s.acme, resource.Resource{Identifier: ledger, Name: "Ledger", Scopes: []string{"ledger:read", "both"}})
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Payroll", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, RequireConsent: true,
		GrantTypes: []string{client.AuthorizationCode, client.RefreshToken, client.ClientCredentials},
		Scopes:     []string{"openid", "email", "offline_access", "payments:read", "ledger:read", "both", "other"}})
	return first, second
}

func (s *site) resource(organization *org.Organization, wanted resource.Resource) (made *resource.Resource) {
	s.t.Helper()
	wanted.OrgID = organization.ID
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.app.Resources.Create(ctx, tx, operator, wanted)
		return err
	})
	s.app.Resources.Forget(organization.ID)
	return made
}

// withResources is an address with several parameters resource.
func withResources(address string, resources ...string) string {
	return address + "&" + url.Values{"resource": resources}.Encode()
}

func audience(t *testing.T, tokens map[string]any) string {
	t.Helper()
	token, _ := tokens["access_token"].(string)
	if token == "" {
		t.Fatalf("no access token: %v", tokens)
	}
	return fmt.Sprint(claims(t, token)["aud"])
}

func TestTokensAreForTheResourcesThatWereNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.services()
	b := s.browser()
	const everything = "openid offline_access payments:read ledger:read both other"
	a := b.get(withResources(s.authorizeURL("scope", everything), payments, ledger))
	a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
	if text := a.text("consent-form"); a.element("consent-form") == nil || !strings.Contains(a.body, "Payments (https://api.example.test/payments)") || !strings.Contains(a.body, "Ledger (urn:example:ledger)") {
		t.Fatalf("the consent page does not name the services: %s\n%s", text, a.body)
	}
	a = b.submit(a, "consent-form", "decision", "allow")
	code := a.url.Query().Get("code")
	form := func(resources ...string) url.Values {
		return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}, "resource": resources}
	}
	for name, wanted := range map[string][]string{"another": {"https://api.example.test/other"}, "one of two": {payments, "https://api.example.test/other"},
		"with a slash": {payments + "/"}, "a fragment": {payments + "#x"}, "relative": {"/payments"}, "the issuer, which was not granted": {s.server.URL + "/acme"}} {
		if status, refused := s.tokenRequest(form(wanted...)); status != http.StatusBadRequest || refused["error"] != "invalid_target" {
			t.Errorf("RFC 8707 §2: %s: %d %v", name, status, refused)
		}
	}
	status, tokens := s.tokenRequest(form(payments)) // none of that cost the code
	if status != http.StatusOK || audience(t, tokens) != payments {
		t.Fatalf("%d %v", status, tokens)
	}
	if tokens["scope"] != "openid offline_access payments:read both other" || tokens["expires_in"] != 60.0 || tokens["id_token"] == nil {
		t.Errorf("scopes and lifetime are the resource's: %v", tokens)
	}
	refresh := func(token any, resources ...string) (int, map[string]any) {
		return s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}, "resource": resources})
	}
	if status, refused := refresh(tokens["refresh_token"], s.server.URL+"/acme"); status != http.StatusBadRequest || refused["error"] != "invalid_target" {
		t.Errorf("a refresh widens: %d %v", status, refused)
	}
	status, second := refresh(tokens["refresh_token"], ledger) // what the first token was narrowed to does not bind
	if status != http.StatusOK || audience(t, second) != ledger || second["scope"] != "openid offline_access ledger:read both other" || second["expires_in"] != 300.0 {
		t.Fatalf("RFC 8707 §2.2: %d %v", status, second)
	}
	status, third := refresh(second["refresh_token"])
	if status != http.StatusOK || audience(t, third) != "["+payments+" "+ledger+"]" || third["scope"] != everything {
		t.Errorf("without a resource it is for all that were granted: %d %v", status, third)
	}
	t.Run("a token for a resource is none for userinfo, nor for the Admin API", func(t *testing.T) {
		for _, address := range []string{"/acme/userinfo", "/api/v1/me"} {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+address, nil)
			request.Header.Set("Authorization", "Bearer "+third["access_token"].(string))
			if a := b.do(request); a.status != http.StatusUnauthorized {
				t.Errorf("%s: %d", address, a.status)
			}
		}
	})
	t.Run("consent is given for each resource", func(t *testing.T) {
		if q := b.get(withResources(s.authorizeURL("scope", everything, "prompt", "none"), payments)).url.Query(); q.Get("code") == "" {
			t.Errorf("allowed before: %v", q)
		}
		s.resource(s.acme, resource.Resource{Identifier: "https://new.example.test/", Name: "New"})
		if q := b.get(withResources(s.authorizeURL("scope", everything, "prompt", "none"), "https://new.example.test/")).url.Query(); q.Get("error") != "consent_required" {
			t.Errorf("never allowed: %v", q)
		}
	})
	t.Run("the issuer is a resource, for whoever wants userinfo too", func(t *testing.T) {
		a := b.get(withResources(s.authorizeURL("scope", everything, "prompt", "none"), payments, s.server.URL+"/acme"))
		status, tokens := s.tokens(a)
		if status != http.StatusOK || audience(t, tokens) != "["+payments+" "+s.server.URL+"/acme]" {
			t.Fatalf("%d %v", status, tokens)
		}
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/acme/userinfo", nil)
		request.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
		if a := b.do(request); a.status != http.StatusOK {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("a code without a resource is for none", func(t *testing.T) {
		a := b.get(s.authorizeURL("scope", "openid", "prompt", "none"))
		if status, refused := s.tokens(a, "resource", payments); status != http.StatusBadRequest || refused["error"] != "invalid_target" {
			t.Errorf("%d %v", status, refused)
		}
	})
	t.Run("a client acts for itself", func(t *testing.T) {
		status, tokens := s.tokenRequest(url.Values{"grant_type": {"client_credentials"}, "resource": {ledger}})
		if status != http.StatusOK || audience(t, tokens) != ledger || tokens["scope"] != "ledger:read both other" {
			t.Errorf("%d %v", status, tokens)
		}
	})
}

func TestResourcesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, _ := s.services()
	rival := s.organization("rival")
	s.resource(rival, resource.Resource{Identifier: "https://rival.example.test/", Name: "Rival"})
	b := s.browser()
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("https://api.example.test/%d", i)
	}
	for name, resources := range map[string][]string{
		"not registered": {"https://api.example.test/other"}, "one of two": {payments, "https://other.example.test/"}, "another organization's": {"https://rival.example.test/"},
		"a fragment": {payments + "#"}, "relative": {"payments"}, "the Admin API, without its scopes": {s.server.URL + "/api/v1"}, "another issuer": {s.server.URL + "/rival"}, "too many": many,
	} {
		if got := b.get(withResources(s.authorizeURL("scope", "openid"), resources...)).url.Query(); got.Get("error") != "invalid_target" || got.Get("state") != "the-state" {
			t.Errorf("RFC 8707 §2: %s: %v", name, got)
		}
		parameters := s.parameters("scope", "openid")
		parameters["resource"] = resources
		if status, _, body := s.pushing(parameters.Encode(), nil); status != http.StatusBadRequest || body["error"] != "invalid_target" {
			t.Errorf("pushed, %s: %d %v", name, status, body)
		}
		if status, body := s.tokenRequest(url.Values{"grant_type": {"client_credentials"}, "resource": resources}); status != http.StatusBadRequest || body["error"] != "invalid_target" {
			t.Errorf("by itself, %s: %d %v", name, status, body)
		}
	}
	t.Run("a client that is limited to others", func(t *testing.T) {
		limited := *s.web
		limited.Metadata.Resources = []string{ledger}
		s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
			s.web, _, err = s.app.Clients.Update(ctx, tx, operator, limited)
			return err
		})
		s.app.Clients.Forget(s.web)
		if status, body := s.tokenRequest(url.Values{"grant_type": {"client_credentials"}, "resource": {payments}}); status != http.StatusBadRequest || body["error"] != "invalid_target" {
			t.Errorf("%d %v", status, body)
		}
		if status, tokens := s.tokenRequest(url.Values{"grant_type": {"client_credentials"}, "resource": {ledger}}); status != http.StatusOK || audience(t, tokens) != ledger {
			t.Errorf("%d %v", status, tokens)
		}
	})
	t.Run("one that is gone since", func(t *testing.T) {
		s.forGone(t, first)
	})
}

// forGone shows that a grant is worth nothing for a resource server that was deleted.
func (s *site) forGone(t *testing.T, gone *resource.Resource) {
	t.Helper()
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Own", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}, Scopes: []string{"openid"}})
	b := s.browser()
	a := b.get(withResources(s.authorizeURL("scope", "openid"), payments))
	a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
	status, tokens := s.tokens(a)
	if status != http.StatusOK || audience(t, tokens) != payments {
		t.Fatalf("%d %v", status, tokens)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Resources.Delete(ctx, tx, operator, gone.OrgID, gone.ID, gone.Version)
	})
	s.app.Resources.Forget(s.acme.ID)
	if status, refused := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != http.StatusBadRequest || refused["error"] != "invalid_target" {
		t.Errorf("a token for the issuer instead: %d %v", status, refused)
	}
}

func TestResourcesTravelWithEveryKindOfRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.resource(s.acme, resource.Resource{Identifier: payments, Name: "Payments"})
	s.resource(s.acme, resource.Resource{Identifier: ledger, Name: "Ledger"})
	of := s.signing(t, jose.ES256, client.Metadata{})
	b := s.browser()
	b.signIn()
	both := "[" + payments + " " + ledger + "]"
	for name, c := range map[string]struct {
		address string
		want    string
	}{
		"pushed":                      {s.pushedURL(s.pushResources(t, payments, ledger)), both},
		"an array in an object":       {s.authorizeURL("request", of.object(t, "JWT", map[string]any{"resource": []string{payments, ledger}})), both},
		"a text in an object":         {s.authorizeURL("request", of.object(t, "JWT", map[string]any{"resource": ledger})), ledger},
		"the object's before others":  {withResources(s.authorizeURL("request", of.object(t, "JWT", map[string]any{"resource": ledger})), payments), ledger},
		"those outside, where silent": {withResources(s.authorizeURL("request", of.object(t, "JWT", nil)), payments), payments},
	} {
		status, tokens := s.tokens(b.get(c.address))
		if status != http.StatusOK || audience(t, tokens) != c.want {
			t.Errorf("%s: %d %v", name, status, tokens)
		}
	}
	if got := b.get(s.authorizeURL("request", of.object(t, "JWT", map[string]any{"resource": 7}))).url.Query(); got.Get("error") != "invalid_request_object" {
		t.Errorf("%v", got)
	}
	t.Run("a token through the browser", func(t *testing.T) {
		s.everything()
		got := fragment(b.get(withResources(s.authorizeURL("response_type", "code token"), payments)))
		if claims(t, got.Get("access_token"))["aud"] != payments {
			t.Errorf("%v", got)
		}
	})
}

func (s *site) pushResources(t *testing.T, resources ...string) string {
	t.Helper()
	parameters := s.parameters()
	parameters["resource"] = resources
	status, _, body := s.pushing(parameters.Encode(), nil)
	reference, _ := body["request_uri"].(string)
	if status != http.StatusCreated || reference == "" {
		t.Fatalf("%d %v", status, body)
	}
	return reference
}
