package revocation_test

import (
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestRevocation(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, elsewhere := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "elsewhere", org.Policies{})
	session := p.SignIn(t, organization, p.Person(t, organization, "ada"))
	confidential := p.Party(t, organization, client.Client{ClientID: "web"})
	public := p.Party(t, organization, client.Client{ClientID: "spa", AuthenticationMethod: client.None})
	other := p.Party(t, organization, client.Client{ClientID: "other"})
	foreign := p.Party(t, elsewhere, client.Client{ClientID: "web"})

	revoked := func(t *testing.T, answer oidctest.Answer) {
		t.Helper()
		if answer.Status != 200 || len(answer.Body) != 0 || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("answered %d %s %v (RFC 7009 §2.2)", answer.Status, answer.Body, answer.Header)
		}
	}
	works := func(t *testing.T, party *oidctest.Party, accessToken string, want bool) {
		t.Helper()
		if got := party.Userinfo(accessToken).Status; (got == 200) != want {
			t.Errorf("userinfo answers %d", got)
		}
	}
	for name, party := range map[string]*oidctest.Party{"confidential": confidential, "public": public} {
		t.Run(name+" client", func(t *testing.T) {
			t.Run("a refresh token takes its access tokens along", func(t *testing.T) {
				tokens := party.Redeem(p.Code(t, party.Client, session, "openid", "offline_access"))
				works(t, party, tokens.Text("access_token"), true)
				revoked(t, party.Post("revoke", "token", tokens.Text("refresh_token"), "token_type_hint", "refresh_token"))
				works(t, party, tokens.Text("access_token"), false)
				if got := party.Refresh(tokens.Text("refresh_token")); got.ErrorCode() != "invalid_grant" {
					t.Errorf("refresh: %s", got.Body)
				}
				revoked(t, party.Post("revoke", "token", tokens.Text("refresh_token"))) // again
			})
			t.Run("so does one that was rotated before", func(t *testing.T) {
				tokens := party.Redeem(p.Code(t, party.Client, session, "openid", "offline_access"))
				next := party.Refresh(tokens.Text("refresh_token"))
				revoked(t, party.Post("revoke", "token", tokens.Text("refresh_token")))
				works(t, party, next.Text("access_token"), false)
				if got := party.Refresh(next.Text("refresh_token")); got.ErrorCode() != "invalid_grant" {
					t.Errorf("the successor: %s", got.Body)
				}
			})
			t.Run("an access token goes alone", func(t *testing.T) {
				tokens := party.Redeem(p.Code(t, party.Client, session, "openid", "offline_access"))
				revoked(t, party.Post("revoke", "token", tokens.Text("access_token"), "token_type_hint", "refresh_token"))
				works(t, party, tokens.Text("access_token"), false)
				next := party.Refresh(tokens.Text("refresh_token"))
				works(t, party, next.Text("access_token"), true)
				revoked(t, party.Post("revoke", "token", tokens.Text("access_token"))) // again
			})
		})
	}
	t.Run("an unknown token is as good as revoked (§2.2)", func(t *testing.T) {
		for _, text := range []string{"x", "a.b.c", strings.Repeat("A", 43)} {
			revoked(t, confidential.Post("revoke", "token", text))
		}
	})
	t.Run("token of another client: refused, told so, untouched (§2.1)", func(t *testing.T) {
		tokens := confidential.Redeem(p.Code(t, confidential.Client, session, "openid"))
		for _, kind := range []string{"access_token", "refresh_token"} {
			if got := other.Post("revoke", "token", tokens.Text(kind)); got.Status != 400 || got.ErrorCode() != "invalid_grant" {
				t.Errorf("%s: %d %s", kind, got.Status, got.Body)
			}
		}
		works(t, confidential, tokens.Text("access_token"), true)
		if got := confidential.Refresh(tokens.Text("refresh_token")); got.Status != 200 {
			t.Errorf("refresh: %s", got.Body)
		}
	})
	t.Run("token of another organization does not exist here, and is untouched", func(t *testing.T) {
		tokens := confidential.Redeem(p.Code(t, confidential.Client, session, "openid"))
		revoked(t, foreign.Post("revoke", "token", tokens.Text("access_token")))
		revoked(t, foreign.Post("revoke", "token", tokens.Text("refresh_token")))
		works(t, confidential, tokens.Text("access_token"), true)
	})
	t.Run("without authentication, or without token", func(t *testing.T) {
		nobody := &oidctest.Party{Provider: p, Organization: organization, Client: &client.Client{ClientID: "nobody", AuthenticationMethod: client.None}}
		if got := nobody.Post("revoke", "token", "x"); got.Status != 401 || got.ErrorCode() != "invalid_client" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		unproven := &oidctest.Party{Provider: p, Organization: organization, Client: &client.Client{ClientID: "web", AuthenticationMethod: client.None}}
		if got := unproven.Post("revoke", "token", "x"); got.Status != 401 {
			t.Errorf("a confidential client without its secret: %d %s", got.Status, got.Body)
		}
		if got := confidential.Post("revoke"); got.Status != 400 || got.ErrorCode() != "invalid_request" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("is audited", func(t *testing.T) {
		for _, action := range []string{"grant.revoked", "access_token.revoked"} {
			var found bool
			if err := p.Store.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM audit_events WHERE org_id = $1 AND action = $2 AND actor_kind = 'client')",
				organization.ID, action).Scan(&found); err != nil || !found {
				t.Errorf("%s: %v %v", action, found, err)
			}
		}
	})
}
