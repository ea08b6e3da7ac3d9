package token_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
)

const (
	idJAG     = "urn:ietf:params:oauth:token-type:id-jag"
	idToken   = "urn:ietf:params:oauth:token-type:id_token"
	refresh   = "urn:ietf:params:oauth:token-type:refresh_token"
	chatFiles = "https://files.chat.test/"
)

// identities are two organizations: people sign in at acme, and their application has an API at chat.
type identities struct {
	*scene
	chat   *org.Organization
	wiki   *oidctest.Party // the application at acme
	agent  *oidctest.Party // the same application at chat
	issuer *trust.Issuer   // acme, as chat sees it
	ada    *user.User      // as chat knows her
}

func newIdentities(t *testing.T, change func(*client.Client)) *identities {
	t.Helper()
	s := newScene(t)
	following := org.Policies{Drafts: []org.Draft{org.DraftIdentityAssertionGrant}}
	s.SetPolicies(t, s.organization, following)
	x := &identities{scene: s, chat: s.Organization(t, "chat", following)}
	wanted := client.Client{ClientID: "wiki", GrantTypes: []string{client.AuthorizationCode, client.RefreshToken, client.TokenExchange}, Metadata: client.Metadata{
		IdentityAssertions: []client.IdentityAssertionPolicy{{Audience: s.Issuers.URL(x.chat), ClientID: "wiki-at-chat", Scopes: []string{"chat.read", "chat.history"}, Resources: []string{chatFiles}}}}}
	if change != nil {
		change(&wanted)
	}
	x.wiki = s.Party(t, s.organization, wanted)
	x.agent = s.Party(t, x.chat, client.Client{ClientID: "wiki-at-chat", GrantTypes: []string{client.JWTBearer}, ResponseTypes: []string{}, Scopes: []string{"chat.read", "chat.history", "chat.write"}})
	keys, err := s.Keys.Document(t.Context(), s.organization.ID)
	if err != nil {
		t.Fatal(err)
	}
	x.issuer = s.trust(t, trust.Issuer{OrgID: x.chat.ID, Issuer: s.Issuers.URL(s.organization), Name: "Acme", JWKS: keys, AssertionTypes: []string{"oauth-id-jag+jwt"}, Clients: []string{"wiki-at-chat"},
		Scopes: []string{"chat.read", "chat.write"}, Resources: []string{chatFiles, "https://mail.chat.test/"}})
	x.ada = s.Person(t, x.chat, "lovelace")
	s.link(t, x.issuer, s.ada.ID.String(), x.ada)
	x.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		for _, identifier := range x.issuer.Resources {
			if _, err := x.Resources.Create(ctx, tx, oidctest.Actor(), resource.Resource{OrgID: x.chat.ID, Identifier: identifier, Name: "API"}); err != nil {
				return err
			}
		}
		return nil
	})
	x.Resources.Forget(x.chat.ID)
	return x
}

// signedIn are the tokens of ada at the application.
func (x *identities) signedIn(t *testing.T, scopes ...string) oidctest.Answer {
	t.Helper()
	answer := x.wiki.Redeem(x.Code(t, x.wiki.Client, x.session, append([]string{"openid"}, scopes...)...))
	expect(t, answer, 200, "")
	return answer
}

func (x *identities) ask(by *oidctest.Party, subject, kind string, more ...string) oidctest.Answer {
	parameters := map[string]string{"grant_type": client.TokenExchange, "requested_token_type": idJAG, "subject_token": subject, "subject_token_type": kind, "audience": x.Issuers.URL(x.chat)}
	for i := 0; i+1 < len(more); i += 2 {
		delete(parameters, more[i])
	}
	for name, value := range parameters {
		more = append(more, name, value)
	}
	return by.Post("token", more...)
}

