package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// connect opens a connection to the installation's database.
func connect(t *testing.T, i installation) *pgx.Conn {
	t.Helper()
	for _, entry := range i.environ {
		if address, ok := strings.CutPrefix(entry, "CLAVEX_DATABASE_URL="); ok {
			conn, err := pgx.Connect(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
			return conn
		}
	}
	t.Fatal("no database")
	return nil
}

func count(t *testing.T, conn *pgx.Conn, query string, arguments ...any) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), query, arguments...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// emptyDatabase makes a database without any table.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	server := os.Getenv("CLAVEX_TEST_DATABASE_URL")
	if server == "" {
		t.Fatal("CLAVEX_TEST_DATABASE_URL is not set; run the tests with: go run ./backend/cmd/clavex-testenv -- go test ./backend/...")
	}
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	name := "empty_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		_ = conn.Close(context.WithoutCancel(t.Context()))
	})
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	i := installation{[]string{"CLAVEX_DATABASE_URL=" + emptyDatabase(t)}}
	if got := i.run(t, "migrate", "--status"); got.code != exitFailed || !strings.Contains(got.stdout, "The database is at version 0") || !strings.Contains(got.stdout, "clavex migrate") {
		t.Errorf("status of an empty database: %+v", got)
	}
	complete := install(t).with(i.environ...)
	if got := complete.run(t, "org", "list"); got.code != exitFailed || !strings.Contains(got.stderr, "run clavex migrate") {
		t.Errorf("a command before the migration: %+v", got)
	}
	var done struct {
		From, Applied, Needed int64
		UpToDate              bool `json:"up_to_date"`
	}
	i.succeed(t, "migrate", "--json").decode(t, &done)
	if done.From != 0 || done.Applied != done.Needed || !done.UpToDate {
		t.Errorf("%+v", done)
	}
	if got := i.succeed(t, "migrate"); !strings.Contains(got.stdout, "nothing was to be done") {
		t.Errorf("a second time: %+v", got)
	}
	if got := i.succeed(t, "migrate", "--status"); !strings.Contains(got.stdout, "up to date") {
		t.Errorf("status: %+v", got)
	}
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	i := install(t)
	var made struct {
		ID, Slug, Issuer, Status string
		DisplayName              string `json:"display_name"`
	}
	i.succeed(t, "org", "create", "acme", "--display-name", "Acme S.p.A.", "--brand-color", "#0f766e", "--registration", "loopback", "--json").decode(t, &made)
	if made.Issuer != publicURL+"/acme" || made.Status != "active" || made.DisplayName != "Acme S.p.A." {
		t.Errorf("%+v", made)
	}
	for _, test := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{[]string{"org", "create", "acme"}, exitFailed, "(slug_taken)"},
		{[]string{"org", "create", "Acme"}, exitFailed, "(slug_invalid)"},
		{[]string{"org", "create", "system"}, exitFailed, "(slug_reserved)"},
		{[]string{"org", "create", "other", "--brand-color", "teal"}, exitFailed, "branding.brand_color"},
		{[]string{"org", "create", "other", "--registration", "everybody"}, exitFailed, "registration"},
		{[]string{"org", "show", "nobody"}, exitFailed, "(organization_not_found)"},
		{[]string{"org", "list", "--status", "gone"}, exitUsage, "choose active, suspended, deleting"},
		{[]string{"org", "suspend", "acme"}, exitUsage, "add --yes"},
		{[]string{"org", "delete", "acme"}, exitUsage, "add --yes"},
		{[]string{"org", "delete", "system", "--yes"}, exitFailed, "(organization_system)"},
	} {
		if got := i.run(t, test.arguments...); got.code != test.code || !strings.Contains(got.stderr, test.says) {
			t.Errorf("%v: exit code %d, %s", test.arguments, got.code, got.stderr)
		}
	}
	if i.succeed(t, "org", "suspend", "acme", "--yes", "--json").decode(t, &made); made.Status != "suspended" {
		t.Errorf("after suspend it is %s", made.Status)
	}
	if i.succeed(t, "org", "restore", "acme", "--json").decode(t, &made); made.Status != "active" {
		t.Errorf("after restore it is %s", made.Status)
	}
	if got := i.succeed(t, "org", "list"); !strings.Contains(got.stdout, "acme") || !strings.Contains(got.stdout, "system") {
		t.Errorf("list:\n%s", got.stdout)
	}
	i.succeed(t, "org", "delete", "acme", "--yes", "--json").decode(t, &made)
	conn := connect(t, i)
	if made.Status != "deleting" || count(t, conn, "SELECT count(*) FROM river_job WHERE args::text LIKE '%' || $1 || '%'", made.ID) != 1 {
		t.Errorf("deletion: %+v; its job must be enqueued", made)
	}
	if got := i.run(t, "org", "restore", "acme"); got.code != exitFailed || !strings.Contains(got.stderr, "(organization_being_deleted)") {
		t.Errorf("there is no way back: %+v", got)
	}
	if n := count(t, conn, "SELECT count(*) FROM audit_events WHERE actor_kind = 'operator' AND actor_name <> '' AND target_id = $1", made.ID); n < 3 {
		t.Errorf("%d audit events of the operator", n)
	}
}

