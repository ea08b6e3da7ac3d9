package admin_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestInvitingUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	made := grace.do("POST", "/orgs/acme/users", fields{"username": "eva", "email": "eva@acme.test", "invite": true}).must(201)
	at := "/orgs/acme/users/" + made.text("id")
	sent, err := time.Parse(time.RFC3339, made.text("invitation.sent_at"))
	check(t, err)
	expires, err := time.Parse(time.RFC3339, made.text("invitation.expires_at"))
	if check(t, err); made.text("invitation.state") != "invited" || made.text("invitation.email") != "eva@acme.test" || expires.Sub(sent) != 7*24*time.Hour || made.at("has_password") != false {
		t.Errorf("%s", made.body)
	}
	state := func() string {
		t.Helper()
		inList := grace.get("/orgs/acme/users?q=eva").must(200).text("items.0.invitation")
		if alone := grace.get(at).must(200).text("invitation.state"); alone != inList {
			t.Errorf("%s alone, %s in the list", alone, inList)
		}
		return inList
	}
	if state() != "invited" {
		t.Errorf("%s", state())
	}
	s.Clock.Advance(8 * 24 * time.Hour)
	grace = s.administrator(s.acme) // the session of before is over, too
	if state() != "expired" {
		t.Errorf("%s", state())
	}
	if again := grace.do("POST", at+"/invitation", nil).must(200); again.text("state") != "invited" || state() != "invited" {
		t.Errorf("%s", again.body)
	}
	grace.do("DELETE", at+"/invitation", nil).must(204)
	if state() != "revoked" {
		t.Errorf("%s", state())
	}
	grace.do("DELETE", at+"/invitation", nil).refuses(404, "invitation_not_found")
	grace.do("POST", at+"/invitation", nil).must(200)
	grace.do("PUT", at+"/password", fields{"password": "Difference-Engine-2"}).must(204)
	if state() != "revoked" {
		t.Errorf("a password was given: %s", state())
	}
	grace.do("POST", at+"/invitation", nil).refuses(409, "user_can_sign_in")
	for action, times := range map[string]int{"invitation.sent": 3, "invitation.revoked": 1} {
		if events := grace.get("/orgs/acme/audit-events?action=" + action).must(200).at("items").([]any); len(events) != times {
			t.Errorf("%d events %s", len(events), action)
		}
	}
}

func TestWhoIsNotInvited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	for name, c := range map[string]struct {
		body fields
		code string
	}{
		"no address":  {fields{"username": "eva", "invite": true}, "email_missing"},
		"a password":  {fields{"username": "eva", "email": "eva@acme.test", "invite": true, "password": "Difference-Engine-2"}, "password_with_invitation"},
		"no a person": {fields{"username": "eva", "email": "eva", "invite": true}, "email_invalid"},
	} {
		grace.do("POST", "/orgs/acme/users", c.body).refuses(422, c.code)
		if left := grace.get("/orgs/acme/users?q=eva").must(200).at("items").([]any); len(left) != 0 {
			t.Errorf("%s: somebody was made", name)
		}
	}
	made := grace.do("POST", "/orgs/acme/users", fields{"username": "eva", "email": "eva@acme.test", "invite": true}).must(201)
	at := "/orgs/acme/users/" + made.text("id")
	grace.do("POST", "/orgs/acme/users", fields{"username": "other", "email": "EVA@acme.test", "invite": true}).refuses(409, "email_taken")
	grace.do("POST", "/orgs/acme/users/"+uuid.NewString()+"/invitation", nil).refuses(404, "user_not_found")
	s.administrator(s.rival).do("POST", at+"/invitation", nil).refuses(404, "organization_not_found")
	s.administrator(s.rival).do("DELETE", at+"/invitation", nil).refuses(404, "organization_not_found")
	s.administrator(s.rival).do("POST", "/orgs/rival/users/"+made.text("id")+"/invitation", nil).refuses(404, "user_not_found")
	grace.do("PATCH", at, fields{"status": "disabled"}, "If-Match", grace.get(at).etag()).must(200)
	grace.do("POST", at+"/invitation", nil).refuses(409, "user_disabled")
	root := s.platform()
	root.do("POST", "/orgs/system/users", fields{"username": "eva", "email": "eva@acme.test", "invite": true}).refuses(422, "invitations_off")
	read := grace.get("/orgs/acme").must(200)
	if read.at("policies.invitation_lifetime_days") != float64(7) {
		t.Errorf("%s", read.body)
	}
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"invitation_lifetime_days": 31}}, "If-Match", read.etag()).refuses(422, "validation_failed")
	if set := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"invitation_lifetime_days": 2}}, "If-Match", read.etag()).must(200); set.at("policies.invitation_lifetime_days") != float64(2) {
		t.Errorf("%s", set.body)
	}
}
