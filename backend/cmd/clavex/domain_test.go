package main

import (
	"strings"
	"testing"
)

func TestDomainsOfAnOrganization(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	i.succeed(t, "org", "create", "rival")
	if got := i.succeed(t, "domain", "list", "--org", "acme"); !strings.Contains(got.stdout, "/acme\n") || !strings.Contains(got.stdout, "No domains") {
		t.Errorf("%s", got.stdout)
	}
	if got := i.succeed(t, "domain", "add", "Login.Acme.test", "--org", "acme"); !strings.Contains(got.stdout, "_clavex.login.acme.test") || !strings.Contains(got.stdout, "clavex-domain=") {
		t.Errorf("%s", got.stdout)
	}
	i.succeed(t, "domain", "add", "id.acme.test", "--org", "acme", "--trust")
	for name, c := range map[string]struct {
		arguments []string
		words     string
	}{
		"twice":                   {[]string{"domain", "add", "login.acme.test", "--org", "acme"}, "has this domain already"},
		"no host":                 {[]string{"domain", "add", "localhost", "--org", "acme"}, "host name with a dot"},
		"of another one":          {[]string{"domain", "add", "id.acme.test", "--org", "rival", "--trust"}, "Another organization"},
		"not proved":              {[]string{"domain", "move", "login.acme.test", "--org", "acme", "--yes"}, "Prove first"},
		"nowhere":                 {[]string{"domain", "move", "--org", "acme", "--yes"}, "name the host"},
		"both":                    {[]string{"domain", "move", "id.acme.test", "--back", "--org", "acme", "--yes"}, "name the host"},
		"too long":                {[]string{"domain", "move", "id.acme.test", "--org", "acme", "--yes", "--unchecked", "--grace-days", "366"}, "0 to 365"},
		"without a word":          {[]string{"domain", "move", "id.acme.test", "--org", "acme", "--unchecked"}, "--yes"},
		"leads elsewhere":         {[]string{"domain", "move", "id.acme.test", "--org", "acme", "--yes"}, "does not lead to this server"},
		"unknown":                 {[]string{"domain", "remove", "other.acme.test", "--org", "acme"}, "no such domain"},
		"no former address":       {[]string{"domain", "leave-former", "--org", "acme", "--yes"}, "No former address"},
		"the system stays":        {[]string{"domain", "add", "id.system.test", "--org", "system"}, "stays at the address"},
		"an unknown organization": {[]string{"domain", "list", "--org", "nobody"}, "no organization with this name"},
	} {
		if got := i.run(t, c.arguments...); got.code == exitDone || !strings.Contains(got.stderr, c.words) {
			t.Errorf("%s: exit code %d: %s", name, got.code, got.stderr)
		}
	}
	if got := i.succeed(t, "domain", "verify", "login.acme.test", "--org", "acme", "--trust"); !strings.Contains(got.stdout, "is proved") {
		t.Errorf("%s", got.stdout)
	}
	if got := i.succeed(t, "domain", "move", "id.acme.test", "--org", "acme", "--yes", "--unchecked"); !strings.Contains(got.stdout, "://id.acme.test") || !strings.Contains(got.stdout, "/acme\n") {
		t.Errorf("%s", got.stdout)
	}
	if got := i.run(t, "domain", "remove", "id.acme.test", "--org", "acme"); got.code == exitDone {
		t.Errorf("removed: %s", got.stdout)
	}
	if got := i.succeed(t, "domain", "leave-former", "--org", "acme", "--yes"); !strings.Contains(got.stdout, "/acme is not served") {
		t.Errorf("%s", got.stdout)
	}
	i.succeed(t, "domain", "move", "--back", "--org", "acme", "--yes", "--grace-days", "0")
	i.succeed(t, "domain", "remove", "id.acme.test", "--org", "acme")
	if got := i.succeed(t, "domain", "list", "--org", "acme", "--json"); strings.Contains(got.stdout, "id.acme.test") || !strings.Contains(got.stdout, "login.acme.test") {
		t.Errorf("%s", got.stdout)
	}
}
