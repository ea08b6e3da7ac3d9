package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
)

// alive reports for each of the couple whether their session lives, by their hint.
func (c *couple) alive() (ada, grace bool) {
	c.t.Helper()
	lives := func(hint string) bool {
		return c.get(c.authorizeURL("prompt", "none", "id_token_hint", hint)).url.Query().Get("code") != ""
	}
	return lives(c.adas), lives(c.graces)
}

func (c *couple) expectAlive(t *testing.T, ada, grace bool) {
	t.Helper()
	if a, g := c.alive(); a != ada || g != grace {
		t.Errorf("signed in: Ada %v, Grace %v; want %v, %v", a, g, ada, grace)
	}
}

func TestAChoiceIsBelievedOnlyOfWhoIsSignedInHere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	rival := s.organization("rival")
	elsewhere := s.browser()
	_, tokens := s.tokens(elsewhere.add(s.person(s.acme, "bob@acme.test")))
	bobs := claims(t, tokens["id_token"].(string))["sid"].(string)
	eve := s.person(rival, "eve@rival.test")
	foreign := s.browser()
	foreign.submit(foreign.get("/rival/login"), "login-form", "username", "eve@rival.test", "password", password)
	list, err := s.app.Sessions.OfUser(t.Context(), rival.ID, eve.ID, uuid.Max, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	for name, id := range map[string]string{"another browser's session": bobs, "another organization's session": list[0].ID.String(), "no session": uuid.NewString(),
		"a person instead of a session": s.ada.ID.String(), "no identifier": "1 OR 1=1", "nothing": ""} {
		t.Run(name+" is not chosen", func(t *testing.T) {
			a := c.submit(c.get(s.authorizeURL()), "accounts-form", "account", id)
			if a.status != http.StatusUnprocessableEntity || len(a.accounts()) != 2 || a.element("notice") == nil {
				t.Fatalf("%d at %s", a.status, a.url)
			}
			if got := s.subject(c.choose(a, s.ada)); got != s.ada.ID.String() {
				t.Error("and then the choice goes on")
			}
		})
		if id == "" {
			continue
		}
		t.Run(name+" is not ended", func(t *testing.T) {
			if a := c.submit(c.get(s.authorizeURL()), "accounts-form", "sign_out", id); len(a.accounts()) != 2 {
				t.Fatalf("%d at %s", a.status, a.url)
			}
		})
	}
	c.expectAlive(t, true, true)
	if q := elsewhere.get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("code") == "" {
		t.Errorf("another browser's session ended: %v", q)
	}
	if a := foreign.get("/rival/"); a.element("logout") == nil {
		t.Errorf("another organization's session ended: %d at %s", a.status, a.url)
	}
	t.Run("accounts of one organization are not shown at another", func(t *testing.T) {
		if a := c.get("/rival/select-account"); a.element("login-form") == nil || strings.Contains(a.body, "ada@acme.test") {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
	t.Run("tokens of one organization under the cookie of another", func(t *testing.T) {
		server, _ := url.Parse(s.server.URL)
		thief := s.browser()
		for _, cookie := range c.http.Jar.Cookies(server) {
			for _, kind := range []string{"session", "accounts"} {
				if cookie.Name == "__Host-clavex-"+kind+"-acme" {
					thief.http.Jar.SetCookies(server, []*http.Cookie{{Name: "__Host-clavex-" + kind + "-rival", Value: cookie.Value, Path: "/", Secure: true}})
				}
			}
		}
		if a := thief.get("/rival/select-account"); a.element("login-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
}

func TestFormsOfAccountsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	page := c.get(s.authorizeURL())
	action, fields := page.form("accounts-form")
	for _, pressed := range []string{"account", "sign_out"} {
		fields := url.Values{"transaction": fields["transaction"], "csrf_token": fields["csrf_token"], pressed: {page.accounts()[s.ada.Username]}}
		with := func(name, value string) url.Values {
			changed := url.Values{}
			for k, v := range fields {
				changed[k] = v
			}
			changed.Set(name, value)
			return changed
		}
		_, others := c.get(s.authorizeURL()).form("accounts-form")
		stranger := s.browser()
		stranger.get(s.authorizeURL())
		for name, try := range map[string]struct {
			from   *browser
			form   url.Values
			header []string
			status int
		}{
			"foreign origin":               {c.browser, fields, []string{"Origin", "https://evil.example.test"}, 403},
			"cross-site":                   {c.browser, fields, []string{"Sec-Fetch-Site", "cross-site"}, 403},
			"no token":                     {c.browser, with("csrf_token", ""), nil, 403},
			"the token of another sign-in": {c.browser, with("csrf_token", others.Get("csrf_token")), nil, 403},
			"another sign-in":              {c.browser, with("transaction", others.Get("transaction")), nil, 403},
			"no sign-in":                   {c.browser, with("transaction", ""), nil, 410},
			"another browser":              {stranger, fields, nil, 410},
		} {
			t.Run(pressed+": "+name, func(t *testing.T) {
				if a := try.from.post(action, try.form, try.header...); a.status != try.status {
					t.Fatalf("got %d at %s, want %d", a.status, a.url, try.status)
				}
			})
		}
	}
	c.expectAlive(t, true, true)
	if a := c.get("/rival/select-account?transaction=" + fields.Get("transaction")); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
	if got := s.subject(c.choose(page, s.ada)); got != s.ada.ID.String() {
		t.Error("after all that the genuine form still works")
	}
	if a := c.choose(page, c.grace); a.status != http.StatusGone {
		t.Errorf("a choice was made twice: %d at %s", a.status, a.url)
	}
}

func TestASessionThatEndsBetweenPageAndClick(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	end := func(person uuid.UUID) {
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			return s.app.Sessions.EndAll(ctx, tx, operator, s.acme.ID, person, uuid.Nil, "test")
		})
	}
	page, other, chosen := c.get(s.authorizeURL()), c.get(s.authorizeURL()), c.get(s.authorizeURL("prompt", "consent"))
	consent := c.choose(chosen, c.grace)
	end(c.grace.ID)
	t.Run("the person hears of it, and nobody else is taken for them", func(t *testing.T) {
		a := c.submit(page, "accounts-form", "account", page.accounts()[c.grace.Username])
		if offered := a.accounts(); a.status != http.StatusUnprocessableEntity || len(offered) != 1 || offered[s.ada.Username] == "" || !strings.Contains(a.text("notice"), "not signed in here any more") {
			t.Fatalf("%d at %s: %v", a.status, a.url, offered)
		}
		_, fields := a.form("accounts-form")
		if again := c.get(a.url.String() + "?transaction=" + fields.Get("transaction")); len(again.accounts()) != 1 {
			t.Fatalf("loaded again, somebody was signed in whom nobody chose: %d at %s", again.status, again.url)
		}
	})
	t.Run("the one who is left can be chosen", func(t *testing.T) {
		if got := s.subject(c.choose(other, s.ada)); got != s.ada.ID.String() {
			t.Error(got)
		}
	})
	t.Run("after the choice: that person signs in again", func(t *testing.T) {
		a := c.submit(consent, "consent-form", "decision", "allow")
		if a.element("login-form") == nil || attribute(a.element("username"), "value") != c.grace.Username {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		a = c.submit(c.submit(a, "login-form", "password", password), "consent-form", "decision", "allow")
		if got := s.subject(a); got != c.grace.ID.String() {
			t.Error(got)
		}
	})
	t.Run("when nobody is left, it is a sign-in", func(t *testing.T) {
		page := c.get(s.authorizeURL())
		end(c.grace.ID)
		end(s.ada.ID)
		a := c.submit(page, "accounts-form", "account", page.accounts()[s.ada.Username])
		if a.element("login-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	})
}

func TestTwoTabsAndTwoPeople(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := newCouple(s)
	t.Run("each tab keeps whom it chose", func(t *testing.T) {
		one, two := c.get(s.authorizeURL("prompt", "consent", "state", "one")), c.get(s.authorizeURL("prompt", "consent", "state", "two"))
		one, two = c.choose(one, s.ada), c.choose(two, c.grace)
		first, second := c.submit(one, "consent-form", "decision", "allow"), c.submit(two, "consent-form", "decision", "allow")
		if s.subject(first) != s.ada.ID.String() || s.subject(second) != c.grace.ID.String() || first.url.Query().Get("state") != "one" {
			t.Error("the tabs were mixed up")
		}
	})
	t.Run("a consent page of the only person asks again when somebody else has signed in", func(t *testing.T) {
		b := s.browser()
		b.signIn()
		consent := b.get(s.authorizeURL("prompt", "consent"))
		b.add(c.grace)
		a := b.submit(consent, "consent-form", "decision", "allow")
		if len(a.accounts()) != 2 {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		// Grace does not answer with the form that Ada was shown.
		chosen := b.choose(a, c.grace)
		if forged := b.submit(consent, "consent-form", "decision", "allow"); forged.status != http.StatusForbidden {
			t.Fatalf("%d at %s", forged.status, forged.url)
		}
		if got := s.subject(b.submit(chosen, "consent-form", "decision", "allow")); got != c.grace.ID.String() {
			t.Error(got)
		}
	})
	t.Run("the choice of two tabs of one sign-in at once completes once", func(t *testing.T) {
		page := c.get(s.authorizeURL())
		var codes sync.Map
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if code := c.submit(page, "accounts-form", "account", page.accounts()[s.ada.Username]).url.Query().Get("code"); code != "" {
					codes.Store(code, true)
				}
			})
		}
		all.Wait()
		count := 0
		codes.Range(func(any, any) bool { count++; return true })
		if count != 1 {
			t.Errorf("%d codes from one sign-in", count)
		}
	})
	t.Run("proved in one tab, the other one cannot choose somebody else", func(t *testing.T) {
		page := c.get(s.authorizeURL("prompt", "select_account consent"))
		login := c.submit(page, "accounts-form", "account", "another")
		bob := s.person(s.acme, "bob@acme.test")
		consent := c.submit(login, "login-form", "username", bob.Username, "password", password)
		if a := c.choose(page, s.ada); a.element("consent-form") == nil || !strings.Contains(a.body, bob.Username) {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		if got := s.subject(c.submit(consent, "consent-form", "decision", "allow")); got != bob.ID.String() {
			t.Error(got)
		}
	})
}
