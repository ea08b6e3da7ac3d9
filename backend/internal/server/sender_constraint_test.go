package server

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
)

func (s *site) address(endpoint string) string { return s.server.URL + "/acme/" + endpoint }

// redeemWith redeems the code that a browser brought, with a DPoP proof.
func (s *site) redeemWith(a *answer, by *oidctest.Prover) (int, map[string]any) {
	s.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	return s.program("POST", "/acme/token", form, "Authorization", oidctest.Basic(s.web.ClientID, s.secret), "DPoP", by.Proof(s.t, "POST", s.address("token"), nil))
}

// RFC 9449 §10, §10.1: the code is bound to the key that the authorization request names, or was pushed with.
func TestAuthorizationRequestsNameTheKeyOfTheirCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	holder, thief := oidctest.NewProver(t, time.Now), oidctest.NewProver(t, time.Now)
	pushWith := func(by *oidctest.Prover, change ...string) (int, map[string]any) {
		status, _, body := s.pushing(s.parameters(change...).Encode(), func(r *http.Request) {
			r.Header.Set("DPoP", by.Proof(t, "POST", s.address("par"), nil))
		})
		return status, body
	}
	addresses := map[string]func() string{
		"dpop_jkt":                 func() string { return s.authorizeURL("dpop_jkt", holder.Thumbprint(t)) },
		"dpop_jkt of a pushed one": func() string { return s.push("dpop_jkt", holder.Thumbprint(t)) },
		"pushed with a proof": func() string {
			status, body := pushWith(holder)
			if status != http.StatusCreated {
				t.Fatalf("%d %v", status, body)
			}
			return s.pushedURL(body["request_uri"].(string))
		},
	}
	for name, address := range addresses {
		t.Run(name, func(t *testing.T) {
			a := b.get(address())
			if status, body := s.redeemWith(a, thief); status != 400 || body["error"] != "invalid_grant" {
				t.Errorf("another key: %d %v", status, body)
			}
			if status, body := s.tokens(a); status != 400 || body["error"] != "invalid_grant" {
				t.Errorf("no key: %d %v", status, body)
			}
			if status, body := s.redeemWith(a, holder); status != 200 || body["token_type"] != "DPoP" {
				t.Errorf("the key: %d %v", status, body)
			}
		})
	}
	if status, body := pushWith(holder, "dpop_jkt", thief.Thumbprint(t)); status != 400 || body["error"] != "invalid_request" {
		t.Errorf("a proof and a dpop_jkt that disagree: %d %v", status, body)
	}
	if status, body := pushWith(holder, "dpop_jkt", holder.Thumbprint(t)); status != http.StatusCreated {
		t.Errorf("a proof and a dpop_jkt that agree: %d %v", status, body)
	}
	status, _, body := s.pushing(s.parameters().Encode(), func(r *http.Request) { r.Header.Set("DPoP", holder.Proof(t, "POST", s.address("token"), nil)) })
	if status != 400 || body["error"] != "invalid_dpop_proof" {
		t.Errorf("a proof for another endpoint: %d %v", status, body)
	}
	for name, value := range map[string]string{"short": "abc", "not base64url": holder.Thumbprint(t)[:42] + "!", "long": holder.Thumbprint(t) + "A"} {
		if a := b.get(s.authorizeURL("dpop_jkt", value)); a.url.Query().Get("error") != "invalid_request" {
			t.Errorf("dpop_jkt %s: %s", name, a.url)
		}
	}
}

// RFC 9449 §5.2, RFC 8705 §3.4: tokens that must be bound do not come through the browser.
func TestBoundTokensAreNotDeliveredThroughTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hybrid, _ := s.client(s.acme, client.Client{ClientID: "hybrid", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, Profile: "oidc-legacy",
		GrantTypes: []string{client.AuthorizationCode, client.Implicit}, ResponseTypes: []string{"code token", "code id_token"}, Metadata: client.Metadata{DPoPBoundAccessTokens: true}})
	b := s.browser()
	b.signIn()
	s.web = hybrid
	if a := b.get(s.authorizeURL("response_type", "code token")); parsedFragment(t, a).Get("error") != "unauthorized_client" {
		t.Errorf("code token: %s", a.url)
	}
	if a := b.get(s.authorizeURL("response_type", "code id_token")); parsedFragment(t, a).Get("code") == "" {
		t.Errorf("code id_token: %s", a.url)
	}
}

func parsedFragment(t *testing.T, a *answer) url.Values {
	t.Helper()
	values, err := url.ParseQuery(a.url.Fragment)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// The Admin API is a protected resource like any other (RFC 9449 §7, RFC 8705 §3).
func TestTheAdminAPITakesBoundTokensFromTheirHolders(t *testing.T) {
	t.Parallel()
	s := newMutualSite(t)
	own, other := newHolder(t, nil, nil), newHolder(t, nil, nil)
	by := oidctest.NewProver(t, time.Now)
	service, secret := s.client(s.acme, client.Client{ClientID: "reader", AuthenticationMethod: client.ClientSecretBasic, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"admin:read"}})
	mutual, _ := s.client(s.acme, client.Client{ClientID: "mutual", AuthenticationMethod: client.SelfSignedTLSClientAuth, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"admin:read"},
		Metadata: client.Metadata{JWKS: own.jwks(t), TLSClientCertificateBoundAccessTokens: true}})
	_, answer := s.program("POST", "/acme/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", oidctest.Basic(service.ClientID, secret),
		"DPoP", by.Proof(t, "POST", s.address("token"), nil))
	access, _ := answer["access_token"].(string)
	api := s.server.URL + "/api/v1/me"
	good := func() string { return by.Proof(t, "GET", api, oidctest.WithToken(access)) }
	if status, body := s.program("GET", "/api/v1/me", nil, "Authorization", "DPoP "+access, "DPoP", good()); status != 200 {
		t.Fatalf("%d %v", status, body)
	}
	used := good()
	s.program("GET", "/api/v1/me", nil, "Authorization", "DPoP "+access, "DPoP", used)
	for name, header := range map[string][]string{
		"as a bearer token": {"Authorization", "Bearer " + access}, "without proof": {"Authorization", "DPoP " + access},
		"with a used proof": {"Authorization", "DPoP " + access, "DPoP", used},
		"another address":   {"Authorization", "DPoP " + access, "DPoP", by.Proof(t, "GET", s.server.URL+"/api/v1/orgs", oidctest.WithToken(access))},
		"another scheme":    {"Authorization", "Basic " + access},
	} {
		if status, body := s.program("GET", "/api/v1/me", nil, header...); status != 401 || body["code"] != "invalid_token" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	_, answer = s.program("POST", "/acme/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {mutual.ClientID}}, certificateHeader, own.header())
	access, _ = answer["access_token"].(string)
	if status, body := s.program("GET", "/api/v1/me", nil, "Authorization", "Bearer "+access, certificateHeader, own.header()); status != 200 {
		t.Errorf("certificate: %d %v", status, body)
	}
	if status, _ := s.program("GET", "/api/v1/me", nil, "Authorization", "Bearer "+access, certificateHeader, other.header()); status != 401 {
		t.Errorf("another certificate: %d", status)
	}
}
