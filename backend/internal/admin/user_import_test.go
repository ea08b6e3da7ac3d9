package admin_test

import (
	"strings"
	"testing"
)

func TestImportingUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	const hash = "$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2"
	got := grace.do("POST", "/orgs/acme/users/import", fields{"users": []any{
		fields{"username": "eva", "email": "eva@acme.test", "email_verified": true, "profile": fields{"name": "Eva Rossi"}, "password_hash": hash},
		fields{"username": "Eva"}, fields{"username": "md5", "password_hash": "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"}, fields{"username": "hans"},
	}}).must(200)
	if got.at("imported") != 2.0 || got.text("refused.0.code") != "password_hash_unreadable" && got.text("refused.1.code") != "password_hash_unreadable" || strings.Contains(string(got.body), hash) {
		t.Errorf("%s", got.body)
	}
	list := grace.get("/orgs/acme/users?q=eva").must(200)
	if list.text("items.0.username") != "eva" || strings.Contains(string(list.body), "$2b$") {
		t.Errorf("%s", list.body)
	}
	var many []any
	for range 501 {
		many = append(many, fields{"username": "x"})
	}
	grace.do("POST", "/orgs/acme/users/import", fields{"users": many}).refuses(422, "validation_failed")
	grace.do("POST", "/orgs/acme/users/import", fields{"users": []any{fields{"username": "x", "shoe_size": 43}}}).refuses(422, "validation_failed")
	grace.do("POST", "/orgs/rival/users/import", fields{"users": []any{fields{"username": "x"}}}).refuses(404, "organization_not_found")
}
