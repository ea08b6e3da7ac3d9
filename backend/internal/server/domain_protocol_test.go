package server

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
)

// RFC 9449 §4.3, RFC 7523 §3, RFC 9101 §4: what applications address to the organization names where it is.
func TestWhatApplicationsAddressToADomain(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	signer, set := newSigner(t, jose.ES256)
	s.client(s.acme, client.Client{ClientID: "service", AuthenticationMethod: client.PrivateKeyJWT, GrantTypes: []string{client.ClientCredentials}, Metadata: client.Metadata{JWKS: set}})
	s.moved(30)
	own, shared := "https://"+ownDomain, "https://"+passkeyHost+"/acme"
	tokenWith := func(audience string) int {
		form := url.Values{"grant_type": {"client_credentials"}}
		by := s.asserted(signer, "service", map[string]any{"aud": audience})
		for i := 0; i+1 < len(by.form); i += 2 {
			form.Set(by.form[i], by.form[i+1])
		}
		status, _ := s.program("POST", s.below+"/token", form)
		return status
	}
	prove := func(address string) int {
		b := s.browser()
		a := b.allowed(b.submit(b.get(s.authorizeURL("prompt", "consent")), "login-form", "username", s.ada.Username, "password", password))
		form := url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
		status, _ := s.program("POST", s.below+"/token", form, "Authorization", oidctest.Basic(s.web.ClientID, s.secret), "DPoP", oidctest.NewProver(t, time.Now).Proof(t, "POST", address, nil))
		return status
	}
	signing := s.signing(t, jose.ES256, client.Metadata{RequestObjectSigningAlg: "ES256"})
	asks := func(audience string) bool {
		address := s.below + "/authorize?" + url.Values{"client_id": {s.web.ClientID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {callback}, "code_challenge": {pkce()}, "code_challenge_method": {"S256"},
			"request": {signing.object(t, "oauth-authz-req+jwt", map[string]any{"aud": audience})}}.Encode()
		return s.browser().get(address).element("login-form") != nil
	}
	web, secret := s.web, s.secret
	for name, there := range map[string]bool{"at the domain": true, "at the address before": false} {
		if s.here(); there {
			s.there()
		}
		for audience, want := range map[string]bool{own: true, own + "/token": true, shared: true, shared + "/token": true, "https://" + ownDomain + "/acme": false, "https://other.example.com": false} {
			if got := tokenWith(audience); (got == http.StatusOK) != want {
				t.Errorf("%s: an assertion for %s: %d", name, audience, got)
			}
		}
		for audience, want := range map[string]bool{own: true, shared: true, "https://other.example.com": false} {
			if got := asks(audience); got != want {
				t.Errorf("%s: a request object for %s: %v", name, audience, got)
			}
		}
	}
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Bound", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, GrantTypes: []string{client.AuthorizationCode}, RequireConsent: true})
	s.there()
	for address, want := range map[string]int{own + "/token": 200, shared + "/token": 400, own + "/acme/token": 400, "https://" + passkeyHost + "/token": 400} {
		if got := prove(address); got != want {
			t.Errorf("a proof for %s: %d", address, got)
		}
	}
	s.here()
	for address, want := range map[string]int{shared + "/token": 200, own + "/token": 400} {
		if got := prove(address); got != want {
			t.Errorf("at the address before, a proof for %s: %d", address, got)
		}
	}
	s.web, s.secret = web, secret
	s.graceEnds()
	s.there()
	if got := tokenWith(shared); got == http.StatusOK {
		t.Errorf("an assertion for the address before, when it is over: %d", got)
	}
	if asks(shared) {
		t.Error("a request object for the address before, when it is over")
	}
	if got := tokenWith(own); got != http.StatusOK {
		t.Errorf("%d", got)
	}
}
