package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	clavexsql "github.com/clavex/clavex/sql"
)

var (
	createTable = regexp.MustCompile(`(?is)CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)\n\)`)
	queryName   = regexp.MustCompile(`(?m)^-- name: (\w+) :\w+$`)
	comment     = regexp.MustCompile(`(?m)--.*$`)
)

// tenantTables are the tables that have an org_id.
func tenantTables(t *testing.T) map[string]string {
	t.Helper()
	tables := map[string]string{}
	files, err := fs.Glob(clavexsql.Migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, file := range files {
		content, err := fs.ReadFile(clavexsql.Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range createTable.FindAllStringSubmatch(string(content), -1) {
			if regexp.MustCompile(`(?m)^\s+org_id\s+uuid`).MatchString(match[2]) {
				tables[match[1]] = match[2]
			}
		}
	}
	return tables
}

func TestEveryTenantTableLeadsItsKeysWithTheOrganization(t *testing.T) {
	tables := tenantTables(t)
	if len(tables) < 10 {
		t.Fatalf("only %d tenant tables found: the test has gone blind", len(tables))
	}
	for name, columns := range tables {
		primary := regexp.MustCompile(`PRIMARY KEY \(([^)]*)\)`).FindStringSubmatch(columns)
		inline := regexp.MustCompile(`(?m)^\s+org_id\s+uuid\s+PRIMARY KEY`).MatchString(columns)
		if !inline && (primary == nil || !strings.HasPrefix(primary[1], "org_id")) {
			t.Errorf("table %s: the primary key does not lead with org_id", name)
		}
		for _, foreign := range regexp.MustCompile(`FOREIGN KEY \(([^)]*)\) REFERENCES (\w+)`).FindAllStringSubmatch(columns, -1) {
			if !strings.HasPrefix(foreign[1], "org_id") {
				t.Errorf("table %s: a foreign key to %s could point into another organization", name, foreign[2])
			}
		}
		for _, single := range regexp.MustCompile(`(?m)^\s+(\w+) .*REFERENCES (\w+)`).FindAllStringSubmatch(columns, -1) {
			if single[1] != "org_id" && single[1] != "FOREIGN" {
				t.Errorf("table %s: column %s references %s alone", name, single[1], single[2])
			}
		}
	}
}

func TestEveryQueryOnTenantTablesTakesTheOrganization(t *testing.T) {
	tables := tenantTables(t)
	files, err := filepath.Glob("../../../sql/queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no queries: %v", err)
	}
	checked := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		starts := queryName.FindAllStringSubmatchIndex(string(content), -1)
		for i, start := range starts {
			end := len(content)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			name, body := string(content[start[2]:start[3]]), string(content[start[1]:end])
			checked++
			if strings.Contains(body, "-- cross-tenant: ") {
				continue
			}
			statement := comment.ReplaceAllString(body, "")
			if !strings.Contains(statement, "@org_id") && !strings.Contains(statement, "sqlc.arg(org_id)") {
				t.Errorf("%s: %s does not take org_id and does not say why (-- cross-tenant: reason)", filepath.Base(file), name)
			}
			// Every tenant table the statement names must be tied to org_id, directly or through a join.
			for table := range tables {
				if !regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+` + table + `\b`).MatchString(statement) {
					continue
				}
				if !strings.Contains(statement, "org_id = ") && !strings.Contains(statement, "org_id, ") {
					t.Errorf("%s: %s uses %s without comparing org_id", filepath.Base(file), name, table)
				}
			}
		}
	}
	if checked < 50 {
		t.Fatalf("only %d queries found: the test has gone blind", checked)
	}
}

// asksForTheModel is how a query asks whether a passkey, or what began with one, is on a model that the organization accepts.
var asksForTheModel = regexp.MustCompile(`\bmodel_accepted\((\w+\.)?aaguid, (\w+\.)?attested, @refused_models::uuid\[\], sqlc\.narg\(accepted_models\)::uuid\[\]\)`)

// Every query by which a passkey signs in, or counts as one that does, leaves out those on a model that the organization does not
// accept. Those that are named here judge it elsewhere, or change passkeys whatever they are.
func TestEveryUseOfAPasskeyAsksForItsModel(t *testing.T) {
	others := strings.Fields("UsePasskey SuspendPasskeysOfModels PasskeysByModel")
	files, err := filepath.Glob("../../../sql/queries/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(content), "-- name: ")[1:] {
			name, body, _ := strings.Cut(part, " ")
			statement := comment.ReplaceAllString(body, "")
			refused := strings.Count(statement, "suspended_at IS NULL AND NOT model_accepted(") // these look for what is not accepted
			uses := strings.Count(statement, "suspended_at IS NULL") - refused
			if uses == 0 || slices.Contains(others, name) {
				continue
			}
			checked++
			if asks := len(asksForTheModel.FindAllString(statement, -1)) - strings.Count(statement, "NOT model_accepted("); asks < uses {
				t.Errorf("%s: %s uses passkeys and does not ask whether their model is accepted", filepath.Base(file), name)
			}
		}
	}
	if checked < 6 {
		t.Fatalf("only %d queries found: the test has gone blind", checked)
	}
}

// Every query by which a session, or what was granted in one, is used leaves out what began with a passkey on a model that
// the organization does not accept. Those that are named here use nothing: they end, count, tell or keep.
func TestEveryUseOfASessionAsksForItsModel(t *testing.T) {
	uses := regexp.MustCompile(`(?i)ended_at IS NULL|revoked_at IS NULL`)
	others := strings.Fields(`TouchSession RenewSession EndSession EndSessionOfUser EndSessionsOfUser EndSurplusSessions StraySession ShortenSessions EndSessionsOfPasskey EndSessionsOfModels
		EndSessionsOfUnmetPasskeys RevokeGrantsOfUnmetPasskeys RevokeGrantsOfPasskey RevokeGrantsOfSessions RevokeGrantsOfModels RevokeGrantsOfUser RevokeGrantsWithoutSession RevokeGrant RevokeGrantsOfUserAndClient RevokeGrantsOfClient
		RevokeGrantsOfTrustedIssuer DeleteLinkedIdentity OrganizationCounts
		EndExpiredSessions LookLater ReplaceSessionToken`)
	checked := 0
	for _, file := range []string{"session.sql", "grant.sql", "org.sql", "user.sql", "device.sql", "backchannel.sql", "authenticator.sql", "trust.sql"} {
		content, err := os.ReadFile("../../../sql/queries/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(content), "-- name: ")[1:] {
			name, body, _ := strings.Cut(part, " ")
			statement := comment.ReplaceAllString(body, "")
			if !uses.MatchString(statement) || !regexp.MustCompile(`(?i)\b(sessions|grants)\b`).MatchString(statement) || slices.Contains(others, name) {
				continue
			}
			checked++
			if !asksForTheModel.MatchString(statement) {
				t.Errorf("%s: %s uses sessions or grants and does not ask whether their model is accepted", file, name)
			}
		}
	}
	if checked < 9 {
		t.Fatalf("only %d queries found: the test has gone blind", checked)
	}
}
