package admin_test

import "testing"

func TestTokenPoliciesOfOrganizationsAndClients(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	grace.do("POST", "/orgs/acme/resources", fields{"identifier": "https://orders.acme.test/", "name": "Orders"}).must(201)
	before := grace.get("/orgs/acme").must(200)
	if before.at("policies.token_policy") != nil {
		t.Errorf("nothing was decided: %s", before.body)
	}
	whole := fields{"access_token_format": "opaque", "access_token_claims": []any{"email"}, "refresh_token_rotation": "keep", "refresh_token_grace_seconds": 0,
		"default_resources": []any{"https://orders.acme.test/"}}
	changed := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"token_policy": whole}}, "If-Match", before.etag()).must(200)
	if changed.at("policies.token_policy.access_token_format") != "opaque" || changed.at("policies.token_policy.refresh_token_grace_seconds") != 0.0 ||
		changed.at("policies.token_policy.default_resources").([]any)[0] != "https://orders.acme.test/" {
		t.Errorf("%s", changed.body)
	}
	kept := grace.do("PATCH", "/orgs/acme", fields{"name": "Acme Group"}, "If-Match", changed.etag()).must(200)
	if kept.at("policies.token_policy.refresh_token_rotation") != "keep" {
		t.Errorf("what was not named changed: %s", kept.body)
	}
	for name, wrong := range map[string]fields{
		"access_token_claims": {"access_token_claims": []any{"sub"}}, "default_resources": {"default_resources": []any{"https://nobody.acme.test/"}},
	} {
		refused := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"token_policy": wrong}}, "If-Match", kept.etag())
		refused.refuses(422, "token_policy_invalid")
		if refused.text("errors.0.field") != "policies.token_policy."+name && refused.text("field") != "policies.token_policy."+name {
			t.Errorf("%s: %s", name, refused.body)
		}
	}
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"token_policy": fields{"refresh_token_grace_seconds": 301}}}, "If-Match", kept.etag()).refuses(422, "validation_failed")

	client := fields{"client_name": "Shop", "redirect_uris": []any{"https://shop.acme.test/cb"}, "token_policy": fields{"access_token_format": "jwt", "access_token_claims": []any{}}}
	created := grace.do("POST", "/orgs/acme/clients", client).must(201)
	at := "/orgs/acme/clients/" + created.text("client.id")
	read := grace.get(at).must(200)
	if claims, is := read.at("token_policy.access_token_claims").([]any); !is || len(claims) != 0 || read.at("token_policy.access_token_format") != "jwt" || read.at("token_policy.refresh_token_rotation") != nil {
		t.Errorf("no claims is not the organization's choice: %s", read.body)
	}
	public := grace.do("PATCH", at, fields{"token_endpoint_auth_method": "none", "token_policy": fields{"refresh_token_rotation": "keep"}}, "If-Match", read.etag())
	public.refuses(422, "invalid_client_metadata")
	unknown := grace.do("PATCH", at, fields{"token_policy": fields{"default_resources": []any{"https://nobody.acme.test/"}}}, "If-Match", read.etag())
	unknown.refuses(422, "token_policy_invalid")
	gone := grace.do("PATCH", at, fields{"token_policy": nil}, "If-Match", read.etag()).must(200)
	if gone.at("client.token_policy") != nil {
		t.Errorf("%s", gone.body)
	}
	other := s.administrator(s.rival)
	other.do("POST", "/orgs/rival/clients", fields{"client_name": "Shop", "redirect_uris": []any{"https://shop.rival.test/cb"},
		"token_policy": fields{"default_resources": []any{"https://orders.acme.test/"}}}).refuses(422, "token_policy_invalid") // another organization's
}
