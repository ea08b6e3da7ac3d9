package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// setPassword does what an administrator does: another password, to be changed at the next sign-in or
// not, and everything older ends.
func (s *site) setPassword(person *user.User, chosen string, temporary bool) {
	s.t.Helper()
	hashed, err := s.app.Passwords.HashPreset(s.t.Context(), person.OrgID, chosen)
	if err != nil {
		s.t.Fatal(err)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		current, err := s.app.Users.ByID(ctx, tx, person.OrgID, person.ID)
		if err != nil {
			return err
		}
		changed := *current
		if changed.RequiredActions = nil; temporary {
			changed.RequiredActions = []user.RequiredAction{user.ChangePassword}
		}
		if _, err := s.app.Users.Update(ctx, tx, operator, changed); err != nil {
			return err
		}
		if err := s.app.Passwords.Store(ctx, tx, operator, person.OrgID, person.ID, hashed); err != nil {
			return err
		}
		return s.app.Sessions.EndAll(ctx, tx, operator, person.OrgID, person.ID, uuid.Nil, "password set by an administrator")
	})
}

// Fault 7: what was proved with a password that has been replaced since proves nothing, also when it lies
// in a sign-in that waits at a page.
func TestASignInWaitingForANewPasswordDiesWithTheOldPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	begin := func(t *testing.T, person *user.User) (*browser, *answer) {
		t.Helper()
		b := s.browser()
		a := b.submit(b.get("/acme/login"), "login-form", "username", person.Username, "password", password)
		if a.url.Path != "/acme/action/change-password" {
			t.Fatalf("got %d at %s", a.status, a.url)
		}
		return b, a
	}
	loggedOut := func(t *testing.T, b *browser) {
		t.Helper()
		if a := b.get("/acme/"); a.element("login-form") == nil {
			t.Fatalf("a session began: %d at %s", a.status, a.url)
		}
	}
	t.Run("it begins no session when nothing has to be changed any more", func(t *testing.T) {
		person := s.person(s.acme, "eve@acme.test", user.ChangePassword)
		thief, page := begin(t, person)
		s.setPassword(person, "Another-No-1844", false)
		if a := thief.get(page.url.String()); a.element("login-form") == nil {
			t.Fatalf("got %d at %s:\n%s", a.status, a.url, a.body)
		}
		loggedOut(t, thief)
	})
	t.Run("it sets no password, and tells nothing about the new one", func(t *testing.T) {
		person := s.person(s.acme, "eva@acme.test", user.ChangePassword)
		thief, page := begin(t, person)
		s.setPassword(person, "Another-No-1844", true)
		for _, guess := range []string{"Another-No-1844", "Stolen-No-1845"} {
			if a := thief.submit(page, "password-form", "new_password", guess, "new_password_confirmation", guess); a.element("login-form") == nil {
				t.Fatalf("got %d at %s:\n%s", a.status, a.url, a.body)
			}
		}
		loggedOut(t, thief)
		owner := s.browser()
		if a := owner.submit(owner.get("/acme/login"), "login-form", "username", person.Username, "password", "Another-No-1844"); a.url.Path != "/acme/action/change-password" {
			t.Fatalf("the new password does not work: %d at %s", a.status, a.url)
		}
	})
}

// Two people at one browser: the consent page that one of them left open is not an answer of the other.
func TestConsentIsOnlyTheAnswerOfThePersonWhoWasAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	b := s.browser()
	asked := b.submit(b.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
	b.submit(b.get("/acme/logout"), "logout-form", "decision", "confirm")
	again := b.get(s.authorizeURL())
	b.submit(again, "login-form", "username", bob.Username, "password", password)

	first := b.get(s.authorizeURL()) // a page that asks bob
	if first.element("consent-form") == nil {
		t.Fatalf("got %d at %s", first.status, first.url)
	}
	b.submit(b.get("/acme/logout"), "logout-form", "decision", "confirm")
	b.submit(b.get("/acme/login"), "login-form", "username", s.ada.Username, "password", password)
	for name, page := range map[string]*answer{"ada's own, begun by a session that ended": asked, "bob's, answered in ada's session": first} {
		a := b.submit(page, "consent-form", "decision", "allow")
		if a.url.Query().Get("code") != "" {
			t.Fatalf("%s: the other person's consent was given: %s", name, a.url)
		}
	}
}

// Fault 19: a client that registered itself learns nothing about a person before the person agreed, not
// even who they are.
func TestWithoutAnyScopeConsentIsNotSkipped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.submit(b.get("/acme/login"), "login-form", "username", s.ada.Username, "password", password)
	for name, scope := range map[string]string{"no scope": "", "a scope that the client does not have": "payments"} {
		for _, prompt := range []string{"", "none"} {
			a := b.get(s.authorizeURL("scope", scope, "prompt", prompt))
			if a.url.Query().Get("code") != "" {
				t.Errorf("%s, prompt %q: got a code without a question", name, prompt)
			}
		}
	}
}

