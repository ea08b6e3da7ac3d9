package admin

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/user"
)

var (
	system = &org.Organization{ID: uuid.New(), Slug: org.SystemSlug}
	acme   = &org.Organization{ID: uuid.New(), Slug: "acme"}
	rival  = &org.Organization{ID: uuid.New(), Slug: "rival"}
	both   = []string{"admin:read", "admin:write"}
)

func person(organization *org.Organization, scopes []string, roles ...role.Role) *Authority {
	return newAuthority(organization, &user.User{ID: uuid.New()}, nil, scopes, roles)
}

func service(organization *org.Organization, scopes ...string) *Authority {
	return newAuthority(organization, nil, &client.Client{ID: uuid.New(), Scopes: scopes}, scopes, nil)
}

// Authority is scope ∩ roles ∩ organization; only `system` crosses organizations.
func TestAuthority(t *testing.T) {
	root := person(system, both, role.PlatformAdministrator)
	for _, c := range []struct {
		name       string
		by         *Authority
		permission role.Permission
		in         *org.Organization
		want       error // nil: may
	}{
		{"platform administrator elsewhere", root, role.Write, acme, nil},
		{"platform administrator, token reads", person(system, []string{"admin:read"}, role.PlatformAdministrator), role.Read, acme, nil},
		{"platform administrator, no scope", person(system, nil, role.PlatformAdministrator), role.Read, acme, errAny},
		{"administrator at home", person(acme, both, role.OrganizationAdministrator), role.Write, acme, nil},
		{"administrator elsewhere", person(acme, both, role.OrganizationAdministrator), role.Read, rival, org.ErrNotFound},
		{"administrator in system", person(acme, both, role.OrganizationAdministrator), role.Read, system, org.ErrNotFound},
		{"administrator of system elsewhere", person(system, both, role.OrganizationAdministrator), role.Read, acme, org.ErrNotFound},
		{"auditor of system elsewhere", person(system, both, role.OrganizationAuditor), role.Read, acme, org.ErrNotFound},
		{"a role of the wrong organization does not cross", person(acme, both, role.PlatformAdministrator), role.Read, rival, org.ErrNotFound},
		{"auditor reads", person(acme, both, role.OrganizationAuditor), role.Read, acme, nil},
		{"auditor writes", person(acme, both, role.OrganizationAuditor), role.Write, acme, errAny},
		{"no role", person(acme, both), role.Read, acme, errAny},
		{"service at home", service(acme, both...), role.Write, acme, nil},
		{"service elsewhere", service(acme, both...), role.Read, rival, org.ErrNotFound},
		{"service of system elsewhere", service(system, both...), role.Write, acme, nil},
		{"reading service of system writes", service(system, "admin:read"), role.Write, acme, errAny},
		{"service of system without scope", service(system, "other"), role.Read, acme, org.ErrNotFound},
	} {
		err := c.by.may(c.permission, c.in)
		if (err == nil) != (c.want == nil) || c.want != nil && !errors.Is(c.want, errAny) && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

var errAny = errors.New("any refusal")

// Administrative scopes on a client: only by somebody who holds them; in system, where such a client crosses
// organizations, only by a platform administrator.
func TestWhoMayChangeWhichClient(t *testing.T) {
	root := person(system, both, role.PlatformAdministrator)
	systemAdministrator := person(system, both, role.OrganizationAdministrator)
	administrator := person(acme, both, role.OrganizationAdministrator)
	writer := person(acme, []string{"admin:write"}, role.OrganizationAdministrator)
	none, reads, openid := []string(nil), []string{"openid", "admin:read"}, []string{"openid"}
	for _, c := range []struct {
		name          string
		by            *Authority
		in            *org.Organization
		before, after []string
		want          error
	}{
		{"without administrative scopes", writer, acme, none, openid, nil},
		{"held", administrator, acme, none, both, nil},
		{"not held by the token", writer, acme, none, reads, errAdminScope},
		{"writing for somebody who reads", service(acme, "admin:read"), acme, none, both, errAdminScope},
		{"a service that holds them", service(acme, both...), acme, none, both, nil},
		{"in system by a platform administrator", root, system, none, both, nil},
		{"in system by its administrator", systemAdministrator, system, none, reads, errAdminScope},
		{"in system by its administrator, without scopes", systemAdministrator, system, none, openid, nil},
		{"changing a client of system that has them", systemAdministrator, system, both, both, errAdminScope},
		{"taking them away in system", systemAdministrator, system, both, openid, errAdminScope},
		{"deleting it in system", systemAdministrator, system, both, none, errAdminScope},
		{"rotating the secret of one not held", writer, acme, reads, reads, errAdminScope},
		{"elsewhere by a platform administrator", root, acme, both, openid, nil},
		{"an unknown one", root, acme, none, []string{"admin:everything"}, errScopeTaken},
		{"one in capitals", root, acme, none, []string{"Admin:write"}, errScopeTaken},
	} {
		if err := c.by.mayChangeClient(c.in, c.before, c.after); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestWhoMayChangeWhom(t *testing.T) {
	root := person(system, both, role.PlatformAdministrator)
	systemAdministrator := person(system, both, role.OrganizationAdministrator)
	administrator := person(acme, both, role.OrganizationAdministrator)
	writer := person(acme, []string{"admin:write"}, role.OrganizationAdministrator)
	for _, c := range []struct {
		name  string
		by    *Authority
		roles []role.Role
		may   bool
	}{
		{"nobody special", writer, nil, true},
		{"an equal", administrator, []role.Role{role.OrganizationAdministrator}, true},
		{"an equal by a token that cannot read", writer, []role.Role{role.OrganizationAdministrator}, false},
		{"an auditor by a token that cannot read", writer, []role.Role{role.OrganizationAuditor}, false},
		{"a platform administrator by an administrator of system", systemAdministrator, []role.Role{role.PlatformAdministrator}, false},
		{"a platform administrator by a platform administrator", root, []role.Role{role.PlatformAdministrator}, true},
		{"a platform administrator by a service of system", service(system, both...), []role.Role{role.PlatformAdministrator}, true},
		{"an administrator by a service", service(acme, both...), []role.Role{role.OrganizationAdministrator}, true},
		{"an administrator by a service that writes", service(acme, "admin:write"), []role.Role{role.OrganizationAdministrator}, false},
	} {
		if err := c.by.mayChangePerson(c.roles); (err == nil) != c.may {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWhoMayGiveWhichRole(t *testing.T) {
	root := person(system, both, role.PlatformAdministrator)
	systemAdministrator := person(system, both, role.OrganizationAdministrator)
	administrator := person(acme, both, role.OrganizationAdministrator)
	o, a, p := role.OrganizationAdministrator, role.OrganizationAuditor, role.PlatformAdministrator
	for _, c := range []struct {
		name          string
		by            *Authority
		in            *org.Organization
		before, after []role.Role
		want          error
	}{
		{"what one has", administrator, acme, nil, []role.Role{o, a}, nil},
		{"taking what one has", administrator, acme, []role.Role{o}, nil, nil},
		{"the platform's in another organization", root, acme, nil, []role.Role{p}, role.ErrPlatformElsewhere},
		{"the platform's by a platform administrator", root, system, nil, []role.Role{p}, nil},
		{"the platform's by an administrator of system", systemAdministrator, system, nil, []role.Role{p}, role.ErrNotHeld},
		{"taking the platform's by an administrator of system", systemAdministrator, system, []role.Role{p}, nil, role.ErrNotHeld},
		{"leaving the platform's untouched", systemAdministrator, system, []role.Role{p}, []role.Role{p, a}, nil},
		{"an administrator by a reading token", person(acme, []string{"admin:read"}, o), acme, nil, []role.Role{o}, role.ErrNotHeld},
	} {
		if err := c.by.mayAssign(c.in, c.before, c.after); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if got := systemAdministrator.assignable(system); slices.Contains(got, p) {
		t.Errorf("an administrator of system may assign %v", got)
	}
	if got := root.assignable(acme); slices.Contains(got, p) || len(got) != 2 {
		t.Errorf("a platform administrator may assign %v in another organization", got)
	}
}

func TestEveryOperationHasARule(t *testing.T) {
	read, err := newContract()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for name, operation := range read.operations {
		found[operation.id] = true
		if _, ok := rules[operation.id]; !ok {
			t.Errorf("%s (%s) has no rule", operation.id, name)
		}
		if rules[operation.id].permission == role.Read != operation.readOnly && operation.id != "getMe" {
			t.Errorf("%s: a rule to read for an operation that changes, or the other way round", operation.id)
		}
	}
	for id := range rules {
		if !found[id] {
			t.Errorf("the rule %s has no operation", id)
		}
	}
}

// The document is valid OpenAPI 3.1, examples included.
func TestTheContractIsValid(t *testing.T) {
	document, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	read, err := newContract()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(read.document), `"operationId":"getMe"`) {
		t.Error("the served document names its operations otherwise than openapi.yaml")
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,2.5e3,null,true,"x"]}`, `{"a":1,"a":2}`, `[[[[`, `"\u0000"`, "\xff", `{} {}`, `{"a":}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := decodeJSON(text)
		if err != nil && value != nil {
			if _, isText := value.(string); !isText {
				t.Errorf("%q: a value beside the error %v", text, err)
			}
		}
	})
}