func TestListsEndWhereTheyAreTold(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	conn := connect(t, i)
	if _, err := conn.Exec(t.Context(), `INSERT INTO users (org_id, id, username) SELECT o.id, gen_random_uuid(), 'person' || to_char(n, 'FM0000') FROM organizations o, generate_series(1, 450) n WHERE o.slug = 'acme'`); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[string]int{"3": 3, "100": 100, "200": 200, "201": 201, "450": 450, "0": 450, "1000": 450} {
		var people []struct{ Username string }
		got := i.succeed(t, "user", "list", "--org", "acme", "--limit", limit, "--json")
		got.decode(t, &people)
		if len(people) != want {
			t.Errorf("--limit %s: %d people", limit, len(people))
		}
		if more := strings.Contains(got.stderr, "There are more"); more != (want < 450) {
			t.Errorf("--limit %s: %q", limit, got.stderr)
		}
		names := make([]string, len(people))
		for n, person := range people {
			names[n] = person.Username
		}
		if !slices.IsSorted(names) || len(slices.Compact(names)) != want {
			t.Errorf("--limit %s: pages overlap", limit)
		}
	}
	if got := i.succeed(t, "user", "list", "--org", "acme", "--search", "person044"); strings.Count(got.stdout, "person044") != 10 {
		t.Errorf("search:\n%s", got.stdout)
	}
	if got := i.succeed(t, "user", "list", "--org", "acme", "--search", "nobody", "--json"); strings.TrimSpace(got.stdout) != "[]" {
		t.Errorf("an empty list is %q", got.stdout)
	}
}

// person is what user commands print.
type personJSON struct {
	ID, Username, Status string
	Roles                []string
	Link                 *struct{ URL string } `json:"one_time_link"`
}

