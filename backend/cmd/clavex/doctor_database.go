package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

const (
	sampledOrganizations = 20 // whose signing keys are opened
	toleratedSkew        = 2 * time.Second
)

// checkDatabase looks at the database as serve would use it, pooled and direct.
func (e *examination) checkDatabase(ctx context.Context) {
	if e.cfg.DatabaseURL == "" {
		return // a fault of the configuration, told already
	}
	ctx, cancel := context.WithTimeout(ctx, 4*checkPatience)
	defer cancel()
	db, err := store.Open(ctx, e.cfg.DatabaseURL, store.Options{MaxConns: 2})
	if err != nil {
		e.problem("database", err.Error(), "correct database_url")
		return
	}
	defer db.Close()
	if !e.checkServer(ctx, db) {
		return
	}
	e.checkDirect(ctx, db)
	found, err := schemaOf(ctx, db)
	switch {
	case err != nil:
		e.problem("schema", sentence(err), "the role needs to read the table goose_db_version")
		return
	case !found.UpToDate:
		e.problem("schema", fmt.Sprintf("at version %d, this release needs %d", found.Applied, found.Needed), "clavex migrate")
		return
	case found.Applied > found.Needed:
		e.warn("schema", fmt.Sprintf("at version %d, newer than this release's %d", found.Applied, found.Needed), "finish the upgrade of this replica")
	default:
		e.ok("schema", "at version %d, as this release needs", found.Applied)
	}
	e.checkAuditPartitions(ctx, db)
	e.checkKeys(ctx, db)
	e.checkMetadata(ctx, db)
}

// checkServer looks at the server itself and reports whether it answers.
func (e *examination) checkServer(ctx context.Context, db *store.Store) bool {
	var number int
	var name string
	if err := db.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_version')").Scan(&number, &name); err != nil {
		e.problem("database", "cannot be reached: "+rootCause(err), "check address, name, password and pg_hba.conf")
		return false
	}
	if number < 150000 {
		e.problem("database", "PostgreSQL "+name, "Clavex needs PostgreSQL 15 or newer")
		return false
	}
	latency, err := fastest(func() error { return db.Ping(ctx) })
	if err != nil {
		e.problem("database", rootCause(err), "")
		return false
	}
	e.judgeLatency("database", "PostgreSQL "+name, latency)
	e.checkClock(ctx, db)
	e.checkReplication(ctx, db)
	return true
}

// checkClock compares clocks: lifetimes are judged by both, and tokens are dated by ours.
func (e *examination) checkClock(ctx context.Context, db *store.Store) {
	var theirs time.Time
	before := time.Now()
	if err := db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		e.problem("clock", rootCause(err), "")
		return
	}
	after := time.Now()
	skew := before.Add(after.Sub(before) / 2).Sub(theirs)
	if skew.Abs() > toleratedSkew {
		e.problem("clock", fmt.Sprintf("this machine and the database are %s apart", skew.Abs().Round(100*time.Millisecond)), "run NTP (chrony, systemd-timesyncd) on both")
		return
	}
	e.ok("clock", "agrees with the database's to %s", max(skew.Abs(), time.Millisecond).Round(time.Millisecond))
}

func (e *examination) checkReplication(ctx context.Context, db *store.Store) {
	var standby bool
	if err := db.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err == nil && standby {
		e.problem("database", "this is a read-only standby", "let database_url lead to the primary")
	}
}

// checkDirect proves that the direct URL leads to the same database, and that LISTEN works there.
func (e *examination) checkDirect(ctx context.Context, db *store.Store) {
	direct, err := store.Open(ctx, e.cfg.DatabaseDirectURL, store.Options{MaxConns: 1})
	if err != nil {
		e.problem("direct url", err.Error(), "correct database_direct_url")
		return
	}
	defer direct.Close()
	const identity = "SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || current_database()"
	var here, there string
	if err := direct.QueryRow(ctx, identity).Scan(&there); err != nil {
		e.problem("direct url", "cannot be reached: "+rootCause(err), "database_direct_url must lead to the database without a pooler")
		return
	}
	if err := db.QueryRow(ctx, identity).Scan(&here); err != nil {
		e.problem("direct url", rootCause(err), "")
		return
	}
	if here != there {
		e.problem("direct url", "leads to another database than database_url", "both must lead to the same database")
		return
	}
	// A transaction pooler gives every statement another session, and drops LISTEN.
	var first, second int
	errs := errors.Join(direct.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&first), direct.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&second))
	if errs != nil || first != second {
		e.problem("direct url", "goes through a transaction pooler, where LISTEN does not work", "set database_direct_url to the database itself")
		return
	}
	e.ok("direct url", "leads to the same database, without a pooler")
}

