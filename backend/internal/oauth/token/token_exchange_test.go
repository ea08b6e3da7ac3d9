package token_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
)

const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	ledger          = "https://ledger.acme.test/"
)

// exchange is a scene with a service that may exchange tokens of the application.
type exchange struct {
	*scene
	service *oidctest.Party
}

func newExchange(t *testing.T, change func(*client.Client)) *exchange {
	t.Helper()
	s := newScene(t)
	wanted := client.Client{ClientID: "orders", Name: "Orders", GrantTypes: []string{client.TokenExchange, client.ClientCredentials}, ResponseTypes: []string{},
		Scopes: []string{"openid", "profile", "email", "offline_access", "admin:read", "orders"}, AccessTokenLifetime: time.Hour,
		Metadata: client.Metadata{TokenExchange: &client.TokenExchangePolicy{SubjectClients: []string{"web"}, Audiences: []string{ledger, "stock"}, Delegation: true}}}
	if change != nil {
		change(&wanted)
	}
	return &exchange{s, s.Party(t, s.organization, wanted)}
}

func (x *exchange) ask(by *oidctest.Party, subject string, more ...string) oidctest.Answer {
	parameters := []string{"grant_type", client.TokenExchange, "subject_token", subject, "subject_token_type", accessTokenType}
	overridden := map[string]bool{}
	for i := 0; i+1 < len(more); i += 2 {
		overridden[more[i]] = true
	}
	for i := 0; i+1 < len(parameters); i += 2 {
		if !overridden[parameters[i]] {
			more = append(more, parameters[i], parameters[i+1])
		}
	}
	return by.Post("token", more...)
}

func TestTokenExchange(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	subject := x.tokens(t, "profile", "offline_access", "phone").Text("access_token")
	x.Clock.Advance(time.Minute)
	answer := x.ask(x.service, subject, "audience", ledger)
	expect(t, answer, 200, "")
	if answer.Text("issued_token_type") != accessTokenType || answer.Text("token_type") != "Bearer" || answer.Text("scope") != "openid profile" ||
		answer.JSON["refresh_token"] != nil || answer.JSON["id_token"] != nil || answer.JSON["expires_in"] != 240.0 {
		t.Errorf("RFC 8693 §2.2.1: %s", answer.Body)
	}
	before, after := x.Claims(t, x.organization, subject, "at+jwt"), x.Claims(t, x.organization, answer.Text("access_token"), "at+jwt")
	for name, want := range map[string]any{"sub": x.ada.ID.String(), "client_id": "orders", "aud": ledger, "exp": before["exp"], "auth_time": before["auth_time"], "gid": before["gid"]} {
		if after[name] != want {
			t.Errorf("%s is %v, want %v", name, after[name], want)
		}
	}
	if after["act"] != nil || after["jti"] == before["jti"] {
		t.Errorf("claims: %v", after)
	}
	if got := x.service.Introspect(answer.Text("access_token")); got.JSON["active"] != true {
		t.Errorf("introspection: %s", got.Body)
	}
	if got := x.service.Userinfo(answer.Text("access_token")); got.Status != 401 {
		t.Errorf("a token for another audience is taken at userinfo: %d", got.Status)
	}
	t.Run("it is recorded", func(t *testing.T) {
		var found int
		if err := x.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'token.exchanged' AND actor_id = $1 AND details ->> 'subject_client' = 'web'", x.service.Client.ID.String()).Scan(&found); err != nil || found != 1 {
			t.Errorf("%d, %v", found, err)
		}
	})
	t.Run("it dies with the grant that it came from", func(t *testing.T) {
		x.EndSession(t, x.session)
		other := x.SignIn(t, x.organization, x.ada)
		code := x.Code(t, x.party.Client, other, "openid")
		tokens := x.party.Redeem(code)
		exchanged := x.ask(x.service, tokens.Text("access_token"), "audience", ledger)
		expect(t, exchanged, 200, "")
		if got := x.service.Introspect(exchanged.Text("access_token")); got.JSON["active"] != true {
			t.Fatalf("introspection: %s", got.Body)
		}
		x.party.Post("revoke", "token", tokens.Text("refresh_token"))
		if got := x.service.Introspect(exchanged.Text("access_token")); got.JSON["active"] != false {
			t.Errorf("after the grant was revoked: %s", got.Body)
		}
	})
}