func TestUsers(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	var eva personJSON
	i.succeed(t, "user", "create", "--org", "acme", "--username", "eva", "--email", "eva@acme.test", "--email-verified", "--name", "Eva Rossi",
		"--role", "organization-administrator", "--json").decode(t, &eva)
	if eva.Link == nil || !strings.HasPrefix(eva.Link.URL, publicURL+"/acme/login/link?token=") || !slices.Equal(eva.Roles, []string{"organization-administrator"}) {
		t.Fatalf("%+v", eva)
	}
	for _, test := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{[]string{"user", "create", "--org", "acme", "--username", "EVA"}, exitFailed, "(username_taken)"},
		{[]string{"user", "create", "--org", "acme", "--username", "x", "--email", "eva@acme.test"}, exitFailed, "(email_taken)"},
		{[]string{"user", "create", "--org", "acme", "--username", "x", "--email", "nonsense"}, exitFailed, "(email_invalid)"},
		{[]string{"user", "create", "--org", "acme", "--username", "x", "--role", "king"}, exitFailed, "(role_unknown)"},
		{[]string{"user", "create", "--org", "acme", "--username", "x", "--role", "platform-administrator"}, exitFailed, "(role_platform_only)"},
		{[]string{"user", "create", "--org", "acme", "--username", "x", "--link-lifetime", "1s"}, exitUsage, "between 1m and 720h"},
		{[]string{"user", "create", "--org", "nowhere", "--username", "x"}, exitFailed, "(organization_not_found)"},
		{[]string{"user", "show", "nobody", "--org", "acme"}, exitFailed, "(user_not_found)"},
		{[]string{"user", "show", eva.ID, "--org", "system"}, exitFailed, "(user_not_found)"},
		{[]string{"user", "disable", "eva", "--org", "acme"}, exitUsage, "add --yes"},
		{[]string{"user", "delete", "eva", "--org", "acme"}, exitUsage, "add --yes"},
	} {
		if got := i.run(t, test.arguments...); got.code != test.code || !strings.Contains(got.stderr, test.says) {
			t.Errorf("%v: exit code %d, %s", test.arguments, got.code, got.stderr)
		}
	}
	conn := connect(t, i)
	if n := count(t, conn, "SELECT count(*) FROM users WHERE username = 'x'"); n != 0 {
		t.Error("a refused role or address left a person behind")
	}
	for _, identifier := range []string{"eva", "Eva@acme.test", eva.ID} {
		var found personJSON
		i.succeed(t, "user", "show", identifier, "--org", "acme", "--json").decode(t, &found)
		if found.ID != eva.ID || found.Link != nil {
			t.Errorf("%s: %+v", identifier, found)
		}
	}
	sessionOf(t, conn, eva.ID)
	i.succeed(t, "user", "disable", "eva", "--org", "acme", "--yes", "--json").decode(t, &eva)
	if eva.Status != "disabled" || count(t, conn, "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", eva.ID) != 0 {
		t.Errorf("a disabled person keeps a session: %+v", eva)
	}
	if got := i.run(t, "user", "one-time-link", "eva", "--org", "acme"); got.code != exitFailed || !strings.Contains(got.stderr, "user enable") {
		t.Errorf("a link for a disabled person: %+v", got)
	}
	i.succeed(t, "user", "enable", "eva", "--org", "acme", "--json").decode(t, &eva)
	var again personJSON
	i.succeed(t, "user", "one-time-link", "eva", "--org", "acme", "--lifetime", "1h", "--json").decode(t, &again)
	if eva.Status != "active" || again.Link == nil || count(t, conn, "SELECT count(*) FROM one_time_links WHERE user_id = $1 AND used_at IS NULL", eva.ID) != 1 {
		t.Errorf("a new link cancels the earlier one: %+v", again)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE users SET status = 'leaving', erase_at = now() + interval '1 day' WHERE id = $1", eva.ID); err != nil {
		t.Fatal(err)
	}
	if got := i.run(t, "user", "disable", "eva", "--org", "acme", "--yes"); got.code != exitFailed || !strings.Contains(got.stderr, "erased") {
		t.Errorf("somebody who leaves is disabled: %+v", got)
	}
	if i.succeed(t, "user", "enable", "eva", "--org", "acme", "--json").decode(t, &eva); eva.Status != "active" {
		t.Errorf("kept: %+v", eva)
	}
	i.succeed(t, "org", "update", "acme", "--account-deletion", "closed", "--account-deletion-days", "30")
	if n := count(t, conn, "SELECT count(*) FROM organizations WHERE policies ->> 'account_deletion' = 'closed' AND policies ->> 'account_deletion_grace_days' = '30'"); n != 1 {
		t.Errorf("%d organizations are closed", n)
	}
	i.succeed(t, "org", "update", "acme", "--proof-of-work", "on_suspicion")
	i.succeed(t, "org", "update", "acme", "--sessions-per-person", "5", "--remember-me", "offered", "--remembered-session-idle-lifetime", "720h",
		"--remembered-session-absolute-lifetime", "2160h", "--session-binding", "off")
	if n := count(t, conn, "SELECT count(*) FROM organizations WHERE policies ->> 'sessions_per_person' = '5' AND policies ->> 'remember_me' = 'offered' AND policies ->> 'remembered_session_idle_seconds' = '2592000' AND policies ->> 'session_binding' = 'off'"); n != 1 {
		t.Errorf("%d organizations limit sessions", n)
	}
	if n := count(t, conn, "SELECT count(*) FROM organizations WHERE policies ->> 'proof_of_work' = 'on_suspicion'"); n != 1 {
		t.Errorf("%d organizations demand proof of work", n)
	}
	i.succeed(t, "user", "set-roles", "eva", "--org", "acme", "--none", "--json").decode(t, &again)
	if len(again.Roles) != 0 {
		t.Errorf("roles: %v", again.Roles)
	}
	i.succeed(t, "user", "delete", "eva", "--org", "acme", "--yes")
	if got := i.run(t, "user", "show", "eva", "--org", "acme"); got.code != exitFailed {
		t.Errorf("after the deletion: %+v", got)
	}
	if n := count(t, conn, "SELECT count(DISTINCT action) FROM audit_events WHERE target_id = $1 AND actor_kind = 'operator'", eva.ID); n < 5 {
		t.Errorf("only %d kinds of audit events", n)
	}
}

