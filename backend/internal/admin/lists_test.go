package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
)

func TestLists(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	organization := s.rival
	for i, name := range []string{"delta", "Alpha", "charlie", "bravo", "écho"} {
		s.Person(t, organization, name)
		s.Application(t, organization, client.Client{ClientID: fmt.Sprintf("c%d", i), Name: name})
	}
	for _, l := range []struct{ path, by, field string }{
		{"/orgs/rival/users", "username", "username"}, {"/orgs/rival/clients", "client_name", "client_name"},
	} {
		alphabetical := []string{"Alpha", "bravo", "charlie", "delta", "écho"}
		oldest := []string{"delta", "Alpha", "charlie", "bravo", "écho"}
		for sort, want := range map[string][]string{
			"": alphabetical, l.by: alphabetical, "-" + l.by: reversed(alphabetical), "created_at": oldest, "-created_at": reversed(oldest),
		} {
			for _, limit := range []int{1, 2, 5, 200} {
				if got := pages(root, l.path, sort, limit, l.field); !slices.Equal(got, want) {
					t.Errorf("%s sort=%s limit=%d: %v, want %v", l.path, sort, limit, got, want)
				}
			}
		}
		for q, want := range map[string]string{"al": "Alpha", "ALPHA": "Alpha", "É": "écho", "lpha": "", "%25": "", "_": "", "'": ""} {
			if got := strings.Join(root.get(l.path+"?q="+q).must(200).column(l.field), " "); got != want {
				t.Errorf("%s q=%s: %q, want %q", l.path, q, got, want)
			}
		}
		first := root.get(l.path + "?limit=1").must(200)
		id := first.column("id")[0]
		if got := root.get(l.path + "?q=" + id).must(200).column("id"); !slices.Equal(got, []string{id}) {
			t.Errorf("%s: a whole id found %v", l.path, got)
		}
		if len(root.get(l.path+"?status=disabled").must(200).column("id")) != 0 {
			t.Errorf("%s: status is ignored", l.path)
		}
		cursor := first.text("next_cursor")
		root.get(l.path + "?limit=3&cursor=" + cursor).must(200)
		another := "A"
		if strings.HasPrefix(cursor, another) { // every letter may be the first
			another = "B"
		}
		for name, query := range map[string]string{
			"another order": "sort=created_at&cursor=" + cursor, "another filter": "status=active&cursor=" + cursor, "changed": "cursor=" + another + cursor[1:], "cut": "cursor=" + cursor[:20],
		} {
			if got := root.get(l.path + "?" + query); got.status != http.StatusBadRequest {
				t.Errorf("%s, a cursor with %s: %d", l.path, name, got.status)
			}
		}
		root.get(strings.Replace(l.path, "rival", "acme", 1)+"?cursor="+cursor).refuses(400, "cursor_invalid")
	}
	if got := root.get("/orgs/rival/users?q=Lovelace").must(200).column("username"); len(got) != 5 {
		t.Errorf("the family name found %v", got)
	}
	for sort, want := range map[string]string{"": "acme rival", "-name": "rival acme", "created_at": "acme rival", "-created_at": "rival acme"} {
		got := pages(root, "/orgs", sort, 1, "slug")
		got = slices.DeleteFunc(got, func(slug string) bool { return slug == "system" })
		if strings.Join(got, " ") != want {
			t.Errorf("organizations sort=%s: %v", sort, got)
		}
	}
	if got := root.get("/orgs?q=ri&status=active").must(200).column("slug"); !slices.Equal(got, []string{"rival"}) {
		t.Errorf("organizations q=ri: %v", got)
	}
	if got := pages(root, "/orgs/rival/audit-events", "", 3, "id"); len(got) < 10 || !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("events: %v", got)
	}
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// pages walks through all pages of a list.

func pages(c *caller, path, sort string, limit int, field string) []string {
	c.t.Helper()
	var found []string
	query := fmt.Sprintf("?limit=%d", limit)
	if sort != "" {
		query += "&sort=" + sort
	}
	cursor := ""
	for range 200 {
		page := c.get(path + query + cursor).must(200)
		values := page.column(field)
		if len(values) > limit {
			c.t.Fatalf("%s: %d items with limit %d", path, len(values), limit)
		}
		found = append(found, values...)
		next := page.text("next_cursor")
		if next == "" {
			return found
		}
		cursor = "&cursor=" + next
	}
	c.t.Fatalf("%s: the pages do not end", path)
	return nil
}
