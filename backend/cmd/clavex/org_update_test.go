package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// updatedJSON is what org update prints, as far as tests look at it.
type updatedJSON struct {
	DisplayName string `json:"display_name"`
	Version     int
	Branding    struct {
		BrandColor string `json:"brand_color"`
	}
	Policies struct {
		Registration, Profile string
		DefaultLocale         string `json:"default_locale"`
		SessionIdle           int    `json:"session_idle_seconds"`
		AccessTokens          int    `json:"access_token_lifetime_seconds"`
		Rules                 struct {
			RedirectHosts []string `json:"redirect_hosts"`
			Scopes        []string
			GrantTypes    []string                  `json:"grant_types"`
			Issuers       []struct{ Issuer string } `json:"software_statement_issuers"`
		} `json:"registration_rules"`
		Scopes, Claims []struct{ Name string }
	}
}

func TestAnOrganizationIsUpdatedByFlags(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme", "--display-name", "Acme", "--brand-color", "#0f766e", "--default-locale", "it")
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "list.json")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	update := func(flags ...string) (after updatedJSON) {
		t.Helper()
		i.succeed(t, append([]string{"org", "update", "acme", "--json"}, flags...)...).decode(t, &after)
		return after
	}
	after := update("--display-name", "Acme Group", "--registration", "initial_access_token", "--registration-redirect-host", "*.partner.example", "--registration-redirect-host", "app.example",
		"--registration-scope", "openid", "--registration-grant-type", "authorization_code", "--session-idle-lifetime", "1h", "--access-token-lifetime", "90s",
		"--claims-file", file(`[{"name":"department","attribute":"department"}]`), "--scopes-file", file(`[{"name":"work","claims":["department"]}]`),
		"--software-statement-issuers-file", file(`[{"issuer":"https://trust.example","jwks_uri":"https://trust.example/keys"}]`))
	if p := after.Policies; after.DisplayName != "Acme Group" || p.Registration != "initial_access_token" || !slices.Equal(p.Rules.RedirectHosts, []string{"*.partner.example", "app.example"}) ||
		!slices.Equal(p.Rules.Scopes, []string{"openid"}) || !slices.Equal(p.Rules.GrantTypes, []string{"authorization_code"}) || p.SessionIdle != 3600 || p.AccessTokens != 90 ||
		len(p.Claims) != 1 || len(p.Scopes) != 1 || len(p.Rules.Issuers) != 1 {
		t.Errorf("%+v", after)
	}
	if p := after.Policies; after.Branding.BrandColor != "#0f766e" || p.DefaultLocale != "it" {
		t.Errorf("what was not named changed: %+v", after)
	}
	after = update("--brand-color", "", "--default-locale", "", "--registration-redirect-host", "", "--access-token-lifetime", "0", "--scopes-file", file("[]"), "--claims-file", file("[]"), "--profile", "oidc-legacy")
	if p := after.Policies; after.Branding.BrandColor != "" || p.DefaultLocale != "" || p.Rules.RedirectHosts != nil || p.AccessTokens != 0 || p.Scopes != nil || p.Claims != nil ||
		p.SessionIdle != 3600 || p.Registration != "initial_access_token" || p.Profile != "oidc-legacy" {
		t.Errorf("%+v", after)
	}
	version := after.Version
	for _, c := range []struct {
		flags []string
		code  int
		says  string
	}{
		{nil, exitUsage, "at least one of the flags"},
		{[]string{"--registration", "everybody"}, exitFailed, "policies.registration"},
		{[]string{"--display-name", " "}, exitFailed, "display_name"},
		// The bounds of the contract: the console could not save the organization otherwise.
		{[]string{"--session-idle-lifetime", "721h", "--session-absolute-lifetime", "1000h"}, exitFailed, "session_idle_seconds"},
		{[]string{"--session-absolute-lifetime", "2161h"}, exitFailed, "session_absolute_seconds"},
		{[]string{"--session-idle-lifetime", "1500ms"}, exitUsage, "whole seconds"},
		{[]string{"--access-token-lifetime", "-5m"}, exitUsage, "whole seconds"},
		{[]string{"--session-idle-lifetime", "one day"}, exitUsage, "invalid argument"},
		{[]string{"--registration-redirect-host", "https://app.example"}, exitFailed, "registration_rules.redirect_hosts"},
		{[]string{"--scopes-file", file(`[{"name":"work","claims":["department"]}]`)}, exitFailed, "policies.scopes[0].claims"},
		{[]string{"--scopes-file", file(`{"name":"work"}`)}, exitUsage, "--scopes-file"},
		{[]string{"--scopes-file", file(`[{"name":"work","cliams":[]}]`)}, exitUsage, "cliams"},
		{[]string{"--claims-file", file(`[] []`)}, exitUsage, "something follows"},
		{[]string{"--claims-file", filepath.Join(t.TempDir(), "missing")}, exitFailed, "no such file"},
		{[]string{"--software-statement-issuers-file", file(`[{"issuer":"https://trust.example"}]`)}, exitFailed, "software_statement_issuers[0].jwks"},
	} {
		if got := i.run(t, append([]string{"org", "update", "acme"}, c.flags...)...); got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: exit code %d, %s", c.flags, got.code, got.stderr)
		}
	}
	if got := i.run(t, "org", "update", "nobody", "--display-name", "x"); got.code != exitFailed || !strings.Contains(got.stderr, "(organization_not_found)") {
		t.Errorf("%+v", got)
	}
	if after = update("--display-name", "Acme Group"); after.Version != version+1 {
		t.Errorf("what was refused changed something: version %d, then %d", version, after.Version)
	}
	if got := i.succeed(t, "org", "show", "acme"); !strings.Contains(got.stdout, "oidc-legacy") || !strings.Contains(got.stdout, "1h0m0s") {
		t.Errorf("%s", got.stdout)
	}
	conn := connect(t, i)
	if n := count(t, conn, "SELECT count(*) FROM audit_events WHERE action = 'organization.updated' AND actor_kind = 'operator'"); n != 3 {
		t.Errorf("%d audit events", n)
	}
}

// OAuth 2.1 §10.1.
func TestAProfileThatClientsCannotMeetIsRefusedByTheCommandLine(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	i.succeed(t, "org", "update", "acme", "--profile", "oidc-legacy")
	i.succeed(t, "client", "create", "--org", "acme", "--name", "Hybrid", "--redirect-uri", "https://acme.test/", "--response-type", "code id_token")
	got := i.run(t, "org", "update", "acme", "--profile", "oauth2.1", "--display-name", "Changed")
	if got.code != exitFailed || !strings.Contains(got.stderr, "(profile_not_met)") || !strings.Contains(got.stderr, "Hybrid") {
		t.Errorf("%+v", got)
	}
	if got := i.succeed(t, "org", "show", "acme"); strings.Contains(got.stdout, "Changed") {
		t.Errorf("half of it was done: %s", got.stdout)
	}
	if got := i.run(t, "org", "update", "acme", "--profile", "fapi"); got.code != exitFailed || !strings.Contains(got.stderr, "profile") {
		t.Errorf("%+v", got)
	}
}
