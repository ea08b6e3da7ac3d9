package admin_test

import "testing"

func TestThePolicyOfTokenExchangeIsWrittenByAdministrators(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	policy := fields{"subject_clients": []any{"web"}, "audiences": []any{"https://ledger.acme.test/"}, "delegation": true}
	created := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Orders", "grant_types": []any{exchange}, "response_types": []any{}, "token_exchange": policy}).must(201)
	at := "/orgs/acme/clients/" + created.text("client.id")
	read := grace.get(at).must(200)
	if len(read.at("token_exchange.subject_clients").([]any)) != 1 || read.at("token_exchange.delegation") != true {
		t.Errorf("%s", read.body)
	}
	kept := grace.do("PATCH", at, fields{"client_name": "Orders and returns"}, "If-Match", read.etag()).must(200)
	if kept.at("client.token_exchange.delegation") != true {
		t.Errorf("what was not named changed: %s", kept.body)
	}
	for _, wrong := range []fields{{"subject_clients": []any{}, "audiences": []any{"a"}}, {"subject_clients": []any{"web"}}, {"subject_clients": []any{"w\u00e9b"}, "audiences": []any{"a"}},
		{"subject_clients": []any{"web", "web"}, "audiences": []any{"a"}}, {"subject_clients": []any{"web"}, "audiences": []any{"a"}, "everything": true}} {
		if got := grace.do("PATCH", at, fields{"token_exchange": wrong}, "If-Match", kept.etag()); got.status < 400 || got.status >= 500 {
			t.Errorf("%v: %d", wrong, got.status)
		}
	}
	grace.do("PATCH", at, fields{"token_endpoint_auth_method": "none"}, "If-Match", kept.etag()).refuses(422, "invalid_client_metadata")
	gone := grace.do("PATCH", at, fields{"token_exchange": nil}, "If-Match", kept.etag()).must(200)
	if gone.at("client.token_exchange") != nil {
		t.Errorf("%s", gone.body)
	}
}
