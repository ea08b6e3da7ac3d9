package admin_test

import (
	"strings"
	"testing"
	"time"
)

func TestIdempotency(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root, other := s.administrator(s.acme), s.platform(), s.administrator(s.acme)
	for _, c := range []struct {
		by        *caller
		path      string
		one, more fields
	}{
		{grace, "/orgs/acme/users", fields{"username": "ada", "password": "Difference-Engine-2"}, fields{"username": "grace"}},
		{grace, "/orgs/acme/clients", fields{"client_name": "Payroll", "redirect_uris": []string{"https://a.test/"}}, fields{"client_name": "Leave", "redirect_uris": []string{"https://a.test/"}}},
		{root, "/orgs", fields{"slug": "demo", "name": "Demo"}, fields{"slug": "other", "name": "Demo"}},
	} {
		key := "key of " + c.path
		first := c.by.do("POST", c.path, c.one, "Idempotency-Key", key).must(201)
		again := c.by.do("POST", c.path, c.one, "Idempotency-Key", key).must(201)
		if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: %v then %v", c.path, first.header, again.header)
		}
		if first.at("client_secret") != nil && again.at("client_secret") != nil {
			t.Errorf("%s: the secret is shown twice", c.path)
		}
		c.by.do("POST", c.path, c.more, "Idempotency-Key", key).refuses(422, "idempotency_key_reused")
		c.by.do("POST", c.path, c.more, "Idempotency-Key", key+" 2").must(201)
	}
	// A key belongs to its caller, and for a day.
	other.do("POST", "/orgs/acme/users", fields{"username": "other"}, "Idempotency-Key", "key of /orgs/acme/users").must(201)
	s.Clock.Advance(25 * time.Hour)
	grace = s.as(s.acme, grace.user, bothScopes...)
	if got := grace.do("POST", "/orgs/acme/users", fields{"username": "late"}, "Idempotency-Key", "key of /orgs/acme/users").must(201); got.header.Get("Idempotent-Replayed") != "" {
		t.Error("a key of yesterday was remembered")
	}
	for _, bad := range []string{"", strings.Repeat("k", 256)} {
		grace.do("POST", "/orgs/acme/users", fields{"username": "x"}, "Idempotency-Key", bad).must(400)
	}
}

// Of creates with one key at once exactly one makes something, whether or not its name would collide.

func TestTwoCreatesWithOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	for _, c := range []struct {
		path string
		body fields
		list string
	}{
		{"/orgs/acme/users", fields{"username": "twin"}, "/orgs/acme/users?q=twin"},
		{"/orgs/acme/clients", fields{"client_name": "Twin", "redirect_uris": []string{"https://a.test/"}}, "/orgs/acme/clients?q=twin"},
	} {
		locations := make(chan string, 6)
		secrets := make(chan string, 6)
		statuses := together(6, func(int) int {
			got := grace.do("POST", c.path, c.body, "Idempotency-Key", "one for "+c.path)
			locations <- got.header.Get("Location")
			secrets <- got.text("client_secret")
			return got.status
		})
		first, shown := <-locations, 0
		for range 5 {
			if next := <-locations; next != first {
				t.Errorf("%s: %s and %s", c.path, first, next)
			}
		}
		for range 6 {
			if <-secrets != "" {
				shown++
			}
		}
		if made := grace.get(c.list).must(200).column("id"); statuses[201] != 6 || len(made) != 1 || shown > 1 {
			t.Errorf("%s: %v, made %v, secrets shown %d", c.path, statuses, made, shown)
		}
	}
}
