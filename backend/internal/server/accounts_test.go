package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// add signs a further person in, beside those who are signed in, and returns the answer for the application.
func (b *browser) add(person *user.User, namesAndValues ...string) *answer {
	b.t.Helper()
	a := b.get(b.authorizeURL(append([]string{"prompt", "select_account"}, namesAndValues...)...))
	if a.element("accounts-form") != nil {
		a = b.submit(a, "accounts-form", "account", "another")
	}
	a = b.submit(a, "login-form", "username", person.Username, "password", password)
	if a.element("consent-form") != nil {
		a = b.submit(a, "consent-form", "decision", "allow")
	}
	return a
}

// accounts are the sessions that a page offers, by the username shown.
func (a *answer) accounts() map[string]string {
	offered := map[string]string{}
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "button" && attribute(n, "class") == "account" {
			for d := range n.Descendants() {
				if d.Type == html.TextNode && strings.Contains(d.Data, "@") {
					offered[d.Data] = attribute(n, "value")
				}
			}
		}
	}
	return offered
}

// choose presses the button of a person on the page of accounts.
func (b *browser) choose(a *answer, person *user.User) *answer {
	b.t.Helper()
	id := a.accounts()[person.Username]
	if id == "" {
		b.t.Fatalf("%s is not offered at %s:\n%s", person.Username, a.url, a.body)
	}
	return b.submit(a, "accounts-form", "account", id)
}

// subject is whom an answer is about.
func (s *site) subject(a *answer) string {
	s.t.Helper()
	if a.url.Query().Get("code") == "" {
		s.t.Fatalf("no code: %d at %s\n%s", a.status, a.url, a.body)
	}
	_, tokens := s.tokens(a)
	return claims(s.t, tokens["id_token"].(string))["sub"].(string)
}

// couple is a browser in which Ada and Grace are signed in, Grace last, with their tokens.
type couple struct {
	*browser
	grace               *user.User
	adas, graces        string // ID tokens
	adasState, graState string // session_state
}

func newCouple(s *site) *couple {
	s.t.Helper()
	c := &couple{browser: s.browser(), grace: s.person(s.acme, "grace@acme.test")}
	first := c.signIn()
	_, tokens := s.tokens(first)
	c.adas, c.adasState = tokens["id_token"].(string), first.url.Query().Get("session_state")
	second := c.add(c.grace)
	_, tokens = s.tokens(second)
	c.graces, c.graState = tokens["id_token"].(string), second.url.Query().Get("session_state")
	return c
}

func TestSeveralPeopleAreSignedInInOneBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	if claims(t, c.adas)["sub"] == claims(t, c.graces)["sub"] || claims(t, c.adas)["sid"] == claims(t, c.graces)["sid"] {
		t.Fatal("two people have one session")
	}
	is := func(t *testing.T, a *answer, person *user.User) {
		t.Helper()
		if got := s.subject(a); got != person.ID.String() {
			t.Errorf("the answer is about %s, want %s", got, person.Username)
		}
	}
	t.Run("an ordinary request asks which, without a password", func(t *testing.T) {
		a := c.get(s.authorizeURL())
		if offered := a.accounts(); a.url.Path != "/acme/select-account" || len(offered) != 2 || a.element("account-another") == nil || a.element("password") != nil {
			t.Fatalf("%d at %s: %v", a.status, a.url, offered)
		}
		if first := a.element("account-1"); attribute(first, "value") != claims(t, c.graces)["sid"] {
			t.Error("the account used last does not stand first")
		}
		is(t, c.choose(a, s.ada), s.ada)
	})
	t.Run("the next one asks again, the account used last first", func(t *testing.T) {
		a := c.get(s.authorizeURL())
		if attribute(a.element("account-1"), "value") != claims(t, c.adas)["sid"] {
			t.Errorf("%v", a.accounts())
		}
		is(t, c.choose(a, c.grace), c.grace)
	})
	t.Run("prompt=select_account asks also when only one is signed in", func(t *testing.T) {
		b := s.browser()
		b.signIn()
		a := b.get(s.authorizeURL("prompt", "select_account"))
		if len(a.accounts()) != 1 {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		is(t, b.choose(a, s.ada), s.ada)
	})
	t.Run("and when nobody is, it is a sign-in", func(t *testing.T) {
		if a := s.browser().get(s.authorizeURL("prompt", "select_account")); a.element("login-form") == nil || a.element("accounts-again") != nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
	t.Run("prompt=consent select_account: the account, then consent", func(t *testing.T) {
		a := c.choose(c.get(s.authorizeURL("prompt", "consent select_account")), s.ada)
		if a.element("consent-form") == nil || !strings.Contains(a.body, "ada@acme.test") {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		is(t, c.submit(a, "consent-form", "decision", "allow"), s.ada)
	})
	for name, parameters := range map[string][]string{
		"prompt=login select_account":   {"prompt", "login select_account"},
		"prompt=select_account max_age": {"prompt", "select_account", "max_age", "0"},
	} {
		t.Run(name+": the account, then its password", func(t *testing.T) {
			a := c.choose(c.get(s.authorizeURL(parameters...)), s.ada)
			username := a.element("username")
			if username == nil || attribute(username, "value") != s.ada.Username || !has(username, "readonly") {
				t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
			}
			if other := c.submit(a, "login-form", "username", c.grace.Username, "password", password); other.status != http.StatusUnprocessableEntity || !strings.Contains(other.body, "account that you chose") ||
				attribute(other.element("username"), "value") != s.ada.Username {
				t.Fatalf("somebody else than was chosen: %d at %s", other.status, other.url)
			}
			is(t, c.submit(a, "login-form", "username", s.ada.Username, "password", password), s.ada)
		})
	}
	t.Run("from the password back to the accounts", func(t *testing.T) {
		a := c.choose(c.get(s.authorizeURL("prompt", "login select_account")), s.ada)
		a = c.submit(a, "accounts-again-form", "account", "again")
		if len(a.accounts()) != 2 {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		a = c.submit(c.choose(a, c.grace), "login-form", "password", password)
		is(t, a, c.grace)
		a = c.submit(c.get(s.authorizeURL("prompt", "select_account")), "accounts-form", "account", "another")
		if a.element("login-form") == nil || attribute(a.element("username"), "value") != "" || has(a.element("username"), "readonly") {
			t.Fatalf("another account: %d at %s", a.status, a.url)
		}
		is(t, c.choose(c.submit(a, "accounts-again-form", "account", "again"), s.ada), s.ada)
	})
	t.Run("prompt=login goes straight to the sign-in, where anybody may", func(t *testing.T) {
		a := c.get(s.authorizeURL("prompt", "login"))
		if a.element("login-form") == nil || has(a.element("username"), "readonly") {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		is(t, c.submit(a, "login-form", "username", c.grace.Username, "password", password), c.grace)
		if a := c.get(s.authorizeURL("prompt", "none", "id_token_hint", c.adas)); a.url.Query().Get("code") == "" {
			t.Errorf("the other one was signed out by it: %s", a.url)
		}
	})
	t.Run("a person who must change the password is asked for the old one first", func(t *testing.T) {
		bob := s.person(s.acme, "bob@acme.test")
		c.add(bob)
		changed := *bob
		changed.RequiredActions = []user.RequiredAction{user.ChangePassword}
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			_, err := s.app.Users.Update(ctx, tx, operator, changed)
			return err
		})
		a := c.choose(c.get(s.authorizeURL()), bob)
		if a.element("login-form") == nil || attribute(a.element("username"), "value") != bob.Username {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func TestHintsSayWhichAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	bob := s.person(s.acme, "bob@acme.test")
	elsewhere := s.browser()
	_, bobs := s.tokens(elsewhere.add(bob))
	silently := func(t *testing.T, wantError string, want *user.User, parameters ...string) *answer {
		t.Helper()
		a := c.get(s.authorizeURL(append([]string{"prompt", "none"}, parameters...)...))
		q := a.url.Query()
		if q.Get("error") != wantError || q.Get("session_state") == "" {
			t.Fatalf("%v, want the error %q", q, wantError)
		}
		if want != nil {
			if got := s.subject(a); got != want.ID.String() {
				t.Fatalf("it is about %s, want %s", got, want.Username)
			}
		}
		return a
	}
	hint := bobs["id_token"].(string)
	t.Run("id_token_hint, prompt=none: the session of that person", func(t *testing.T) {
		silently(t, "", s.ada, "id_token_hint", c.adas)
		silently(t, "", c.grace, "id_token_hint", c.graces)
		silently(t, "", s.ada, "id_token_hint", c.adas, "login_hint", c.grace.Username)
	})
	t.Run("of somebody who is not signed in here (Core §3.1.2.1)", func(t *testing.T) { silently(t, "login_required", nil, "id_token_hint", hint) })
	t.Run("with a max_age that the session does not meet", func(t *testing.T) { silently(t, "login_required", nil, "id_token_hint", c.adas, "max_age", "0") })
	t.Run("claims name a sub", func(t *testing.T) {
		silently(t, "", s.ada, "claims", `{"id_token":{"sub":{"value":"`+s.ada.ID.String()+`"}}}`)
		silently(t, "login_required", nil, "claims", `{"id_token":{"sub":{"value":"`+bob.ID.String()+`"}}}`)
	})
	t.Run("login_hint, prompt=none", func(t *testing.T) {
		silently(t, "", s.ada, "login_hint", "ADA@acme.test")
		silently(t, "", c.grace, "login_hint", c.grace.Username)
	})
	t.Run("no hint: an application goes on with whom it dealt with last", func(t *testing.T) {
		silently(t, "", s.ada, "id_token_hint", c.adas)
		silently(t, "", s.ada)
		silently(t, "", s.ada, "login_hint", "nobody@acme.test")
		c.choose(c.get(s.authorizeURL()), c.grace)
		silently(t, "", c.grace)
	})
	t.Run("no hint: one that dealt with nobody learns that somebody must choose (Core §3.1.2.6)", func(t *testing.T) {
		before, secretBefore := s.web, s.secret
		defer func() { s.web, s.secret = before, secretBefore }()
		made := *s.web
		made.ClientID, made.Name = "", "Stranger"
		s.web, s.secret = s.client(s.acme, made)
		silently(t, "account_selection_required", nil)
		silently(t, "account_selection_required", nil, "login_hint", "nobody@acme.test")
		silently(t, "consent_required", nil, "login_hint", s.ada.Username)
		silently(t, "consent_required", nil, "id_token_hint", c.adas)
	})
	t.Run("interactive: the hinted person without a question", func(t *testing.T) {
		for _, parameters := range [][]string{{"id_token_hint", c.adas}, {"login_hint", s.ada.Username}} {
			if got := s.subject(c.get(s.authorizeURL(parameters...))); got != s.ada.ID.String() {
				t.Errorf("%v: %s", parameters, got)
			}
		}
	})
	t.Run("interactive: a hinted person who is not signed in here signs in", func(t *testing.T) {
		a := c.get(s.authorizeURL("id_token_hint", hint))
		if a.element("login-form") == nil || attribute(a.element("username"), "value") != "" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if a = c.submit(a, "login-form", "username", s.ada.Username, "password", password); a.status != http.StatusUnprocessableEntity {
			t.Fatalf("the wrong person was let through: %d", a.status)
		}
	})
	t.Run("interactive: a login_hint of nobody here asks", func(t *testing.T) {
		if a := c.get(s.authorizeURL("login_hint", bob.Username)); len(a.accounts()) != 2 {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
	t.Run("select_account with a login_hint: that account first", func(t *testing.T) {
		for _, person := range []*user.User{s.ada, c.grace} {
			a := c.get(s.authorizeURL("prompt", "select_account", "login_hint", person.Username))
			if attribute(a.element("account-1"), "value") != a.accounts()[person.Username] || len(a.accounts()) != 2 {
				t.Errorf("%v", a.accounts())
			}
		}
	})
	t.Run("select_account with an id_token_hint: that account only", func(t *testing.T) {
		a := c.get(s.authorizeURL("prompt", "select_account", "id_token_hint", c.adas))
		if len(a.accounts()) != 1 || a.element("account-another") != nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if refused := c.submit(a, "accounts-form", "account", claims(t, c.graces)["sid"].(string)); refused.status != http.StatusUnprocessableEntity {
			t.Fatalf("another account was chosen: %d at %s", refused.status, refused.url)
		}
		if got := s.subject(c.choose(a, s.ada)); got != s.ada.ID.String() {
			t.Error(got)
		}
		if a := c.get(s.authorizeURL("prompt", "select_account", "id_token_hint", hint)); a.element("login-form") == nil {
			t.Errorf("nobody to choose: %d at %s", a.status, a.url)
		}
	})
}

func TestABrowserHoldsAsManyAccountsAsItMay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	var last *user.User
	for _, name := range []string{"b@acme.test", "c@acme.test", "d@acme.test", "e@acme.test", "f@acme.test"} {
		last = s.person(s.acme, name)
		b.add(last)
	}
	a := b.get(s.authorizeURL())
	if offered := a.accounts(); len(offered) != session.MaximumInBrowser || offered[s.ada.Username] != "" || offered[last.Username] == "" {
		t.Fatalf("%v", offered)
	}
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Action: "session.ended", Limit: 10})
	if err != nil || len(events) != 1 || !strings.Contains(string(events[0].Details), "too many accounts in one browser") {
		t.Fatalf("%+v %v", events, err)
	}
}
