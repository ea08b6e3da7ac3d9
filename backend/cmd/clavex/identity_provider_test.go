package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentityProvidersOfAnOrganization(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("given by corp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := i.succeed(t, "identity-provider", "list", "--org", "acme"); !strings.Contains(got.stdout, "None") {
		t.Errorf("%s", got.stdout)
	}
	add := []string{"identity-provider", "add", "--org", "acme", "--alias", "corp", "--name", "Corp", "--issuer", "https://login.corp.test", "--client-id", "clavex", "--client-secret-file", secret}
	if got := i.succeed(t, append(add, "--json")...); !strings.Contains(got.stdout, "/acme/idp/corp/callback") || strings.Contains(got.stdout, "given by corp") {
		t.Errorf("%s", got.stdout)
	}
	if got := i.succeed(t, "identity-provider", "list", "--org", "acme"); !strings.Contains(got.stdout, "https://login.corp.test") {
		t.Errorf("%s", got.stdout)
	}
	for name, c := range map[string]struct {
		arguments []string
		words     string
	}{
		"twice":                   {add, "has this alias"},
		"without a secret":        {append(add[:len(add)-2:len(add)-2], "--alias", "other"), "Enter the secret"},
		"an unknown organization": {[]string{"identity-provider", "list", "--org", "nobody"}, "no organization with this name"},
		"an unknown provider":     {[]string{"identity-provider", "remove", "other", "--org", "acme", "--yes"}, "no such identity provider"},
		"without a word":          {[]string{"identity-provider", "remove", "corp", "--org", "acme"}, "--yes"},
	} {
		if got := i.run(t, c.arguments...); got.code == exitDone || !strings.Contains(got.stderr, c.words) {
			t.Errorf("%s: exit code %d: %s", name, got.code, got.stderr)
		}
	}
	i.succeed(t, "identity-provider", "remove", "corp", "--org", "acme", "--yes")
	if got := i.succeed(t, "identity-provider", "list", "--org", "acme", "--json"); strings.Contains(got.stdout, "corp") {
		t.Errorf("%s", got.stdout)
	}
}
