package admin_test

import (
	"testing"
)

func TestAnOrganizationBeingDeletedIsReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	mine := s.things(s.acme)
	root.do("DELETE", "/orgs/acme", nil, "If-Match", root.get("/orgs/acme").etag()).must(202)
	if len(s.deleted) != 1 || s.deleted[0] != s.acme.ID {
		t.Fatalf("enqueued %v, want the organization, once", s.deleted)
	}
	for _, o := range operations {
		if !o.tenant() {
			continue
		}
		got := root.do(o.method, o.at(mine), o.content(mine), "If-Match", `"1"`)
		if o.reads() && got.status != o.status || !o.reads() && got.text("code") != "organization_being_deleted" {
			t.Errorf("%s: got %d: %s", o.name, got.status, got.body)
		}
	}
}

func TestTheSystemOrganizationStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	root.do("POST", "/orgs/system/suspend", nil).refuses(409, "organization_system")
	root.do("DELETE", "/orgs/system", nil, "If-Match", root.get("/orgs/system").etag()).refuses(409, "organization_system")
	root.do("POST", "/orgs/system/restore", nil).must(200)
}
