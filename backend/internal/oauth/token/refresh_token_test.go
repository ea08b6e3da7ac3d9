package token_test

import (
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestRefreshTokenGrant(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.tokens(t, "profile", "email", "offline_access")

	t.Run("rotates, and the ID token keeps iss, sub, aud and auth_time without a nonce", func(t *testing.T) {
		s.Clock.Advance(10 * time.Second)
		before := s.Claims(t, s.organization, first.Text("id_token"), "JWT")
		second := s.party.Refresh(first.Text("refresh_token"))
		expect(t, second, 200, "")
		if second.Text("refresh_token") == first.Text("refresh_token") || second.Text("refresh_token") == "" {
			t.Error("the refresh token was not rotated")
		}
		after := s.Claims(t, s.organization, second.Text("id_token"), "JWT")
		for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid"} {
			if before[name] == nil || before[name] != after[name] {
				t.Errorf("%s was %v, is %v (OpenID Connect Core §12.2)", name, before[name], after[name])
			}
		}
		if after["nonce"] != nil || after["iat"] == before["iat"] {
			t.Errorf("refreshed ID token: %v", after)
		}
		first = second
	})
	t.Run("a narrowed scope holds for one access token", func(t *testing.T) {
		narrow := s.party.Post("token", "grant_type", "refresh_token", "refresh_token", first.Text("refresh_token"), "scope", "openid email")
		expect(t, narrow, 200, "")
		if narrow.Text("scope") != "openid email" {
			t.Errorf("scope is %q", narrow.Text("scope"))
		}
		if got := s.party.Userinfo(narrow.Text("access_token")); got.JSON["email"] == nil || got.JSON["name"] != nil {
			t.Errorf("userinfo of the narrow token: %s", got.Body)
		}
		wide := s.party.Refresh(narrow.Text("refresh_token"))
		expect(t, wide, 200, "")
		if wide.Text("scope") != "openid profile email offline_access" {
			t.Errorf("the scope did not come back: %q", wide.Text("scope"))
		}
		first = wide
	})
	t.Run("a wider scope is refused and changes nothing", func(t *testing.T) {
		expect(t, s.party.Post("token", "grant_type", "refresh_token", "refresh_token", first.Text("refresh_token"), "scope", "openid phone"), 400, "invalid_scope")
		expect(t, s.party.Post("token", "grant_type", "refresh_token", "refresh_token", first.Text("refresh_token"), "scope", "admin:write"), 400, "invalid_scope")
		first = s.party.Refresh(first.Text("refresh_token"))
		expect(t, first, 200, "")
	})
	t.Run("refresh by another client", func(t *testing.T) {
		other := s.Party(t, s.organization, client.Client{})
		expect(t, other.Refresh(first.Text("refresh_token")), 400, "invalid_grant")
		elsewhere := s.Organization(t, "elsewhere", org.Policies{})
		foreign := s.Party(t, elsewhere, client.Client{ClientID: "web"})
		expect(t, foreign.Refresh(first.Text("refresh_token")), 400, "invalid_grant")
		first = s.party.Refresh(first.Text("refresh_token"))
		expect(t, first, 200, "")
	})
	t.Run("a retry inside the grace window gets the same successor", func(t *testing.T) {
		one, two := s.party.Refresh(first.Text("refresh_token")), s.party.Refresh(first.Text("refresh_token"))
		expect(t, one, 200, "")
		expect(t, two, 200, "")
		if one.Text("refresh_token") != two.Text("refresh_token") {
			t.Error("two successors")
		}
		if one.Text("access_token") == two.Text("access_token") {
			t.Error("one access token answered twice")
		}
		first = one
	})
	t.Run("reuse after the grace window revokes the grant and is audited", func(t *testing.T) {
		next := s.party.Refresh(first.Text("refresh_token"))
		expect(t, next, 200, "")
		s.Clock.Advance(31 * time.Second)
		expect(t, s.party.Refresh(first.Text("refresh_token")), 400, "invalid_grant")
		expect(t, s.party.Refresh(next.Text("refresh_token")), 400, "invalid_grant")
		if got := s.party.Userinfo(next.Text("access_token")); got.Status != 401 {
			t.Errorf("the access token of a revoked grant: %d", got.Status)
		}
		if !s.audited(t, "refresh_token.reused") {
			t.Error("no audit event")
		}
	})
}

