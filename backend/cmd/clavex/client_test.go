package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const publicKeys = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

// OpenID Connect Core 1.0 §9; Registration 1.0 §2; OAuth 2.1 §10.1.
func TestClientsWithKeysAndProfiles(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	write := func(content string) string {
		name := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var keyed, hybrid struct {
		clientJSON
		ResponseTypes []string `json:"response_types"`
		Profile       string   `json:"profile"`
	}
	create := []string{"client", "create", "--org", "acme", "--name", "x", "--redirect-uri", "https://acme.test/"}
	with := func(more ...string) []string { return append(slices.Clone(create), more...) }
	i.succeed(t, with("--auth-method", "private_key_jwt", "--jwks-file", write(publicKeys), "--json")...).decode(t, &keyed)
	if keyed.Method != "private_key_jwt" || keyed.Secret != "" {
		t.Errorf("%+v", keyed)
	}
	i.succeed(t, with("--auth-method", "private_key_jwt", "--jwks-uri", "https://acme.test/keys")...)
	i.succeed(t, with("--profile", "oidc-legacy", "--response-type", "id_token code", "--json")...).decode(t, &hybrid)
	if hybrid.Profile != "oidc-legacy" || !slices.Equal(hybrid.ResponseTypes, []string{"code id_token"}) || !slices.Contains(hybrid.GrantTypes, "implicit") || !slices.Contains(hybrid.Scopes, "openid") {
		t.Errorf("%+v", hybrid)
	}
	for _, c := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{with("--response-type", "code id_token"), exitFailed, "response_types"}, {with("--profile", "fapi"), exitFailed, "profile"},
		{with("--auth-method", "private_key_jwt"), exitFailed, "jwks"}, {with("--jwks-file", write("nonsense")), exitUsage, "not JSON"},
		{with("--jwks-file", write(`{"keys":[]}`)), exitFailed, "jwks"}, {with("--jwks-file", filepath.Join(t.TempDir(), "missing")), exitFailed, "no such file"},
		{with("--jwks-uri", "http://acme.test/keys"), exitFailed, "jwks_uri"}, {with("--jwks-file", "a", "--jwks-uri", "https://acme.test/"), exitUsage, "none of the others can be"},
	} {
		if got := i.run(t, c.arguments...); got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: exit code %d, %s", c.arguments, got.code, got.stderr)
		}
	}
}

// RFC 7591 §1.2.
func TestInitialAccessTokenCommands(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme", "--registration", "initial_access_token")
	i.succeed(t, "org", "create", "rival")
	var created, revoked struct {
		ID        string `json:"id"`
		Value     string `json:"value"`
		MaxUses   int    `json:"max_uses"`
		RevokedAt string `json:"revoked_at"`
	}
	i.succeed(t, "client", "initial-access-token", "create", "--org", "acme", "--name", "Portal", "--uses", "3", "--json").decode(t, &created)
	if len(created.Value) != 43 || created.MaxUses != 3 {
		t.Errorf("%+v", created)
	}
	list := i.succeed(t, "client", "initial-access-token", "list", "--org", "acme").stdout
	if !strings.Contains(list, created.ID) || !strings.Contains(list, "0 of 3") || strings.Contains(list, created.Value) {
		t.Errorf("list:\n%s", list)
	}
	for _, c := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{[]string{"revoke", created.ID, "--org", "rival"}, exitFailed, "initial_access_token_not_found"}, {[]string{"revoke", "portal", "--org", "acme"}, exitUsage, "not the id"},
		{[]string{"create", "--org", "acme", "--name", " "}, exitFailed, "name"}, {[]string{"create", "--org", "acme", "--name", "x", "--days", "0"}, exitUsage, "--days"},
		{[]string{"create", "--org", "acme", "--name", "x", "--uses", "-1"}, exitFailed, "max_uses"},
	} {
		if got := i.run(t, append([]string{"client", "initial-access-token"}, c.arguments...)...); got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: exit code %d, %s", c.arguments, got.code, got.stderr)
		}
	}
	i.succeed(t, "client", "initial-access-token", "revoke", created.ID, "--org", "acme", "--json").decode(t, &revoked)
	if revoked.RevokedAt == "" {
		t.Errorf("%+v", revoked)
	}
}
