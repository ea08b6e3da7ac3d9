package admin_test

import (
	"fmt"
	"testing"
)

func TestDraftsAndIdentityAssertions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	const draft = "draft-ietf-oauth-identity-assertion-authz-grant-03"
	before := grace.get("/orgs/acme").must(200)
	if before.at("policies.drafts") != nil || before.at("policies.client_attesters") != nil {
		t.Errorf("%s", before.body)
	}
	for _, wrong := range []fields{{"drafts": []string{"draft-ietf-oauth-identity-assertion-authz-grant-00"}}, {"drafts": []string{draft, draft}}, {"client_attesters": []fields{{"name": "Wallet"}}},
		{"client_attesters": []fields{{"name": "Wallet", "jwks_uri": "http://wallet.test/jwks"}}}, {"client_attesters": []fields{{"name": "Wallet", "jwks": fields{"keys": []fields{{"kty": "oct", "k": "AAAA"}}}}}}} {
		if got := grace.do("PATCH", "/orgs/acme", fields{"policies": wrong}, "If-Match", before.etag()); got.status != 422 {
			t.Errorf("%v: %d %s", wrong, got.status, got.body)
		}
	}
	after := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"drafts": []string{draft}, "client_attesters": []fields{{"name": "Wallet", "jwks_uri": "https://wallet.test/jwks"}}, "require_attestation_challenge": true}},
		"If-Match", before.etag()).must(200)
	if fmt.Sprint(after.at("policies.drafts")) != "["+draft+"]" || after.at("policies.require_attestation_challenge") != true || fmt.Sprint(after.at("policies.client_attesters")) != "[map[jwks_uri:https://wallet.test/jwks name:Wallet]]" {
		t.Errorf("%s", after.body)
	}
	policy := fields{"audience": "https://chat.test", "client_id": "wiki", "scopes": []string{"chat.read"}}
	exchange := []string{"urn:ietf:params:oauth:grant-type:token-exchange"}
	created := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Wiki", "grant_types": exchange, "identity_assertions": []fields{policy}}).must(201)
	if fmt.Sprint(created.at("client.identity_assertions")) != "[map[audience:https://chat.test client_id:wiki scopes:[chat.read]]]" {
		t.Errorf("%s", created.body)
	}
	at := "/orgs/acme/clients/" + created.text("client.id")
	for _, wrong := range []fields{{"identity_assertions": []fields{policy, policy}}, {"identity_assertions": []fields{{"audience": "a b", "client_id": "x", "scopes": []string{}}}}, {"grant_types": []string{"client_credentials"}}} {
		if got := grace.do("PATCH", at, wrong, "If-Match", created.etag()); got.status != 422 {
			t.Errorf("%v: %d %s", wrong, got.status, got.body)
		}
	}
	none := grace.do("PATCH", at, fields{"identity_assertions": []fields{}}, "If-Match", created.etag()).must(200)
	if none.at("client.identity_assertions") != nil {
		t.Errorf("%s", none.body)
	}
}