// asserted are the claims of an identity assertion that acme signed.
func (x *identities) asserted(t *testing.T, signed string) map[string]any {
	t.Helper()
	verified, err := jose.Verify(signed, x.Keys.Lookup(t.Context(), x.organization.ID), jose.Expected{Types: []string{"oauth-id-jag+jwt"}, Algorithms: jose.Algorithms(),
		Issuer: x.Issuers.URL(x.organization), Audiences: []string{x.Issuers.URL(x.chat)}, Now: x.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	for name := range verified.Claims() {
		var value any
		if _, err := verified.Claim(name, &value); err != nil {
			t.Fatal(err)
		}
		claims[name] = value
	}
	return claims
}

func TestIdentityAssertionsGoFromOneServerToAnother(t *testing.T) {
	t.Parallel()
	x := newIdentities(t, nil)
	tokens := x.signedIn(t, "offline_access")
	answer := x.ask(x.wiki, tokens.Text("id_token"), idToken)
	expect(t, answer, 200, "")
	if answer.Text("issued_token_type") != idJAG || answer.Text("token_type") != "N_A" || answer.JSON["expires_in"] != 300.0 || answer.Text("scope") != "chat.read chat.history" || answer.JSON["refresh_token"] != nil {
		t.Errorf("draft §4.3.2: %s", answer.Body)
	}
	claims := x.asserted(t, answer.Text("access_token"))
	for name, want := range map[string]any{"sub": x.scene.ada.ID.String(), "aud": x.Issuers.URL(x.chat), "client_id": "wiki-at-chat", "scope": "chat.read chat.history", "auth_time": float64(x.session.AuthenticatedAt.Unix()),
		"email": nil, "cnf": nil} {
		if claims[name] != want {
			t.Errorf("draft §3.1: %s is %v, want %v", name, claims[name], want)
		}
	}
	if fmt.Sprint(claims["amr"]) != "[pwd]" || fmt.Sprint(claims["resource"]) != "["+chatFiles+"]" || claims["exp"].(float64)-claims["iat"].(float64) != 300 {
		t.Errorf("%v", claims)
	}
	if got := x.wiki.Userinfo(answer.Text("access_token")); got.Status != 401 {
		t.Errorf("an identity assertion is an access token: %d", got.Status)
	}
	there := present(x.agent, answer.Text("access_token"))
	expect(t, there, 200, "")
	access := x.Claims(t, x.chat, there.Text("access_token"), "at+jwt")
	if there.Text("scope") != "chat.read" || access["sub"] != x.ada.ID.String() || access["aud"] != chatFiles || there.JSON["refresh_token"] != nil {
		t.Errorf("draft §4.4: %s %v", there.Body, access)
	}
	if got := x.agent.Introspect(there.Text("access_token")); got.JSON["active"] != true {
		t.Errorf("%s", got.Body)
	}
	expect(t, present(x.agent, answer.Text("access_token")), 400, "invalid_grant") // once
	t.Run("with the refresh token, which stays good", func(t *testing.T) {
		narrow := x.ask(x.wiki, tokens.Text("refresh_token"), refresh, "scope", "chat.read", "resource", chatFiles)
		expect(t, narrow, 200, "")
		if narrow.Text("scope") != "chat.read" {
			t.Errorf("%s", narrow.Body)
		}
		expect(t, present(x.agent, narrow.Text("access_token")), 200, "")
		expect(t, x.wiki.Refresh(tokens.Text("refresh_token")), 200, "")
	})
	t.Run("it is recorded", func(t *testing.T) {
		var found int
		if err := x.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'identity_assertion.issued' AND details ->> 'audience' = $1", x.Issuers.URL(x.chat)).Scan(&found); err != nil || found != 2 {
			t.Errorf("%d, %v", found, err)
		}
	})
	t.Run("bound to a key (draft §8.6)", func(t *testing.T) {
		holder, thief := x.NewProver(t), x.NewProver(t)
		bound := x.ask(x.wiki.With("DPoP", x.proof(t, holder)), tokens.Text("id_token"), idToken)
		expect(t, bound, 200, "")
		if cnf, _ := x.asserted(t, bound.Text("access_token"))["cnf"].(map[string]any); cnf["jkt"] != holder.Thumbprint(t) || bound.Text("token_type") != "N_A" {
			t.Errorf("%s: %v", bound.Body, cnf)
		}
		at := x.URL + "/chat/token"
		expect(t, present(x.agent, bound.Text("access_token")), 400, "invalid_grant")
		expect(t, present(x.agent.With("DPoP", thief.Proof(t, "POST", at, nil)), bound.Text("access_token")), 400, "invalid_grant")
		if got := present(x.agent.With("DPoP", holder.Proof(t, "POST", at, nil)), bound.Text("access_token")); got.Text("token_type") != "DPoP" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func TestIdentityAssertionsNameThePersonAsTheOtherServerKnowsThem(t *testing.T) {
	t.Parallel()
	x := newIdentities(t, func(c *client.Client) {
		c.Metadata.IdentityAssertions[0].RelyingParty, c.Metadata.IdentityAssertions[0].Email = "chat-sign-in", true
	})
	party := x.Party(t, x.organization, client.Client{ClientID: "chat-sign-in", RedirectURIs: []string{"https://chat.test/callback"}, Metadata: client.Metadata{SubjectType: client.PairwiseSubject}})
	known := x.Claims(t, x.organization, party.Redeem(x.Code(t, party.Client, x.session, "openid")).Text("id_token"), "JWT")["sub"]
	claims := x.asserted(t, x.ask(x.wiki, x.signedIn(t).Text("id_token"), idToken).Text("access_token"))
	if claims["sub"] != known || claims["email"] != "ada@example.test" || claims["email_verified"] != true {
		t.Errorf("%v, want sub %v", claims, known)
	}
}

func TestIdentityAssertionsThatAreNotIssued(t *testing.T) {
	t.Parallel()
	x := newIdentities(t, nil)
	good := x.signedIn(t, "offline_access")
	other := x.Party(t, x.organization, client.Client{ClientID: "other", GrantTypes: []string{client.AuthorizationCode, client.RefreshToken, client.TokenExchange}, Metadata: x.wiki.Client.Metadata})
	plain := x.Party(t, x.organization, client.Client{ClientID: "plain", GrantTypes: []string{client.TokenExchange}, ResponseTypes: []string{}})
	for name, test := range map[string]struct {
		answer oidctest.Answer
		code   string
	}{
		"of another client's ID token":      {x.ask(other, good.Text("id_token"), idToken), "invalid_grant"},
		"of another client's refresh token": {x.ask(other, good.Text("refresh_token"), refresh), "invalid_grant"},
		"of an access token":                {x.ask(x.wiki, good.Text("access_token"), accessTokenType), "invalid_request"},
		"of an access token as ID token":    {x.ask(x.wiki, good.Text("access_token"), idToken), "invalid_grant"},
		"of a changed ID token":             {x.ask(x.wiki, good.Text("id_token")[:len(good.Text("id_token"))-4]+"AAAA", idToken), "invalid_grant"},
		"of an invented refresh token":      {x.ask(x.wiki, strings.Repeat("A", 43), refresh), "invalid_grant"},
		"of a SAML assertion":               {x.ask(x.wiki, "x", "urn:ietf:params:oauth:token-type:saml2"), "invalid_request"},
		"for another server":                {x.ask(x.wiki, good.Text("id_token"), idToken, "audience", "https://elsewhere.test"), "invalid_target"},
		"for nobody":                        {x.ask(x.wiki, good.Text("id_token"), idToken, "audience", ""), "invalid_request"},
		"for two servers":                   {x.ask(x.wiki, good.Text("id_token"), idToken, "audience", x.Issuers.URL(x.chat), "audience", "https://elsewhere.test"), "invalid_request"},
		"for another scope":                 {x.ask(x.wiki, good.Text("id_token"), idToken, "scope", "chat.write"), "invalid_scope"},
		"for another resource":              {x.ask(x.wiki, good.Text("id_token"), idToken, "resource", "https://mail.chat.test/"), "invalid_target"},
		"with an actor":                     {x.ask(x.wiki, good.Text("id_token"), idToken, "actor_token", good.Text("access_token"), "actor_token_type", accessTokenType), "invalid_request"},
		"without leave":                     {x.ask(plain, good.Text("id_token"), idToken), "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, test.answer, 400, test.code) })
	}
	t.Run("where the draft is not followed", func(t *testing.T) {
		elsewhere := x.Organization(t, "elsewhere", org.Policies{})
		party := x.Party(t, elsewhere, client.Client{ClientID: "wiki", GrantTypes: x.wiki.Client.GrantTypes, Metadata: x.wiki.Client.Metadata})
		expect(t, x.ask(party, good.Text("id_token"), idToken), 400, "unauthorized_client")
	})
	t.Run("after the ID token expired, though the refresh token is good", func(t *testing.T) {
		x.Clock.Advance(61 * time.Minute)
		expect(t, x.ask(x.wiki, good.Text("id_token"), idToken), 400, "invalid_grant")
		expect(t, x.ask(x.wiki, good.Text("refresh_token"), refresh), 200, "")
	})
	t.Run("after consent was withdrawn", func(t *testing.T) {
		fresh := x.signedIn(t, "offline_access")
		x.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			if err := x.Grants.Consent(ctx, tx, oidctest.Actor(), x.organization.ID, x.scene.ada.ID, x.wiki.Client.ID, []string{"openid"}); err != nil {
				return err
			}
			return x.Grants.Withdraw(ctx, tx, oidctest.Actor(), x.organization.ID, x.scene.ada.ID, x.wiki.Client.ID)
		})
		expect(t, x.ask(x.wiki, fresh.Text("id_token"), idToken), 400, "invalid_grant")
		expect(t, x.ask(x.wiki, fresh.Text("refresh_token"), refresh), 400, "invalid_grant")
	})
	t.Run("after the session ended", func(t *testing.T) {
		fresh := x.signedIn(t)
		x.EndSession(t, x.session)
		expect(t, x.ask(x.wiki, fresh.Text("id_token"), idToken), 400, "invalid_grant")
		expect(t, x.ask(x.wiki, fresh.Text("refresh_token"), refresh), 400, "invalid_grant")
	})
	t.Run("after the person was disabled", func(t *testing.T) {
		x.session = x.SignIn(t, x.organization, x.scene.ada)
		fresh := x.signedIn(t, "offline_access")
		x.Disable(t, x.scene.ada)
		expect(t, x.ask(x.wiki, fresh.Text("id_token"), idToken), 400, "invalid_grant")
		expect(t, x.ask(x.wiki, fresh.Text("refresh_token"), refresh), 400, "invalid_grant")
	})
}

func TestIdentityAssertionsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBearer(t, func(i *trust.Issuer) { i.AssertionTypes = []string{"JWT", "oauth-id-jag+jwt"} })
	assertion := func(changes map[string]any) string {
		named := map[string]any{"client_id": "agent"}
		for name, value := range changes {
			named[name] = value
		}
		return signed(t, b.signer, "oauth-id-jag+jwt", b.claims(named))
	}
	expect(t, present(b.agent, assertion(nil)), 400, "invalid_grant") // nobody follows the draft
	expect(t, present(b.agent, b.assertion(t, nil)), 200, "")
	b.SetPolicies(t, b.organization, org.Policies{Drafts: []org.Draft{org.DraftIdentityAssertionGrant}})
	for name, changes := range map[string]map[string]any{
		"for another client":   {"client_id": "web"},
		"for no client":        {"client_id": nil},
		"for a list of us":     {"aud": []string{b.Issuers.URL(b.organization), b.Issuers.URL(b.organization)}},
		"without iat":          {"iat": nil},
		"of a tenant":          {"tenant": "t1"},
		"for a tenant":         {"aud_tenant": "t1"},
		"of somebody's actor":  {"act": map[string]any{"sub": "agent"}},
		"with a list of scope": {"scope": []string{"openid"}},
		"of ourselves":         {"iss": b.Issuers.URL(b.organization)},
	} {
		t.Run(name, func(t *testing.T) { expect(t, present(b.agent, assertion(changes)), 400, "invalid_grant") })
	}
	if got := present(b.agent, assertion(map[string]any{"scope": "openid email", "aud": []string{b.Issuers.URL(b.organization)}})); got.Text("scope") != "openid" {
		t.Errorf("draft §4.4.1: %d %s", got.Status, got.Body)
	}
	expect(t, present(b.agent, assertion(map[string]any{"scope": "openid"}), "scope", "profile"), 400, "invalid_scope")
	expect(t, present(b.agent, assertion(map[string]any{"resource": "https://api.test/"})), 400, "invalid_target")
	if got := present(b.agent, assertion(map[string]any{"authorization_details": []any{map[string]any{"type": "payment"}}})); got.Status != 200 || got.JSON["authorization_details"] != nil {
		t.Errorf("details are left out: %d %s", got.Status, got.Body)
	}
}

func TestMetadataOfIdentityAssertions(t *testing.T) {
	t.Parallel()
	x := newIdentities(t, nil)
	elsewhere := x.Organization(t, "elsewhere", org.Policies{})
	for slug, want := range map[string]bool{x.chat.Slug: true, elsewhere.Slug: false} {
		document := x.Get("/" + slug + "/.well-known/openid-configuration")
		if got := strings.Contains(string(document.Body), `"authorization_grant_profiles_supported":["urn:ietf:params:oauth:grant-profile:id-jag"]`) &&
			strings.Contains(string(document.Body), `"identity_chaining_requested_token_types_supported":["urn:ietf:params:oauth:token-type:id-jag"]`); got != want {
			t.Errorf("%s: %v", slug, got)
		}
	}
}
