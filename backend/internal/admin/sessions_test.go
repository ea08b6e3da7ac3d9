package admin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
)

func TestSessionsOfAUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	ada, bob := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "bob")
	party := s.Party(t, s.acme, client.Client{ClientID: "told", Metadata: client.Metadata{BackchannelLogoutURI: "https://rp.example.test/out"}})
	var ids []string
	for range 3 {
		begun := s.SignIn(t, s.acme, ada)
		s.Code(t, party.Client, begun, "openid")
		ids = append(ids, begun.ID.String())
	}
	others := s.SignIn(t, s.acme, bob)
	address := "/orgs/acme/users/" + ada.ID.String() + "/sessions"
	listed := grace.get(address).must(200)
	if got := listed.column("id"); !slices.Equal(got, reversed(ids)) {
		t.Errorf("sessions %v, want %v", got, reversed(ids))
	}
	if got := pages(grace, address, "", 2, "id"); !slices.Equal(got, reversed(ids)) {
		t.Errorf("by pages: %v", got)
	}
	if listed.text("items.0.methods.0") != "pwd" || listed.text("items.0.expires_at") == "" || listed.at("items.0.token_hash") != nil {
		t.Errorf("%s", listed.body)
	}
	grace.do("DELETE", address+"/"+ids[0], nil).must(204)
	grace.do("DELETE", address+"/"+ids[0], nil).refuses(404, "session_not_found")
	grace.do("DELETE", address+"/"+others.ID.String(), nil).refuses(404, "session_not_found")
	grace.do("DELETE", "/orgs/rival/users/"+ada.ID.String()+"/sessions", nil).refuses(404, "organization_not_found")
	root.do("DELETE", "/orgs/rival/users/"+ada.ID.String()+"/sessions", nil).refuses(404, "user_not_found")
	root.do("DELETE", "/orgs/rival/users/"+ada.ID.String()+"/sessions/"+ids[1], nil).refuses(404, "user_not_found")
	if got := grace.get(address).must(200).column("id"); len(got) != 2 {
		t.Errorf("after one was ended: %v", got)
	}
	grace.do("DELETE", address, nil).must(204)
	grace.do("DELETE", address, nil).must(204) // signed out is signed out
	if got := grace.get(address).must(200).column("id"); len(got) != 0 {
		t.Errorf("after all were ended: %v", got)
	}
	if got := grace.get("/orgs/acme/users/" + bob.ID.String() + "/sessions").must(200).column("id"); len(got) != 1 {
		t.Errorf("another person's: %v", got)
	}
	if got := grace.get("/orgs/acme/audit-events?action=session.ended&actor=" + grace.user.ID.String()).must(200).column("id"); len(got) != 3 {
		t.Errorf("%d events", len(got))
	}
	t.Run("what the clients are told of it", func(t *testing.T) {
		deliveries := "/orgs/acme/logout-deliveries"
		all := grace.get(deliveries + "?user=" + ada.ID.String() + "&client=" + party.Client.ID.String() + "&state=pending").must(200)
		if got := all.column("session_id"); len(got) != 3 || all.text("items.0.next_attempt_at") == "" || all.at("items.0.last_status") != nil {
			t.Errorf("%s", all.body)
		}
		if got := pages(grace, deliveries, "", 2, "id"); len(got) != 3 || !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("by pages: %v", got)
		}
		for query, want := range map[string]int{"session=" + ids[0]: 1, "session=" + uuid.NewString(): 0, "client=" + uuid.NewString(): 0, "user=" + bob.ID.String(): 0, "state=failed": 0} {
			if got := grace.get(deliveries + "?" + query).must(200).column("id"); len(got) != want {
				t.Errorf("%s: %d", query, len(got))
			}
		}
		grace.get(deliveries+"?state=eaten").refuses(400, "malformed_request")
		grace.get("/orgs/rival/logout-deliveries").refuses(404, "organization_not_found")
		if got := root.get("/orgs/rival/logout-deliveries").must(200).column("id"); len(got) != 0 {
			t.Errorf("in another organization: %v", got)
		}
	})
}
