package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/jose"
)

func TestTrustedIssuers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	person, stranger := s.Person(t, s.acme, "ada"), s.Person(t, s.rival, "ada")
	const all = "/orgs/acme/trusted-issuers"
	created := grace.do("POST", all, fields{"issuer": "https://idp.example.test", "name": " Partner ", "jwks_uri": "https://idp.example.test/jwks"}).must(201)
	at := all + "/" + created.text("id")
	for name, want := range map[string]any{"name": "Partner", "status": "active", "subject_claim": "sub", "subject_match": "linked_identity", "maximum_lifetime_seconds": 300.0} {
		if created.json[name] != want {
			t.Errorf("%s is %v", name, created.json[name])
		}
	}
	if created.header.Get("Location") != "/api/v1"+at || fmt.Sprint(created.json["assertion_types"]) != "[JWT]" || fmt.Sprint(created.json["clients"]) != "[]" {
		t.Errorf("%v %s", created.header, created.body)
	}
	grace.do("POST", all, fields{"issuer": "https://idp.example.test", "name": "Again", "jwks_uri": "https://idp.example.test/jwks"}).refuses(409, "trusted_issuer_taken")
	rival.do("POST", "/orgs/rival/trusted-issuers", fields{"issuer": "https://idp.example.test", "name": "Another organization's", "jwks_uri": "https://idp.example.test/jwks"}).must(201)
	elsewhere := "/orgs/rival/trusted-issuers/" + created.text("id")
	rival.get(elsewhere).refuses(404, "trusted_issuer_not_found")
	rival.get(elsewhere+"/identities").refuses(404, "trusted_issuer_not_found")
	rival.do("POST", elsewhere+"/identities", fields{"subject": "x", "user_id": stranger.ID}).refuses(404, "trusted_issuer_not_found")
	rival.do("PATCH", elsewhere, fields{"name": "Mine"}, "If-Match", created.etag()).refuses(404, "trusted_issuer_not_found")
	rival.do("DELETE", elsewhere, nil, "If-Match", created.etag()).refuses(404, "trusted_issuer_not_found")
	signer, err := jose.GenerateSigner(jose.ES256)
	check(t, err)
	encoded, err := json.Marshal(jose.NewKeySet(signer.Public()))
	check(t, err)
	var keys any
	check(t, json.Unmarshal(encoded, &keys))
	for _, c := range []fields{{"issuer": s.Issuers.URL(s.acme)}, {"issuer": "a b"}, {"jwks_uri": "http://other.example.test/"}, {"jwks": keys}, {"jwks_uri": nil}, {"algorithms": []string{"none"}},
		{"algorithms": []string{"HS256"}}, {"scopes": []string{"admin:read"}}, {"scopes": []string{"offline_access"}}, {"subject_match": "email"}, {"subject_match": "verified_email", "subject_claim": "mail"},
		{"clients": []string{"a", "a"}}, {"maximum_lifetime_seconds": 3601}, {"assertion_types": []string{"a b"}}, {"name": "two\nlines"}, {"surprise": 1}} {
		body := fields{"issuer": "https://other.example.test/", "name": "Other", "jwks_uri": "https://other.example.test/jwks"}
		for name, value := range c {
			if body[name] = value; value == nil {
				delete(body, name)
			}
		}
		if got := grace.do("POST", all, body); got.status != 422 {
			t.Errorf("%v: %d %s", c, got.status, got.body)
		}
	}
	changed := grace.do("PATCH", at, fields{"jwks": keys, "clients": []string{"agent"}, "scopes": []string{"openid"}, "subject_match": "verified_email", "algorithms": []string{"ES256"}}, "If-Match", created.etag()).must(200)
	if changed.json["jwks_uri"] != nil || !strings.Contains(string(changed.body), `"kty"`) || changed.json["subject_claim"] != "email" || changed.text("issuer") != "https://idp.example.test" {
		t.Errorf("%s", changed.body)
	}
	grace.do("PATCH", at, fields{"name": "Late"}, "If-Match", created.etag()).refuses(412, "version_mismatch")
	grace.do("DELETE", at, nil, "If-Match", created.etag()).refuses(412, "version_mismatch")

	linked := grace.do("POST", at+"/identities", fields{"subject": "u-1", "user_id": person.ID}).must(201)
	grace.do("POST", at+"/identities", fields{"subject": "u-1", "user_id": person.ID}).refuses(409, "linked_identity_taken")
	grace.do("POST", at+"/identities", fields{"subject": "u-2", "user_id": stranger.ID}).refuses(422, "user_not_found")
	grace.do("POST", at+"/identities", fields{"subject": "two\nlines", "user_id": person.ID}).refuses(422, "linked_identity_malformed")
	if subjects := grace.get(at + "/identities?user_id=" + person.ID.String()).must(200).column("subject"); len(subjects) != 1 {
		t.Errorf("%v", subjects)
	}
	if subjects := grace.get(at + "/identities?user_id=" + stranger.ID.String()).must(200).column("subject"); len(subjects) != 0 {
		t.Errorf("%v", subjects)
	}
	grace.do("DELETE", at+"/identities/"+linked.text("id"), nil).must(204)
	grace.do("DELETE", at+"/identities/"+linked.text("id"), nil).refuses(404, "linked_identity_not_found")
	grace.do("DELETE", at, nil, "If-Match", changed.etag()).must(204)
	grace.get(at).refuses(404, "trusted_issuer_not_found")
	for _, action := range []string{"trusted_issuer.created", "trusted_issuer.updated", "trusted_issuer.deleted", "linked_identity.created", "linked_identity.deleted"} {
		if events := grace.get("/orgs/acme/audit-events?action=" + action).must(200).column("id"); len(events) != 1 {
			t.Errorf("%s: %v", action, events)
		}
	}
}
