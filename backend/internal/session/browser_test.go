package session_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

func TestInBrowser(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	ada, bob := w.User(acme, "ada@acme.test"), w.User(acme, "bob@acme.test")
	first, adas := begin(w, acme, ada, nil)
	second, bobs := begin(w, acme, bob, nil)
	_, elsewhere := begin(w, rival, w.User(rival, "ada@acme.test"), nil)
	if browser := in(w, acme, bobs, adas); !slices.Equal(browser.IDs(), []uuid.UUID{second.ID, first.ID}) || browser[1].User.ID != ada.ID ||
		browser[0].ConsentedScopes != nil || !slices.Equal(browser.Tokens(), []string{bobs, adas}) {
		t.Fatalf("the sessions of the tokens, in their order: %+v", browser)
	}
	for name, tokens := range map[string][]string{
		"another organization's token": {elsewhere}, "another token": {string(adas[0]^1) + adas[1:]}, "none": {}, "empty": {""}, "enormous": {adas + adas},
		"more than a browser holds": {"", "", "", "", "", adas},
	} {
		if browser := in(w, acme, tokens...); len(browser) != 0 {
			t.Errorf("%s: %+v", name, browser)
		}
	}
	if browser := in(w, acme, elsewhere, "x", bobs); !slices.Equal(browser.IDs(), []uuid.UUID{second.ID}) {
		t.Errorf("what does not exist is left out: %+v", browser)
	}
	if len(in(w, rival, adas, bobs)) != 0 {
		t.Error("sessions are worth something at another organization")
	}
}

func TestABrowserHoldsAFewAccounts(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	var tokens []string
	var people []*user.User
	signIn := func(name string) session.Browser {
		t.Helper()
		w.Clock.Advance(2 * time.Minute)
		person, present := w.User(acme, name), in(w, acme, tokens...)
		begun, token := begin(w, acme, person, present)
		people, tokens = append(people, person), present.Begun(begun, person, token).Tokens()
		browser := in(w, acme, tokens...)
		if browser.Current().User.ID != person.ID || !slices.Equal(browser.Tokens(), tokens) {
			t.Fatalf("after the sign-in of %s the browser holds %v", name, browser)
		}
		return browser
	}
	for _, name := range []string{"a@acme.test", "b@acme.test", "c@acme.test", "d@acme.test"} {
		signIn(name)
	}
	if browser := signIn("e@acme.test"); len(browser) != session.MaximumInBrowser || slices.Contains(w.Events(acme.ID), "session.ended") {
		t.Fatalf("somebody fell out too early: %d", len(browser))
	}
	// The first one is used once more: the second has been idle for longest.
	w.Clock.Advance(2 * time.Minute)
	used := in(w, acme, tokens...).Of(people[0].ID)
	if err := w.Sessions.Touch(t.Context(), used, acme.Policies); err != nil {
		t.Fatal(err)
	}
	fallen := in(w, acme, tokens...).Of(people[1].ID)
	everybody := slices.Clone(tokens)
	browser := signIn("f@acme.test")
	if len(browser) != session.MaximumInBrowser || browser.Of(people[1].ID) != nil || browser.Of(people[0].ID) == nil {
		t.Fatalf("the one unused for longest falls out, nobody else: %+v", browser)
	}
	if in(w, acme, everybody...).ByID(fallen.Session.ID) != nil {
		t.Fatal("a session that fell out lives on for whoever has its token")
	}
	if ended := slices.DeleteFunc(w.Events(acme.ID), func(action string) bool { return action != "session.ended" }); len(ended) != 1 {
		t.Fatalf("%d sessions ended, want 1 on record", len(ended))
	}
	// One of them proves who they are again: nobody falls out.
	again, token := begin(w, acme, people[0], browser)
	if after := browser.Begun(again, people[0], token); len(after) != session.MaximumInBrowser || after.Current().User.ID != people[0].ID ||
		len(in(w, acme, after.Tokens()...)) != session.MaximumInBrowser {
		t.Fatalf("%+v", after)
	}
}

func TestAccountsOfABrowser(t *testing.T) {
	live := func(username, email string) *session.Live {
		return &session.Live{Session: session.Session{ID: uuid.New()}, User: &user.User{ID: uuid.New(), Username: username, Email: email}}
	}
	ada, grace, twin := live("ada", "ada@acme.test"), live("grace@acme.test", ""), live("twin", "grace@acme.test")
	browser := session.Browser{ada, grace}
	for hint, want := range map[string]*session.Live{"ada": ada, "ADA@acme.test": ada, "grace@acme.test": grace, "": nil, "nobody": nil, ada.User.ID.String(): nil} {
		if got := browser.Hinted(hint); got != want {
			t.Errorf("%q means %+v", hint, got)
		}
	}
	if session.Browser(nil).Hinted("") != nil || append(browser, twin).Hinted("grace@acme.test") != nil {
		t.Error("a hint that means two people, or nobody, means somebody")
	}
	if got := append(browser, twin).First(twin); !slices.Equal(got, session.Browser{twin, ada, grace}) || !slices.Equal(browser, session.Browser{ada, grace}) {
		t.Errorf("%+v", got)
	}
	if got := browser.Without(ada.Session.ID); !slices.Equal(got, session.Browser{grace}) || len(browser) != 2 {
		t.Errorf("%+v", got)
	}
	if browser.Of(grace.User.ID) != grace || browser.Of(uuid.New()) != nil || browser.ByID(ada.Session.ID) != ada || browser.ByID(uuid.Nil) != nil || session.Browser(nil).Current() != nil {
		t.Error("somebody is found who is not there, or not found who is")
	}
}