func TestTokenExchangeThatIsDelegated(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	subject := x.tokens(t, "profile").Text("access_token")
	own := x.service.Post("token", "grant_type", client.ClientCredentials, "scope", "orders").Text("access_token")
	delegated := x.ask(x.service, subject, "audience", "stock", "actor_token", own, "actor_token_type", accessTokenType)
	expect(t, delegated, 200, "")
	act, _ := x.Claims(t, x.organization, delegated.Text("access_token"), "at+jwt")["act"].(map[string]any)
	if act["sub"] != "orders" || act["client_id"] != "orders" || act["act"] != nil {
		t.Errorf("RFC 8693 §4.1: act is %v", act)
	}
	// Who acted before is not forgotten, whether the next one acts in its own name or not.
	next := x.Party(t, x.organization, client.Client{ClientID: "stock", GrantTypes: []string{client.TokenExchange, client.ClientCredentials}, ResponseTypes: []string{}, Scopes: []string{"openid", "profile", "stock"},
		Metadata: client.Metadata{TokenExchange: &client.TokenExchangePolicy{SubjectClients: []string{"orders"}, Audiences: []string{"depot"}, Delegation: true}}})
	silent := x.ask(next, delegated.Text("access_token"))
	expect(t, silent, 200, "")
	if act, _ := x.Claims(t, x.organization, silent.Text("access_token"), "at+jwt")["act"].(map[string]any); act["sub"] != "orders" {
		t.Errorf("act is %v", act)
	}
	nextOwn := next.Post("token", "grant_type", client.ClientCredentials, "scope", "stock").Text("access_token")
	loud := x.ask(next, delegated.Text("access_token"), "actor_token", nextOwn, "actor_token_type", accessTokenType)
	expect(t, loud, 200, "")
	act, _ = x.Claims(t, x.organization, loud.Text("access_token"), "at+jwt")["act"].(map[string]any)
	if before, _ := act["act"].(map[string]any); act["sub"] != "stock" || before["sub"] != "orders" {
		t.Errorf("act is %v", act)
	}
	if got := next.Introspect(loud.Text("access_token")); got.JSON["active"] != true {
		t.Errorf("introspection: %s", got.Body)
	}
	expect(t, x.ask(next, delegated.Text("access_token"), "actor_token", own, "actor_token_type", accessTokenType), 400, "invalid_request")
	expect(t, x.ask(next, delegated.Text("access_token"), "actor_token", nextOwn), 400, "invalid_request")
	expect(t, x.ask(next, delegated.Text("access_token"), "actor_token_type", accessTokenType), 400, "invalid_request")
}

