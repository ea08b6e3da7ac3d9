package token_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

// scene is an organization with a person who is signed in and an application.
type scene struct {
	*oidctest.Provider
	organization *org.Organization
	ada          *user.User
	session      session.Session
	party        *oidctest.Party
}

func newScene(t *testing.T) *scene {
	t.Helper()
	p := oidctest.NewProvider(t)
	s := &scene{Provider: p, organization: p.Organization(t, "acme", org.Policies{})}
	s.ada = p.Person(t, s.organization, "ada")
	s.session = p.SignIn(t, s.organization, s.ada)
	s.party = p.Party(t, s.organization, client.Client{ClientID: "web"})
	return s
}

func (s *scene) code(t *testing.T, scopes ...string) oidctest.Code {
	t.Helper()
	return s.Code(t, s.party.Client, s.session, append([]string{"openid"}, scopes...)...)
}

// tokens redeems a fresh code.
func (s *scene) tokens(t *testing.T, scopes ...string) oidctest.Answer {
	t.Helper()
	answer := s.party.Redeem(s.code(t, scopes...))
	if answer.Status != 200 {
		t.Fatalf("redeeming a good code: %d %s", answer.Status, answer.Body)
	}
	return answer
}

func expect(t *testing.T, answer oidctest.Answer, status int, code string) {
	t.Helper()
	if answer.Status != status || answer.ErrorCode() != code {
		t.Fatalf("answered %d %s, want %d %q", answer.Status, answer.Body, status, code)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q (RFC 6749 §5.1)", got)
	}
}

func TestRoundTripBudgets(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	warm := s.tokens(t, "profile")
	code := s.code(t)
	s.Trips.AtMost(t, 2, "code → token", func() { warm = s.party.Redeem(code) })
	expect(t, warm, 200, "")
	refresh := warm.Text("refresh_token")
	s.Trips.AtMost(t, 1, "refresh", func() { warm = s.party.Refresh(refresh) })
	expect(t, warm, 200, "")
	s.Trips.AtMost(t, 1, "userinfo", func() {
		if got := s.party.Userinfo(warm.Text("access_token")); got.Status != 200 {
			t.Errorf("userinfo: %d", got.Status)
		}
	})
	for _, kind := range []string{"access_token", "refresh_token"} {
		s.Trips.AtMost(t, 1, "introspection of "+kind, func() {
			if got := s.party.Introspect(warm.Text(kind)); got.JSON["active"] != true {
				t.Errorf("introspection: %s", got.Body)
			}
		})
	}
}

func TestTokenRequestsThatAreMalformed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	authorization := oidctest.Basic("web", s.party.Secret)
	form := "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		contentType, body string
		status            int
		code              string
	}{
		"wrong content type":      {"application/json", `{"grant_type":"client_credentials"}`, 400, "invalid_request"},
		"no content type":         {"", "grant_type=refresh_token", 400, "invalid_request"},
		"oversized body":          {form, "grant_type=refresh_token&refresh_token=" + strings.Repeat("x", 65<<10), 413, "invalid_request"},
		"duplicate parameter":     {form, "grant_type=refresh_token&refresh_token=a&refresh_token=b", 400, "invalid_request"},
		"duplicate of an unknown": {form, "grant_type=refresh_token&refresh_token=a&x=1&x=2", 400, "invalid_request"},
		"invalid UTF-8":           {form, "grant_type=refresh_token&refresh_token=%ff", 400, "invalid_request"},
		"NUL":                     {form, "grant_type=refresh_token&refresh_token=a%00", 400, "invalid_request"},
		"bad percent encoding":    {form, "grant_type=refresh_token&refresh_token=%zz", 400, "invalid_request"},
		"no grant_type":           {form, "refresh_token=x", 400, "invalid_request"},
		"empty grant_type":        {form, "grant_type=&refresh_token=x", 400, "invalid_request"},
		"unknown grant_type":      {form, "grant_type=password&username=a&password=b", 400, "unsupported_grant_type"},
		"grant not registered":    {form, "grant_type=client_credentials", 400, "unauthorized_client"},
		"no code":                 {form, "grant_type=authorization_code", 400, "invalid_request"},
		"no refresh token":        {form, "grant_type=refresh_token", 400, "invalid_request"},
		"malformed refresh token": {form, "grant_type=refresh_token&refresh_token=x", 400, "invalid_grant"},
		"too many parameters":     {form, "grant_type=refresh_token" + manyParameters(), 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, s.PostBody(s.organization, "token", test.contentType, test.body, "Authorization", authorization), test.status, test.code)
		})
	}
	t.Run("method", func(t *testing.T) {
		if got := s.Get("/acme/token"); got.Status != 405 || !strings.Contains(got.Header.Get("Allow"), "POST") {
			t.Errorf("GET: %d, Allow %q", got.Status, got.Header.Get("Allow"))
		}
	})
	t.Run("unknown organization", func(t *testing.T) {
		if got := s.Post(&org.Organization{Slug: "nobody"}, "token", url.Values{"grant_type": {"refresh_token"}}); got.Status != 404 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func manyParameters() string {
	var text strings.Builder
	for i := range 200 {
		text.WriteString("&p" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=1")
	}
	return text.String()
}

// TestLostDatabase: 503 and Retry-After, nothing half done, recovery without a restart.
func TestLostDatabase(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	tokens, code := s.tokens(t, "offline_access"), s.code(t)
	s.Database.Cut()
	for name, answer := range map[string]oidctest.Answer{
		"code":          s.party.Redeem(code),
		"refresh":       s.party.Refresh(tokens.Text("refresh_token")),
		"userinfo":      s.party.Userinfo(tokens.Text("access_token")),
		"introspection": s.party.Introspect(tokens.Text("access_token")),
		"revocation":    s.party.Post("revoke", "token", tokens.Text("refresh_token")),
		"other client":  s.Post(s.organization, "token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"unseen"}}),
		"organization":  s.Get("/unseen/jwks"),
	} {
		if answer.Status != 503 || answer.ErrorCode() != "temporarily_unavailable" || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, Retry-After %q", name, answer.Status, answer.Body, answer.Header.Get("Retry-After"))
		}
	}
	if got := s.Get("/acme/jwks"); got.Status != 200 {
		t.Errorf("the JWK set, which is in memory: %d", got.Status)
	}
	s.Database.Mend()
	expect(t, s.party.Redeem(code), 200, "")
	expect(t, s.party.Refresh(tokens.Text("refresh_token")), 200, "")
}
