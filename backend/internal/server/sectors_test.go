package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/store"
)

// OpenID Connect Core 1.0 §8, §17.3: no identifier is the same for clients of two sectors, that of the session included,
// and each leads back where it came from.
func TestSectorsDoNotRecogniseASession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	public, _ := s.exchange(b.get(s.authorizeURL()))
	seen := map[any]bool{public["sid"]: true, public["sub"]: true}
	for _, host := range []string{"https://one.example.test", "https://two.example.test"} {
		s.web, s.secret = s.client(s.acme, client.Client{Name: host, AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{host + "/cb"},
			PostLogoutRedirectURIs: []string{host + "/out"}, GrantTypes: []string{client.AuthorizationCode},
			Metadata: client.Metadata{SubjectType: client.PairwiseSubject, FrontchannelLogoutURI: host + "/front"}})
		_, tokens := s.tokens(b.get(s.authorizeURL("redirect_uri", host+"/cb")), "redirect_uri", host+"/cb")
		idToken, access := claims(t, tokens["id_token"].(string)), claims(t, tokens["access_token"].(string))
		for name, identifier := range map[string]any{"sub": idToken["sub"], "sid": idToken["sid"]} {
			if identifier == nil || seen[identifier] || access[name] != identifier {
				t.Errorf("%s %s: %v, in the access token %v", host, name, identifier, access[name])
			}
			seen[identifier] = true
		}
		if host == "https://one.example.test" {
			continue
		}
		// The hint names this very session, so nobody is asked, and each client hears of it under its own name.
		a := b.get("/acme/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {host + "/out"}}.Encode())
		frames := a.frames()
		if a.element("logged-out") == nil || len(frames) != 2 {
			t.Fatalf("%d %q\n%s", a.status, frames, a.body)
		}
		for _, frame := range frames {
			if sid := parsed(t, frame).Get("sid"); !seen[sid] || sid == public["sid"] {
				t.Errorf("%s: %s", frame, sid)
			}
		}
	}
}

// What a client asked for by name is not told any more once it lost the scope that stands for it.
func TestAClaimGoesWithItsScope(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	wanted := `{"userinfo":{"email":null},"id_token":{"email":null}}`
	status, tokens := s.tokens(b.signIn("scope", "openid", "claims", wanted))
	if _, _, body := s.userinfo(tokens["access_token"]); status != http.StatusOK || !strings.Contains(body, s.ada.Email) || claims(t, tokens["id_token"].(string))["email"] != s.ada.Email {
		t.Fatalf("%d %v %s", status, tokens, body)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		changed := *s.web
		changed.Scopes = []string{"openid"}
		s.web, _, err = s.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Clients.Forget(s.web)
	status, renewed := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, renewed)
	}
	if _, _, body := s.userinfo(renewed["access_token"]); strings.Contains(body, s.ada.Email) || claims(t, renewed["id_token"].(string))["email"] != nil {
		t.Errorf("email is told without its scope: %s", body)
	}
}

// The consent page names the host that this request leads to, not another one of the client's.
func TestTheConsentPageNamesWhereTheBrowserGoes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Bank", AuthenticationMethod: client.ClientSecretBasic, RequireConsent: true,
		RedirectURIs: []string{"https://bank.example.test/cb", "https://evil.example.test/cb"}})
	b := s.browser()
	a := b.submit(b.get(s.authorizeURL("redirect_uri", "https://evil.example.test/cb")), "login-form", "username", s.ada.Username, "password", password)
	if a.element("consent-form") == nil || strings.Contains(a.body, "bank.example.test") || !strings.Contains(a.body, "evil.example.test") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
}

// The page that an answer by form shows names the client that asked, whatever else the address says.
func TestTheAnswerOfAPostNamesItsClient(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	other, _ := s.client(s.acme, client.Client{Name: "Trusted Bank", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}})
	a := b.post("/acme/authorize?client_id="+other.ClientID, s.parameters("response_mode", "form_post"))
	if a.element("post-form") == nil || strings.Contains(a.body, "Trusted Bank") || !strings.Contains(a.body, "Payroll") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
}

// A stranger who repeats a request does not make us open an address again and again that does not answer well.
func TestAFailedRequestObjectIsRememberedForAWhile(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8")
	var opened atomic.Int64
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		opened.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(rp.Close)
	s.signing(t, jose.ES256, client.Metadata{RequestURIs: []string{rp.URL + "/request"}})
	for range 3 {
		if got := s.browser().get(s.authorizeURL("request_uri", rp.URL+"/request")).url.Query(); got.Get("error") != "invalid_request_uri" {
			t.Fatalf("%v", got)
		}
	}
	if opened.Load() > 2 { // the second time only when the machine took longer than the pause
		t.Errorf("opened %d times", opened.Load())
	}
}
