package store

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	clavexsql "github.com/clavex/clavex/sql"
)

// minimumServerVersion is PostgreSQL 15: ON DELETE SET NULL (column) and MERGE-free upserts need it.
const minimumServerVersion = 150000

// migrationLock is the advisory lock under which one process at a time migrates a database.
const migrationLock = 0x636c61766578 // "clavex"

// Migrate brings the database at the URL to this release's schema. Migrations run forward only, each
// in a transaction, under an advisory lock: replicas that start together wait for one another.
// Pass the direct URL when a pooler stands in front of the database.
func Migrate(ctx context.Context, databaseURL string) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("database URL: %w", redact(err))
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	var version int
	var name string
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_version')").Scan(&version, &name); err != nil {
		return fmt.Errorf("connect to the database: %w", translate(err))
	}
	if version < minimumServerVersion {
		return fmt.Errorf("the database is PostgreSQL %s; Clavex needs version 15 or newer", name)
	}
	migrations, err := fs.Sub(clavexsql.Migrations, "migrations")
	if err != nil {
		return err
	}
	guard, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", translate(err))
	}
	defer guard.Close() // closing the connection releases the lock, whatever happened
	if _, err := guard.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("wait for another migration: %w", translate(err))
	}
	defer func() {
		_, _ = guard.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
	}()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return migrateJobs(ctx, databaseURL)
}

// migrateJobs makes River's own tables.
func migrateJobs(ctx context.Context, databaseURL string) error {
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("database URL: %w", redact(err))
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job tables: %w", translate(err))
	}
	return nil
}

// SchemaVersion returns the newest migration applied to the database and the newest this release
// knows. A replica is ready when applied ≥ needed: a newer release may have migrated already.
func (s *Store) SchemaVersion(ctx context.Context) (applied, needed int64, err error) {
	needed, err = neededSchemaVersion()
	if err != nil {
		return 0, 0, err
	}
	err = s.QueryRow(ctx, "SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&applied)
	return applied, needed, err
}

func neededSchemaVersion() (int64, error) {
	names, err := fs.Glob(clavexsql.Migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, err
		}
		newest = max(newest, version)
	}
	return newest, nil
}
