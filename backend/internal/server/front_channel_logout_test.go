package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/store"
)

// frames are the addresses that a page opens unseen.
func (a *answer) frames() (addresses []string) {
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "iframe" {
			addresses = append(addresses, attribute(n, "src"))
		}
	}
	slices.Sort(addresses)
	return addresses
}

func TestApplicationsHearOfASignOutThroughTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plain, plainSecret := s.web, s.secret
	framed := func(name, callback, address string) *client.Client {
		made, secret := s.client(s.acme, client.Client{Name: name, AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
			PostLogoutRedirectURIs: []string{afterLogout}, GrantTypes: []string{client.AuthorizationCode, client.RefreshToken},
			Metadata: client.Metadata{FrontchannelLogoutURI: address}})
		s.web, s.secret = made, secret
		return made
	}
	second := framed("Second", "https://second.example.test:8443/cb", "https://second.example.test:8443/out?x=1")
	first := framed("First", callback, "https://app.example.test/out")
	framed("Unused", "https://unused.example.test/cb", "https://unused.example.test/out")
	signIn := func(t *testing.T) (*browser, string, string) {
		t.Helper()
		s.web, s.secret = plain, plainSecret
		b := s.browser()
		_, tokens := s.tokens(b.signIn())
		s.web = second
		b.signIn("redirect_uri", second.RedirectURIs[0])
		s.web = first
		b.signIn()
		idToken := tokens["id_token"].(string)
		return b, idToken, claims(t, idToken)["sid"].(string)
	}
	query := func(sid string) string { return "iss=" + url.QueryEscape(s.server.URL+"/acme") + "&sid=" + sid }
	expected := func(t *testing.T, a *answer, sid string) {
		t.Helper()
		if got, want := a.frames(), []string{"https://app.example.test/out?" + query(sid), "https://second.example.test:8443/out?x=1&" + query(sid)}; !slices.Equal(got, want) {
			t.Errorf("Front-Channel Logout 1.0 §2: frames are %q, want %q", got, want)
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src https://app.example.test https://second.example.test:8443; ") {
			t.Errorf("frames may come from elsewhere: %s", policy)
		}
	}
	t.Run("and then it goes on to where the application wants it, with the state", func(t *testing.T) {
		b, idToken, sid := signIn(t)
		a := b.get("/acme/logout?" + url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {afterLogout}, "state": {"bye"}}.Encode())
		expected(t, a, sid)
		next := a.element("continue")
		if a.status != http.StatusOK || a.element("logged-out") == nil || next == nil || attribute(next, "href") != afterLogout+"?state=bye" || a.header.Get("Refresh") != "3;url="+afterLogout+"?state=bye" {
			t.Errorf("%d %v\n%s", a.status, a.header, a.body)
		}
		if again := b.get(s.authorizeURL("prompt", "none")); again.url.Query().Get("error") != "login_required" {
			t.Errorf("still signed in: %s", again.url)
		}
		if again := b.get("/acme/logout"); len(again.frames()) != 0 || strings.Contains(again.header.Get("Content-Security-Policy"), "frame-src") {
			t.Errorf("nobody is signed in, yet there are frames: %v", again.frames())
		}
	})
	t.Run("or stays when the person signed out here", func(t *testing.T) {
		b, _, sid := signIn(t)
		asked := b.get("/acme/logout")
		if len(asked.frames()) != 0 {
			t.Error("frames before the person decided")
		}
		a := b.submit(asked, "logout-form", "decision", "confirm")
		expected(t, a, sid)
		if a.header.Get("Refresh") != "" || a.element("continue") != nil || a.element("logged-out") == nil {
			t.Errorf("%v\n%s", a.header, a.body)
		}
	})
	t.Run("a disabled application is left alone", func(t *testing.T) {
		b, _, _ := signIn(t)
		disabled := *second
		disabled.Status = client.Disabled
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			_, _, err := s.app.Clients.Update(ctx, tx, operator, disabled)
			return err
		})
		if a := b.submit(b.get("/acme/logout"), "logout-form", "decision", "confirm"); len(a.frames()) != 1 {
			t.Errorf("%v", a.frames())
		}
	})
}

func TestSigningOutEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	here, there, other := s.browser(), s.browser(), s.browser()
	_, tokens := s.tokens(here.signIn())
	_, elsewhere := s.tokens(there.signIn())
	_, offline := s.tokens(there.signIn("scope", "openid offline_access"))
	ada := s.ada
	s.ada = s.person(s.acme, "grace@acme.test")
	_, theirs := s.tokens(other.signIn())
	s.ada = ada
	a := here.submit(here.get("/acme/logout"), "logout-form", "decision", "everywhere")
	if a.element("logged-out") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	for name, test := range map[string]struct {
		browser *browser
		tokens  map[string]any
		ended   bool
	}{"this browser": {here, tokens, true}, "another browser": {there, elsewhere, true}, "another person": {other, theirs, false}} {
		if ended := test.browser.get(s.authorizeURL("prompt", "none")).url.Query().Get("error") == "login_required"; ended != test.ended {
			t.Errorf("%s: ended %v", name, ended)
		}
		if status, _ := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {test.tokens["refresh_token"].(string)}}); (status != 200) != test.ended {
			t.Errorf("%s: refresh token answered with %d", name, status)
		}
	}
	if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {offline["refresh_token"].(string)}}); status != 200 {
		t.Errorf("what was allowed to go on without the person does not: %d %v", status, body)
	}
	t.Run("forged", func(t *testing.T) {
		if a := other.post("/acme/logout", url.Values{"decision": {"everywhere"}}); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
	})
}
