package admin_test

import (
	"encoding/base64"
	"testing"
)

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func TestAnOrganizationsLife(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	logo := "data:image/png;base64," + pixel
	created := root.do("POST", "/orgs", fields{"slug": "demo", "name": "Demo", "branding": fields{"brand_color": "#1f5fbf", "logo": logo},
		"policies": fields{"registration": "loopback", "session_idle_lifetime_seconds": 600, "default_locale": "de"}}).must(201)
	if created.text("issuer") != s.URL+"/demo" || created.text("branding.logo") != logo || created.at("policies.session_idle_lifetime_seconds") != 600.0 ||
		created.at("policies.access_token_lifetime_seconds") != 300.0 || created.text("policies.default_locale") != "de" ||
		created.text("policies.profile") != "oauth2.1" || created.header.Get("Location") != "/api/v1/orgs/demo" {
		t.Errorf("created: %s", created.body)
	}
	root.do("POST", "/orgs", fields{"slug": "demo", "name": "Again"}).refuses(409, "slug_taken")
	changed := root.do("PATCH", "/orgs/demo", fields{"branding": fields{"logo": nil}, "policies": fields{"default_locale": nil, "profile": "oidc-legacy"}}, "If-Match", created.etag()).must(200)
	if changed.at("branding.logo") != nil || changed.text("branding.brand_color") != "#1f5fbf" || changed.at("policies.default_locale") != nil ||
		changed.text("policies.registration") != "loopback" || changed.text("policies.profile") != "oidc-legacy" || changed.text("name") != "Demo" {
		t.Errorf("changed: %s", changed.body)
	}
	html := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("<script>alert(1)</script>"))
	root.do("PATCH", "/orgs/demo", fields{"branding": fields{"logo": html}}, "If-Match", changed.etag()).refuses(422, "logo_invalid")
	suspended := root.do("POST", "/orgs/demo/suspend", nil).must(200)
	if suspended.text("status") != "suspended" || root.do("POST", "/orgs/demo/suspend", nil).must(200).etag() != suspended.etag() {
		t.Errorf("suspended twice: %s", suspended.body)
	}
	restored := root.do("POST", "/orgs/demo/restore", nil).must(200)
	deleting := root.do("DELETE", "/orgs/demo", nil, "If-Match", restored.etag()).must(202)
	if deleting.text("status") != "deleting" {
		t.Errorf("deleting: %s", deleting.body)
	}
	root.do("DELETE", "/orgs/demo", nil, "If-Match", restored.etag()).refuses(409, "organization_being_deleted")
}

func TestOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, grace := s.platform(), s.administrator(s.acme)
	got := grace.get("/orgs/acme/overview").must(200)
	if got.at("users.value") != 1.0 || got.at("users.exact") != true || got.at("active_sessions.value") != 1.0 || got.at("organizations") != nil || len(or(got.at("recent_events"))) == 0 {
		t.Errorf("overview: %s", got.body)
	}
	if all := root.get("/orgs/system/overview").must(200); all.at("organizations.value") != 3.0 {
		t.Errorf("overview of system: %s", all.body)
	}
	if elsewhere := root.get("/orgs/acme/overview").must(200); elsewhere.at("organizations") != nil {
		t.Errorf("overview of acme: %s", elsewhere.body)
	}
	if s.administrator(s.system).get("/orgs/system/overview").must(200).at("organizations") != nil {
		t.Error("an administrator of system sees how many organizations there are")
	}
}