// sessionOf gives the person a session.
func sessionOf(t *testing.T, conn *pgx.Conn, userID string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), `INSERT INTO sessions (org_id, id, user_id, token_hash, browser_hash, authenticated_at, methods, idle_expires_at, expires_at)
		SELECT org_id, gen_random_uuid(), id, '\x01', '\x02', now(), '{pwd}', now() + interval '1 hour', now() + interval '1 day' FROM users WHERE id = $1`, userID)
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheLastPlatformAdministratorStays(t *testing.T) {
	t.Parallel()
	i := install(t)
	create := func(name string) {
		i.succeed(t, "user", "create", "--org", "system", "--username", name, "--role", "platform-administrator")
	}
	create("first")
	for _, arguments := range [][]string{{"disable", "first", "--yes"}, {"delete", "first", "--yes"}, {"set-roles", "first", "--none"}} {
		got := i.run(t, append(append([]string{"user"}, arguments...), "--org", "system")...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "(last_platform_administrator)") {
			t.Errorf("%v: %+v", arguments, got)
		}
	}
	create("second")
	i.succeed(t, "user", "delete", "first", "--yes", "--org", "system")
	if got := i.run(t, "user", "disable", "second", "--yes", "--org", "system"); got.code != exitFailed {
		t.Errorf("the second is the last now: %+v", got)
	}
}

// clientJSON is what client commands print.
type clientJSON struct {
	ClientID   string   `json:"client_id"`
	Secret     string   `json:"client_secret"`
	Method     string   `json:"token_endpoint_auth_method"`
	Algorithm  string   `json:"id_token_signed_response_alg"`
	GrantTypes []string `json:"grant_types"`
	Scopes     []string `json:"scopes"`
	Consent    bool     `json:"require_consent"`
}

