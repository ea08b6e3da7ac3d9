package admin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestAUsersLife(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	created := grace.do("POST", "/orgs/acme/users", fields{"username": "Ada", "email": "ada@acme.test", "email_verified": true, "phone_number": "+442079460101",
		"phone_number_verified": true, "password": "Difference-Engine-2", "profile": fields{"name": "Ada Lovelace", "address": fields{"locality": "London"}},
		"attributes": fields{"department": "Analytics", "levels": []int{1, 2}}}).must(201)
	id := created.text("id")
	if created.header.Get("Location") != "/api/v1/orgs/acme/users/"+id || created.at("has_password") != true || created.text("required_actions.0") != "change_password" ||
		created.text("profile.address.locality") != "London" || created.text("attributes.department") != "Analytics" || created.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("created: %v %s", created.header, created.body)
	}
	read := grace.get("/orgs/acme/users/" + id).must(200)
	if read.etag() != created.etag() || string(read.body) != string(created.body) {
		t.Errorf("read %s\nafter creating %s", read.body, created.body)
	}
	// A merge patch: what is absent stays, null removes; a changed address is not verified any more.
	changed := grace.do("PATCH", "/orgs/acme/users/"+id, fields{"email": "countess@acme.test", "phone_number": nil, "attributes": fields{}}, "If-Match", read.etag()).must(200)
	if changed.at("email_verified") != false || changed.at("phone_number") != nil || changed.at("phone_number_verified") != false || changed.text("username") != "Ada" ||
		changed.text("profile.name") != "Ada Lovelace" || len(changed.at("attributes").(map[string]any)) != 0 || changed.etag() == read.etag() {
		t.Errorf("changed: %s", changed.body)
	}
	grace.do("PATCH", "/orgs/acme/users/"+id, fields{"email": "ada@acme.test", "email_verified": true}, "If-Match", changed.etag()).must(200)
	grace.do("POST", "/orgs/acme/users", fields{"username": "aDA"}).refuses(409, "username_taken")
	grace.do("POST", "/orgs/acme/users", fields{"username": "other", "email": "ADA@acme.test"}).refuses(409, "email_taken")
	grace.do("DELETE", "/orgs/acme/users/"+id, nil, "If-Match", grace.get("/orgs/acme/users/"+id).etag()).must(204)
	grace.get("/orgs/acme/users/"+id).refuses(404, "user_not_found")
}

// A new password, a disabled and a deleted account end everything that was signed in.

func TestWhatEndsSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	at := func(c *caller) string { return "/orgs/acme/users/" + c.user.ID.String() }
	for name, change := range map[string]func(*caller){
		"password": func(c *caller) {
			grace.do("PUT", at(c)+"/password", fields{"password": "Difference-Engine-2"}).must(204)
		},
		"disabled": func(c *caller) {
			grace.do("PATCH", at(c), fields{"status": "disabled"}, "If-Match", grace.get(at(c)).etag()).must(200)
		},
		"deleted": func(c *caller) { grace.do("DELETE", at(c), nil, "If-Match", grace.get(at(c)).etag()).must(204) },
	} {
		t.Run(name, func(t *testing.T) {
			victim := s.administrator(s.acme)
			victim.get("/me").must(200)
			change(victim)
			victim.get("/me").refuses(401, "invalid_token")
			events, err := s.AuditLog.List(t.Context(), s.Store, s.acme.ID, audit.Filter{Action: "session.ended", TargetID: victim.session.ID.String(), Limit: 5})
			check(t, err)
			if len(events) != 1 || events[0].Actor.ID != grace.user.ID.String() {
				t.Errorf("events: %+v", events)
			}
		})
	}
}

func TestSettingAPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	ada := s.Person(t, s.acme, "ada")
	at := "/orgs/acme/users/" + ada.ID.String()
	actions := func() string { return fmt.Sprint(grace.get(at).must(200).at("required_actions")) }
	works := func(password string) bool {
		matches, err := s.passwords.Matches(t.Context(), s.acme.ID, ada.ID, password)
		check(t, err)
		return matches
	}
	grace.do("PUT", at+"/password", fields{"password": "Difference-Engine-2"}).must(204)
	if !works("Difference-Engine-2") || actions() != "[change_password]" {
		t.Errorf("a temporary password: works %v, actions %s", works("Difference-Engine-2"), actions())
	}
	grace.do("PUT", at+"/password", fields{"password": "Analytical-Engine-3", "temporary": false}).must(204)
	if works("Difference-Engine-2") || !works("Analytical-Engine-3") || actions() != "[]" {
		t.Errorf("a lasting password: actions %s", actions())
	}
	grace.do("PUT", at+"/password", fields{"password": "ada@example.test"}).refuses(422, "password_guessable")
	grace.do("PUT", "/orgs/acme/users/"+uuid.NewString()+"/password", fields{"password": "Analytical-Engine-3"}).refuses(404, "user_not_found")
}

func TestOneTimeLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	ada := s.Person(t, s.acme, "ada")
	at := "/orgs/acme/users/" + ada.ID.String() + "/one-time-link"
	link := grace.do("POST", at, fields{"lifetime_seconds": 300}).must(201)
	expires, err := time.Parse(time.RFC3339, link.text("expires_at"))
	check(t, err)
	if !strings.HasPrefix(link.text("url"), s.URL+"/acme/login/link?token=") || expires.Sub(s.Clock.Now()) != 300*time.Second {
		t.Errorf("link: %s", link.body)
	}
	if expires, err = time.Parse(time.RFC3339, grace.do("POST", at, fields{}).must(201).text("expires_at")); err != nil || expires.Sub(s.Clock.Now()) != credential.LinkLifetime {
		t.Errorf("without a lifetime: %v %v", expires, err)
	}
	grace.do("POST", at, fields{"lifetime_seconds": 1}).refuses(422, "validation_failed")
	s.Disable(t, ada)
	grace.do("POST", at, fields{}).refuses(409, "user_disabled")
}

// An administrator of the organization system must not become a platform administrator by any road.

func TestRoles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	at := "/orgs/acme/users/" + s.Person(t, s.acme, "ada").ID.String() + "/roles"
	read := grace.get(at).must(200)
	if fmt.Sprint(read.at("roles")) != "[]" || fmt.Sprint(read.at("assignable")) != "[organization-administrator organization-auditor]" {
		t.Errorf("roles: %s", read.body)
	}
	set := grace.do("PUT", at, fields{"roles": []string{"organization-auditor"}}, "If-Match", read.etag()).must(200)
	grace.do("PUT", at, fields{"roles": []string{}}, "If-Match", read.etag()).refuses(412, "version_mismatch")
	grace.do("PUT", at, fields{"roles": []string{"king"}}, "If-Match", set.etag()).refuses(422, "role_unknown")
	root.do("PUT", at, fields{"roles": []string{"platform-administrator"}}, "If-Match", set.etag()).refuses(422, "role_platform_only")
	if got := grace.do("PUT", at, fields{"roles": []string{}}, "If-Match", set.etag()).must(200); got.etag() != read.etag() {
		t.Errorf("the same roles with another tag: %q, %q", got.etag(), read.etag())
	}
	event := grace.get("/orgs/acme/audit-events?action=user.roles_changed&limit=1").must(200)
	if fmt.Sprint(event.at("items.0.before.roles")) != "[organization-auditor]" || fmt.Sprint(event.at("items.0.after.roles")) != "[]" {
		t.Errorf("event: %s", event.body)
	}
}

// Whoever asked that their account be erased leaves by their own will: an administrator may keep or delete the account, but neither
// make anybody leave nor turn the wish into a disabled account.
func TestPeopleWhoLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	ada := s.person(s.acme, "ada")
	at := "/orgs/acme/users/" + ada.ID.String()
	grace.do("PATCH", at, fields{"status": "leaving"}, "If-Match", grace.get(at).etag()).refuses(422, "status_invalid")
	err := s.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := s.Users.Leave(ctx, tx, audit.Actor{Kind: audit.Operator, Name: "test"}, s.acme.ID, ada.ID, s.Clock.Now().Add(time.Hour))
		return err
	})
	check(t, err)
	read := grace.get(at).must(200)
	if read.text("status") != "leaving" || read.at("erase_at") == nil {
		t.Errorf("%s", read.body)
	}
	if list := grace.get("/orgs/acme/users?status=leaving").must(200); list.text("items.0.id") != ada.ID.String() {
		t.Errorf("%s", list.body)
	}
	grace.do("PATCH", at, fields{"status": "disabled"}, "If-Match", read.etag()).refuses(409, "user_leaving")
	changed := grace.do("PATCH", at, fields{"profile": fields{"name": "Ada"}}, "If-Match", read.etag()).must(200)
	if changed.text("status") != "leaving" || changed.at("erase_at") != read.at("erase_at") {
		t.Errorf("%s", changed.body)
	}
	kept := grace.do("PATCH", at, fields{"status": "active"}, "If-Match", changed.etag()).must(200)
	if kept.text("status") != "active" || kept.at("erase_at") != nil {
		t.Errorf("%s", kept.body)
	}
}

// Whoever has the mailbox of before hears of another address, if it was proved, and what went there opens nothing any more.
func TestAnotherAddressIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	ada := s.Person(t, s.acme, "ada")
	at := "/orgs/acme/users/" + ada.ID.String()
	change := func(body fields) {
		t.Helper()
		grace.do("PATCH", at, body, "If-Match", grace.get(at).must(200).etag()).must(200)
	}
	expect := func(kinds ...string) {
		t.Helper()
		got := s.told(ada)
		if _, err := s.Store.Exec(t.Context(), "DELETE FROM mails WHERE user_id = $1", ada.ID); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, kinds) {
			t.Errorf("told %v, not %v", got, kinds)
		}
	}
	links := func() (count int) {
		t.Helper()
		check(t, s.Store.QueryRow(t.Context(), "SELECT count(*) FROM one_time_links WHERE user_id = $1 AND used_at IS NULL", ada.ID).Scan(&count))
		return count
	}
	change(fields{"email": "one@acme.test", "email_verified": true})
	expect("address_changed", "address_changed")
	grace.do("POST", at+"/one-time-link", fields{}).must(201)
	if links() != 1 {
		t.Fatalf("%d links", links())
	}
	change(fields{"email": "ONE@acme.test", "email_verified": true})
	expect()
	change(fields{"email": "two@acme.test"})
	expect("address_changed", "address_changed")
	if links() != 0 {
		t.Error("a link that went to the former mailbox is good")
	}
	change(fields{"email": "three@acme.test"})
	expect("address_changed") // nobody proved the one before
	grace.do("PUT", at+"/password", fields{"password": "Difference-Engine-2"}).must(204)
	expect("password_changed")
}