// signed is a token of the organization with claims as no endpoint makes them.
func (x *exchange) signed(t *testing.T, like, tokenType string, change map[string]any) string {
	t.Helper()
	claims := x.Claims(t, x.organization, like, "at+jwt")
	for name, value := range change {
		claims[name] = value
	}
	signer, err := x.Keys.Signer(t.Context(), x.organization.ID, oauth.AccessTokenAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(t.Context(), tokenType, json.RawMessage(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSubjectTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	tokens := x.tokens(t, "profile")
	subject := tokens.Text("access_token")
	own := x.service.Post("token", "grant_type", client.ClientCredentials, "scope", "orders").Text("access_token")
	stranger := x.Party(t, x.organization, client.Client{ClientID: "stranger"})
	strange := stranger.Redeem(x.Code(t, stranger.Client, x.session, "openid")).Text("access_token")
	elsewhere := x.Organization(t, "other", org.Policies{})
	foreignWeb := x.Party(t, elsewhere, client.Client{ClientID: "web"})
	foreigner := x.Person(t, elsewhere, "eve")
	foreign := foreignWeb.Redeem(x.Code(t, foreignWeb.Client, x.SignIn(t, elsewhere, foreigner), "openid")).Text("access_token")
	for name, token := range map[string]string{
		"none":                               "",
		"no JWT":                             "token",
		"changed":                            subject[:len(subject)-6] + "AAAAAA",
		"a client's own":                     own,
		"of a client that is not named":      strange,
		"of another organization":            foreign,
		"an ID token":                        tokens.Text("id_token"),
		"a refresh token":                    tokens.Text("refresh_token"),
		"of another type":                    x.signed(t, subject, "JWT", nil),
		"bound to a sender (DPoP)":           x.signed(t, subject, "at+jwt", map[string]any{"cnf": map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
		"bound to a certificate":             x.signed(t, subject, "at+jwt", map[string]any{"cnf": map[string]any{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}),
		"meant for somebody else":            x.signed(t, subject, "at+jwt", map[string]any{"aud": "https://elsewhere.test/"}),
		"expired":                            x.signed(t, subject, "at+jwt", map[string]any{"exp": x.Clock.Now().Add(-time.Minute).Unix()}),
		"that names another actor (may_act)": x.signed(t, subject, "at+jwt", map[string]any{"may_act": map[string]any{"sub": "somebody"}}),
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, x.ask(x.service, token, "audience", ledger), 400, "invalid_request")
		})
	}
	t.Run("may_act names this actor", func(t *testing.T) {
		for sub, status := range map[string]int{"orders": 200, "somebody": 400} {
			named := x.signed(t, subject, "at+jwt", map[string]any{"may_act": map[string]any{"sub": sub, "client_id": "orders"}})
			if got := x.ask(x.service, named, "audience", ledger, "actor_token", own, "actor_token_type", accessTokenType); got.Status != status {
				t.Errorf("RFC 8693 §4.4: %s: %d %s", sub, got.Status, got.Body)
			}
		}
	})
	t.Run("of another token type", func(t *testing.T) {
		for _, kind := range []string{"urn:ietf:params:oauth:token-type:refresh_token", "urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:saml2"} {
			expect(t, x.ask(x.service, subject, "audience", ledger, "subject_token_type", kind), 400, "invalid_request")
		}
		expect(t, x.ask(x.service, subject, "audience", ledger, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request")
	})
	t.Run("revoked", func(t *testing.T) {
		x.party.Post("revoke", "token", subject)
		expect(t, x.ask(x.service, subject, "audience", ledger), 400, "invalid_request")
	})
	t.Run("of a person who is disabled", func(t *testing.T) {
		fresh := x.tokens(t).Text("access_token")
		x.Disable(t, x.ada)
		expect(t, x.ask(x.service, fresh, "audience", ledger), 400, "invalid_request")
	})
}

func TestTokenExchangeNeverWidens(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	subject := x.tokens(t, "profile").Text("access_token")
	for _, scope := range []string{"openid email", "orders", "admin:read", "offline_access", "profile admin:read"} {
		expect(t, x.ask(x.service, subject, "audience", ledger, "scope", scope), 400, "invalid_scope")
	}
	if got := x.ask(x.service, subject, "audience", ledger, "scope", "profile"); got.Text("scope") != "profile" {
		t.Errorf("narrower: %d %s", got.Status, got.Body)
	}
	for name, more := range map[string][]string{
		"nobody, of two":           nil,
		"not allowed":              {"audience", "https://elsewhere.test/"},
		"one of two not allowed":   {"audience", ledger, "resource", "https://elsewhere.test/"},
		"a resource nobody knows":  {"resource", ledger},
		"the Admin API":            {"audience", x.Issuers.AdminAudience()},
		"a resource with fragment": {"resource", ledger + "#x"},
		"a relative resource":      {"resource", "stock"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, x.ask(x.service, subject, more...), 400, "invalid_target") })
	}
	administrative := x.Change(t, client.Client{OrgID: x.party.Client.OrgID, ID: x.party.Client.ID, Version: x.party.Client.Version, AuthenticationMethod: client.ClientSecretBasic,
		RedirectURIs: x.party.Client.RedirectURIs, GrantTypes: x.party.Client.GrantTypes, Scopes: []string{"openid", "admin:read"}, Status: client.Active})
	token := x.party.Redeem(x.Code(t, administrative, x.session, "openid", "admin:read")).Text("access_token")
	if got := x.ask(x.service, token, "audience", ledger); got.Text("scope") != "openid" {
		t.Errorf("a scope of the Admin API was handed on: %d %s", got.Status, got.Body)
	}
}

func TestWhoMayExchangeTokens(t *testing.T) {
	t.Parallel()
	t.Run("nobody without a policy", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, func(c *client.Client) { c.Metadata.TokenExchange = nil })
		expect(t, x.ask(x.service, x.tokens(t).Text("access_token"), "audience", ledger), 400, "unauthorized_client")
	})
	t.Run("nobody without the grant type", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, func(c *client.Client) { c.GrantTypes = []string{client.ClientCredentials} })
		expect(t, x.ask(x.service, x.tokens(t).Text("access_token"), "audience", ledger), 400, "unauthorized_client")
	})
	t.Run("in nobody's own name without leave", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, func(c *client.Client) { c.Metadata.TokenExchange.Delegation = false })
		own := x.service.Post("token", "grant_type", client.ClientCredentials, "scope", "orders").Text("access_token")
		expect(t, x.ask(x.service, x.tokens(t).Text("access_token"), "audience", ledger, "actor_token", own, "actor_token_type", accessTokenType), 400, "invalid_request")
	})
	t.Run("what was exchanged ends with the leave", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, nil)
		exchanged := x.ask(x.service, x.tokens(t).Text("access_token"), "audience", ledger).Text("access_token")
		changed := *x.service.Client
		changed.GrantTypes = []string{client.ClientCredentials}
		x.Change(t, changed)
		if got := x.service.Introspect(exchanged); got.JSON["active"] != false {
			t.Errorf("%s", got.Body)
		}
	})
	t.Run("who is a resource server, tokens that are meant for it", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, func(c *client.Client) {
			c.Metadata.TokenExchange.SubjectAudiences = []string{"https://orders.acme.test/"}
		})
		for audience, status := range map[string]int{"https://orders.acme.test/": 200, "https://other.acme.test/": 400} {
			subject := x.signed(t, x.tokens(t).Text("access_token"), "at+jwt", map[string]any{"aud": audience})
			if got := x.ask(x.service, subject, "audience", ledger); got.Status != status {
				t.Errorf("%s: %d %s", audience, got.Status, got.Body)
			}
		}
	})
	t.Run("pairwise identifiers stay apart", func(t *testing.T) {
		t.Parallel()
		x := newExchange(t, func(c *client.Client) {
			c.Metadata.SubjectType, c.Metadata.SectorIdentifierURI = client.PairwiseSubject, "https://orders.acme.test/sector.json"
		})
		answer := x.ask(x.service, x.tokens(t).Text("access_token"), "audience", ledger)
		expect(t, answer, 200, "")
		if sub := x.Claims(t, x.organization, answer.Text("access_token"), "at+jwt")["sub"].(string); sub == x.ada.ID.String() || strings.Contains(sub, "ada") {
			t.Errorf("sub is %s", sub)
		}
		if got := x.service.Introspect(answer.Text("access_token")); got.JSON["active"] != true {
			t.Errorf("introspection: %s", got.Body)
		}
	})
}

