package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/session"
)

func TestSigningOutOneOfSeveral(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	t.Run("on the page of accounts: that one, and nobody is taken in their place", func(t *testing.T) {
		c := newNamedCouple(s, "one")
		page := c.get(s.authorizeURL())
		a := c.submit(page, "accounts-form", "sign_out", page.accounts()[c.grace.Username])
		if offered := a.accounts(); a.status != http.StatusOK || len(offered) != 1 || offered[s.ada.Username] == "" {
			t.Fatalf("%d at %s: %v", a.status, a.url, offered)
		}
		c.expectAlive(t, true, false)
		if got := s.subject(c.choose(a, s.ada)); got != s.ada.ID.String() {
			t.Error(got)
		}
	})
	t.Run("the last one: it is a sign-in", func(t *testing.T) {
		b := s.browser()
		b.signIn()
		page := b.get(s.authorizeURL("prompt", "select_account"))
		if a := b.submit(page, "accounts-form", "sign_out", page.accounts()[s.ada.Username]); a.element("login-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if b.state() != "" {
			t.Error("a browser state without a session")
		}
	})
	t.Run("by the application with its hint: its session, whoever used the browser last", func(t *testing.T) {
		c := newNamedCouple(s, "two")
		a := c.get("/acme/logout?" + url.Values{"id_token_hint": {c.adas}, "post_logout_redirect_uri": {afterLogout}, "state": {"bye"}}.Encode())
		if a.url.String() != afterLogout+"?state=bye" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		c.expectAlive(t, false, true)
		if a := c.get("/acme/logout?" + url.Values{"id_token_hint": {c.graces}, "post_logout_redirect_uri": {afterLogout}}.Encode()); a.url.String() != afterLogout {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		c.expectAlive(t, false, false)
	})
	t.Run("by the application with a logout_hint: that person is asked about", func(t *testing.T) {
		c := newNamedCouple(s, "three")
		a := c.get("/acme/logout?" + url.Values{"logout_hint": {s.ada.Username}}.Encode())
		if _, fields := a.form("logout-form"); fields.Get("session") != claims(t, c.adas)["sid"] {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if a = c.submit(a, "logout-form", "decision", "confirm"); a.element("logged-out") == nil || !strings.Contains(a.text("still-signed-in"), c.grace.Username) || a.element("accounts") == nil {
			t.Fatalf("%d at %s\n%s", a.status, a.url, a.body)
		}
		c.expectAlive(t, false, true)
	})
	t.Run("by the person: the account used last; the others are named", func(t *testing.T) {
		c := newNamedCouple(s, "four")
		a := c.get("/acme/logout")
		if !strings.Contains(a.body, c.grace.Username) || a.element("logout-all") == nil {
			t.Fatalf("%d at %s\n%s", a.status, a.url, a.body)
		}
		c.submit(a, "logout-form", "decision", "cancel")
		c.expectAlive(t, true, true)
		c.submit(a, "logout-form", "decision", "confirm")
		c.expectAlive(t, true, false)
		if a := c.get("/acme/"); !strings.Contains(a.body, s.ada.Username) || strings.Contains(a.body, c.grace.Username) {
			t.Errorf("the home page is not that of who is left:\n%s", a.body)
		}
	})
	t.Run("all of them", func(t *testing.T) {
		c := newNamedCouple(s, "five")
		elsewhere := s.browser()
		elsewhere.signIn()
		if a := c.submit(c.get("/acme/logout"), "logout-form", "decision", "all"); a.element("logged-out") == nil || a.element("still-signed-in") != nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		c.expectAlive(t, false, false)
		if q := elsewhere.get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("code") == "" {
			t.Errorf("another browser was signed out: %v", q)
		}
		if c.state() != "" {
			t.Error("a browser state without a session")
		}
	})
	t.Run("everywhere: one person's sessions in every browser, not the other person's in this one", func(t *testing.T) {
		c := newNamedCouple(s, "six")
		elsewhere := s.browser()
		elsewhere.signIn()
		a := c.get("/acme/logout?" + url.Values{"logout_hint": {s.ada.Username}}.Encode())
		c.submit(a, "logout-form", "decision", "everywhere")
		c.expectAlive(t, false, true)
		if q := elsewhere.get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("error") != "login_required" {
			t.Errorf("%v", q)
		}
	})
	t.Run("two tabs: what was confirmed about one never ends the other", func(t *testing.T) {
		c := newNamedCouple(s, "seven")
		about := c.get("/acme/logout") // Grace, who used the browser last
		action, fields := about.form("logout-form")
		c.choose(c.get(s.authorizeURL()), s.ada) // meanwhile Ada did
		forged := url.Values{"csrf_token": fields["csrf_token"], "decision": {"confirm"}, "session": {claims(t, c.adas)["sid"].(string)}}
		if a := c.post(action, forged); a.status != http.StatusForbidden {
			t.Fatalf("the confirmation was bent to another session: %d at %s", a.status, a.url)
		}
		if a := c.post(action, url.Values{"decision": {"all"}, "csrf_token": {strings.Repeat("A", 43)}, "session": {claims(t, c.adas)["sid"].(string)}}); a.status != http.StatusForbidden {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		c.expectAlive(t, true, true)
		c.submit(about, "logout-form", "decision", "confirm")
		c.expectAlive(t, true, false)
		if a := c.submit(about, "logout-form", "decision", "confirm"); a.element("logged-out") == nil {
			t.Fatalf("confirmed twice: %d at %s", a.status, a.url)
		}
		c.expectAlive(t, true, false)
	})
}

// newNamedCouple is newCouple with a Grace of its own.
func newNamedCouple(s *site, name string) *couple {
	s.t.Helper()
	c := &couple{browser: s.browser(), grace: s.person(s.acme, "grace-"+name+"@acme.test")}
	_, tokens := s.tokens(c.signIn())
	c.adas = tokens["id_token"].(string)
	_, tokens = s.tokens(c.add(c.grace))
	c.graces = tokens["id_token"].(string)
	return c
}

func TestApplicationsHearOfOneSignOutOfSeveral(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Framed", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{afterLogout},
		GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}, Metadata: client.Metadata{FrontchannelLogoutURI: "https://app.example.test/out", BackchannelLogoutURI: "https://app.example.test/back"}})
	c := newCouple(s)
	told := func(t *testing.T, idToken string, want int) {
		t.Helper()
		sid := uuid.MustParse(claims(t, idToken)["sid"].(string))
		deliveries, err := s.app.Sessions.Deliveries(t.Context(), s.app.Store, s.acme.ID, session.DeliveryFilter{SessionID: sid, Before: uuid.Max, Limit: 10})
		if err != nil || len(deliveries) != want {
			t.Errorf("told %d times, want %d: %v", len(deliveries), want, err)
		}
	}
	page := c.get(s.authorizeURL())
	a := c.submit(page, "accounts-form", "sign_out", page.accounts()[s.ada.Username])
	frames := a.frames()
	if len(frames) != 1 || !strings.HasSuffix(frames[0], "&sid="+claims(t, c.adas)["sid"].(string)) || a.element("logged-out") == nil {
		t.Fatalf("%d at %s: %v", a.status, a.url, frames)
	}
	told(t, c.adas, 1)
	told(t, c.graces, 0)
	next := a.element("continue")
	if next == nil || a.header.Get("Refresh") != "3;url="+attribute(next, "href") {
		t.Fatalf("no way back: %v\n%s", a.header, a.body)
	}
	if back := c.get(attribute(next, "href")); len(back.accounts()) != 1 || back.accounts()[c.grace.Username] == "" {
		t.Fatalf("%d at %s", back.status, back.url)
	}
	s.subject(c.add(s.ada))
	if a := c.submit(c.get("/acme/logout"), "logout-form", "decision", "all"); len(a.frames()) != 2 {
		t.Errorf("all sign out, heard of %v", a.frames())
	}
	told(t, c.graces, 1)
}

