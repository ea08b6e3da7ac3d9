package admin_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// Core §3.1.2.4, §11: what a person allowed a client is seen and taken back, with everything that the client holds.
func TestConsentsOfAUserAreListedAndWithdrawn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	ada, bob := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "bob")
	payroll := s.Party(t, s.acme, client.Client{ClientID: "payroll", Name: "Payroll"})
	calendar := s.Party(t, s.acme, client.Client{ClientID: "calendar", Name: "Calendar"})
	foreign := s.Party(t, s.rival, client.Client{ClientID: "payroll"})
	allow := func(person *user.User, c *client.Client, scopes ...string) {
		s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			return s.Grants.Consent(ctx, tx, audit.Actor{Kind: audit.User, ID: person.ID.String()}, person.OrgID, person.ID, c.ID, scopes)
		})
	}
	allow(ada, payroll.Client, "openid", "email", "offline_access")
	allow(ada, calendar.Client, "openid")
	allow(bob, payroll.Client, "openid", "offline_access")
	payrolls, calendars := payroll.Redeem(s.Code(t, payroll.Client, s.SignIn(t, s.acme, ada), "openid", "offline_access")),
		calendar.Redeem(s.Code(t, calendar.Client, s.SignIn(t, s.acme, ada), "openid", "offline_access"))
	bobs := payroll.Redeem(s.Code(t, payroll.Client, s.SignIn(t, s.acme, bob), "openid", "offline_access"))

	address := "/orgs/acme/users/" + ada.ID.String() + "/consents"
	listed := grace.get(address).must(200)
	if got := listed.column("client_name"); !slices.Equal(got, []string{"Calendar", "Payroll"}) {
		t.Errorf("%v", got)
	}
	if listed.text("items.1.client_id") != payroll.Client.ID.String() || listed.text("items.1.scopes.1") != "email" || listed.text("items.1.created_at") == "" {
		t.Errorf("%s", listed.body)
	}
	if got := pages(grace, address, "", 1, "client_name"); !slices.Equal(got, []string{"Calendar", "Payroll"}) {
		t.Errorf("by pages: %v", got)
	}
	of := func(c *client.Client) string { return address + "/" + c.ID.String() }
	for at, want := range map[string]string{
		address + "/" + uuid.NewString(): "consent_not_found",
		of(foreign.Client):               "consent_not_found",
		"/orgs/acme/users/" + uuid.NewString() + "/consents/" + payroll.Client.ID.String(): "user_not_found",
	} {
		grace.do("DELETE", at, nil).refuses(404, want)
	}
	grace.do("DELETE", "/orgs/rival/users/"+ada.ID.String()+"/consents/"+payroll.Client.ID.String(), nil).refuses(404, "organization_not_found")
	root.do("DELETE", "/orgs/rival/users/"+ada.ID.String()+"/consents/"+payroll.Client.ID.String(), nil).refuses(404, "user_not_found")
	root.get("/orgs/rival/users/"+ada.ID.String()+"/consents").refuses(404, "user_not_found")
	if got := payroll.Userinfo(payrolls.Text("access_token")); got.Status != 200 {
		t.Fatalf("before: %d", got.Status)
	}

	grace.do("DELETE", of(payroll.Client), nil).must(204)
	grace.do("DELETE", of(payroll.Client), nil).refuses(404, "consent_not_found")
	if got := grace.get(address).must(200).column("client_name"); !slices.Equal(got, []string{"Calendar"}) {
		t.Errorf("after: %v", got)
	}
	if got := payroll.Userinfo(payrolls.Text("access_token")); got.Status != 401 {
		t.Errorf("the access token: %d", got.Status)
	}
	if got := payroll.Refresh(payrolls.Text("refresh_token")); got.ErrorCode() != "invalid_grant" {
		t.Errorf("offline access: %d %s", got.Status, got.Body)
	}
	if got := calendar.Refresh(calendars.Text("refresh_token")); got.Status != 200 {
		t.Errorf("another client: %s", got.Body)
	}
	if got := payroll.Refresh(bobs.Text("refresh_token")); got.Status != 200 {
		t.Errorf("another person: %s", got.Body)
	}
	event := grace.get("/orgs/acme/audit-events?action=consent.withdrawn&actor=" + grace.user.ID.String()).must(200)
	if got := event.column("id"); len(got) != 1 || event.text("items.0.target.id") != payroll.Client.ID.String() {
		t.Errorf("recorded: %s", event.body)
	}
}