// checkAuditPartitions looks for audit events that fell into no month's partition: retention cannot drop them.
func (e *examination) checkAuditPartitions(ctx context.Context, db *store.Store) {
	var strays bool
	var months int
	err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit_events_default),
		(SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass) - 1`).Scan(&strays, &months)
	switch {
	case err != nil:
		e.problem("audit log", rootCause(err), "")
	case strays:
		e.warn("audit log", "there are events in the default partition: for some time no server made the next month's", "keep a server with workers running; see docs/operations.md, “Audit log”")
	default:
		e.ok("audit log", "%d monthly partitions, the default one is empty", months)
	}
}

// checkKeys proves that the configured key-encryption keys open what is sealed.
func (e *examination) checkKeys(ctx context.Context, db *store.Store) {
	ring, err := e.cfg.Ring()
	if err != nil {
		return // a fault of the configuration, told already
	}
	rows, err := db.Query(ctx, `SELECT sealed_by FROM signing_keys UNION SELECT sealed_by FROM signing_key_pool
		UNION SELECT sealed_by FROM organization_secrets UNION SELECT secret_sealed_by FROM clients WHERE secret_sealed_by IS NOT NULL
		UNION SELECT sealed_by FROM totp_credentials UNION SELECT sealed_by FROM mails WHERE sealed_by IS NOT NULL
		UNION SELECT sealed_by FROM backchannel_requests WHERE sealed_by IS NOT NULL
		UNION SELECT sealed_by FROM mail_servers WHERE sealed_by IS NOT NULL`)
	if err != nil {
		e.problem("keys", rootCause(err), "")
		return
	}
	defer rows.Close()
	var older, unknown []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			e.problem("keys", rootCause(err), "")
			return
		}
		switch {
		case !slices.Contains(ring.KeyIDs(), id):
			unknown = append(unknown, id)
		case id != ring.CurrentKeyID():
			older = append(older, id)
		}
	}
	rows.Close()
	if len(unknown) > 0 {
		e.problem("keys", fmt.Sprintf("keys or secrets are sealed by %v, which is not configured; tokens of their organizations cannot be signed", unknown),
			"add the former key to previous_key_encryption_keys, then: clavex key reseal")
		return
	}
	if len(older) > 0 {
		e.warn("keys", fmt.Sprintf("keys or secrets are still sealed by the previous key %v", older), "clavex key reseal")
	}
	e.openSample(ctx)
}

// openSample opens the active signing keys of some organizations.
func (e *examination) openSample(ctx context.Context) {
	cfg := *e.cfg
	cfg.RedisURL = "" // looked at on its own
	app, err := server.Open(ctx, &cfg, slog.New(slog.DiscardHandler), server.Options{Store: store.Options{MaxConns: 2}})
	if err != nil {
		e.problem("keys", err.Error(), "")
		return
	}
	defer app.Close()
	sample, err := app.Organizations.List(ctx, app.Store, org.Filter{Limit: sampledOrganizations})
	if err != nil {
		e.problem("keys", sentence(err), "")
		return
	}
	for _, listed := range sample {
		if err := app.Keys.OpenActive(ctx, listed.Organization.ID); err != nil {
			e.problem("keys", fmt.Sprintf("a signing key of %s does not open: %s", listed.Organization.Slug, sentence(err)), "clavex key rotate --org "+listed.Organization.Slug+" --immediately makes a new one")
			return
		}
	}
	e.ok("keys", "the key-encryption key %s opens the signing keys of %d organizations", app.Ring.CurrentKeyID(), len(sample))
}

// rootCause is what the database or the network said.
func rootCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
