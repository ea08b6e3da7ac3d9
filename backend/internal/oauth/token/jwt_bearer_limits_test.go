package token_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
)

func TestAssertionsAllowNoMoreThanTheirIssuerMay(t *testing.T) {
	t.Parallel()
	const api, mail = "https://api.acme.test/", "https://mail.acme.test/"
	b := newBearer(t, func(i *trust.Issuer) { i.Resources = []string{api, mail} })
	b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		for _, known := range []resource.Resource{{Identifier: api, Name: "API", Scopes: []string{"orders:read"}, AccessTokenLifetime: time.Minute}, {Identifier: mail, Name: "Mail", Scopes: []string{"email"}},
			{Identifier: "https://bank.acme.test/", Name: "Bank"}} {
			known.OrgID = b.organization.ID
			if _, err := b.Resources.Create(ctx, tx, oidctest.Actor(), known); err != nil {
				return err
			}
		}
		return nil
	})
	b.Resources.Forget(b.organization.ID)
	for _, scope := range []string{"orders:write", "email", "admin:read", "openid orders:write"} {
		expect(t, present(b.agent, b.assertion(t, nil), "scope", scope), 400, "invalid_scope")
	}
	for _, target := range []string{"https://bank.acme.test/", b.Issuers.URL(b.organization), b.Issuers.AdminAudience(), "https://nobody.test/"} {
		expect(t, present(b.agent, b.assertion(t, nil), "resource", target), 400, "invalid_target")
	}
	both := present(b.agent, b.assertion(t, nil))
	expect(t, both, 200, "")
	audience, _ := b.Claims(t, b.organization, both.Text("access_token"), "at+jwt")["aud"].([]any)
	if !slices.Equal(audience, []any{api, mail}) || both.JSON["expires_in"] != 60.0 {
		t.Errorf("%v: %s", audience, both.Body)
	}
	one := present(b.agent, b.assertion(t, nil), "resource", mail)
	expect(t, one, 200, "")
	if claims := b.Claims(t, b.organization, one.Text("access_token"), "at+jwt"); claims["aud"] != mail || one.Text("scope") != "openid profile" {
		t.Errorf("RFC 8707 §2.2: %v, %s", claims, one.Body)
	}
	if got := b.agent.Userinfo(one.Text("access_token")); got.Status != 401 {
		t.Errorf("a token for an API at userinfo: %d", got.Status)
	}
	t.Run("nobody elsewhere can be given the Admin API or refresh tokens", func(t *testing.T) {
		for _, scope := range []string{"admin:read", "offline_access"} {
			if _, err := b.Trusted.Create(t.Context(), nil, oidctest.Actor(), trust.Issuer{OrgID: b.organization.ID, Issuer: "https://x.test", Name: "X", JWKSURI: "https://x.test/jwks", Scopes: []string{scope}}); err == nil {
				t.Errorf("%s was taken", scope)
			}
		}
	})
}

// What a client's tokens are for when nobody says is nothing that was said of the issuer.
func TestDefaultResourcesAreNotThoseOfAssertions(t *testing.T) {
	t.Parallel()
	b := newBearer(t, nil)
	b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := b.Resources.Create(ctx, tx, oidctest.Actor(), resource.Resource{OrgID: b.organization.ID, Identifier: "https://api.acme.test/", Name: "API"})
		return err
	})
	b.Resources.Forget(b.organization.ID)
	b.SetPolicies(t, b.organization, org.Policies{TokenPolicy: org.TokenPolicy{DefaultResources: []string{"https://api.acme.test/"}}})
	answer := present(b.agent, b.assertion(t, nil))
	expect(t, answer, 200, "")
	if claims := b.Claims(t, b.organization, answer.Text("access_token"), "at+jwt"); claims["aud"] != b.Issuers.URL(b.organization) {
		t.Errorf("aud is %v", claims["aud"])
	}
}

func TestTokensOfAssertionsAreBoundAndExchanged(t *testing.T) {
	t.Parallel()
	b := newBearer(t, nil)
	holder, thief := b.NewProver(t), b.NewProver(t)
	bound := map[string]any{"cnf": map[string]any{"jkt": holder.Thumbprint(t)}}
	expect(t, present(b.agent.With("DPoP", b.proof(t, thief)), b.assertion(t, bound)), 400, "invalid_grant")
	answer := present(b.agent.With("DPoP", b.proof(t, holder)), b.assertion(t, bound))
	expect(t, answer, 200, "")
	cnf, _ := b.Claims(t, b.organization, answer.Text("access_token"), "at+jwt")["cnf"].(map[string]any)
	if answer.Text("token_type") != "DPoP" || cnf["jkt"] != holder.Thumbprint(t) {
		t.Errorf("%s: %v", answer.Body, cnf)
	}
	service := b.Party(t, b.organization, client.Client{ClientID: "orders", GrantTypes: []string{client.TokenExchange}, ResponseTypes: []string{}, Scopes: []string{"openid", "profile"},
		Metadata: client.Metadata{TokenExchange: &client.TokenExchangePolicy{SubjectClients: []string{"agent"}, Audiences: []string{ledger}}}})
	exchanged := (&exchange{b.scene, service}).ask(service, present(b.agent, b.assertion(t, nil)).Text("access_token"))
	expect(t, exchanged, 200, "")
	if got := service.Introspect(exchanged.Text("access_token")); got.JSON["active"] != true {
		t.Errorf("%s", got.Body)
	}
	b.changeTrust(t, func(i *trust.Issuer) { i.Status = trust.Disabled })
	if got := service.Introspect(exchanged.Text("access_token")); got.JSON["active"] != false {
		t.Errorf("an exchanged token outlives the trust: %s", got.Body)
	}
}

func TestAssertionsInFAPI2(t *testing.T) {
	t.Parallel()
	signer, set := keyPair(t, jose.RS256)
	b := newBearer(t, func(i *trust.Issuer) { i.JWKS = set })
	key, keys := keyPair(t, jose.ES256)
	strict := b.Party(t, b.organization, client.Client{ClientID: "strict", AuthenticationMethod: client.PrivateKeyJWT, GrantTypes: []string{client.JWTBearer}, ResponseTypes: []string{},
		Scopes: []string{"openid"}, Profile: org.ProfileFAPI2Security, IDTokenSignedResponseAlg: "ES256", Metadata: client.Metadata{JWKS: keys, DPoPBoundAccessTokens: true,
			AuthorizationSignedResponseAlg: "ES256", IntrospectionSignedResponseAlg: "ES256"}})
	b.changeTrust(t, func(i *trust.Issuer) { i.Clients = append(i.Clients, "strict") })
	ask := func(by jose.TokenSigner, header ...string) oidctest.Answer {
		own := signed(t, key, "JWT", map[string]any{"iss": "strict", "sub": "strict", "aud": b.Issuers.URL(b.organization), "jti": uuid.NewString(), "iat": b.Clock.Now().Unix(), "exp": b.Clock.Now().Add(time.Minute).Unix()})
		return present(strict.With(header...), signed(t, by, "JWT", b.claims(nil)), "client_assertion", own, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	}
	expect(t, ask(signer, "DPoP", b.proof(t, b.NewProver(t))), 400, "invalid_grant")
	good, goodSet := keyPair(t, jose.PS256)
	b.changeTrust(t, func(i *trust.Issuer) { i.JWKS = goodSet })
	if got := ask(good); got.Status != 400 {
		t.Errorf("a bearer token: %d %s", got.Status, got.Body)
	}
	expect(t, ask(good, "DPoP", b.proof(t, b.NewProver(t))), 200, "")
}