// A scope that was taken from a client is not in the tokens that it gets afterwards.
func TestAScopeTakenFromAClientIsNotRefreshed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		changed := *s.web
		changed.Scopes = []string{"openid", "profile", "email", "payments"}
		s.web, _, err = s.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Clients.Forget(s.web)
	b := s.browser()
	status, first := s.tokens(b.signIn("scope", "openid email payments"))
	if status != http.StatusOK || first["scope"] != "openid email payments" {
		t.Fatalf("got %d %v", status, first)
	}
	waiting := b.get(s.authorizeURL("scope", "openid email payments"))
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		changed := *s.web
		changed.Scopes = []string{"openid", "profile", "email"}
		s.web, _, err = s.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Clients.Forget(s.web)
	refreshToken, _ := first["refresh_token"].(string)
	if status, got := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}); status != http.StatusOK || got["scope"] != "openid email" {
		t.Errorf("refreshed: got %d %v", status, got)
	}
	if status, got := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "scope": {"payments"}}); status != http.StatusBadRequest || got["error"] != "invalid_scope" {
		t.Errorf("asked for: got %d %v", status, got)
	}
	if status, got := s.tokens(waiting); status != http.StatusOK || got["scope"] != "openid email" {
		t.Errorf("redeemed: got %d %v", status, got)
	}
}

// Fault 7: a code that was issued before the session ended dies with it, offline access or not; otherwise
// an authorization at the very moment of a password change outlives it.
func TestACodeWithOfflineAccessDiesWithItsSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	a := b.signIn("scope", "openid offline_access")
	if a.url.Query().Get("code") == "" {
		t.Fatalf("got %d at %s", a.status, a.url)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error { // what EndAll did before the code was there
		_, err := tx.Exec(ctx, "UPDATE sessions SET ended_at = now(), end_reason = 'password changed' WHERE org_id = $1", s.acme.ID)
		return err
	})
	if status, got := s.tokens(a); status != http.StatusBadRequest || got["error"] != "invalid_grant" {
		t.Fatalf("got %d %v", status, got)
	}
}

// Fault 7: the access token that comes with such a code through the browser dies with it, whatever ended the session.
func TestATokenThatComesWithACodeDiesWithTheSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *site){
		"signed out": func(s *site) {
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				_, err := s.app.Sessions.EndEverywhere(ctx, tx, operator, s.acme.ID, s.ada.ID, "test")
				return err
			})
		},
		"another password": func(s *site) { s.setPassword(s.ada, "Another-No-1844", false) },
		"ended before the grant was there": func(s *site) {
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE sessions SET ended_at = now(), end_reason = 'password changed' WHERE org_id = $1", s.acme.ID)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.everything()
			token := fragment(s.browser().signIn("response_type", "code token", "scope", "openid offline_access")).Get("access_token")
			if status, _, body := s.userinfo(token); status != http.StatusOK {
				t.Fatalf("before: %d %s", status, body)
			}
			end(s)
			if status, _, _ := s.userinfo(token); status != http.StatusUnauthorized {
				t.Errorf("after: %d", status)
			}
		})
	}
}

// Fault 7: an authorization that runs while everything of the person is ended gets nothing, and no client waits to
// hear of an end that is over.
func TestAnAuthorizationAtTheMomentOfTheEndGetsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.everything()
	b := s.browser()
	b.signIn("scope", "openid offline_access")
	before := s.grants()
	answered := make(chan *answer, 1)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		if err := s.app.Sessions.EndAll(ctx, tx, operator, s.acme.ID, s.ada.ID, uuid.Nil, "password changed"); err != nil {
			return err
		}
		go func() {
			answered <- b.get(s.authorizeURL("response_type", "code token", "scope", "openid offline_access"))
		}()
		dbtest.UntilALockIsAwaited(t, s.app.Store, func() bool { return len(answered) > 0 })
		return nil
	})
	a := <-answered
	if got := fragment(a); got.Get("error") != "login_required" || got.Get("state") != "the-state" || got.Get("iss") == "" || got.Has("code") || got.Has("access_token") {
		t.Errorf("got %d at %s: %v", a.status, a.url, got)
	}
	if after := s.grants(); after != before {
		t.Errorf("%d grants, then %d", before, after)
	}
}

func (s *site) grants() (count int) {
	s.t.Helper()
	if err := s.app.Store.QueryRow(s.t.Context(), "SELECT count(*) FROM grants").Scan(&count); err != nil {
		s.t.Fatal(err)
	}
	return count
}

// Anybody may begin sign-ins: what one leaves behind is bounded by what the checks read, not by what was
// sent.
func TestAStrangersRequestLeavesOnlyWhatIsUnderstood(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	form, err := url.ParseQuery(strings.TrimPrefix(s.authorizeURL("login_hint", "ada"), "/acme/authorize?"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c", "audience"} {
		form.Set(name, strings.Repeat("x", 15<<10))
	}
	b := s.browser()
	if a := b.post("/acme/authorize", form); a.element("login-form") == nil {
		t.Fatalf("got %d at %s", a.status, a.url)
	}
	var largest int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT max(length(value)) FROM kv_entries WHERE kind = 'login-transaction'").Scan(&largest); err != nil || largest == 0 || largest > 4096 {
		t.Fatalf("%d bytes, %v", largest, err)
	}
	if a := b.signIn("login_hint", "ada"); a.url.Query().Get("code") == "" || a.url.Query().Get("state") != "the-state" {
		t.Fatalf("got %d at %s", a.status, a.url)
	}
}
