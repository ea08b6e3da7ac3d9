package token_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
)

func TestOpaqueAccessTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetPolicies(t, s.organization, org.Policies{TokenPolicy: org.TokenPolicy{AccessTokenFormat: org.OpaqueAccessToken}})
	tokens := s.tokens(t, "profile")
	access := tokens.Text("access_token")
	if !strings.HasPrefix(access, "clavex_at_") || strings.Contains(access, ".") || strings.Contains(access, "ada") {
		t.Fatalf("%s", access)
	}
	if got := s.party.Userinfo(access); got.JSON["sub"] != s.ada.ID.String() || got.JSON["name"] == nil {
		t.Errorf("userinfo: %s", got.Body)
	}
	s.Trips.AtMost(t, 1, "introspection of an opaque token", func() {
		if got := s.party.Introspect(access); got.JSON["active"] != true || got.Text("scope") != "openid profile" || got.Text("client_id") != "web" {
			t.Errorf("introspection: %s", got.Body)
		}
	})
	t.Run("the ID token speaks of it as of any other", func(t *testing.T) {
		if s.Claims(t, s.organization, tokens.Text("id_token"), "JWT")["at_hash"] == nil {
			t.Error("no at_hash")
		}
	})
	t.Run("altered, cut, of another organization, of another server", func(t *testing.T) {
		elsewhere := s.Organization(t, "elsewhere", org.Policies{TokenPolicy: org.TokenPolicy{AccessTokenFormat: org.OpaqueAccessToken}})
		foreign := s.Party(t, elsewhere, client.Client{ClientID: "web"})
		theirs := foreign.Redeem(s.Code(t, foreign.Client, s.SignIn(t, elsewhere, s.Person(t, elsewhere, "ada")), "openid")).Text("access_token")
		other := newScene(t)
		other.SetPolicies(t, other.organization, org.Policies{TokenPolicy: org.TokenPolicy{AccessTokenFormat: org.OpaqueAccessToken}})
		last := "A"
		if strings.HasSuffix(access, "A") {
			last = "Q"
		}
		for name, token := range map[string]string{"altered": access[:len(access)-1] + last, "cut": access[:len(access)-8], "the prefix alone": "clavex_at_", "another key": "clavex_at_0123456789abcdef" + access[26:],
			"longer than a token can be": access + strings.Repeat("A", 12<<10), "not base64": access + "!", "another organization's": theirs, "another server's": other.tokens(t).Text("access_token")} {
			if got := s.party.Userinfo(token); got.Status != 401 {
				t.Errorf("%s: userinfo %d", name, got.Status)
			}
			if got := s.party.Introspect(token); string(got.Body) != `{"active":false}` {
				t.Errorf("%s: %s", name, got.Body)
			}
		}
		if got := foreign.Userinfo(access); got.Status != 401 {
			t.Errorf("at another organization: %d", got.Status)
		}
		if got := foreign.Userinfo(theirs); got.Status != 200 {
			t.Errorf("at its own: %d %s", got.Status, got.Body)
		}
	})
	t.Run("revoked like any other", func(t *testing.T) {
		one := s.tokens(t).Text("access_token")
		if got := s.party.Post("revoke", "token", one); got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		if got := s.party.Userinfo(one); got.Status != 401 {
			t.Errorf("userinfo: %d", got.Status)
		}
		if got := s.party.Userinfo(access); got.Status != 200 {
			t.Errorf("the other one: %d", got.Status)
		}
	})
	t.Run("bound", func(t *testing.T) {
		prover := s.NewProver(t)
		code := s.code(t)
		bound := s.party.With("DPoP", prover.Proof(t, "POST", s.URL+"/acme/token", nil)).Redeem(code)
		expect(t, bound, 200, "")
		if got := s.party.Userinfo(bound.Text("access_token")); got.Status != 401 {
			t.Errorf("without its key: %d", got.Status)
		}
		if got := s.party.Introspect(bound.Text("access_token")); fmt.Sprint(got.JSON["cnf"]) != "map[jkt:"+prover.Thumbprint(t)+"]" {
			t.Errorf("%s", got.Body)
		}
	})
	t.Run("expired", func(t *testing.T) {
		s.Clock.Advance(10 * time.Minute)
		if got := s.party.Userinfo(access); got.Status != 401 {
			t.Errorf("userinfo: %d", got.Status)
		}
	})
	t.Run("a client has its own form", func(t *testing.T) {
		readable := s.Party(t, s.organization, client.Client{ClientID: "readable", Metadata: client.Metadata{TokenPolicy: org.TokenPolicy{AccessTokenFormat: org.JWTAccessToken}}})
		s.Claims(t, s.organization, readable.Redeem(s.Code(t, readable.Client, s.session, "openid")).Text("access_token"), "at+jwt")
	})
}

