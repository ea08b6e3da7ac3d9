package token_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestAuthorizationCodeGrant(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code := s.code(t, "profile", "offline_access")
	answer := s.party.Redeem(code)
	expect(t, answer, 200, "")
	if answer.Header.Get("Pragma") != "no-cache" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		t.Errorf("headers: %v", answer.Header)
	}
	if answer.Text("token_type") != "Bearer" || answer.JSON["expires_in"] != 300.0 || answer.Text("scope") != "openid profile offline_access" ||
		answer.Text("refresh_token") == "" || answer.Text("id_token") == "" {
		t.Errorf("response: %s", answer.Body)
	}

	t.Run("the access token is one of RFC 9068", func(t *testing.T) {
		header := oidctest.Header(t, answer.Text("access_token"))
		if header.Type != "at+jwt" || header.Algorithm != "ES256" || header.KeyID == "" {
			t.Errorf("header: %+v", header)
		}
		claims := s.Claims(t, s.organization, answer.Text("access_token"), "at+jwt")
		issuer := s.Issuers.URL(s.organization)
		for name, want := range map[string]any{"iss": issuer, "aud": issuer, "sub": s.ada.ID.String(), "client_id": "web", "scope": "openid profile offline_access",
			"sid": s.session.ID.String(), "auth_time": float64(s.session.AuthenticatedAt.Unix())} {
			if claims[name] != want {
				t.Errorf("%s is %v, want %v", name, claims[name], want)
			}
		}
		if claims["jti"] == nil || claims["gid"] == nil || claims["exp"].(float64)-claims["iat"].(float64) != 300 {
			t.Errorf("claims: %v", claims)
		}
	})
	t.Run("whoever found the used code ends nothing with it", func(t *testing.T) {
		found := code
		found.Verifier = strings.Repeat("x", 43)
		expect(t, s.party.Redeem(found), 400, "invalid_grant")
		found = code
		found.RedirectURI += "?x=1"
		expect(t, s.party.Redeem(found), 400, "invalid_grant")
		if got := s.party.Userinfo(answer.Text("access_token")); got.Status != 200 {
			t.Errorf("userinfo: %d %s", got.Status, got.Body)
		}
	})
	t.Run("a code used twice is refused and kills the tokens made from it", func(t *testing.T) {
		if got := s.party.Userinfo(answer.Text("access_token")); got.Status != 200 {
			t.Fatalf("userinfo before: %d %s", got.Status, got.Body)
		}
		expect(t, s.party.Redeem(code), 400, "invalid_grant")
		if got := s.party.Userinfo(answer.Text("access_token")); got.Status != 401 {
			t.Errorf("the access token survived a replayed code: %d", got.Status)
		}
		expect(t, s.party.Refresh(answer.Text("refresh_token")), 400, "invalid_grant")
	})
}

func TestCodeIsBoundToEverythingOfItsRequest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	other := s.Party(t, s.organization, client.Client{ClientID: "other"})
	elsewhere := s.Organization(t, "elsewhere", org.Policies{})
	foreign := s.Party(t, elsewhere, client.Client{ClientID: "web"}) // the same client_id in another organization
	foreign.Secret = strings.Clone(foreign.Secret)

	for name, attempt := range map[string]func(oidctest.Code) oidctest.Answer{
		"code of another client":       other.Redeem,
		"code of another organization": foreign.Redeem,
		"wrong verifier": func(c oidctest.Code) oidctest.Answer {
			c.Verifier = strings.Repeat("x", 43)
			return s.party.Redeem(c)
		},
		"no verifier": func(c oidctest.Code) oidctest.Answer {
			return s.party.Post("token", "grant_type", "authorization_code", "code", c.Code, "redirect_uri", c.RedirectURI)
		},
		"verifier with characters of RFC 7636 §4.1 wrong": func(c oidctest.Code) oidctest.Answer {
			c.Verifier = strings.Repeat("ä", 43)
			return s.party.Redeem(c)
		},
		"the challenge itself as verifier (plain)": func(c oidctest.Code) oidctest.Answer {
			c.Verifier = token.CodeChallenge(c.Verifier)
			return s.party.Redeem(c)
		},
		"another redirect URI": func(c oidctest.Code) oidctest.Answer {
			c.RedirectURI += "?x=1"
			return s.party.Redeem(c)
		},
		"no redirect URI though the request had one": func(c oidctest.Code) oidctest.Answer {
			return s.party.Post("token", "grant_type", "authorization_code", "code", c.Code, "code_verifier", c.Verifier)
		},
		"invented code": func(c oidctest.Code) oidctest.Answer {
			c.Code = strings.Repeat("A", 43)
			return s.party.Redeem(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			code := s.code(t)
			expect(t, attempt(code), 400, "invalid_grant")
			// A wrong attempt must not cost the rightful client its code.
			expect(t, s.party.Redeem(code), 200, "")
		})
	}
	t.Run("credentials of the same client_id in another organization", func(t *testing.T) {
		code := s.code(t)
		crossed := *foreign
		crossed.Organization = s.organization
		expect(t, crossed.Redeem(code), 401, "invalid_client")
	})
	t.Run("expired after a minute", func(t *testing.T) {
		code := s.code(t)
		s.Clock.Advance(61 * time.Second)
		expect(t, s.party.Redeem(code), 400, "invalid_grant")
	})
}

func TestTwoSimultaneousRedemptionsOneWins(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for range 5 {
		code := s.code(t)
		answers := simultaneously(4, func() oidctest.Answer { return s.party.Redeem(code) })
		won := 0
		for _, answer := range answers {
			switch {
			case answer.Status == 200:
				won++
			case answer.Status != 400 || answer.ErrorCode() != "invalid_grant":
				t.Errorf("answered %d %s", answer.Status, answer.Body)
			}
		}
		if won != 1 {
			t.Errorf("%d of 4 simultaneous redemptions won", won)
		}
	}
}

func simultaneously(n int, do func() oidctest.Answer) []oidctest.Answer {
	answers := make([]oidctest.Answer, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			answers[i] = do()
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return answers
}
