package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

const (
	smallPayment = `{"type":"payment","actions":["initiate"],"amount":{"amount":"12.50","currency":"EUR"},"creditor":"Merchant A"}`
	largePayment = `{"type":"payment","actions":["initiate"],"amount":{"amount":"900","currency":"EUR"},"creditor":"<b>Merchant B</b>"}`
)

// inDetail is an organization with a type of authorization details and a client that may use it.
func inDetail(t *testing.T, metadata client.Metadata) *site {
	t.Helper()
	s := newSite(t)
	changed := *s.acme
	changed.Policies.AuthorizationDetailTypes = []org.AuthorizationDetailType{{Type: "payment", Fields: []org.AuthorizationDetailField{
		{Name: "amount", Kind: org.DetailAmount, Required: true, Label: map[string]string{"en": "Amount"}}, {Name: "creditor", Kind: org.DetailText, Required: true, Label: map[string]string{"en": "Paid to"}},
	}, Consent: map[string]string{"en": "Pay {amount} to {creditor}"}}}
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		s.acme, err = s.app.Organizations.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Organizations.Forget(s.acme)
	metadata.AuthorizationDetailsTypes = []string{"payment"}
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Shop", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, RequireConsent: true,
		GrantTypes: []string{client.AuthorizationCode, client.RefreshToken, client.ClientCredentials}, Scopes: []string{"openid", "pay"}, Metadata: metadata})
	return s
}

// detailsOf are the authorization details of a token response, of its access token and of introspection, which must agree.
func (s *site) detailsOf(t *testing.T, tokens map[string]any) string {
	t.Helper()
	told, _ := json.Marshal(tokens["authorization_details"])
	token, _ := tokens["access_token"].(string)
	if token == "" {
		t.Fatalf("%v", tokens)
	}
	inside, _ := json.Marshal(claims(t, token)["authorization_details"])
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/acme/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(s.web.ClientID), url.QueryEscape(s.secret))
	var introspected map[string]any
	if err := json.Unmarshal([]byte(s.browser().do(request).body), &introspected); err != nil {
		t.Fatal(err)
	}
	seen, _ := json.Marshal(introspected["authorization_details"])
	if string(told) != string(inside) || string(told) != string(seen) {
		t.Errorf("RFC 9396 §7, §9: %s %s %s", told, inside, seen)
	}
	return string(told)
}

// sameDetails compares JSON whatever the order of members.
func sameDetails(t *testing.T, got, want string) bool {
	t.Helper()
	var left, right any
	if json.Unmarshal([]byte(got), &left) != nil || json.Unmarshal([]byte(want), &right) != nil {
		return false
	}
	a, _ := json.Marshal(left)
	b, _ := json.Marshal(right)
	return string(a) == string(b)
}

