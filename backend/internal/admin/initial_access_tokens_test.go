package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
)

func TestInitialAccessTokensAreIssuedListedAndRevoked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	const path = "/orgs/acme/initial-access-tokens"
	expires := s.Clock.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	created := grace.do("POST", path, fields{"name": " Partner portal ", "max_uses": 2, "expires_at": expires}).must(201)
	at, value := path+"/"+created.text("initial_access_token.id"), created.text("value")
	if len(value) != 43 || created.header.Get("Location") != "/api/v1"+at || created.text("initial_access_token.name") != "Partner portal" ||
		created.at("initial_access_token.uses") != 0.0 || created.at("initial_access_token.max_uses") != 2.0 || created.text("initial_access_token.created_by") != grace.user.Username {
		t.Errorf("created: %s", created.body)
	}
	good := func() bool {
		good, err := s.Clients.InitialAccessTokenIsGood(t.Context(), s.acme.ID, value)
		check(t, err)
		return good
	}
	if !good() {
		t.Error("RFC 7591 §1.2: the value that was shown is no token")
	}
	if other, err := s.Clients.InitialAccessTokenIsGood(t.Context(), s.rival.ID, value); err != nil || other {
		t.Errorf("a token of acme is good at rival: %v", err)
	}
	for _, got := range []answer{grace.get(at).must(200), grace.get(path).must(200)} {
		if strings.Contains(string(got.body), value) {
			t.Errorf("the value is shown again: %s", got.body)
		}
	}
	// Another organization has no such token.
	rival.get("/orgs/rival/initial-access-tokens/"+created.text("initial_access_token.id")).refuses(404, "initial_access_token_not_found")
	rival.do("DELETE", "/orgs/rival/initial-access-tokens/"+created.text("initial_access_token.id"), nil).refuses(404, "initial_access_token_not_found")
	rival.do("DELETE", at, nil).refuses(404, "organization_not_found")
	if len(rival.get("/orgs/rival/initial-access-tokens").must(200).column("id")) != 0 || !good() {
		t.Error("another organization sees the token, or revoked it")
	}
	grace.do("DELETE", at, nil).must(204)
	revoked := grace.get(at).must(200)
	if good() || revoked.text("revoked_at") == "" {
		t.Errorf("revoked: %s", revoked.body)
	}
	s.Clock.Advance(time.Second)
	grace.do("DELETE", at, nil).must(204)
	if again := grace.get(at).must(200); again.text("revoked_at") != revoked.text("revoked_at") {
		t.Errorf("revoked twice: %s", again.body)
	}
	events := grace.get("/orgs/acme/audit-events?target=" + created.text("initial_access_token.id")).must(200)
	if fmt.Sprint(events.column("action")) != "[initial_access_token.revoked initial_access_token.created]" || strings.Contains(string(events.body), value) {
		t.Errorf("audit: %s", events.body)
	}
}

func TestInitialAccessTokensArePaged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	var want []string
	for range 5 {
		want = append([]string{s.initialAccessToken(s.acme).ID.String()}, want...)
	}
	s.initialAccessToken(s.rival)
	for _, limit := range []string{"1", "2", "5", "200"} {
		var got []string
		for cursor := ""; ; {
			page := grace.get("/orgs/acme/initial-access-tokens?limit=" + limit + cursor).must(200)
			got = append(got, page.column("id")...)
			if page.text("next_cursor") == "" {
				break
			}
			cursor = "&cursor=" + page.text("next_cursor")
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %s: %v, want %v", limit, got, want)
		}
	}
	foreign := s.administrator(s.rival)
	s.initialAccessToken(s.rival)
	cursor := foreign.get("/orgs/rival/initial-access-tokens?limit=1").must(200).text("next_cursor")
	grace.get("/orgs/acme/initial-access-tokens?cursor=" + cursor).must(400)
}

func TestAnInitialAccessTokenIsIssuedOnceForAKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	body := fields{"name": "Portal", "expires_at": s.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
	const path = "/orgs/acme/initial-access-tokens"
	shown := make(chan string, 4)
	statuses := together(4, func(int) int {
		got := grace.do("POST", path, body, "Idempotency-Key", "one")
		shown <- got.text("value")
		return got.status
	})
	values := 0
	for range 4 {
		if <-shown != "" {
			values++
		}
	}
	if made := grace.get(path).must(200).column("id"); statuses[201] != 4 || len(made) != 1 || values > 1 {
		t.Errorf("%v, made %v, values shown %d", statuses, made, values)
	}
	grace.do("POST", path, fields{"name": "Other", "expires_at": body["expires_at"]}, "Idempotency-Key", "one").refuses(422, "idempotency_key_reused")
}

func TestInitialAccessTokensAtFaultAreNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	after := func(wait time.Duration) string { return s.Clock.Now().Add(wait).UTC().Format(time.RFC3339) }
	for _, c := range []struct {
		body  fields
		field string
	}{
		{fields{"expires_at": after(time.Hour)}, "name"}, {fields{"name": "A"}, "expires_at"}, {fields{"name": " ", "expires_at": after(time.Hour)}, "name"},
		{fields{"name": "A\u202e", "expires_at": after(time.Hour)}, "name"}, {fields{"name": "A", "expires_at": after(-time.Hour)}, "expires_at"},
		{fields{"name": "A", "expires_at": after(client.MaximumInitialAccessTokenLifetime + time.Hour)}, "expires_at"}, {fields{"name": "A", "expires_at": "tomorrow"}, "expires_at"},
		{fields{"name": "A", "expires_at": after(time.Hour), "max_uses": 0}, "max_uses"}, {fields{"name": "A", "expires_at": after(time.Hour), "max_uses": 1_000_001}, "max_uses"},
		{fields{"name": "A", "expires_at": after(time.Hour), "value": "chosen"}, "value"},
	} {
		if got := grace.do("POST", "/orgs/acme/initial-access-tokens", c.body); got.status != http.StatusUnprocessableEntity || got.text("errors.0.field") != c.field {
			t.Errorf("%v: %d %s", c.body, got.status, got.body)
		}
	}
	if made := grace.get("/orgs/acme/initial-access-tokens").must(200).column("id"); len(made) != 0 {
		t.Errorf("what was refused is there: %v", made)
	}
}
