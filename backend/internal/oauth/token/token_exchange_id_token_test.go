package token_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// portal is an application that signs people in and may exchange its own ID tokens.
func (x *exchange) portal(t *testing.T, change func(*client.Client)) *oidctest.Party {
	t.Helper()
	wanted := client.Client{ClientID: "portal", Name: "Portal", GrantTypes: []string{client.AuthorizationCode, client.RefreshToken, client.TokenExchange},
		Scopes:   []string{"openid", "profile", "email", "offline_access", "admin:read"},
		Metadata: client.Metadata{TokenExchange: &client.TokenExchangePolicy{SubjectClients: []string{"portal"}, Audiences: []string{ledger, "stock"}, Delegation: true}}}
	if change != nil {
		change(&wanted)
	}
	return x.Party(t, x.organization, wanted)
}

// idTokenOf is an ID token of ada at an application.
func (x *exchange) idTokenOf(t *testing.T, at *oidctest.Party, scopes ...string) string {
	t.Helper()
	answer := at.Redeem(x.Code(t, at.Client, x.session, append([]string{"openid"}, scopes...)...))
	expect(t, answer, 200, "")
	return answer.Text("id_token")
}

func (x *exchange) askByIDToken(by *oidctest.Party, subject string, more ...string) oidctest.Answer {
	return x.ask(by, subject, append([]string{"subject_token_type", idToken, "audience", ledger}, more...)...)
}

