package admin_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// addFactor gives a person an authenticator app.
func (s *site) addFactor(ctx context.Context, tx *store.Tx, person *user.User) error {
	whose := credential.Person{OrgID: person.OrgID, UserID: person.ID}
	seed, _, err := s.factors.Begin(whose, "test")
	if err != nil {
		return err
	}
	_, _, err = s.factors.Confirm(ctx, tx, oidctest.Actor(), whose, seed, domaintest.OneTimePassword(s.t, seed.Text(), s.Clock.Now()))
	return err
}

func TestSecondFactorsOfUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	ada := s.Person(t, s.acme, "ada")
	at := "/orgs/acme/users/" + ada.ID.String() + "/second-factor"
	if none := grace.get(at).must(200); none.text("authenticator_app.added_at") != "" {
		t.Errorf("%s", none.body)
	}
	grace.do("DELETE", at, nil).refuses(404, "second_factor_missing")
	check(t, s.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return s.addFactor(ctx, tx, ada) }))
	if one := grace.get(at).must(200); one.text("authenticator_app.added_at") == "" || one.at("authenticator_app.recovery_codes_left") != float64(10) {
		t.Errorf("%s", one.body)
	}
	s.administrator(s.rival).do("DELETE", at, nil).refuses(404, "organization_not_found")
	grace.do("DELETE", "/orgs/acme/users/"+uuid.NewString()+"/second-factor", nil).refuses(404, "user_not_found")
	grace.do("DELETE", at, nil).must(204)
	if gone := grace.get(at).must(200); gone.text("authenticator_app.added_at") != "" {
		t.Errorf("%s", gone.body)
	}
	grace.do("DELETE", at, nil).refuses(404, "second_factor_missing")
	if got := grace.get("/orgs/acme").must(200).text("policies.second_factor"); got != "optional" {
		t.Errorf("the policy is %q", got)
	}
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"second_factor": "required"}}, "If-Match", grace.get("/orgs/acme").etag()).must(200)
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"second_factor": "always"}}, "If-Match", grace.get("/orgs/acme").etag()).refuses(422, "validation_failed")
}

func TestSecondFactorsByRoleAndClient(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	set := func(roles fields) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"second_factor_roles": roles}}, "If-Match", grace.get("/orgs/acme").etag())
	}
	set(fields{"organization-administrator": "required", "organization-auditor": "optional"}).must(200)
	if got := grace.get("/orgs/acme").must(200); got.text("policies.second_factor_roles.organization-administrator") != "required" || got.text("policies.second_factor_roles.organization-auditor") != "optional" {
		t.Errorf("%s", got.body)
	}
	set(fields{"organization-auditor": "required"}).must(200) // replaces the whole object
	if got := grace.get("/orgs/acme"); got.text("policies.second_factor_roles.organization-administrator") != "" {
		t.Errorf("%s", got.body)
	}
	days := func(days int) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"remembered_device_days": days}}, "If-Match", grace.get("/orgs/acme").etag())
	}
	days(30).must(200)
	if got := grace.get("/orgs/acme").at("policies.remembered_device_days"); got != float64(30) {
		t.Errorf("%v", got)
	}
	days(91).refuses(422, "validation_failed")
	days(-1).refuses(422, "validation_failed")
	limit := func(sessions int) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"sessions_per_person": sessions}}, "If-Match", grace.get("/orgs/acme").etag())
	}
	limit(3).must(200)
	if got := grace.get("/orgs/acme").at("policies.sessions_per_person"); got != float64(3) {
		t.Errorf("%v", got)
	}
	limit(101).refuses(422, "validation_failed")
	limit(-1).refuses(422, "validation_failed")
	limit(0).must(200)
	sessions := func(policies fields) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": policies}, "If-Match", grace.get("/orgs/acme").etag())
	}
	if got := grace.get("/orgs/acme"); got.text("policies.remember_me") != "off" || got.text("policies.session_binding") != "browser" || got.at("policies.remembered_session_absolute_lifetime_seconds") != float64(30*86400) {
		t.Errorf("%s", got.body)
	}
	sessions(fields{"remember_me": "offered", "remembered_session_idle_lifetime_seconds": 86400, "remembered_session_absolute_lifetime_seconds": 172800, "session_binding": "off"}).must(200)
	if got := grace.get("/orgs/acme"); got.text("policies.remember_me") != "offered" || got.text("policies.session_binding") != "off" || got.at("policies.remembered_session_idle_lifetime_seconds") != float64(86400) {
		t.Errorf("%s", got.body)
	}
	sessions(fields{"remember_me": "always"}).refuses(422, "validation_failed")
	sessions(fields{"session_binding": "address"}).refuses(422, "validation_failed")
	sessions(fields{"remembered_session_idle_lifetime_seconds": 172801}).refuses(422, "lifetime_invalid")
	sessions(fields{"remember_me": "off", "session_binding": "browser"}).must(200)
	codes := func(policy string) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"second_factor_email_codes": policy}}, "If-Match", grace.get("/orgs/acme").etag())
	}
	codes("on").must(200)
	if got := grace.get("/orgs/acme").text("policies.second_factor_email_codes"); got != "on" {
		t.Errorf("%s", got)
	}
	codes("maybe").refuses(422, "validation_failed")
	set(fields{"gardener": "required"}).refuses(422, "validation_failed")
	set(fields{"organization-auditor": "always"}).refuses(422, "validation_failed")
	made := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Payroll", "redirect_uris": []any{"https://payroll.test/cb"}, "second_factor": "required"}).must(201)
	at := "/orgs/acme/clients/" + made.text("client.id")
	if made.text("client.id") == "" {
		at = "/orgs/acme/clients/" + made.text("id")
	}
	read := grace.get(at).must(200)
	if read.text("second_factor") != "required" {
		t.Errorf("%s", read.body)
	}
	grace.do("PATCH", at, fields{"second_factor": "off"}, "If-Match", read.etag()).refuses(422, "validation_failed") // a client demands no less
	if got := grace.do("PATCH", at, fields{"second_factor": nil}, "If-Match", read.etag()).must(200); got.text("second_factor") != "" {
		t.Errorf("%s", got.body)
	}
}