func TestPeopleAllowInDetail(t *testing.T) {
	t.Parallel()
	s := inDetail(t, client.Metadata{})
	b := s.browser()
	both := "[" + smallPayment + "," + largePayment + "]"
	ask := func(namesAndValues ...string) string {
		return s.authorizeURL(append([]string{"scope", "openid", "authorization_details", both}, namesAndValues...)...)
	}
	a := b.submit(b.get(ask()), "login-form", "username", s.ada.Username, "password", password)
	for _, words := range []string{"Pay 12.50 EUR to Merchant A", "Pay 900 EUR to &lt;b&gt;Merchant B&lt;/b&gt;", "Paid to: Merchant A", "Actions: initiate", "Amount: 12.50 EUR"} {
		if !strings.Contains(a.body, words) {
			t.Errorf("the consent page does not say %q", words)
		}
	}
	a = b.submit(a, "consent-form", "decision", "allow")
	code := func(details string) url.Values {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
		if details != "" {
			form.Set("authorization_details", details)
		}
		return form
	}
	for name, details := range map[string]string{"more money": strings.Replace("["+smallPayment+"]", "12.50", "13.50", 1), "another type": `[{"type":"account"}]`, "no JSON": "[", "one of two": "[" + smallPayment + `,{"type":"payment","amount":{"amount":"1","currency":"EUR"},"creditor":"Thief"}]`} {
		if status, refused := s.tokenRequest(code(details)); status != http.StatusBadRequest || refused["error"] != "invalid_authorization_details" {
			t.Errorf("RFC 9396 §6: %s: %d %v", name, status, refused)
		}
	}
	status, tokens := s.tokenRequest(code("[" + smallPayment + "]")) // none of that cost the code
	if status != http.StatusOK || !sameDetails(t, s.detailsOf(t, tokens), "["+smallPayment+"]") {
		t.Fatalf("%d %v", status, tokens)
	}
	status, refreshed := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
	if status != http.StatusOK || !sameDetails(t, s.detailsOf(t, refreshed), both) {
		t.Errorf("a refresh is for all that was granted: %d %v", status, refreshed)
	}
	if status, refused := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshed["refresh_token"].(string)},
		"authorization_details": {strings.Replace("["+smallPayment+"]", "12.50", "13.50", 1)}}); status != http.StatusBadRequest || refused["error"] != "invalid_authorization_details" {
		t.Errorf("a refresh widens: %d %v", status, refused)
	}
	t.Run("asked each time, the same included", func(t *testing.T) {
		if a := b.get(ask()); a.element("consent-form") == nil {
			t.Errorf("not asked: %s", a.url)
		}
		if got := b.get(ask("prompt", "none")).url.Query(); got.Get("error") != "consent_required" {
			t.Errorf("%v", got)
		}
		if got := b.get(s.authorizeURL("scope", "openid", "prompt", "none")).url.Query(); got.Get("code") == "" {
			t.Errorf("without details there is nothing to ask: %v", got)
		}
	})
	t.Run("without any scope", func(t *testing.T) {
		a := b.submit(b.get(ask("scope", "")), "consent-form", "decision", "allow")
		status, tokens := s.tokens(a)
		if status != http.StatusOK || !sameDetails(t, s.detailsOf(t, tokens), both) || tokens["scope"] != nil {
			t.Errorf("%d %v", status, tokens)
		}
	})
	t.Run("refused, nothing is granted", func(t *testing.T) {
		if got := b.submit(b.get(ask()), "consent-form", "decision", "deny").url.Query(); got.Get("error") != "access_denied" || got.Get("code") != "" {
			t.Errorf("%v", got)
		}
	})
	t.Run("a client that acts for itself", func(t *testing.T) {
		status, tokens := s.tokenRequest(url.Values{"grant_type": {"client_credentials"}, "authorization_details": {"[" + smallPayment + "]"}})
		if status != http.StatusOK || !sameDetails(t, s.detailsOf(t, tokens), "["+smallPayment+"]") {
			t.Errorf("%d %v", status, tokens)
		}
	})
	t.Run("a code without details is for none", func(t *testing.T) {
		if status, refused := s.tokens(b.get(s.authorizeURL("scope", "openid", "prompt", "none")), "authorization_details", "["+smallPayment+"]"); status != http.StatusBadRequest || refused["error"] != "invalid_authorization_details" {
			t.Errorf("%d %v", status, refused)
		}
	})
}

func TestDetailsTravelWithEveryKindOfRequest(t *testing.T) {
	t.Parallel()
	key, set := newSigner(t, jose.ES256)
	s := inDetail(t, client.Metadata{JWKS: set})
	of := signs{s, key}
	b := s.browser()
	var inside any
	if err := json.Unmarshal([]byte("["+smallPayment+"]"), &inside); err != nil {
		t.Fatal(err)
	}
	b.submit(b.get(s.authorizeURL("scope", "openid")), "login-form", "username", s.ada.Username, "password", password)
	for name, address := range map[string]string{
		"pushed":                    s.push("scope", "openid", "authorization_details", "["+smallPayment+"]"),
		"an array in an object":     s.authorizeURL("request", of.object(t, "JWT", map[string]any{"authorization_details": inside, "scope": "openid"})),
		"an object that was pushed": s.push("request", of.object(t, "JWT", map[string]any{"authorization_details": inside, "scope": "openid"})),
	} {
		a := b.get(address)
		if !strings.Contains(a.body, "Pay 12.50 EUR to Merchant A") {
			t.Fatalf("%s: %s", name, a.url)
		}
		status, tokens := s.tokens(b.submit(a, "consent-form", "decision", "allow"))
		if status != http.StatusOK || !sameDetails(t, s.detailsOf(t, tokens), "["+smallPayment+"]") {
			t.Errorf("%s: %d %v", name, status, tokens)
		}
	}
	for name, details := range map[string]string{"an unknown type": `[{"type":"account"}]`, "an unknown field": `[{"type":"payment","x":1}]`, "no JSON": `{`} {
		if got := b.get(s.authorizeURL("authorization_details", details)).url.Query(); got.Get("error") != "invalid_authorization_details" || got.Get("state") != "the-state" {
			t.Errorf("RFC 9396 §5: %s: %v", name, got)
		}
		if status, _, body := s.pushing(s.parameters("authorization_details", details).Encode(), nil); status != http.StatusBadRequest || body["error"] != "invalid_authorization_details" {
			t.Errorf("RFC 9396 §5: %s, pushed: %d %v", name, status, body)
		}
	}
	t.Run("the metadata names the types (RFC 9396 §10)", func(t *testing.T) {
		var metadata map[string]any
		if err := json.Unmarshal([]byte(b.get("/acme/.well-known/openid-configuration").body), &metadata); err != nil {
			t.Fatal(err)
		}
		if types, _ := json.Marshal(metadata["authorization_details_types_supported"]); string(types) != `["payment"]` {
			t.Errorf("%s", types)
		}
	})
}

