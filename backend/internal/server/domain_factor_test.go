package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/user"
)

// Whoever knows a password chooses no address at which the passkey beside it is not asked for.
func TestAPasskeyOfAnotherAddressIsAFactorStill(t *testing.T) {
	t.Parallel()
	for _, policy := range []org.SecondFactor{org.SecondFactorOptional, org.SecondFactorRequired} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			s := newDomainSite(t)
			s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor = policy; p.SecondFactorEmailCodes = org.EmailCodesOn })
			s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
			s.moved(30)
			b := s.browser()
			a := b.submit(b.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
			if a.url.Path != "/login/second-factor" || a.element("passkeys-elsewhere") == nil || a.element("passkey-form") != nil || a.element("code-form") != nil || a.element("mail-code-form") != nil {
				t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
			}
			if a := b.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
				t.Errorf("somebody is signed in: %s", a.url)
			}
			enrol := b.get("/login/second-factor/add?" + a.url.RawQuery)
			if enrol.url.Path != "/login/second-factor" {
				t.Errorf("a factor can be added: %d at %s", enrol.status, enrol.url)
			}
			// And the other way round.
			bob := s.person(s.acme, "bob@acme.test")
			s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
			s.here()
			b = s.browser()
			if a := b.submit(b.get(s.authorizeURL()), "login-form", "username", bob.Username, "password", password); a.element("passkeys-elsewhere") == nil {
				t.Errorf("%d at %s", a.status, a.url)
			}
		})
	}
}

// What is done at an address that is given up is done for a while only.
func TestAPasskeyOfTheFormerAddressIsNotTheOneThatIsRequired(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	s.require(s.ada, user.EnrolPasskey)
	s.moved(30)
	b := s.browser()
	if a := b.submit(b.get("/login"), "login-form", "username", s.ada.Username, "password", password); a.url.Path != "/action/passkey" {
		t.Errorf("at the present address: %d at %s", a.status, a.url)
	}
	s.here()
	old, page := s.atAccount(s.ada, passkeysPage)
	old.addPasskey(page, s.newAuthenticator(), "Of before")
	if left := s.now(s.ada).RequiredActions; len(left) != 1 {
		t.Errorf("%v", left)
	}
	// Nor is it a way in that stays.
	if _, err := s.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	ways, err := s.app.Passkeys.Ways(t.Context(), s.app.Store, s.acme.ID, s.ada.ID, ownDomain, s.passkeysOf(s.ada)[0].ID)
	if err != nil || ways.Any() {
		t.Errorf("%+v %v", ways, err)
	}
}

// An application hears of the end of a session from the issuer that began it.
func TestLogoutTokensNameTheIssuerOfTheSession(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 10)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { heard <- r.PostFormValue("logout_token") }))
	t.Cleanup(listener.Close)
	s := newDomainSite(t, "fetch_allowed_networks", "127.0.0.0/8", "workers", "1")
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Back", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{afterLogout},
		GrantTypes: []string{client.AuthorizationCode}, Metadata: client.Metadata{BackchannelLogoutURI: listener.URL + "/back"}})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	if err := s.app.Jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		done, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.app.Jobs.Stop(done); err != nil {
			t.Error(err)
		}
	})
	s.moved(30)
	for _, at := range []string{"https://" + ownDomain, "https://" + passkeyHost + "/acme"} {
		if s.there(); at != "https://"+ownDomain {
			s.here()
		}
		b := s.browser()
		_, tokens := s.tokens(b.signIn())
		b.get(s.below + "/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {afterLogout}}.Encode())
		select {
		case token := <-heard:
			if issuer := claimOf(token, "iss"); issuer != at || claimOf(tokens["id_token"], "iss") != at {
				t.Errorf("%v, not %s", issuer, at)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the application heard nothing")
		}
	}
}

// RFC 8705 §5: at the address of clients with certificates the path says which issuer is meant.
func TestAddressesForCertificatesNameTheDomain(t *testing.T) {
	t.Parallel()
	const mutual = "https://mtls.example.com"
	s := newDomainSite(t, "mtls_url", mutual)
	s.client(s.acme, client.Client{ClientID: "service", AuthenticationMethod: client.ClientSecretBasic, GrantTypes: []string{client.ClientCredentials}})
	made, secret := s.client(s.acme, client.Client{Name: "Service", AuthenticationMethod: client.ClientSecretBasic, GrantTypes: []string{client.ClientCredentials}})
	s.moved(30)
	for issuer, prefix := range map[string]string{"https://" + ownDomain: mutual + "/@" + ownDomain, "https://" + passkeyHost + "/acme": mutual + "/acme"} {
		aliases, _ := s.metadata(issuer + "/.well-known/openid-configuration")["mtls_endpoint_aliases"].(map[string]any)
		if aliases["token_endpoint"] != prefix+"/token" {
			t.Errorf("%s: %v", issuer, aliases)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, prefix+"/token", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(url.QueryEscape(made.ClientID), url.QueryEscape(secret))
		r.URL.RawQuery = ""
		status, body := s.posts(r, url.Values{"grant_type": {"client_credentials"}})
		if status != http.StatusOK || claimOf(body["access_token"], "iss") != issuer {
			t.Errorf("%s: %d %v", prefix, status, body)
		}
	}
	for _, wrong := range []string{"https://" + passkeyHost + "/@" + ownDomain + "/token", "https://" + ownDomain + "/@" + ownDomain + "/token", mutual + "/@other.example.com/token"} {
		if status, _, body := s.fetch(http.MethodPost, wrong, url.Values{"grant_type": {"client_credentials"}}); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", wrong, status, body)
		}
	}
}
