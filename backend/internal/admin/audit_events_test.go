package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	made := grace.do("POST", "/orgs/acme/users", fields{"username": "ada", "password": "Difference-Engine-2"}).must(201)
	id := made.text("id")
	grace.do("PATCH", "/orgs/acme/users/"+id, fields{"username": "countess"}, "If-Match", made.etag()).must(200)
	page := grace.get("/orgs/acme/audit-events?action=user.updated&target=" + id + "&actor=" + grace.user.ID.String()).must(200)
	event := "items.0."
	if page.text(event+"actor.name") != grace.user.Username || page.text(event+"target.name") != "countess" || page.text(event+"user_agent") != "test" || page.text(event+"request_id") == "" {
		t.Errorf("event: %s", page.body)
	}
	if before, after := page.at(event+"before").(map[string]any), page.at(event+"after").(map[string]any); len(before) != 1 || before["username"] != "ada" || len(after) != 1 || after["username"] != "countess" {
		t.Errorf("only what changed: %v, %v", before, after)
	}
	one := grace.get("/orgs/acme/audit-events/" + page.text(event+"id")).must(200)
	if one.text("id") != page.text(event+"id") {
		t.Errorf("one event: %s", one.body)
	}
	if text := string(grace.get("/orgs/acme/audit-events?limit=200").must(200).body); strings.Contains(text, "Difference-Engine-2") || strings.Contains(text, "argon2") {
		t.Error("a password in the audit log")
	}
	now := s.Clock.Now().UTC()
	for query, want := range map[string]bool{
		"from=" + now.Add(-time.Hour).Format(time.RFC3339):                        true,
		"to=" + now.Add(-time.Hour).Format(time.RFC3339):                          false,
		"from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z":                       true,
		"from=" + now.Add(time.Hour).Format(time.RFC3339):                         false,
		"action=user.created&target=" + uuid.NewString():                          false,
		"from=" + now.Add(-time.Hour).Format(time.RFC3339) + "&action=user.eaten": false,
	} {
		if got := len(grace.get("/orgs/acme/audit-events?"+query).must(200).column("id")) > 0; got != want {
			t.Errorf("%s: found %v, want %v", query, got, want)
		}
	}
}