// A resource server gets no scopes that belong to others, however the exchange names it, and no longer life than it says.
func TestExchangedTokensAreForTheirTargetAlone(t *testing.T) {
	t.Parallel()
	x := newExchange(t, func(c *client.Client) { c.Metadata.TokenExchange.Audiences = []string{ledger} })
	x.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		for _, known := range []resource.Resource{{Identifier: ledger, Name: "Ledger", Scopes: []string{"profile"}, AccessTokenLifetime: time.Minute},
			{Identifier: "https://mail.acme.test/", Name: "Mail", Scopes: []string{"email"}}} {
			known.OrgID = x.organization.ID
			if _, err := x.Resources.Create(ctx, tx, oidctest.Actor(), known); err != nil {
				return err
			}
		}
		return nil
	})
	x.Resources.Forget(x.organization.ID)
	subject := x.tokens(t, "profile", "email").Text("access_token")
	for name, named := range map[string][]string{"audience": {"audience", ledger}, "resource": {"resource", ledger}, "the only one of the policy": nil} {
		answer := x.ask(x.service, subject, named...)
		expect(t, answer, 200, "")
		if answer.Text("scope") != "openid profile" || answer.JSON["expires_in"] != 60.0 {
			t.Errorf("by %s: %s", name, answer.Body)
		}
		if claims := x.Claims(t, x.organization, answer.Text("access_token"), "at+jwt"); claims["aud"] != ledger {
			t.Errorf("by %s: %v", name, claims)
		}
	}
}

// RFC 9449 §6, RFC 8693 §2.1: who has the key of a bound token may exchange it, and gets one that is bound as well.
func TestBoundTokensAreExchangedByWhoeverHoldsTheirKey(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	holder, thief := x.NewProver(t), x.NewProver(t)
	subject := x.party.With("DPoP", x.proof(t, holder)).Redeem(x.code(t, "profile")).Text("access_token")
	for name, by := range map[string]*oidctest.Party{"nobody's proof": x.service, "another's": x.service.With("DPoP", x.proof(t, thief))} {
		if got := x.ask(by, subject, "audience", ledger); got.Status != 400 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	answer := x.ask(x.service.With("DPoP", x.proof(t, holder)), subject, "audience", ledger)
	expect(t, answer, 200, "")
	cnf, _ := x.Claims(t, x.organization, answer.Text("access_token"), "at+jwt")["cnf"].(map[string]any)
	if answer.Text("token_type") != "DPoP" || cnf["jkt"] != holder.Thumbprint(t) {
		t.Errorf("%s: %v", answer.Body, cnf)
	}
}