func TestOpaqueTokensAreExchanged(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	x.SetPolicies(t, x.organization, org.Policies{TokenPolicy: org.TokenPolicy{AccessTokenFormat: org.OpaqueAccessToken}})
	answer := x.ask(x.service, x.tokens(t, "profile").Text("access_token"), "audience", ledger)
	expect(t, answer, 200, "")
	if got := x.service.Introspect(answer.Text("access_token")); got.JSON["active"] != true || fmt.Sprint(got.JSON["aud"]) != "["+ledger+"]" {
		t.Errorf("%s", got.Body)
	}
}

func TestAccessTokensContainClaimsThatThePolicyNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetPolicies(t, s.organization, org.Policies{TokenPolicy: org.TokenPolicy{AccessTokenClaims: []string{"email", "name", "team"}},
		Claims: []org.ClaimDefinition{{Name: "team", Attribute: "team"}}, Scopes: []org.ScopeDefinition{{Name: "work", Claims: []string{"team"}}}})
	of := func(t *testing.T, party *oidctest.Party, scopes ...string) map[string]any {
		t.Helper()
		answer := party.Redeem(s.Code(t, party.Client, s.session, append([]string{"openid"}, scopes...)...))
		expect(t, answer, 200, "")
		return s.Claims(t, s.organization, answer.Text("access_token"), "at+jwt")
	}
	if claims := of(t, s.party, "email"); claims["email"] != "ada@example.test" || claims["name"] != nil || claims["email_verified"] != nil || claims["team"] != nil {
		t.Errorf("what no granted scope stands for, or the policy does not name: %v", claims)
	}
	if claims := of(t, s.party); claims["email"] != nil {
		t.Errorf("%v", claims)
	}
	none := s.Party(t, s.organization, client.Client{ClientID: "none", Metadata: client.Metadata{TokenPolicy: org.TokenPolicy{AccessTokenClaims: []string{}}}})
	if claims := of(t, none, "email", "profile"); claims["email"] != nil || claims["name"] != nil {
		t.Errorf("a client that wants none: %v", claims)
	}
	service := s.Party(t, s.organization, client.Client{ClientID: "service", GrantTypes: []string{client.ClientCredentials}, ResponseTypes: []string{}, Scopes: []string{"orders"}})
	own := service.Post("token", "grant_type", "client_credentials")
	expect(t, own, 200, "")
	if claims := s.Claims(t, s.organization, own.Text("access_token"), "at+jwt"); claims["email"] != nil {
		t.Errorf("a client's own token: %v", claims)
	}
}

func TestRefreshTokensThatStay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetPolicies(t, s.organization, org.Policies{TokenPolicy: org.TokenPolicy{RefreshTokenRotation: org.KeepRefreshTokens}})
	first := s.tokens(t, "offline_access").Text("refresh_token")
	for range 2 {
		again := s.party.Refresh(first)
		expect(t, again, 200, "")
		if again.Text("refresh_token") != first {
			t.Errorf("it was replaced: %s", again.Body)
		}
		s.Clock.Advance(time.Minute)
	}
	public := s.Party(t, s.organization, client.Client{ClientID: "spa", AuthenticationMethod: client.None})
	t.Run("not a public client's, unless it is bound (OAuth 2.1 §4.3.1)", func(t *testing.T) {
		bearer := public.Redeem(s.Code(t, public.Client, s.session, "openid")).Text("refresh_token")
		if next := public.Refresh(bearer); next.Status != 200 || next.Text("refresh_token") == bearer {
			t.Errorf("%d %s", next.Status, next.Body)
		}
		prover := s.NewProver(t)
		proven := func() *oidctest.Party {
			return public.With("DPoP", prover.Proof(t, "POST", s.URL+"/acme/token", nil))
		}
		bound := proven().Redeem(s.Code(t, public.Client, s.session, "openid")).Text("refresh_token")
		if next := proven().Refresh(bound); next.Status != 200 || next.Text("refresh_token") != bound {
			t.Errorf("%d %s", next.Status, next.Body)
		}
	})
	t.Run("a client has its own rule", func(t *testing.T) {
		rotating := s.Party(t, s.organization, client.Client{ClientID: "rotating", Metadata: client.Metadata{TokenPolicy: org.TokenPolicy{RefreshTokenRotation: org.RotateRefreshTokens}}})
		before := rotating.Redeem(s.Code(t, rotating.Client, s.session, "openid")).Text("refresh_token")
		if next := rotating.Refresh(before); next.Text("refresh_token") == before {
			t.Error("it stayed")
		}
	})
}

func TestWithoutGraceTheFirstUseCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetPolicies(t, s.organization, org.Policies{TokenPolicy: org.TokenPolicy{RefreshTokenGraceSeconds: new(0)}})
	first := s.tokens(t, "offline_access").Text("refresh_token")
	expect(t, s.party.Post("token", "grant_type", "refresh_token", "refresh_token", first, "scope", "openid phone"), 400, "invalid_scope") // no use
	next := s.party.Refresh(first)
	expect(t, next, 200, "")
	expect(t, s.party.Refresh(first), 400, "invalid_grant")
	expect(t, s.party.Refresh(next.Text("refresh_token")), 400, "invalid_grant") // the second use ended the grant

	t.Run("two at once: at most one gets tokens, and the grant ends", func(t *testing.T) {
		token := s.tokens(t, "offline_access").Text("refresh_token")
		answers := make([]oidctest.Answer, 4)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = s.party.Refresh(token) })
		}
		all.Wait()
		won := 0
		for _, answer := range answers {
			if answer.Status == 200 {
				won++
				expect(t, s.party.Refresh(answer.Text("refresh_token")), 400, "invalid_grant")
			}
		}
		if won > 1 {
			t.Errorf("%d of them", won)
		}
	})
	t.Run("a client has its own window", func(t *testing.T) {
		patient := s.Party(t, s.organization, client.Client{ClientID: "patient", Metadata: client.Metadata{TokenPolicy: org.TokenPolicy{RefreshTokenGraceSeconds: new(120)}}})
		before := patient.Redeem(s.Code(t, patient.Client, s.session, "openid")).Text("refresh_token")
		one := patient.Refresh(before)
		s.Clock.Advance(100 * time.Second)
		if two := patient.Refresh(before); two.Status != 200 || two.Text("refresh_token") != one.Text("refresh_token") {
			t.Errorf("%d %s", two.Status, two.Body)
		}
		s.Clock.Advance(30 * time.Second)
		expect(t, patient.Refresh(before), 400, "invalid_grant")
	})
}

func TestDefaultResources(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const orders, stock = "https://orders.example.test/", "https://stock.example.test/"
	for _, identifier := range []string{orders, stock} {
		s.RegisterResource(t, resource.Resource{OrgID: s.organization.ID, Identifier: identifier, Name: identifier})
	}
	s.SetPolicies(t, s.organization, org.Policies{TokenPolicy: org.TokenPolicy{DefaultResources: []string{orders, "https://gone.example.test/"}}})
	issuer := s.Issuers.URL(s.organization)
	audience := func(t *testing.T, answer oidctest.Answer) string {
		t.Helper()
		expect(t, answer, 200, "")
		return fmt.Sprint(s.Claims(t, s.organization, answer.Text("access_token"), "at+jwt")["aud"])
	}
	tokens := s.tokens(t)
	if got := audience(t, tokens); got != "["+orders+" "+issuer+"]" {
		t.Errorf("aud is %s", got)
	}
	if got := s.party.Userinfo(tokens.Text("access_token")); got.Status != 200 {
		t.Errorf("userinfo: %d", got.Status)
	}
	if got := audience(t, s.party.Refresh(tokens.Text("refresh_token"))); got != "["+orders+" "+issuer+"]" {
		t.Errorf("refreshed: aud is %s", got)
	}
	service := s.Party(t, s.organization, client.Client{ClientID: "service", GrantTypes: []string{client.ClientCredentials}, ResponseTypes: []string{}, Scopes: []string{"orders"}})
	if got := audience(t, service.Post("token", "grant_type", "client_credentials")); got != orders {
		t.Errorf("a client's own: aud is %s", got)
	}
	if got := audience(t, service.Post("token", "grant_type", "client_credentials", "resource", stock)); got != stock {
		t.Errorf("one that is named stands in its place: aud is %s", got)
	}
	own := s.Party(t, s.organization, client.Client{ClientID: "own", GrantTypes: []string{client.ClientCredentials}, ResponseTypes: []string{}, Scopes: []string{"orders"},
		Metadata: client.Metadata{TokenPolicy: org.TokenPolicy{DefaultResources: []string{}}}})
	if got := audience(t, own.Post("token", "grant_type", "client_credentials")); got != issuer {
		t.Errorf("a client without: aud is %s", got)
	}
	limited := s.Party(t, s.organization, client.Client{ClientID: "limited", GrantTypes: []string{client.ClientCredentials}, ResponseTypes: []string{}, Scopes: []string{"orders"},
		Metadata: client.Metadata{Resources: []string{stock}}})
	if got := audience(t, limited.Post("token", "grant_type", "client_credentials")); got != issuer {
		t.Errorf("one that may not use it: aud is %s", got)
	}
}
