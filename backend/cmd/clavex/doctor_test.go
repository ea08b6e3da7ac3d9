package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/dbtest"
)

// examined is what the doctor prints.
type examined struct {
	Findings           []finding `json:"findings"`
	Problems, Warnings int
}

// of returns the verdicts and texts of one check.
func (e examined) of(check string) (verdicts []verdict, text string) {
	for _, f := range e.Findings {
		if f.Check == check {
			verdicts = append(verdicts, f.Verdict)
			text += f.Found + " → " + f.Advice + "\n"
		}
	}
	return verdicts, text
}

func (i installation) doctor(t *testing.T, wantCode int, arguments ...string) examined {
	t.Helper()
	got := i.run(t, append([]string{"doctor", "--json"}, arguments...)...)
	if got.code != wantCode {
		t.Errorf("exit code %d, want %d:\n%s%s", got.code, wantCode, got.stdout, got.stderr)
	}
	var found examined
	got.code = exitDone // the report is complete whatever the code
	got.decode(t, &found)
	for _, f := range found.Findings {
		if f.Verdict != fine && f.Advice == "" {
			t.Errorf("%s says nothing about what to do: %s", f.Check, f.Found)
		}
	}
	return found
}

func TestDoctorOnAHealthyInstallation(t *testing.T) {
	t.Parallel()
	i := install(t, "CLAVEX_REDIS_URL="+dbtest.Redis(t), "CLAVEX_TRUSTED_PROXIES=10.0.0.1")
	i.serve(t).publishedKeys(t)
	found := i.doctor(t, exitDone)
	if found.Problems+found.Warnings > 0 {
		t.Errorf("%+v", found)
	}
	for _, check := range []string{"configuration", "database", "clock", "direct url", "schema", "audit log", "keys", "redis", "ports"} {
		if verdicts, _ := found.of(check); len(verdicts) == 0 {
			t.Errorf("%s was not looked at", check)
		}
	}
}

// A role that owns the database but is no superuser, as in production.
func TestDoctorAsAnOrdinaryRole(t *testing.T) {
	t.Parallel()
	i := install(t)
	conn := connect(t, i)
	role := "ordinary_" + strings.ReplaceAll(conn.Config().Database, "-", "")
	for _, statement := range []string{"CREATE ROLE " + role + " LOGIN PASSWORD 'x'", "GRANT pg_read_all_data TO " + role} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	address := ""
	for _, entry := range i.environ {
		if value, ok := strings.CutPrefix(entry, "CLAVEX_DATABASE_URL="); ok {
			at := strings.Index(value, "@")
			address = "postgres://" + role + ":x" + value[at:]
		}
	}
	if found := i.with("CLAVEX_DATABASE_URL="+address).doctor(t, exitDone); found.Problems > 0 {
		t.Errorf("%+v", found)
	}
}

