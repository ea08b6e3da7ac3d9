package admin_test

import (
	"fmt"
	"testing"
)

func TestResourceServers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	created := grace.do("POST", "/orgs/acme/resources", fields{"identifier": "https://api.example.test/payments", "name": " Payments ", "scopes": []string{"payments:read"},
		"access_token_lifetime_seconds": 60, "introspection_clients": []string{"payments-api"}}).must(201)
	at := "/orgs/acme/resources/" + created.text("id")
	if created.header.Get("Location") != "/api/v1"+at || created.text("name") != "Payments" || created.json["access_token_lifetime_seconds"] != 60.0 {
		t.Errorf("%v %s", created.header, created.body)
	}
	grace.do("POST", "/orgs/acme/resources", fields{"identifier": "https://api.example.test/payments", "name": "Again"}).refuses(409, "resource_identifier_taken")
	rival.do("POST", "/orgs/rival/resources", fields{"identifier": "https://api.example.test/payments", "name": "Another organization's"}).must(201)
	rival.get("/orgs/rival/resources/"+created.text("id")).refuses(404, "resource_not_found")
	rival.do("PATCH", "/orgs/rival/resources/"+created.text("id"), fields{"name": "Mine"}, "If-Match", created.etag()).refuses(404, "resource_not_found")
	rival.do("DELETE", "/orgs/rival/resources/"+created.text("id"), nil, "If-Match", created.etag()).refuses(404, "resource_not_found")
	for _, c := range []fields{{"identifier": "payments"}, {"identifier": "https://api.example.test/#x"}, {"identifier": "https://user@api.example.test/"}, {"scopes": []string{"a b"}},
		{"name": "two\nlines"}, {"access_token_lifetime_seconds": 5}, {"introspection_clients": []string{"a", "a"}}, {"surprise": 1}} {
		body := fields{"identifier": "https://other.example.test/", "name": "Other"}
		for name, value := range c {
			body[name] = value
		}
		if got := grace.do("POST", "/orgs/acme/resources", body); got.status != 422 {
			t.Errorf("%v: %d %s", c, got.status, got.body)
		}
	}
	changed := grace.do("PATCH", at, fields{"name": "Payments and refunds", "access_token_lifetime_seconds": nil, "scopes": []string{}}, "If-Match", created.etag()).must(200)
	if changed.json["access_token_lifetime_seconds"] != nil || fmt.Sprint(changed.json["scopes"]) != "[]" || changed.text("identifier") != "https://api.example.test/payments" {
		t.Errorf("%s", changed.body)
	}
	if created.json["published"] != false || changed.json["published"] != false {
		t.Errorf("RFC 9728 §4: nobody asked for it to be listed: %s", created.body)
	}
	if changed = grace.do("PATCH", at, fields{"published": true}, "If-Match", changed.etag()).must(200); changed.json["published"] != true || grace.get(at).json["published"] != true {
		t.Errorf("%s", changed.body)
	}
	grace.do("PATCH", at, fields{"name": "Late"}, "If-Match", created.etag()).refuses(412, "version_mismatch")
	grace.do("DELETE", at, nil, "If-Match", created.etag()).refuses(412, "version_mismatch")
	if names := grace.get("/orgs/acme/resources").must(200).column("name"); len(names) != 1 {
		t.Errorf("%v", names)
	}
	grace.do("DELETE", at, nil, "If-Match", changed.etag()).must(204)
	grace.get(at).refuses(404, "resource_not_found")
	for action, times := range map[string]int{"resource.created": 1, "resource.updated": 2, "resource.deleted": 1} {
		if events := grace.get("/orgs/acme/audit-events?action=" + action).must(200).column("id"); len(events) != times {
			t.Errorf("%s: %v", action, events)
		}
	}
	limited := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "A", "redirect_uris": []string{"https://a.test/"}, "resources": []string{"https://api.example.test/payments"}}).must(201)
	free := grace.do("PATCH", "/orgs/acme/clients/"+limited.text("client.id"), fields{"resources": []string{}}, "If-Match", limited.etag()).must(200)
	if fmt.Sprint(limited.at("client.resources")) != "[https://api.example.test/payments]" || free.at("client.resources") != nil {
		t.Errorf("%s\n%s", limited.body, free.body)
	}
}
