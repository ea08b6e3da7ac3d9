package admin_test

import (
	"strings"
	"testing"
	"time"
)

func TestDomains(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	const all = "/orgs/acme/domains"
	organization := func() answer { return grace.get("/orgs/acme").must(200) }
	for host, code := range map[string]string{"localhost": "domain_malformed", "https://a.example.test": "domain_malformed", "192.0.2.1": "domain_malformed", "id.example.test": "domain_ours"} {
		grace.do("POST", all, fields{"host": host}).refuses(422, code)
	}
	created := grace.do("POST", all, fields{"host": "Login.Example.test"}, "Idempotency-Key", "one").must(201)
	again := grace.do("POST", all, fields{"host": "Login.Example.test"}, "Idempotency-Key", "one").must(201)
	at := all + "/" + created.text("id")
	if created.text("host") != "login.example.test" || created.text("status") != "claimed" || created.text("record.name") != "_clavex.login.example.test" || again.text("id") != created.text("id") ||
		created.header.Get("Location") != "/api/v1"+at {
		t.Errorf("%v %s", created.header, created.body)
	}
	grace.do("POST", all, fields{"host": "login.example.test"}).refuses(409, "domain_exists")
	elsewhere := "/orgs/rival/domains/" + created.text("id")
	rival.get(elsewhere).refuses(404, "domain_not_found")
	rival.do("POST", elsewhere+"/verification", nil).refuses(404, "domain_not_found")
	rival.do("DELETE", elsewhere, nil).refuses(404, "domain_not_found")

	grace.do("POST", at+"/verification", nil).refuses(409, "domain_record_missing")
	s.names.Fail(true)
	grace.do("POST", at+"/verification", nil).refuses(503, "dns_unavailable")
	s.names.Fail(false)
	grace.do("PUT", "/orgs/acme/address", fields{"domain": "login.example.test"}, "If-Match", organization().etag()).refuses(409, "domain_unproved")
	s.names.Set(created.text("record.name"), created.text("record.value"))
	if proved := grace.do("POST", at+"/verification", nil).must(200); proved.text("status") != "proved" || proved.text("verified_by") != "dns" {
		t.Errorf("%s", proved.body)
	}
	s.names.Set(created.text("record.name"))
	grace.do("POST", at+"/verification", nil).must(200) // it stays proved
	theirs := rival.do("POST", "/orgs/rival/domains", fields{"host": "login.example.test"}).must(201)
	s.names.Set(theirs.text("record.name"), theirs.text("record.value"))
	rival.do("POST", "/orgs/rival/domains/"+theirs.text("id")+"/verification", nil).refuses(409, "domain_taken")
	rival.do("PUT", "/orgs/rival/address", fields{"domain": "login.example.test"}, "If-Match", rival.get("/orgs/rival").must(200).etag()).refuses(409, "domain_unproved")

	before := organization()
	for body, code := range map[string]string{"unknown.example.test": "domain_not_found"} {
		grace.do("PUT", "/orgs/acme/address", fields{"domain": body}, "If-Match", before.etag()).refuses(404, code)
	}
	if got := grace.do("PUT", "/orgs/acme/address", fields{"domain": "https://a.example.test"}, "If-Match", before.etag()).refuses(422, "domain_malformed"); got.text("errors.0.field") != "domain" {
		t.Errorf("%s", got.body)
	}
	grace.do("PUT", "/orgs/acme/address", fields{}, "If-Match", before.etag()).refuses(409, "domain_current")
	grace.do("PUT", "/orgs/acme/address", fields{"domain": "login.example.test", "grace_days": 400}, "If-Match", before.etag()).refuses(422, "validation_failed")
	grace.do("PUT", "/orgs/acme/address", fields{"domain": "login.example.test"}).refuses(428, "if_match_required")
	if got := grace.do("PUT", "/orgs/acme/address", fields{"domain": "login.example.test"}, "If-Match", before.etag()).refuses(409, "domain_unreached"); !strings.Contains(got.text("detail"), "does not lead to this server") {
		t.Errorf("%s", got.body)
	}
	moved := grace.do("PUT", "/orgs/acme/address", fields{"domain": "login.example.test", "grace_days": 3, "unchecked": true}, "If-Match", before.etag()).must(200)
	if !strings.Contains(moved.text("issuer"), "://login.example.test") || moved.text("former.issuer") != s.Issuers.PublicURL+"/acme" {
		t.Errorf("%s", moved.body)
	}
	if until, err := time.Parse(time.RFC3339, moved.text("former.until")); err != nil || until.Sub(s.Clock.Now().AddDate(0, 0, 3)).Abs() > time.Minute {
		t.Errorf("%s %v", moved.text("former.until"), err)
	}
	grace.do("PUT", "/orgs/acme/address", fields{}, "If-Match", before.etag()).refuses(412, "version_mismatch")
	if listed := grace.get(all).must(200); listed.text("items.0.status") != "present" || listed.text("address.domain") != "login.example.test" {
		t.Errorf("%s", listed.body)
	}
	if read := organization(); !strings.Contains(read.text("issuer"), "://login.example.test") {
		t.Errorf("%s", read.body)
	}
	grace.do("DELETE", at, nil).refuses(409, "domain_in_use")
	grace.do("DELETE", "/orgs/acme/address/former", nil, "If-Match", moved.etag()).must(204)
	grace = s.platform() // what was made at the address before, tokens too, ended with it
	grace.do("DELETE", "/orgs/acme/address/former", nil, "If-Match", organization().etag()).refuses(409, "no_former_address")
	back := grace.do("PUT", "/orgs/acme/address", fields{"grace_days": 0}, "If-Match", organization().etag()).must(200)
	if back.text("issuer") != s.Issuers.PublicURL+"/acme" || back.text("former") != "" {
		t.Errorf("%s", back.body)
	}
	grace.do("DELETE", at, nil).must(204)
	grace.get(at).refuses(404, "domain_not_found")
	for n := range 10 {
		grace.do("POST", all, fields{"host": strings.Repeat("x", n+1) + ".example.test"}).must(201)
	}
	grace.do("POST", all, fields{"host": "one-more.example.test"}).refuses(409, "too_many_domains")
}
