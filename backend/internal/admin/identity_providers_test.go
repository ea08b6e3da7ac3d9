package admin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestIdentityProviders(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	const all = "/orgs/acme/identity-providers"
	wanted := fields{"alias": "corp", "name": " Corp ", "issuer": "https://login.corp.test", "client_id": "clavex", "client_secret": "a secret of corp"}
	created := grace.do("POST", all, wanted).must(201)
	at := all + "/" + created.text("id")
	if created.text("name") != "Corp" || created.text("client_authentication") != "client_secret_basic" || created.text("scopes.0") != "openid" || created.text("status") != "active" ||
		!strings.HasSuffix(created.text("redirect_uri"), "/acme/idp/corp/callback") || created.header.Get("Location") != "/api/v1"+at || strings.Contains(string(created.body), "a secret") {
		t.Errorf("%v %s", created.header, created.body)
	}
	grace.do("POST", all, wanted).refuses(409, "identity_provider_taken")
	elsewhere := "/orgs/rival/identity-providers/" + created.text("id")
	rival.get(elsewhere).refuses(404, "identity_provider_not_found")
	rival.do("PATCH", elsewhere, fields{"name": "Mine"}, "If-Match", created.etag()).refuses(404, "identity_provider_not_found")
	rival.do("DELETE", elsewhere, nil, "If-Match", created.etag()).refuses(404, "identity_provider_not_found")
	rival.do("POST", "/orgs/rival/identity-providers", wanted).must(201)
	for _, c := range []fields{{"alias": "x"}, {"alias": "../up"}, {"issuer": "corp"}, {"issuer": s.Issuers.URL(s.acme)}, {"issuer": "https://corp.test?x=1"}, {"client_id": ""}, {"client_secret": nil},
		{"client_authentication": "none"}, {"client_authentication": "private_key_jwt"}, {"scopes": []string{"email"}}, {"scopes": []string{"openid", "a b"}}, {"name": "two\nlines"}, {"surprise": 1}} {
		body := fields{"alias": "other", "name": "Other", "issuer": "https://other.corp.test", "client_id": "clavex", "client_secret": "x"}
		for name, value := range c {
			if body[name] = value; value == nil {
				delete(body, name)
			}
		}
		if got := grace.do("POST", all, body); got.status != 422 {
			t.Errorf("%v: %d %s", c, got.status, got.body)
		}
	}
	grace.do("PATCH", at, fields{"client_id": "another"}, "If-Match", created.etag()).refuses(422, "identity_provider_malformed")
	grace.do("PATCH", at, fields{"issuer": "https://evil.test"}, "If-Match", created.etag()).refuses(422, "validation_failed")
	changed := grace.do("PATCH", at, fields{"client_id": "another", "client_secret": "its secret", "status": "disabled", "scopes": []string{"openid"}}, "If-Match", created.etag()).must(200)
	if changed.text("client_id") != "another" || changed.text("status") != "disabled" || strings.Contains(string(changed.body), "secret\"") {
		t.Errorf("%s", changed.body)
	}
	grace.do("PATCH", at, fields{"name": "Late"}, "If-Match", created.etag()).refuses(412, "version_mismatch")
	if names := grace.get(all).must(200).column("name"); !slices.Equal(names, []string{"Corp"}) {
		t.Errorf("%v", names)
	}
	for _, action := range []string{"identity_provider.created", "identity_provider.updated"} {
		if events := grace.get("/orgs/acme/audit-events?action=" + action).must(200); strings.Contains(string(events.body), "its secret") || len(events.column("id")) != 1 {
			t.Errorf("%s: %s", action, events.body)
		}
	}
	grace.do("DELETE", at, nil, "If-Match", changed.etag()).must(204)
	grace.get(at).refuses(404, "identity_provider_not_found")
	for n := range 20 {
		grace.do("POST", all, fields{"alias": "corp-" + strings.Repeat("x", n+1), "name": "Corp", "issuer": "https://login.corp.test", "client_id": "clavex", "client_authentication": "none"}).must(201)
	}
	grace.do("POST", all, wanted).refuses(409, "identity_providers_too_many")
}

func TestTryingAnIdentityProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	const place = "/orgs/acme/identity-providers/test"
	issuer, description := s.Web.URL, fields{}
	s.Web.Handle("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(description)
	})
	good := func() fields {
		return fields{"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks", "id_token_signing_alg_values_supported": []string{"RS256"}}
	}
	description = good()
	if got := grace.do("POST", place, fields{"issuer": issuer}).must(200); got.text("outcome") != "usable" || got.text("authorization_endpoint") != issuer+"/authorize" || got.at("error") != nil {
		t.Errorf("%s", got.body)
	}
	for name, change := range map[string]func(){
		"another issuer":     func() { description["issuer"] = issuer + "/" },
		"no token endpoint":  func() { delete(description, "token_endpoint") },
		"a script":           func() { description["authorization_endpoint"] = "javascript:alert(1)" },
		"without encryption": func() { description["authorization_endpoint"] = "http://login.corp.test/authorize" },
		"no signature":       func() { description["id_token_signing_alg_values_supported"] = []string{"none", "HS256"} },
	} {
		description = good()
		change()
		if got := grace.do("POST", place, fields{"issuer": issuer}).must(200); got.text("outcome") != "unusable" || got.text("error") != "identity_provider_unusable" || got.text("message") == "" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	for _, other := range []string{issuer + "/elsewhere", issuer + "?x=1", "https://127.0.0.1:1", "corp", "file:///etc/passwd"} {
		if got := grace.do("POST", place, fields{"issuer": other}).must(200); got.text("outcome") != "unusable" || got.text("message") == "" {
			t.Errorf("%s: %s", other, got.body)
		}
	}
	grace.do("POST", place, fields{"issuer": s.Issuers.URL(s.acme)}).refuses(422, "identity_provider_malformed")
	grace.do("POST", place, fields{}).refuses(422, "validation_failed")
	s.as(s.acme, s.person(s.acme, "auditor", role.OrganizationAuditor), bothScopes...).do("POST", place, fields{"issuer": issuer}).must(403)
}

func TestIdentitiesOfAUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	person, other := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "bob")
	provider, identity := s.identityProvider(s.acme, person)
	at := "/orgs/acme/users/" + person.ID.String() + "/identities"
	listed := grace.get(at).must(200)
	if listed.text("items.0.subject") != "target" || listed.text("items.0.identity_provider_name") != "Target" || listed.text("items.0.identity_provider_id") != provider.ID.String() {
		t.Errorf("%s", listed.body)
	}
	rival.get("/orgs/rival/users/"+person.ID.String()+"/identities").refuses(404, "user_not_found")
	grace.do("DELETE", "/orgs/acme/users/"+other.ID.String()+"/identities/"+identity.ID.String(), nil).refuses(404, "identity_not_found")
	grace.do("DELETE", at+"/"+identity.ID.String(), nil).must(204)
	grace.do("DELETE", at+"/"+identity.ID.String(), nil).refuses(404, "identity_not_found")
	// One account elsewhere is one person.
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := s.providers.Link(ctx, tx, oidctest.Actor(), identityprovider.Identity{OrgID: s.acme.ID, ProviderID: provider.ID, Subject: "target", UserID: other.ID})
		return err
	})
	err := s.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := s.providers.Link(ctx, tx, oidctest.Actor(), identityprovider.Identity{OrgID: s.acme.ID, ProviderID: provider.ID, Subject: "target", UserID: person.ID})
		return err
	})
	if err == nil {
		t.Error("linked to two people")
	}
}