func TestTwoSimultaneousRefreshesAgreeOnOneSuccessor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	current := s.tokens(t, "offline_access").Text("refresh_token")
	for range 5 {
		answers := simultaneously(4, func() oidctest.Answer { return s.party.Refresh(current) })
		for _, answer := range answers {
			if answer.Status != 200 || answer.Text("refresh_token") != answers[0].Text("refresh_token") {
				t.Fatalf("answered %d %s", answer.Status, answer.Body)
			}
		}
		current = answers[0].Text("refresh_token")
	}
	var living int
	if err := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM refresh_tokens WHERE rotated_at IS NULL").Scan(&living); err != nil || living != 1 {
		t.Errorf("%d refresh tokens live (%v)", living, err)
	}
}

func TestRefreshTokensDieWithWhatTheyDependOn(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(t *testing.T, s *scene){
		"ended session":  func(t *testing.T, s *scene) { s.EndSession(t, s.session) },
		"suspended user": func(t *testing.T, s *scene) { s.Disable(t, s.ada) },
		"expired": func(_ *testing.T, s *scene) {
			s.Clock.Advance(org.DefaultRefreshTokenLifetime + time.Second)
		},
		"session older than its absolute lifetime": func(_ *testing.T, s *scene) {
			s.Clock.Advance(org.DefaultSessionAbsolute + time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tokens := s.tokens(t)
			kill(t, s)
			expect(t, s.party.Refresh(tokens.Text("refresh_token")), 400, "invalid_grant")
			if got := s.party.Userinfo(tokens.Text("access_token")); got.Status != 401 {
				t.Errorf("userinfo: %d %s", got.Status, got.Body)
			}
		})
	}
	t.Run("session idle for longer than the organization allows", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.SetPolicies(t, s.organization, org.Policies{SessionIdleSeconds: 600})
		s.organization, _ = s.Organizations.Serving(t.Context(), s.organization.Slug)
		s.session = s.SignIn(t, s.organization, s.ada)
		tokens, offline := s.tokens(t), s.tokens(t, "offline_access")
		for range 3 { // an application that is in use keeps the session alive
			s.Clock.Advance(9 * time.Minute)
			tokens = s.party.Refresh(tokens.Text("refresh_token"))
			expect(t, tokens, 200, "")
		}
		s.Clock.Advance(24 * time.Hour)
		if got := s.party.Introspect(tokens.Text("refresh_token")); got.JSON["active"] != false {
			t.Errorf("introspection: %s", got.Body)
		}
		expect(t, s.party.Refresh(tokens.Text("refresh_token")), 400, "invalid_grant")
		expect(t, s.party.Refresh(offline.Text("refresh_token")), 200, "")
	})
	t.Run("offline access outlives the session", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		tokens := s.tokens(t, "offline_access")
		s.EndSession(t, s.session)
		expect(t, s.party.Refresh(tokens.Text("refresh_token")), 200, "")
	})
	t.Run("disabled client", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		tokens := s.tokens(t)
		disabled := *s.party.Client
		disabled.Status = client.Disabled
		s.Change(t, disabled)
		expect(t, s.party.Refresh(tokens.Text("refresh_token")), 401, "invalid_client")
		if got := s.party.Userinfo(tokens.Text("access_token")); got.Status != 401 {
			t.Errorf("userinfo: %d %s", got.Status, got.Body)
		}
	})
	t.Run("code of a suspended user or an ended session", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		code, other := s.code(t), s.Person(t, s.organization, "grace")
		inOther := s.Code(t, s.party.Client, s.SignIn(t, s.organization, other), "openid")
		s.EndSession(t, s.session)
		s.Disable(t, other)
		expect(t, s.party.Redeem(code), 400, "invalid_grant")
		expect(t, s.party.Redeem(inOther), 400, "invalid_grant")
	})
}

func (s *scene) audited(t *testing.T, action string) bool {
	t.Helper()
	var found bool
	err := s.Store.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM audit_events WHERE org_id = $1 AND action = $2)", s.organization.ID, action).Scan(&found)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
