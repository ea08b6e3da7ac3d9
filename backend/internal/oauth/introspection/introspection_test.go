package introspection_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func isInactive(t *testing.T, answer oidctest.Answer) {
	t.Helper()
	if answer.Status != 200 || string(answer.Body) != `{"active":false}` {
		t.Errorf("answered %d %s, want nothing but inactive (RFC 7662 §2.2)", answer.Status, answer.Body)
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, elsewhere := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "elsewhere", org.Policies{})
	ada := p.Person(t, organization, "ada")
	session := p.SignIn(t, organization, ada)
	party := p.Party(t, organization, client.Client{ClientID: "web"})
	tokens := party.Redeem(p.Code(t, party.Client, session, "openid", "profile"))
	issuer := p.Issuers.URL(organization)

	t.Run("access token", func(t *testing.T) {
		answer := party.Introspect(tokens.Text("access_token"))
		for name, want := range map[string]any{"active": true, "scope": "openid profile", "client_id": "web", "username": "ada", "token_type": "Bearer",
			"sub": ada.ID.String(), "iss": issuer, "iat": float64(p.Clock.Now().Unix()), "exp": float64(p.Clock.Now().Add(5 * time.Minute).Unix())} {
			if answer.JSON[name] != want {
				t.Errorf("%s is %v, want %v", name, answer.JSON[name], want)
			}
		}
		if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("headers %v", answer.Header)
		}
	})
	t.Run("refresh token", func(t *testing.T) {
		answer := party.Introspect(tokens.Text("refresh_token"))
		if answer.JSON["active"] != true || answer.Text("sub") != ada.ID.String() || answer.JSON["token_type"] != nil || answer.Text("client_id") != "web" {
			t.Errorf("answered %s", answer.Body)
		}
		// Asking does not use it.
		if next := party.Refresh(tokens.Text("refresh_token")); next.Status != 200 {
			t.Errorf("after introspection: %d %s", next.Status, next.Body)
		} else {
			isInactive(t, party.Introspect(tokens.Text("refresh_token"))) // rotated
			tokens = next
		}
	})
	t.Run("a pairwise client learns nothing by which another sector knows the person (OpenID Connect Core 1.0 §8)", func(t *testing.T) {
		subjects := map[string]bool{ada.ID.String(): true}
		for _, sector := range []string{"a", "b"} {
			of := p.Party(t, organization, client.Client{ClientID: "pairwise-" + sector, RedirectURIs: []string{"https://" + sector + ".example.test/cb"},
				Metadata: client.Metadata{SubjectType: client.PairwiseSubject}})
			tokens := of.Redeem(p.Code(t, of.Client, session, "openid"))
			access, refresh := of.Introspect(tokens.Text("access_token")), of.Introspect(tokens.Text("refresh_token"))
			if access.Text("sub") != refresh.Text("sub") || subjects[access.Text("sub")] {
				t.Errorf("sub %q and %q", access.Text("sub"), refresh.Text("sub"))
			}
			if subjects[access.Text("sub")] = true; access.JSON["username"] != nil || refresh.JSON["username"] != nil {
				t.Errorf("username without profile: %s %s", access.Body, refresh.Body)
			}
		}
	})
	t.Run("a wrong token_type_hint changes nothing", func(t *testing.T) {
		if answer := party.Post("introspect", "token", tokens.Text("access_token"), "token_type_hint", "refresh_token"); answer.JSON["active"] != true {
			t.Errorf("answered %s", answer.Body)
		}
	})
	t.Run("a client's own token", func(t *testing.T) {
		service := p.Party(t, organization, client.Client{GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"orders"}})
		own := service.Post("token", "grant_type", "client_credentials").Text("access_token")
		if answer := service.Introspect(own); answer.JSON["active"] != true || answer.JSON["username"] != nil || answer.Text("sub") != service.Client.ClientID {
			t.Errorf("answered %s", answer.Body)
		}
		service.Post("revoke", "token", own)
		isInactive(t, service.Introspect(own))
	})
	t.Run("token of another client", func(t *testing.T) {
		other := p.Party(t, organization, client.Client{ClientID: "other"})
		isInactive(t, other.Introspect(tokens.Text("access_token")))
		isInactive(t, other.Introspect(tokens.Text("refresh_token")))
	})
	t.Run("token of another organization", func(t *testing.T) {
		foreign := p.Party(t, elsewhere, client.Client{ClientID: "web"})
		isInactive(t, foreign.Introspect(tokens.Text("access_token")))
		isInactive(t, foreign.Introspect(tokens.Text("refresh_token")))
	})
	t.Run("not a token", func(t *testing.T) {
		for _, text := range []string{"x", "a.b.c", strings.Repeat("A", 43), tokens.Text("id_token"), strings.Repeat(".", 100)} {
			isInactive(t, party.Introspect(text))
		}
	})
	t.Run("public clients may not ask", func(t *testing.T) {
		public := p.Party(t, organization, client.Client{AuthenticationMethod: client.None})
		if answer := public.Introspect(tokens.Text("access_token")); answer.Status != 400 || answer.ErrorCode() != "unauthorized_client" {
			t.Errorf("answered %d %s", answer.Status, answer.Body)
		}
	})
	t.Run("without authentication", func(t *testing.T) {
		if answer := p.Post(organization, "introspect", url.Values{"token": {tokens.Text("access_token")}}); answer.Status != 401 || answer.ErrorCode() != "invalid_client" {
			t.Errorf("answered %d %s", answer.Status, answer.Body)
		}
	})
	t.Run("without token", func(t *testing.T) {
		if answer := party.Post("introspect"); answer.Status != 400 || answer.ErrorCode() != "invalid_request" {
			t.Errorf("answered %d %s", answer.Status, answer.Body)
		}
	})
	t.Run("ended session", func(t *testing.T) {
		p.EndSession(t, session)
		isInactive(t, party.Introspect(tokens.Text("access_token")))
		isInactive(t, party.Introspect(tokens.Text("refresh_token")))
	})
	t.Run("suspended user", func(t *testing.T) {
		grace := p.Person(t, organization, "grace")
		hers := party.Redeem(p.Code(t, party.Client, p.SignIn(t, organization, grace), "openid"))
		p.Disable(t, grace)
		isInactive(t, party.Introspect(hers.Text("access_token")))
		isInactive(t, party.Introspect(hers.Text("refresh_token")))
	})
}
