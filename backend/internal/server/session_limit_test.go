package server

import (
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// refreshed is the status of a refresh.
func (s *site) refreshed(tokens map[string]any) int {
	s.t.Helper()
	status, _ := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
	return status
}

// What is ended because there is too much ends as if its person had ended it: applications hear of it, and hold nothing any
// more but what was to go on without the person.
func TestTooManySessionsOfAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Back", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}, Scopes: []string{"openid", "offline_access"},
		Metadata: client.Metadata{BackchannelLogoutURI: s.server.URL + "/back"}})
	eve, _ := s.atAccount(s.person(s.acme, "eve@acme.test"), "account")
	alive := func(b *browser) bool { return b.get("/acme/").element("logout") != nil }
	first, second, third := s.browser(), s.browser(), s.browser()
	_, bound := s.tokens(first.signIn())
	_, offline := s.tokens(first.signIn("scope", "openid offline_access", "prompt", "consent"))
	ended := claims(t, bound["id_token"].(string))["sid"].(string)
	second.signIn()
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE sessions SET last_seen_at = last_seen_at - interval '1 hour' WHERE id = $1", ended); err != nil {
		t.Fatal(err)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.SessionsPerPerson = 2 })
	if !alive(first) || !alive(second) {
		t.Fatal("something ended before the next sign-in")
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE sessions SET last_seen_at = last_seen_at - interval '1 hour' WHERE id = $1", ended); err != nil {
		t.Fatal(err)
	}
	a := third.signIn()
	if a.url.Query().Get("code") == "" || alive(first) || !alive(second) || !alive(third) || !alive(eve) {
		t.Fatalf("at %s: %v %v %v", a.url, alive(first), alive(second), alive(third))
	}
	if silent := first.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("%s", silent.url)
	}
	if status := s.refreshed(bound); status != 400 {
		t.Errorf("a refresh token of the ended session: %d", status)
	}
	if status := s.refreshed(offline); status != 200 {
		t.Errorf("offline access: %d", status)
	}
	listed, err := s.app.Sessions.Deliveries(t.Context(), s.app.Store, s.acme.ID, session.DeliveryFilter{Limit: 10})
	if err != nil || len(listed) != 1 || listed[0].SessionID.String() != ended {
		t.Errorf("the application hears: %+v %v", listed, err)
	}
	if page := third.get("/acme/account/sessions"); !strings.Contains(page.text("sessions-limit"), "2 devices") {
		t.Errorf("the page does not say it:\n%s", page.body)
	}
	if page := third.get("/acme/account/activity"); !strings.Contains(page.body, "signed in on as many as allowed") {
		t.Errorf("the activity does not say it:\n%s", page.body)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.SessionsPerPerson = 0 })
	if page := third.get("/acme/account/sessions"); page.element("sessions-limit") != nil {
		t.Errorf("a limit is told where there is none")
	}
}