func TestDoctorFindsFaults(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // when the parallel tests below are done
	open := filepath.Join(t.TempDir(), "url")
	for _, test := range []struct {
		name    string
		change  func(t *testing.T, i installation) installation
		check   string
		verdict verdict
		says    string
	}{
		{"port", func(_ *testing.T, i installation) installation {
			return i.with("CLAVEX_LISTEN=" + listener.Addr().String())
		}, "ports", problem, "is taken by another program"},
		{"foreign address", func(_ *testing.T, i installation) installation { return i.with("CLAVEX_LISTEN=192.0.2.1:8080") }, "ports", problem, "choose an address of this machine"},
		{"database away", func(_ *testing.T, i installation) installation {
			return i.with("CLAVEX_DATABASE_URL=postgres://x:y@127.0.0.1:1/z")
		}, "database", problem, "cannot be reached"},
		{"wrong password", func(t *testing.T, i installation) installation {
			address := connect(t, i).Config()
			return i.with("CLAVEX_DATABASE_URL=postgres://clavex:wrong@127.0.0.1:" + strconv.Itoa(int(address.Port)) + "/" + address.Database)
		}, "database", problem, "password authentication failed"},
		{"schema", func(t *testing.T, i installation) installation {
			return i.with("CLAVEX_DATABASE_URL=" + emptyDatabase(t))
		}, "schema", problem, "clavex migrate"},
		{"direct url elsewhere", func(t *testing.T, i installation) installation {
			return i.with("CLAVEX_DATABASE_DIRECT_URL=" + emptyDatabase(t))
		}, "direct url", problem, "leads to another database"},
		{"redis away", func(_ *testing.T, i installation) installation {
			return i.with("CLAVEX_REDIS_URL=redis://127.0.0.1:1/0")
		}, "redis", problem, "check address"},
		{"no proxies", func(_ *testing.T, i installation) installation { return i }, "trusted proxies", warning, "everybody seems to come"},
		{"plain http", func(_ *testing.T, i installation) installation {
			return i.with("CLAVEX_PUBLIC_URL=http://id.example.test")
		}, "configuration", problem, "is not encrypted"},
		{"unknown setting", func(_ *testing.T, i installation) installation { return i.with("CLAVEX_WORKER=3") }, "configuration", problem, "did you mean workers?"},
		{"open secret", func(t *testing.T, i installation) installation {
			if err := os.WriteFile(open, []byte("redis://127.0.0.1:1/0"), 0o644); err != nil {
				t.Fatal(err)
			}
			return i.with("CLAVEX_REDIS_URL_FILE=" + open)
		}, "secret files", warning, "chmod o-rwx"},
		{"stray audit events", func(t *testing.T, i installation) installation {
			_, err := connect(t, i).Exec(t.Context(), `INSERT INTO audit_events (org_id, id, occurred_at, action, actor_kind, outcome)
				VALUES (gen_random_uuid(), 'ffffffff-ffff-7fff-bfff-ffffffffffff', now(), 'test.event', 'system', 'success')`)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}, "audit log", warning, "default partition"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code := exitDone
			if test.verdict == problem || test.name == "open secret" { // that one's Redis is away as well
				code = exitFailed
			}
			found := test.change(t, install(t)).doctor(t, code)
			verdicts, text := found.of(test.check)
			if !slices.Contains(verdicts, test.verdict) || !strings.Contains(text, test.says) {
				t.Errorf("%s: %v %s", test.check, verdicts, text)
			}
		})
	}
}

func TestDoctorWarnsOfSecretsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	found := install(t).doctor(t, exitFailed, "--redis-url", "redis://127.0.0.1:1/0")
	if verdicts, text := found.of("secrets"); !slices.Contains(verdicts, warning) || !strings.Contains(text, "CLAVEX_REDIS_URL_FILE") {
		t.Errorf("%v %s", verdicts, text)
	}
}

func TestDoctorLooksAtItsOwnServer(t *testing.T) {
	t.Parallel()
	i := install(t)
	s := i.serve(t)
	found := i.with("CLAVEX_LISTEN="+s.address).doctor(t, exitDone, "--config", "/dev/null")
	if _, text := found.of("ports"); !strings.Contains(text, "Clavex is serving at") {
		t.Errorf("%s", text)
	}
	// There is no id.example.test in this world.
	away := i.with("CLAVEX_LISTEN="+s.address).doctor(t, exitFailed, "--reach-public-url")
	if verdicts, _ := away.of("public url"); !slices.Contains(verdicts, problem) {
		t.Errorf("%+v", away)
	}
}

// The way out of the default partition that docs/operations.md shows works as it is written.
func TestDocumentedMoveOfStrayAuditEvents(t *testing.T) {
	t.Parallel()
	i := install(t)
	conn := connect(t, i)
	for _, months := range []int{3, 3, 5} {
		if _, err := conn.Exec(t.Context(), `INSERT INTO audit_events (org_id, id, occurred_at, action, actor_kind, outcome)
			SELECT gen_random_uuid(), uuid_v7_floor(at), at, 'test.event', 'system', 'success' FROM (SELECT now() + make_interval(months => $1) AS at) AS m`, months); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, conn, "SELECT count(*) FROM audit_events_default"); n != 3 {
		t.Fatalf("%d strays", n)
	}
	content, err := os.ReadFile(documentation + "operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, statements, _ := strings.Cut(string(content), "    BEGIN;\n")
	statements, _, _ = strings.Cut(statements, "    COMMIT;\n")
	if _, err := conn.Exec(t.Context(), "BEGIN;"+statements+"COMMIT;"); err != nil {
		t.Fatal(err)
	}
	if left, all := count(t, conn, "SELECT count(*) FROM audit_events_default"), count(t, conn, "SELECT count(*) FROM audit_events"); left != 0 || all != 3 {
		t.Errorf("%d of %d are left in the default partition", left, all)
	}
}