func TestClients(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	var web, app, service clientJSON
	i.succeed(t, "client", "create", "--org", "acme", "--name", "Payroll", "--client-id", "payroll", "--redirect-uri", "https://payroll.acme.test/callback", "--json").decode(t, &web)
	if web.ClientID != "payroll" || len(web.Secret) != 43 || web.Method != "client_secret_basic" || web.Algorithm != "ES256" || !web.Consent || !slices.Contains(web.GrantTypes, "refresh_token") {
		t.Errorf("%+v", web)
	}
	i.succeed(t, "client", "create", "--org", "acme", "--name", "App", "--public", "--type", "native", "--redirect-uri", "http://127.0.0.1/callback", "--without-consent", "--json").decode(t, &app)
	if app.ClientID == "" || app.Secret != "" || app.Method != "none" || app.Consent {
		t.Errorf("%+v", app)
	}
	i.succeed(t, "client", "create", "--org", "acme", "--name", "Importer", "--grant-type", "client_credentials", "--scope", "import:write", "--json").decode(t, &service)
	if !slices.Equal(service.Scopes, []string{"import:write"}) || service.Secret == "" {
		t.Errorf("%+v", service)
	}
	for _, test := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{[]string{"client", "create", "--org", "acme", "--name", "x"}, exitFailed, "(invalid_redirect_uri)"},
		{[]string{"client", "create", "--org", "acme", "--name", "x", "--redirect-uri", "http://acme.test/"}, exitFailed, "(invalid_redirect_uri)"},
		{[]string{"client", "create", "--org", "acme", "--name", "x", "--redirect-uri", "https://acme.test/", "--client-id", "payroll"}, exitFailed, "(client_id_taken)"},
		{[]string{"client", "create", "--org", "acme", "--name", "x", "--redirect-uri", "https://acme.test/", "--id-token-alg", "none"}, exitFailed, "id_token_signed_response_alg"},
		{[]string{"client", "show", "payroll", "--org", "system"}, exitFailed, "(client_not_found)"},
		{[]string{"client", "rotate-secret", app.ClientID, "--org", "acme", "--yes"}, exitFailed, "(client_public)"},
		{[]string{"client", "rotate-secret", "payroll", "--org", "acme"}, exitUsage, "add --yes"},
		{[]string{"client", "delete", "clavex-console", "--org", "acme", "--yes"}, exitFailed, "(client_built_in)"},
		{[]string{"client", "delete", "payroll", "--org", "acme"}, exitUsage, "add --yes"},
	} {
		if got := i.run(t, test.arguments...); got.code != test.code || !strings.Contains(got.stderr, test.says) {
			t.Errorf("%v: exit code %d, %s", test.arguments, got.code, got.stderr)
		}
	}
	var rotated, shown clientJSON
	i.succeed(t, "client", "rotate-secret", "payroll", "--org", "acme", "--yes", "--json").decode(t, &rotated)
	if rotated.Secret == web.Secret || len(rotated.Secret) != 43 {
		t.Errorf("%+v", rotated)
	}
	i.succeed(t, "client", "show", "payroll", "--org", "acme", "--json").decode(t, &shown)
	if shown.Secret != "" {
		t.Error("a secret is shown again")
	}
	if list := i.succeed(t, "client", "list", "--org", "acme").stdout; !strings.Contains(list, "payroll") || !strings.Contains(list, "clavex-console") {
		t.Errorf("list:\n%s", list)
	}
	i.succeed(t, "client", "delete", "payroll", "--org", "acme", "--yes")
	if got := i.run(t, "client", "show", "payroll", "--org", "acme"); got.code != exitFailed {
		t.Errorf("after the deletion: %+v", got)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var got build
	installation{}.succeed(t, "version", "--json").decode(t, &got)
	if got.Version == "" || !strings.HasPrefix(got.Go, "go1.") {
		t.Errorf("%+v", got)
	}
}

// A database that goes away is a sentence with advice, and leaves nothing half done.
func TestUnreachableDatabase(t *testing.T) {
	t.Parallel()
	i := install(t).with("CLAVEX_DATABASE_URL=postgres://clavex:very-secret@127.0.0.1:1/clavex")
	for _, arguments := range [][]string{{"migrate"}, {"org", "list"}, {"serve"}, {"doctor"}} {
		got := i.run(t, arguments...)
		if got.code != exitFailed || strings.Contains(got.stdout+got.stderr, "very-secret") {
			t.Errorf("%v: %+v", arguments, got)
		}
		if !strings.Contains(got.stdout+got.stderr, "refused") && !strings.Contains(got.stderr, "database_unavailable") {
			t.Errorf("%v does not say what is wrong: %s%s", arguments, got.stdout, got.stderr)
		}
	}
}

func TestJSONIsJSON(t *testing.T) {
	t.Parallel()
	i := install(t)
	for _, arguments := range [][]string{{"org", "list"}, {"org", "show", "system"}, {"user", "list", "--org", "system"}, {"client", "list", "--org", "system"}, {"key", "list", "--org", "system"},
		{"key", "generate-encryption-key"}, {"config", "example"}, {"migrate", "--status"}} {
		if got := i.succeed(t, append(arguments, "--json")...); !json.Valid([]byte(got.stdout)) {
			t.Errorf("%v: %s", arguments, got.stdout)
		}
	}
}