// What is allowed in detail is read by the person each time, also where the organization's own applications ask for no
// consent: everybody can make a link that asks for a payment.
func TestDetailsAreAskedForWhereConsentIsNot(t *testing.T) {
	t.Parallel()
	s := inDetail(t, client.Metadata{})
	b := s.browser()
	b.signIn()
	own, secret := s.client(s.acme, client.Client{Name: "Own", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		GrantTypes: []string{client.AuthorizationCode}, Scopes: []string{"openid"}, Metadata: client.Metadata{AuthorizationDetailsTypes: []string{"payment"}}})
	s.web, s.secret = own, secret
	if a := b.get(s.authorizeURL("scope", "openid")); a.url.Query().Get("code") == "" {
		t.Fatalf("without details: %s", a.url)
	}
	asked := []string{"scope", "openid", "authorization_details", "[" + largePayment + "]"}
	for range 2 { // whatever was allowed before
		if a := b.get(s.authorizeURL(append(asked, "prompt", "none")...)); a.url.Query().Get("error") != "consent_required" || a.url.Query().Get("code") != "" {
			t.Errorf("RFC 9396 §2, prompt=none: %s", a.url)
		}
		a := b.get(s.authorizeURL(asked...))
		if a.element("consent-form") == nil {
			t.Fatalf("nobody is asked: %s", a.url)
		}
		if a = b.submit(a, "consent-form", "decision", "allow"); a.url.Query().Get("code") == "" {
			t.Errorf("%s", a.url)
		}
	}
}

// RFC 9396 §9: what is meant for one resource server is nothing that another should read.
func TestATokenContainsTheDetailsOfItsResourceServers(t *testing.T) {
	t.Parallel()
	s := inDetail(t, client.Metadata{})
	shop, secret := s.web, s.secret
	s.services()
	s.web, s.secret = shop, secret
	at := func(location, creditor string) string {
		return `{"type":"payment","locations":["` + location + `"],"amount":{"amount":"1","currency":"EUR"},"creditor":"` + creditor + `"}`
	}
	b := s.browser()
	a := b.get(withResources(s.authorizeURL("scope", "openid", "authorization_details", "["+at(payments, "First")+","+at(ledger, "Second")+","+smallPayment+"]"), payments, ledger))
	a = b.submit(b.submit(a, "login-form", "username", s.ada.Username, "password", password), "consent-form", "decision", "allow")
	_, tokens := s.tokens(a)
	if got := s.detailsOf(t, tokens); !strings.Contains(got, "First") || !strings.Contains(got, "Second") {
		t.Errorf("for both: %s", got)
	}
	refresh, _ := tokens["refresh_token"].(string)
	status, narrowed := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "resource": {payments}})
	if got := s.detailsOf(t, narrowed); status != http.StatusOK || !strings.Contains(got, "First") || strings.Contains(got, "Second") || !strings.Contains(got, "Merchant A") {
		t.Errorf("for one: %d %s", status, got)
	}
}
