package admin_test

import (
	"fmt"
	"testing"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/user"
)

func TestRequiredActionsOfUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	at := "/orgs/acme/users/" + s.Person(t, s.acme, "ada").ID.String()
	set := grace.do("PATCH", at, fields{"required_actions": []string{"verify_email", "enrol_passkey", "change_password"}}, "If-Match", grace.get(at).etag()).must(200)
	if got := fmt.Sprint(set.at("required_actions")); got != "[verify_email enrol_passkey change_password]" {
		t.Errorf("%s", got)
	}
	// A lasting password takes its own action away, and no other.
	grace.do("PUT", at+"/password", fields{"password": "Analytical-Engine-3", "temporary": false}).must(204)
	if got := fmt.Sprint(grace.get(at).must(200).at("required_actions")); got != "[verify_email enrol_passkey]" {
		t.Errorf("%s", got)
	}
	grace.do("PATCH", at, fields{"required_actions": []string{"dance"}}, "If-Match", grace.get(at).etag()).refuses(422, "validation_failed")
	// What cannot be done is refused with the field; what waits already may stay.
	const impossible = "required_action_impossible"
	s.mayNotRequire = func(person *user.User, before []user.RequiredAction) error {
		return login.Doable{EnrolPasskey: true}.MayRequire(person, before)
	}
	grace.do("PATCH", at, fields{"required_actions": []string{"verify_email"}, "profile": fields{"given_name": "Ada"}}, "If-Match", grace.get(at).etag()).must(200)
	grace.do("PATCH", at, fields{"required_actions": []string{}}, "If-Match", grace.get(at).etag()).must(200)
	grace.do("PATCH", at, fields{"required_actions": []string{"verify_email"}}, "If-Match", grace.get(at).etag()).refuses(422, impossible)
	grace.do("POST", "/orgs/acme/users", fields{"username": "fay", "email": "fay@acme.test", "required_actions": []string{"verify_email"}}).refuses(422, impossible)
	grace.do("POST", "/orgs/acme/users", fields{"username": "fay", "required_actions": []string{"enrol_passkey"}}).must(201)
	s.administrator(s.rival).do("PATCH", at, fields{"required_actions": []string{}}, "If-Match", grace.get(at).etag()).refuses(404, "organization_not_found")
}
