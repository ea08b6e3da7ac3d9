package token_test

import (
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
)

func TestClientCredentialsGrant(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	service := s.Party(t, s.organization, client.Client{ClientID: "service", GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"orders:read", "orders:write", "openid", "admin:read"}})

	answer := service.Post("token", "grant_type", "client_credentials", "scope", "orders:read")
	expect(t, answer, 200, "")
	if answer.Text("scope") != "orders:read" || answer.JSON["refresh_token"] != nil || answer.JSON["id_token"] != nil {
		t.Errorf("response: %s", answer.Body)
	}
	claims := s.Claims(t, s.organization, answer.Text("access_token"), "at+jwt")
	if claims["sub"] != "service" || claims["client_id"] != "service" || claims["gid"] != nil || claims["sid"] != nil || claims["auth_time"] != nil {
		t.Errorf("claims: %v", claims)
	}
	if got := service.Userinfo(answer.Text("access_token")); got.Status != 403 || got.ErrorCode() != "insufficient_scope" {
		t.Errorf("a client's own token at userinfo: %d %s", got.Status, got.Body)
	}

	t.Run("admin scopes carry the Admin API's audience", func(t *testing.T) {
		answer := service.Post("token", "grant_type", "client_credentials", "scope", "admin:read")
		expect(t, answer, 200, "")
		audience, _ := s.Claims(t, s.organization, answer.Text("access_token"), "at+jwt")["aud"].([]any)
		if len(audience) != 2 || audience[0] != s.Issuers.URL(s.organization) || audience[1] != s.URL+"/api/v1" {
			t.Errorf("aud is %v", audience)
		}
	})
	t.Run("without a scope it gets those it registered, but none that speak of a person", func(t *testing.T) {
		answer := service.Post("token", "grant_type", "client_credentials")
		expect(t, answer, 200, "")
		if answer.Text("scope") != "orders:read orders:write admin:read" {
			t.Errorf("scope is %q", answer.Text("scope"))
		}
	})
	for name, scope := range map[string]string{"not registered": "admin:write", "of a person": "openid", "malformed": `a"b`} {
		t.Run("scope "+name, func(t *testing.T) {
			expect(t, service.Post("token", "grant_type", "client_credentials", "scope", scope), 400, "invalid_scope")
		})
	}
	t.Run("no database round trip when warm", func(t *testing.T) {
		s.Trips.AtMost(t, 0, "client_credentials", func() {
			expect(t, service.Post("token", "grant_type", "client_credentials"), 200, "")
		})
	})
}
