package introspection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth/introspection"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
)

// asJWT asks about a token and wants the answer as a JWT.
func asJWT(a *oidctest.Party, accessToken, accept string) oidctest.Answer {
	return a.Provider.PostBody(a.Organization, "introspect", "application/x-www-form-urlencoded", "token="+accessToken, "Authorization", oidctest.Basic(a.Client.ClientID, a.Secret), "Accept", accept)
}

// introspected verifies an answer as a resource server does and returns what it says of the token.
func introspected(t *testing.T, a *oidctest.Party, answer oidctest.Answer, signed string, algorithm jose.Algorithm) map[string]any {
	t.Helper()
	if answer.Status != 200 || answer.Header.Get("Content-Type") != introspection.MediaType || answer.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("RFC 9701 §5: %d %v %s", answer.Status, answer.Header, answer.Body)
	}
	verified, err := jose.Verify(signed, a.Provider.Keys.Lookup(t.Context(), a.Organization.ID), jose.Expected{Types: []string{"token-introspection+jwt"},
		Algorithms: []jose.Algorithm{algorithm}, Issuer: a.Provider.Issuers.URL(a.Organization), Audiences: []string{a.Client.ClientID}, ExpiryOptional: true, Now: a.Provider.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var about map[string]any
	for name, raw := range verified.Claims() {
		switch name {
		case "iss", "aud", "iat":
		case "token_introspection":
			if err := json.Unmarshal(raw, &about); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("RFC 9701 §5: the answer itself says %s, by which it could be taken for a token", name)
		}
	}
	return about
}

// RFC 9701 §4, §5, §6.
func TestAnswersAsAJWT(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{})
	session := p.SignIn(t, organization, p.Person(t, organization, "ada"))
	key, err := jose.GenerateDecryptionKey(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	party := p.Party(t, organization, client.Client{ClientID: "web"})
	access := party.Redeem(p.Code(t, party.Client, session, "openid", "profile")).Text("access_token")
	for _, accept := range []string{introspection.MediaType, "application/json;q=0.5, " + introspection.MediaType} {
		answer := asJWT(party, access, accept)
		if about := introspected(t, party, answer, string(answer.Body), jose.RS256); about["active"] != true || about["username"] != "ada" || about["client_id"] != "web" {
			t.Errorf("%v", about)
		}
	}
	for _, accept := range []string{"", "*/*", "application/json", "application/jwt", introspection.MediaType + ";q=0"} {
		if answer := asJWT(party, access, accept); answer.JSON["active"] != true {
			t.Errorf("%q: %s", accept, answer.Body)
		}
	}
	answer := asJWT(party, "a.b.c", introspection.MediaType)
	if about := introspected(t, party, answer, string(answer.Body), jose.RS256); len(about) != 1 || about["active"] != false {
		t.Errorf("%v", about)
	}
	if answer := party.Userinfo(string(asJWT(party, access, introspection.MediaType).Body)); answer.Status != 401 {
		t.Errorf("an answer is taken for a token: %d", answer.Status)
	}
	t.Run("signed and encrypted as registered", func(t *testing.T) {
		other := p.Party(t, organization, client.Client{ClientID: "other", Metadata: client.Metadata{JWKS: set, IntrospectionSignedResponseAlg: "PS256",
			IntrospectionEncryptedResponseAlg: string(jose.ECDHES), IntrospectionEncryptedResponseEnc: "A256GCM"}})
		access := other.Redeem(p.Code(t, other.Client, session, "openid")).Text("access_token")
		answer := asJWT(other, access, introspection.MediaType)
		inside, err := jose.Decrypt(string(answer.Body), jose.DecryptionKeys(key), []jose.KeyManagement{jose.ECDHES}, jose.Encryptions())
		if err != nil {
			t.Fatal(err)
		}
		if about := introspected(t, other, answer, string(inside.Payload), jose.PS256); about["active"] != true {
			t.Errorf("%v", about)
		}
	})
}

// RFC 9701 §5, §8; RFC 9396 §9.2.
func TestResourceServersAskAboutTheirTokens(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{AuthorizationDetailTypes: []org.AuthorizationDetailType{{Type: "payment", Consent: map[string]string{"en": "Pay"}}}})
	elsewhere := p.Organization(t, "elsewhere", org.Policies{})
	session := p.SignIn(t, organization, p.Person(t, organization, "ada"))
	const payments, ledger = "https://api.example.test/payments", "https://api.example.test/ledger"
	for _, wanted := range []resource.Resource{
		{OrgID: organization.ID, Identifier: payments, Name: "Payments", Scopes: []string{"payments"}, IntrospectionClients: []string{"payments-api"}},
		{OrgID: organization.ID, Identifier: ledger, Name: "Ledger", Scopes: []string{"ledger"}, IntrospectionClients: []string{"ledger-api"}},
	} {
		p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			_, err := p.Resources.Create(ctx, tx, oidctest.Actor(), wanted)
			return err
		})
	}
	p.Resources.Forget(organization.ID)
	web := p.Party(t, organization, client.Client{ClientID: "web", Scopes: []string{"profile", "payments", "ledger"}, Metadata: client.Metadata{AuthorizationDetailsTypes: []string{"payment"}}})
	code := oidctest.Code{Verifier: "a-code-verifier-that-is-long-enough-for-rfc-7636", RedirectURI: web.Client.RedirectURIs[0]}
	var err error
	_, code.Code, err = p.Grants.Issue(t.Context(), grant.Authorization{OrgID: organization.ID, ClientID: web.Client.ID, Session: session, IdleUntil: session.IdleExpiresAt,
		Scopes: []string{"profile", "payments", "ledger"}, RedirectURI: code.RedirectURI, CodeChallenge: token.CodeChallenge(code.Verifier), Audience: []string{payments, ledger},
		ACR: "urn:example:loa2", Details: json.RawMessage(`[{"type":"payment","locations":["` + payments + `"]},{"type":"payment","locations":["` + ledger + `"],"identifier":"secret"}]`)})
	if err != nil {
		t.Fatal(err)
	}
	tokens := web.Redeem(code)
	access := tokens.Text("access_token")
	server := func(organization *org.Organization, clientID string) *oidctest.Party {
		return p.Party(t, organization, client.Client{ClientID: clientID, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"x"}})
	}
	api := server(organization, "payments-api")
	answer := api.Introspect(access)
	if answer.JSON["active"] != true || answer.Text("scope") != "profile payments" || answer.Text("client_id") != "web" || fmt.Sprint(answer.JSON["aud"]) != "["+payments+"]" ||
		answer.JSON["username"] != nil || answer.Text("acr") != "urn:example:loa2" || answer.JSON["auth_time"] == nil {
		t.Errorf("%s", answer.Body)
	}
	if details := fmt.Sprint(answer.JSON["authorization_details"]); details != "[map[locations:["+payments+"] type:payment]]" {
		t.Errorf("what is meant for another resource server: %s", details)
	}
	signed := asJWT(api, access, introspection.MediaType)
	if about := introspected(t, api, signed, string(signed.Body), jose.RS256); about["active"] != true {
		t.Errorf("%v", about)
	}
	isInactive(t, api.Introspect(tokens.Text("refresh_token"))) // refresh tokens are the client's business
	isInactive(t, server(organization, "stranger-api").Introspect(access))
	isInactive(t, server(elsewhere, "payments-api").Introspect(access))
	t.Run("nor about a token for another resource server", func(t *testing.T) {
		narrow := web.Post("token", "grant_type", "refresh_token", "refresh_token", tokens.Text("refresh_token"), "resource", ledger)
		isInactive(t, api.Introspect(narrow.Text("access_token")))
		if answer := server(organization, "ledger-api").Introspect(narrow.Text("access_token")); answer.JSON["active"] != true {
			t.Errorf("%s", answer.Body)
		}
	})
	t.Run("nor about one for the issuer", func(t *testing.T) {
		isInactive(t, api.Introspect(web.Redeem(p.Code(t, web.Client, session, "payments")).Text("access_token")))
	})
	t.Run("ended", func(t *testing.T) {
		p.EndSession(t, session)
		isInactive(t, api.Introspect(access))
	})
}
