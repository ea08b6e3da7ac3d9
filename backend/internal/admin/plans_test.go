package admin_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
	"github.com/clavex/clavex/backend/internal/user"
)

// recorder keeps the statements that were sent.
type recorder struct {
	mu   sync.Mutex
	sent []pgx.TraceQueryStartData
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, data)
	return ctx
}

func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) take() []pgx.TraceQueryStartData {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

const seed = `
INSERT INTO organizations (id, slug, display_name)
SELECT uuid_v7_floor('2025-01-01'::timestamptz + n * interval '1 second'), 'org-' || n, 'Organization ' || n FROM generate_series(1, 3000) n;
INSERT INTO users (org_id, id, username, email, profile)
SELECT o.id, uuid_v7_floor('2025-02-01'::timestamptz + (o.place * 10000 + n) * interval '1 second'), 'user-' || n, 'user-' || n || '@example.test',
       jsonb_build_object('name', 'Name ' || n, 'family_name', 'Family ' || n)
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM organizations LIMIT 4) o, generate_series(1, 5000) n;
INSERT INTO clients (org_id, id, client_id, client_name, token_endpoint_auth_method, grant_types, response_types, scopes, id_token_signed_response_alg, origin)
SELECT o.id, uuid_v7_floor('2025-03-01'::timestamptz + (o.place * 10000 + n) * interval '1 second'), 'client-' || n, 'Client ' || n, 'none', '{authorization_code}', '{code}', '{openid}', 'ES256', 'administrator'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM organizations LIMIT 4) o, generate_series(1, 3000) n;
INSERT INTO audit_events (org_id, id, occurred_at, action, actor_kind, actor_id, target_id, outcome)
SELECT o.id, uuid_v7_floor(now() - (o.place * 10000 + n) * interval '1 second'), now(), 'user.updated', 'user', (n % 500)::text, (n % 700)::text, 'success'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM organizations LIMIT 4) o, generate_series(1, 5000) n;
ANALYZE;`

// Every list finds its rows by an index, whatever is searched, filtered and ordered; a rare word is looked
// up and not searched for along the order.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	ctx, sent := t.Context(), &recorder{}
	db, err := store.Open(ctx, dbtest.URL(t), store.Options{MaxConns: 4, Configure: func(c *pgxpool.Config) { c.ConnConfig.Tracer = sent }})
	check(t, err)
	t.Cleanup(db.Close)
	if _, err := db.Pool().Exec(ctx, seed, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	var orgID uuid.UUID
	check(t, db.QueryRow(ctx, "SELECT id FROM organizations ORDER BY id LIMIT 1").Scan(&orgID))
	log, hub := audit.NewLog(time.Now), store.NewInvalidations()
	organizations := org.New(db, hub, log, time.Now, 10)
	users, clients := user.New(log, time.Now), client.New(db, hub, log, nil, time.Now, rand.Reader, 10)
	after := &filter.Position{Key: "m", ID: orgID}
	lists := map[string]func() error{}
	for _, search := range []string{"", "user-42", "client-42", "org-42", orgID.String()} {
		for _, position := range []*filter.Position{nil, after} {
			name := " search=" + search
			if position != nil {
				name += " next page"
			}
			for _, sort := range []string{"name", "-name", "created_at", "-created_at"} {
				lists["organizations "+sort+name] = func() error {
					_, err := organizations.List(ctx, db, org.Filter{Search: search, Sort: org.Sort(sort), After: position, Limit: 51})
					return err
				}
				byUsername, byName := user.Sort(strings.Replace(sort, "name", "username", 1)), client.Sort(strings.Replace(sort, "name", "client_name", 1))
				lists["users "+sort+name] = func() error {
					_, err := users.List(ctx, db, orgID, user.Filter{Search: search, Sort: byUsername, After: position, Limit: 51})
					return err
				}
				lists["active users "+sort+name] = func() error {
					_, err := users.List(ctx, db, orgID, user.Filter{Search: search, Status: user.Active, Sort: byUsername, After: position, Limit: 51})
					return err
				}
				lists["clients "+sort+name] = func() error {
					_, err := clients.List(ctx, db, orgID, client.Filter{Search: search, Sort: byName, After: position, Limit: 51})
					return err
				}
			}
		}
	}
	for name, wanted := range map[string]audit.Filter{
		"all": {}, "action": {Action: "user.updated"}, "actor": {ActorID: "42"}, "target": {TargetID: "42"}, "since": {From: time.Now().Add(-time.Hour)},
		"page": {Before: orgID, ActorID: "42"},
	} {
		wanted.Limit = 51
		lists["audit events "+name] = func() error { _, err := log.List(ctx, db, orgID, wanted); return err }
	}
	sent.take()
	for name, list := range lists {
		check(t, list())
		for _, statement := range sent.take() {
			plan := explain(t, db, statement)
			rare := strings.Contains(name, "users") && strings.HasSuffix(name, "search=user-42")
			if seqScan.MatchString(plan) || rare && !strings.Contains(plan, "BitmapOr") {
				t.Errorf("%s:\n%s\n%s", name, statement.SQL, plan)
			}
		}
		sent.take()
	}
}

// seqScan finds what reads a whole table; an empty partition costs nothing.
var seqScan = regexp.MustCompile(`Seq Scan on \S+( \S+)?  \(cost=0\.00\.\.(?:0\.0*[1-9]|[1-9])`)

// explain returns the plan of a statement for its arguments.
func explain(t *testing.T, db *store.Store, statement pgx.TraceQueryStartData) string {
	t.Helper()
	var literals []string
	for _, argument := range statement.Args {
		if _, option := argument.(pgx.QueryExecMode); !option {
			literals = append(literals, "'"+strings.ReplaceAll(fmt.Sprint(argument), "'", "''")+"'")
		}
	}
	conn, err := db.Pool().Acquire(t.Context())
	check(t, err)
	defer conn.Release()
	run := func(sql string) (lines []string) {
		results, err := conn.Conn().PgConn().Exec(t.Context(), sql).ReadAll()
		check(t, err)
		for _, row := range results[0].Rows {
			lines = append(lines, string(row[0]))
		}
		return lines
	}
	run("SET plan_cache_mode = force_custom_plan")
	run("PREPARE listed AS " + statement.SQL)
	lines := run("EXPLAIN EXECUTE listed(" + strings.Join(literals, ", ") + ")")
	run("DEALLOCATE listed")
	return strings.Join(lines, "\n")
}