func TestSessionStateOfSeveralPeople(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	unchanged := func(t *testing.T, state string, want bool) {
		t.Helper()
		_, salt, _ := strings.Cut(state, ".")
		if same := logout.SessionState(s.web.ClientID, "https://app.example.test", c.state(), salt) == state; same != want {
			t.Errorf("unchanged: %v, want %v", same, want)
		}
	}
	unchanged(t, c.adasState, false) // somebody else has signed in since
	unchanged(t, c.graState, true)
	again := c.get(s.authorizeURL("prompt", "none", "id_token_hint", c.adas)).url.Query().Get("session_state")
	t.Run("an application that asks again learns that its person is still here, and both see the same state", func(t *testing.T) {
		unchanged(t, again, true)
		unchanged(t, c.graState, true)
	})
	t.Run("which account is used changes nothing: applications of two people would take turns for ever", func(t *testing.T) {
		chosen := c.choose(c.get(s.authorizeURL()), s.ada).url.Query().Get("session_state")
		for _, state := range []string{chosen, again, c.graState} {
			unchanged(t, state, true)
		}
	})
	t.Run("one of them who signs out changes it, and the other's application finds them here", func(t *testing.T) {
		c.get("/acme/logout?" + url.Values{"id_token_hint": {c.graces}}.Encode())
		unchanged(t, again, false)
		unchanged(t, c.graState, false)
		after := c.get(s.authorizeURL("prompt", "none", "id_token_hint", c.adas)).url.Query()
		if after.Get("code") == "" {
			t.Fatalf("%v", after)
		}
		unchanged(t, after.Get("session_state"), true)
	})
}

func TestTheHomePageSwitchesAccounts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	a := c.get("/acme/")
	if !strings.Contains(a.body, "Switch account") || attribute(a.element("accounts"), "href") != "/acme/select-account" || !strings.Contains(a.body, s.ada.Username) {
		t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	current := func(a *answer) string {
		_, after, _ := strings.Cut(a.body, "Username</dt>")
		after, _, _ = strings.Cut(after, "</dd>")
		return after[strings.LastIndex(after, ">")+1:]
	}
	if got := current(a); got != c.grace.Username {
		t.Fatalf("it is the page of %q", got)
	}
	if a = c.choose(c.get("/acme/select-account"), s.ada); a.url.Path != "/acme/" || current(a) != s.ada.Username {
		t.Fatalf("switched: %d at %s", a.status, a.url)
	}
	bob := s.person(s.acme, "bob@acme.test")
	a = c.submit(c.get("/acme/select-account"), "accounts-form", "account", "another")
	if a = c.submit(a, "login-form", "username", bob.Username, "password", password); a.url.Path != "/acme/" || current(a) != bob.Username || !strings.Contains(a.body, s.ada.Username) {
		t.Fatalf("added: %d at %s", a.status, a.url)
	}
	alone := s.browser()
	alone.signIn()
	if a := alone.get("/acme/"); !strings.Contains(a.body, "Use another account") || strings.Contains(a.body, "Switch account") {
		t.Errorf("%s", a.body)
	}
	if a := s.browser().get("/acme/select-account"); a.element("login-form") == nil {
		t.Errorf("nobody is signed in: %d at %s", a.status, a.url)
	}
}
