package admin_test

import (
	"testing"

	"github.com/clavex/clavex/backend/internal/role"
)

func TestNobodyBecomesSomebodyWithMoreRights(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mallory, root := s.administrator(s.system), s.platform()
	second := s.person(s.system, "second", role.PlatformAdministrator)
	at := "/orgs/system/users/" + second.ID.String()
	etag := mallory.get(at).must(200).etag()
	mallory.do("PUT", at+"/password", fields{"password": "Difference-Engine-2"}).refuses(403, "user_has_more_rights")
	mallory.do("POST", at+"/one-time-link", fields{}).refuses(403, "user_has_more_rights")
	mallory.do("DELETE", at+"/second-factor", nil).refuses(403, "user_has_more_rights")
	mallory.do("PATCH", at, fields{"email": "mallory@evil.test"}, "If-Match", etag).refuses(403, "user_has_more_rights")
	mallory.do("DELETE", at, nil, "If-Match", etag).refuses(403, "user_has_more_rights")
	mallory.do("PUT", at+"/roles", fields{"roles": []string{}}, "If-Match", mallory.get(at+"/roles").etag()).refuses(403, "user_has_more_rights")
	own := "/orgs/system/users/" + mallory.user.ID.String() + "/roles"
	mallory.do("PUT", own, fields{"roles": []string{"platform-administrator"}}, "If-Match", mallory.get(own).etag()).refuses(403, "role_not_held")
	powerful := fields{"client_name": "Evil", "grant_types": []string{"client_credentials"}, "scopes": []string{"admin:write"}}
	mallory.do("POST", "/orgs/system/clients", powerful).refuses(403, "scope_not_held")
	made := root.do("POST", "/orgs/system/clients", powerful).must(201)
	its := "/orgs/system/clients/" + made.text("client.id")
	mallory.do("POST", its+"/secret", nil).refuses(403, "scope_not_held")
	mallory.do("PATCH", its, fields{"client_name": "Mine"}, "If-Match", made.etag()).refuses(403, "scope_not_held")
	mallory.do("DELETE", its, nil, "If-Match", made.etag()).refuses(403, "scope_not_held")
	harmless := mallory.do("POST", "/orgs/system/clients", fields{"client_name": "Fine", "redirect_uris": []string{"https://fine.test/"}}).must(201)
	mallory.do("PATCH", "/orgs/system/clients/"+harmless.text("client.id"), fields{"scopes": []string{"admin:read"}}, "If-Match", harmless.etag()).refuses(403, "scope_not_held")
	// In an organization of their own, administrators hand on what they have.
	s.administrator(s.acme).do("POST", "/orgs/acme/clients", powerful).must(201)
	s.as(s.acme, s.person(s.acme, "writer", role.OrganizationAdministrator), "admin:write").do("POST", "/orgs/acme/clients",
		fields{"client_name": "Reads", "grant_types": []string{"client_credentials"}, "scopes": []string{"admin:read"}}).refuses(403, "scope_not_held")
	s.platform().do("POST", "/orgs/acme/clients", fields{"client_name": "X", "grant_types": []string{"client_credentials"}, "scopes": []string{"admin:all"}}).refuses(422, "scope_reserved")
}

func TestTheLastPlatformAdministratorStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, service := s.platform(), s.service(s.system, bothScopes...)
	at := "/orgs/system/users/" + root.user.ID.String()
	etag := root.get(at).etag()
	root.do("DELETE", at, nil, "If-Match", etag).refuses(409, "own_account")
	root.do("PATCH", at, fields{"status": "disabled"}, "If-Match", etag).refuses(409, "own_account")
	service.do("DELETE", at, nil, "If-Match", etag).refuses(409, "last_platform_administrator")
	service.do("PATCH", at, fields{"status": "disabled"}, "If-Match", etag).refuses(409, "last_platform_administrator")
	service.do("PUT", at+"/roles", fields{"roles": []string{}}, "If-Match", service.get(at+"/roles").etag()).refuses(409, "last_platform_administrator")
	// Somebody disabled does not count: they could not sign in to help.
	disabled := s.person(s.system, "disabled", role.PlatformAdministrator)
	s.Disable(t, disabled)
	service.do("DELETE", at, nil, "If-Match", etag).refuses(409, "last_platform_administrator")
	other := s.platform()
	// Of two administrators who remove each other at the same moment one stays.
	otherAt := "/orgs/system/users/" + other.user.ID.String()
	etags := []string{root.get(at).etag(), root.get(otherAt).etag()}
	results := together(2, func(i int) int {
		if i == 0 {
			return other.do("DELETE", at, nil, "If-Match", etags[0]).status
		}
		return root.do("PATCH", otherAt, fields{"status": "disabled"}, "If-Match", etags[1]).status
	})
	if results[204]+results[200] != 1 {
		t.Errorf("both or none: %v", results)
	}
}
