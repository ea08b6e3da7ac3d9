package admin_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/session"
)

func TestBackchannelRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	ada, bob := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "bob")
	party := s.Party(t, s.acme, client.Client{ClientID: "bank", Name: "Bank", GrantTypes: []string{client.CIBA}, ResponseTypes: []string{},
		Metadata: client.Metadata{BackchannelTokenDeliveryMode: client.Poll}})
	of := func(id uuid.UUID) string { return "/orgs/acme/backchannel-requests/" + id.String() + "/decision" }
	first, second := s.BackchannelRequest(t, s.acme, party.Client, ada), s.BackchannelRequest(t, s.acme, party.Client, bob)
	listed := grace.get("/orgs/acme/backchannel-requests").must(200)
	if got := listed.column("id"); len(got) != 2 || got[0] != second.String() || listed.text("items.0.binding_message") != "W4SCT" || listed.text("items.0.client_name") != "Bank" ||
		listed.at("items.0.auth_req_id") != nil {
		t.Errorf("%s", listed.body)
	}
	if got := pages(grace, "/orgs/acme/backchannel-requests", "", 1, "id"); len(got) != 2 {
		t.Errorf("by pages: %v", got)
	}
	if got := grace.get("/orgs/acme/backchannel-requests?user=" + ada.ID.String()).must(200).column("id"); len(got) != 1 || got[0] != first.String() {
		t.Errorf("of ada: %v", got)
	}
	grace.get("/orgs/rival/backchannel-requests").refuses(404, "organization_not_found")
	root.do("POST", "/orgs/rival/backchannel-requests/"+first.String()+"/decision", fields{"decision": "approve"}).refuses(404, "backchannel_request_not_found")
	grace.do("POST", of(first), fields{"decision": "perhaps"}).refuses(422, "validation_failed")
	grace.do("POST", of(uuid.New()), fields{"decision": "deny"}).refuses(404, "backchannel_request_not_found")
	grace.do("POST", of(first), fields{"decision": "approve"}).must(204)
	grace.do("POST", of(first), fields{"decision": "deny"}).refuses(404, "backchannel_request_not_found")
	grace.do("POST", of(second), fields{"decision": "deny"}).must(204)
	if got := grace.get("/orgs/acme/backchannel-requests").must(200).column("id"); len(got) != 0 {
		t.Errorf("after both were decided: %v", got)
	}
	for _, action := range []string{"backchannel_request.approved", "backchannel_request.denied"} {
		if got := grace.get("/orgs/acme/audit-events?action=" + action + "&actor=" + grace.user.ID.String()).must(200).column("id"); len(got) != 1 {
			t.Errorf("%s: %d events by the administrator", action, len(got))
		}
	}
	if got := grace.get("/orgs/acme/users/" + ada.ID.String() + "/sessions").must(200).column("id"); len(got) != 1 {
		t.Errorf("sessions of ada: %v", got)
	}
	t.Run("what demands a sign-in is not approved", func(t *testing.T) {
		demanding := s.BackchannelRequest(t, s.acme, party.Client, bob, session.ACRPassword)
		grace.do("POST", of(demanding), fields{"decision": "approve"}).refuses(409, "approval_needs_sign_in")
		grace.do("POST", of(demanding), fields{"decision": "deny"}).must(204)
	})
	t.Run("of somebody with more rights", func(t *testing.T) {
		stronger := s.platform()
		asked := s.Party(t, s.system, client.Client{ClientID: "bank", Name: "Bank", GrantTypes: []string{client.CIBA}, ResponseTypes: []string{},
			Metadata: client.Metadata{BackchannelTokenDeliveryMode: client.Poll}})
		id := s.BackchannelRequest(t, s.system, asked.Client, stronger.user)
		weaker := s.administrator(s.system)
		weaker.do("POST", "/orgs/system/backchannel-requests/"+id.String()+"/decision", fields{"decision": "approve"}).refuses(403, "user_has_more_rights")
	})
}