// RFC 8693 §2.1: the subject token is an ID token of ours (§3).
func TestIDTokensAreExchanged(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	portal := x.portal(t, nil)
	subject := x.idTokenOf(t, portal, "profile", "offline_access", "admin:read")
	x.Clock.Advance(time.Minute)
	answer := x.askByIDToken(portal, subject)
	expect(t, answer, 200, "")
	if answer.Text("issued_token_type") != accessTokenType || answer.Text("scope") != "openid profile" || answer.JSON["refresh_token"] != nil || answer.JSON["id_token"] != nil {
		t.Errorf("RFC 8693 §2.2.1: %s", answer.Body)
	}
	said, claims := x.Claims(t, x.organization, subject, "JWT"), x.Claims(t, x.organization, answer.Text("access_token"), "at+jwt")
	for name, want := range map[string]any{"sub": x.ada.ID.String(), "client_id": "portal", "aud": ledger, "auth_time": said["auth_time"], "act": nil} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if claims["exp"].(float64) > said["exp"].(float64) {
		t.Error("the new token outlives the ID token")
	}
	if got := portal.Introspect(answer.Text("access_token")); got.JSON["active"] != true {
		t.Errorf("introspection: %s", got.Body)
	}
	if got := portal.Userinfo(answer.Text("access_token")); got.Status != 401 {
		t.Errorf("userinfo: %d", got.Status)
	}
	for _, scope := range []string{"openid email", "admin:read", "offline_access"} {
		expect(t, x.askByIDToken(portal, subject, "scope", scope), 400, "invalid_scope")
	}
	expect(t, x.askByIDToken(portal, subject, "audience", "https://elsewhere.test/"), 400, "invalid_target")
	var found int
	if err := x.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'token.exchanged' AND actor_id = $1 AND details ->> 'subject_client' = 'portal'", portal.Client.ID.String()).Scan(&found); err != nil || found != 1 {
		t.Errorf("audit: %d, %v", found, err)
	}
	t.Run("near its end, so does the new token", func(t *testing.T) {
		x.Clock.Advance(time.Unix(int64(said["exp"].(float64)), 0).Sub(x.Clock.Now()) - 30*time.Second)
		if got := x.askByIDToken(portal, subject); got.JSON["expires_in"] != 30.0 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("a code that was never redeemed widens nothing", func(t *testing.T) {
		narrow := x.idTokenOf(t, portal)
		x.Code(t, portal.Client, x.session, "openid", "profile")
		if got := x.askByIDToken(portal, narrow); got.Text("scope") != "openid" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("what was exchanged ends with the session", func(t *testing.T) {
		fresh := x.session
		x.session = x.SignIn(t, x.organization, x.ada)
		token := x.askByIDToken(portal, x.idTokenOf(t, portal)).Text("access_token")
		x.EndSession(t, x.session)
		x.session = fresh
		if got := portal.Introspect(token); got.JSON["active"] != false {
			t.Errorf("%s", got.Body)
		}
	})
}

func TestIDTokensThatAreNotExchanged(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	portal := x.portal(t, nil)
	plain := x.portal(t, func(c *client.Client) { c.ClientID, c.Metadata.TokenExchange.SubjectClients = "plain", []string{"web"} })
	secretly := x.portal(t, func(c *client.Client) {
		c.ClientID, c.AuthenticationMethod, c.IDTokenSignedResponseAlg, c.Metadata.TokenExchange.SubjectClients = "secretly", client.ClientSecretBasic, "HS256", []string{"secretly"}
	})
	key, err := jose.GenerateDecryptionKey(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	sealed := x.portal(t, func(c *client.Client) {
		c.ClientID, c.Metadata.TokenExchange.SubjectClients = "sealed", []string{"sealed"}
		c.Metadata.JWKS, c.Metadata.IDTokenEncryptedResponseAlg, c.Metadata.IDTokenEncryptedResponseEnc = set, "ECDH-ES", "A256GCM"
	})
	elsewhere := x.Organization(t, "other", org.Policies{})
	namesake := x.Party(t, elsewhere, client.Client{ClientID: "portal"})
	foreign := namesake.Redeem(x.Code(t, namesake.Client, x.SignIn(t, elsewhere, x.Person(t, elsewhere, "eve")), "openid")).Text("id_token")
	tokens := portal.Redeem(x.Code(t, portal.Client, x.session, "openid", "offline_access"))
	good := tokens.Text("id_token")
	stranger, _ := keyPair(t, jose.ES256)
	claims := x.Claims(t, x.organization, good, "JWT")
	encrypted := x.idTokenOf(t, sealed)
	if strings.Count(encrypted, ".") != 4 {
		t.Fatalf("not encrypted: %s", encrypted)
	}
	for name, test := range map[string]struct {
		by    *oidctest.Party
		token string
	}{
		"of another client":                         {portal, x.tokens(t).Text("id_token")},
		"of another client, which the policy names": {x.service, x.tokens(t).Text("id_token")},
		"its own, which the policy does not name":   {plain, x.idTokenOf(t, plain)},
		"of another organization":                   {portal, foreign},
		"signed with the client's secret":           {secretly, x.idTokenOf(t, secretly)},
		"encrypted to the client":                   {sealed, encrypted},
		"signed by somebody else":                   {portal, signed(t, stranger, "JWT", claims)},
		"unsigned":                                  {portal, unsigned(t, claims)},
		"changed":                                   {portal, good[:len(good)-6] + "AAAAAA"},
		"an access token":                           {portal, tokens.Text("access_token")},
		"a refresh token":                           {portal, tokens.Text("refresh_token")},
		"none":                                      {portal, ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, x.askByIDToken(test.by, test.token), 400, "invalid_request") })
	}
	for name, more := range map[string][]string{
		"as an access token": {"subject_token_type", accessTokenType},
		"as an actor":        {"subject_token", tokens.Text("access_token"), "subject_token_type", accessTokenType, "actor_token", good, "actor_token_type", idToken},
	} {
		t.Run(name, func(t *testing.T) { expect(t, x.askByIDToken(portal, good, more...), 400, "invalid_request") })
	}
	t.Run("of a client that nobody let exchange anything", func(t *testing.T) {
		none := x.portal(t, func(c *client.Client) { c.ClientID, c.Metadata.TokenExchange = "none", nil })
		expect(t, x.askByIDToken(none, x.idTokenOf(t, none)), 400, "unauthorized_client")
	})
	t.Run("after its grant was revoked", func(t *testing.T) {
		expect(t, x.askByIDToken(portal, good), 200, "")
		portal.Post("revoke", "token", tokens.Text("refresh_token"))
		expect(t, x.askByIDToken(portal, good), 400, "invalid_request")
	})
	t.Run("expired", func(t *testing.T) {
		fresh := portal.Redeem(x.Code(t, portal.Client, x.session, "openid", "offline_access"))
		x.Clock.Advance(61 * time.Minute)
		expect(t, x.askByIDToken(portal, fresh.Text("id_token")), 400, "invalid_request")
		expect(t, x.askByIDToken(portal, portal.Refresh(fresh.Text("refresh_token")).Text("id_token")), 200, "") // the session goes on
	})
	t.Run("after its session ended", func(t *testing.T) {
		fresh := x.idTokenOf(t, portal, "offline_access")
		x.EndSession(t, x.session)
		x.session = x.SignIn(t, x.organization, x.ada) // another one does not help
		x.idTokenOf(t, portal)
		expect(t, x.askByIDToken(portal, fresh), 400, "invalid_request")
	})
	t.Run("of a person who is disabled", func(t *testing.T) {
		fresh := x.idTokenOf(t, portal)
		x.Disable(t, x.ada)
		expect(t, x.askByIDToken(portal, fresh), 400, "invalid_request")
	})
}
